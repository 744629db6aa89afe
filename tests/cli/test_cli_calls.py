"""`callkit list`, `search`, `show`, `erase`."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from callkit import CallKit

Run = Callable[..., Any]

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def processed(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The two calls of the folder, newest first."""
    assert run("process", "calls", "--processes", "1", "--min-silence", "0.5").code == 0
    found: list[dict[str, Any]] = run("list", "--json").objects
    return found


def test_newest_first_with_ids(run: Run, processed: list[dict[str, Any]]) -> None:
    head, *rows = run("list").out.splitlines()
    assert head.startswith("id ")
    assert [row.split()[0] for row in rows] == [call["id"] for call in processed]
    assert [call["external_id"] for call in processed] == ["1789474208.31", "1789381932.4"]


def test_pages(run: Run, processed: list[dict[str, Any]]) -> None:
    first = run("list", "--limit", "1", "--json")
    assert [call["id"] for call in first.objects] == [processed[0]["id"]]
    told = re.fullmatch(r"There are more: --after (\w+)\n", first.err)
    assert told
    second = run("list", "--limit", "1", "--after", told[1], "--json")
    assert [call["id"] for call in second.objects] == [processed[1]["id"]]
    assert second.err == ""


def test_search_joins_its_terms(run: Run) -> None:
    assert [call["receiver"] for call in run("search", "to:101", "duration>5", "--json").objects] == ["101"]
    assert run("search", "to:101 duration>6", "--json").objects == []
    nothing = run("search", "to:999")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "No calls.\n")


def test_days_are_those_of_the_time_zone(run: Run) -> None:
    assert run("search", "on:2026-09-14", "--count").out == "1\n"
    assert run("search", "on:2026-09-14", "--count", "--timezone", "Pacific/Kiritimati").out == "0\n"
    assert "2026-09-15 00:32" in run("list", "--timezone", "Pacific/Kiritimati").out


