"""`callkit search` for what was said."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from callkit import CallKit
from callkit.core.transcript import Segment, Transcript, Word
from callkit.testing.speech import spoken

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def talk(place: Path) -> list[str]:
    """Two calls in which somebody spoke, the newer first; their ids."""
    words = (Word(61.2, 62.0, "A"), Word(67.9, 68.4, "refund,"), Word(68.5, 69.0, "then."))
    long = Transcript((Segment(61, 70, "A refund, then.", 1, words=words),), "en", 70.0, "scripted")
    with CallKit.open("callkit-data", runner="inline") as kit:
        first = kit.create(caller="+442079460018", receiver="101", started_at=kit.now())
        kit.repository.save(evolve(first, version=1, duration=70.4), evolve(spoken(), transcript=long, sides=()))
        second = kit.create(caller="\x1b[2J", started_at=kit.now())
        results = spoken("Refund! I want\na \x1b[31m refund.", "What do you want?", "Cancel my order")
        kit.repository.save(evolve(second, version=1), results)
    return [str(second.id), str(first.id)]


def test_hits_show_when_who_and_what(run: Run, talk: list[str]) -> None:
    done = run("search", "said:refunds")
    assert (done.code, done.err) == (0, "")
    head, passage, other, last = done.out.splitlines()
    assert re.fullmatch(rf"20\d\d-\d\d-\d\d \d\d:\d\d  \ufffd\[2J → \?  {talk[0]}", head)
    assert passage == "     0:00  customer: «Refund»! I want a \ufffd[31m «refund»."
    assert re.fullmatch(rf"[\d: -]+  \+442079460018 → 101  1:10  {talk[1]}", other)
    assert last == "     1:07  channel 1: A «refund», then."


def test_a_phrase_and_who_says_it(run: Run, talk: list[str]) -> None:
    done = run("search", 'customer:"cancel my orders"')
    assert [line.strip() for line in done.out.splitlines()[1:]] == ["0:02  customer: «Cancel my order»"]
    assert run("search", "agent:cancel").err == "No calls.\n"


def test_bold_where_it_can_be(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    bold = run("search", "+4420 refund").out
    assert "\x1b[1mrefund\x1b[0m, then." in bold
    assert "«" not in bold
    monkeypatch.setenv("NO_COLOR", "1")
    assert "«refund», then." in run("search", "+4420 refund").out


def test_what_is_found_by_name_has_no_passage(run: Run, talk: list[str]) -> None:
    assert run("search", "+4420", "--count").out == "1\n"
    assert "passages" not in run("search", "+4420", "--json").objects[0]
    by_word, *_, by_number = run("search", "want OR 7946").out.splitlines()
    assert by_word.endswith(talk[0])
    assert by_number.endswith(talk[1])


def test_json_has_the_passages(run: Run, talk: list[str]) -> None:
    newer, older = run("search", "said:refund", "--json").objects
    assert [newer["id"], older["id"]] == talk
    assert older["passages"] == [
        {"start": 67.9, "end": 70.0, "channel": 1, "side": None, "text": "A refund, then.", "marks": [[2, 8]]}
    ]
    assert older["transcript"]["segments"][0]["text"] == "A refund, then."
    assert "passages" not in run("list", "--json").objects[0]


def test_the_best_and_the_newest(run: Run, talk: list[str]) -> None:
    assert [call["id"] for call in run("search", "a OR refund", "--best", "--json").objects] == talk
    assert [call["id"] for call in run("search", "said:then OR said:refund", "--best", "--json").objects] == talk[::-1]
    first = run("search", "refund", "--limit", "1", "--json")
    cursor = re.fullmatch(r"There are more: --after (\w+)\n", first.err)
    assert cursor
    assert [call["id"] for call in run("search", "refund", "--after", cursor[1], "--json").objects] == talk[1:]
    assert run("search", "refund", "--count").out == "2\n"


def test_a_wrong_query_says_where_and_why(run: Run) -> None:
    done = run("search", "refund", "(a OR b)")
    assert (done.code, done.out) == (2, "")
    assert "'(a' (character 8): there are no brackets" in done.err


@pytest.mark.parametrize("terms", [["refund", "-then"], ["-then"], ["--", "-then"], ['-"a refund"', "said:want"]])
def test_a_term_that_begins_with_a_minus_is_no_option(run: Run, talk: list[str], terms: list[str]) -> None:
    assert [one["id"] for one in run("search", "--json", *terms).objects] == talk[:1]
    assert run("search", "--count", *terms).out == "1\n"


def test_short_options_stay_what_they_are(run: Run) -> None:
    assert "usage" in run("search", "-h").out
    assert run("list", "-then").code == 2
