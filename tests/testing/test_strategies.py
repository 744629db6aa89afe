"""What the strategies make meets each other: were it not so, tests that use them would prove little."""

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, TypeVar

import pytest
from attrs import fields
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callkit.core.analysis import Analysis, Results
from callkit.core.call import Call, Recording, Status
from callkit.core.number import WITHHELD, normalise
from callkit.core.query import Query, matches
from callkit.core.said import Phrase, Said, said_in
from callkit.testing.sayings import phrases
from callkit.testing.strategies import Story, analyses, calls, queries, recordings, results, stories

T = TypeVar("T")
NUMBERS: dict[str, Callable[[str], bool]] = {
    "unknown": lambda number: number == "",
    "a plus": lambda number: number.startswith("+"),
    "spaces": lambda number: " " in number,
    "ASCII letters": lambda number: number.isascii() and normalise(number).isalpha(),
    "Cyrillic": lambda number: any("а" <= character <= "я" for character in number.lower()),
    "withheld": lambda number: normalise(number) == WITHHELD,
    "a SIP address": lambda number: "sip:" in number,
    "digits of another script": lambda number: any(c.isdecimal() and not c.isascii() for c in number),
}


def drawn(strategy: st.SearchStrategy[T], number: int) -> list[T]:
    """So many values that a strategy makes."""
    made: list[T] = []

    @settings(max_examples=number, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(value=strategy)
    def keep(value: T) -> None:
        made.append(value)

    keep()
    return made


@pytest.fixture(scope="module")
def some() -> list[Story]:
    return drawn(stories(), 200)


def all_calls(some: Sequence[Story]) -> list[Call]:
    return [call for story in some for call in (*story.calls, *(changed for _, changed, _ in story.changes))]


def all_said(some: Sequence[Story]) -> list[Said | None]:
    saved = [results for story in some for *_, results in story.changes if results]
    return [None, *map(said_in, saved)]


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_of_every_kind(some: list[Story], kind: str) -> None:
    assert any(NUMBERS[kind](number) for call in all_calls(some) for number in (call.caller, call.receiver))


@pytest.mark.parametrize("names", [("started_at",), ("source", "external_id"), ("caller",)])
def test_calls_of_one_story_collide(some: list[Story], names: tuple[str, ...]) -> None:
    values = [[tuple(getattr(call, name) for name in names) for call in story.calls] for story in some]
    assert any(len(set(one)) < len(one) for one in values)


@pytest.fixture(scope="module")
def some_queries() -> list[Query]:
    return drawn(queries(), 1000)


@pytest.mark.parametrize("name", [field.name for field in fields(Query)])
def test_every_filter_finds_some_calls_and_misses_others(
    some: list[Story], some_queries: list[Query], name: str
) -> None:
    searches = {query for query in some_queries if getattr(query, name) != getattr(Query(), name)}
    said = all_said(some)
    everyone = [(call, said[place % len(said)]) for place, call in enumerate(all_calls(some))]
    assert any({matches(query, call, heard) for call, heard in everyone} == {True, False} for query in searches)


@pytest.fixture(scope="module")
def some_phrases() -> list[Phrase]:
    return drawn(phrases(), 1000)


@pytest.mark.parametrize("side", ["agent", "customer", None])
def test_some_phrases_of_each_length_are_said(some: list[Story], some_phrases: list[Phrase], side: Any) -> None:
    wanted = {phrase for phrase in some_phrases if phrase.side == side}
    said = [heard for heard in all_said(some) if heard]
    found = [phrase for phrase in wanted if any(heard.holds(phrase) for heard in said)]
    assert 0 < len(found) < len(wanted)
    assert side is not None or {len(phrase.words) for phrase in found} >= {1, 2, 3}


def test_searches_for_numbers_often_find_calls_of_their_story(some: list[Story]) -> None:
    plain = [(query, story) for story in some for query, _ in story.searches if query == Query(numbers=query.numbers)]
    searches = [(query, all_calls([story])) for query, story in plain if query.numbers]
    found = [any(matches(query, call) for call in known) for query, known in searches if known]
    assert len(found) / 5 <= sum(found) < len(found)


@given(call=calls(status=st.just(Status.READY), tags=st.just(["vip"])))
def test_fields_of_calls_can_be_chosen(call: Call) -> None:
    assert (call.status, call.tags, call.started_at.tzinfo) == (Status.READY, ("vip",), UTC)


@given(recording=recordings(), analysis=analyses(), measured=results(), query=queries())
def test_parts_stand_on_their_own(recording: Recording, analysis: Analysis, measured: Results, query: Query) -> None:
    assert len(recording.sha256) == 64
    assert isinstance(measured.analysis, type(analysis))
    assert query.numbers == tuple(map(normalise, query.numbers))