def test_count(run: Run) -> None:
    assert run("search", "status:ready", "--count").out == "2\n"
    assert run("search", "status:failed", "--count", "--json").objects == [{"count": 0}]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ["search", "colour:red"],
            "The search 'colour:red' can't be read: 'colour:red' (character 1): there is no such filter",
        ),
        (["list", "--after", "nonsense"], "it is no cursor"),
        (["list", "--data", "typo"], "There is no data folder 'typo': `callkit process PATH` makes it"),
        (["list", "--timezone", "Mars"], "There is no time zone 'Mars'"),
    ],
)
def test_what_can_not_be_read(run: Run, words: list[str], why: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert not Path("typo").exists()


def test_everything_about_a_call(run: Run, processed: list[dict[str, Any]]) -> None:
    done = run("show", processed[1]["id"])
    assert (done.code, done.err) == (0, "")
    for name, value in {
        "id": processed[1]["id"],
        "status": "ready",
        "caller": "0442079460018",
        "direction": "inbound",
        "started": "2026-09-14 10:32:12",
        "external id": r"1789381932\.4 \(source: upload\)",
        "length": r"0:06 \(6\.000 s\)",
    }.items():
        assert re.search(rf"^{name} +{value}$", done.out, re.MULTILINE), name
    assert len(re.findall(r"^ +[01] +\d+% +-\d+\.\d dBFS  [▁-█]{96}$", done.out, re.MULTILINE)) == 2
    assert len(re.findall(r"^ +0:0\d\.\d\d  0:0\d\.\d\d +\d\.\d\d$", done.out, re.MULTILINE)) == 3


def test_a_call_as_json(run: Run, processed: list[dict[str, Any]]) -> None:
    assert run("show", processed[0]["id"], processed[1]["id"], "--json").objects == processed


@pytest.mark.parametrize("call_id", [UNKNOWN, "nonsense", ""])
def test_no_such_call(run: Run, processed: list[dict[str, Any]], call_id: str) -> None:
    done = run("show", call_id, processed[0]["id"], "--json")
    assert done.code == 1
    assert done.err == f"callkit: There is no call {call_id}: `callkit list` shows the ids.\n"
    assert done.objects == [processed[0]]


def test_erased_for_good(run: Run, processed: list[dict[str, Any]]) -> None:
    call_id = processed[0]["id"]
    assert run("erase", call_id, "--reason", "request 17", "--yes").out == f"Call {call_id} is erased.\n"
    shown = run("show", call_id).out
    assert re.search(r"^status +erased$", shown, re.MULTILINE)
    assert re.search(r"^erased +20\d\d-\d\d-\d\d \d\d:\d\d request 17$", shown, re.MULTILINE)
    assert "0442079460053" not in run("list").out
    again = run("erase", call_id, UNKNOWN, "--yes")
    assert again.code == 1
    assert len(again.err.splitlines()) == 2


def test_without_a_terminal_it_must_be_meant(run: Run, processed: list[dict[str, Any]]) -> None:
    done = run("erase", processed[0]["id"])
    assert done.code == 2
    assert "pass --yes" in done.err
    assert run("list", "--json").objects == processed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_on_a_terminal_it_asks(
    run: Run, processed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    done = run("erase", processed[0]["id"], processed[1]["id"])
    assert done.code == code
    assert "Erase 2 calls for good? [y/N] " in done.err
    assert {call["status"] for call in run("list", "--json").objects} == {"ready" if code else "erased"}


@pytest.mark.parametrize("width", [40, 80, 100, 120, 150, 250])
def test_every_width(run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    done = run("process", "calls")
    assert done.code == 0
    assert max(len(line) for line in done.out.splitlines()) <= width
    assert ("speech" in done.out) == (width >= 100)
    assert "ready" in done.out or width < 80
    assert run("list").code == run("show", run("list", "--json").objects[0]["id"]).code == 0


def test_who_speaks_has_a_colour_if_somebody_wants_colours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in run("list").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    assert "\x1b[36m" in run("process", "calls").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("process", "calls").out


def test_a_caller_can_not_steer_the_terminal(run: Run, calls: Path) -> None:
    with CallKit.open("callkit-data", runner="inline") as kit:
        kit.create(caller="\x1b[2J[red]evil\n", metadata={"note\x07": "a\x1b]0;b"})
    table = run("list").out
    assert "\ufffd[2J[red]evil\ufffd → ?" in table
    shown = run("show", run("search", "evil", "--json").objects[0]["id"]).out
    assert "a\ufffd]0;b" in shown
    assert "\x1b" not in table + shown


def test_unknown_ends(run: Run, calls: Path) -> None:
    with CallKit.open("callkit-data", runner="inline") as kit:
        call = kit.create()
    assert re.search(rf"{call.id}  [\d :-]+  \? → \? +created", run("list").out)
    assert re.search(r"^caller +unknown$", run("show", str(call.id)).out, re.MULTILINE)


def test_a_long_call_and_one_that_failed(run: Run, processed: list[dict[str, Any]]) -> None:
    with CallKit.open("callkit-data", runner="inline") as kit:
        call = kit.get(processed[0]["id"])
        kit.repository.save(evolve(call, duration=3725.4, version=call.version + 1))
        again = kit.get(processed[1]["id"]).retry(kit.now())
        kit.repository.save(again)
        kit.repository.save(again.fail("damaged_audio", "It is broken.", kit.now()))
    out = run("list").out
    assert " 1:02:05 " in out
    assert out.rstrip().endswith("failed: It is broken.")
    assert re.search(r"^failure +It is broken\.$", run("show", processed[1]["id"]).out, re.MULTILINE)


def test_calls_are_found_where_the_transcriber_is_not_installed(
    run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("process", calls, "--processes", "1").code == 0
    monkeypatch.setenv("CALLKIT_TRANSCRIBER", "whisper:base")
    monkeypatch.setattr("callkit.backends.transcribers.library.find_spec", lambda _: None)
    done = run("list", "--json")
    assert (done.code, len(done.objects)) == (0, 2)
    missing = run("process", calls)
    assert missing.code != 0
    assert "callkit[whisper]" in missing.err
