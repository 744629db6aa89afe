"""`transcribe`, `process --transcribe`, `show --transcript`: what is said, from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callkit.backends import transcribers
from callkit.backends.transcribers import driver
from callkit.cli.progress import progress
from callkit.cli.workers import default_runner, processors
from callkit.errors import TranscriptionError
from callkit.settings import load
from callkit.testing import ScriptedTranscriber, make_call

Run = Callable[..., Any]
TURNS = ((0, 1.0, 3.0), (1, 4.0, 6.0))


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine "scripted:WORD", which says this word; "scripted:broken" fails."""

    def opened(text: str, *, small_memory: bool = False) -> Any:
        name, _, word = text.partition(":")
        if name != "scripted":
            return known(text, small_memory=small_memory)
        error = TranscriptionError("scripted", "it broke") if word == "broken" else None
        return ScriptedTranscriber(word=word or "sound", error=error)

    known = transcribers.open_transcriber
    monkeypatch.setattr("callkit.kit.open_transcriber", opened)
    monkeypatch.setattr(driver, "silero", lambda: None)


@pytest.fixture
def recordings(place: Path) -> Path:
    folder = place / "calls"
    folder.mkdir()
    for seed in (1, 2):
        (folder / f"{seed}.wav").write_bytes(make_call(seconds=8, turns=TURNS, seed=seed).wav())
    return folder


@pytest.fixture
def ids(run: Run, recordings: Path) -> list[str]:
    """Two calls without transcripts."""
    assert run("process", recordings, "--processes", "1").code == 0
    return sorted(call["id"] for call in run("list", "--json").objects)


def texts(run: Run, call_id: str) -> list[str]:
    done = run("show", call_id, "--transcript")
    assert done.code == 0, done.err
    return [line.rpartition(" ")[2] for line in done.out.splitlines() if line.strip()]


def test_process_writes_down_what_is_said(run: Run, recordings: Path) -> None:
    done = run("process", recordings, "--processes", "1", "--transcribe", "scripted:hello")
    assert (done.code, done.err) == (0, "")
    for call in run("list", "--json").objects:
        assert [text for text in texts(run, call["id"]) if text == "hello"] == ["hello", "hello"]


def test_calls_that_are_there_get_transcripts_and_only_once(run: Run, ids: list[str]) -> None:
    done = run("transcribe", ids[0], "--transcriber", "scripted:one", "--json")
    assert (done.code, [call["id"] for call in done.objects]) == (0, [ids[0]])
    assert "one" in texts(run, ids[0])
    rest = run("transcribe", "--all", "--transcriber", "scripted:one", "--json")
    assert [call["id"] for call in rest.objects] == [ids[1]]
    assert "have their transcripts" in run("transcribe", "--all", "--transcriber", "scripted:one").err
    again = run("transcribe", "--since", "2000-01-01", "--transcriber", "scripted:two", "--json")
    assert len(again.objects) == 2
    assert "two" in texts(run, ids[0])


def test_the_engine_may_be_set(run: Run, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLKIT_TRANSCRIBER", "scripted:set")
    assert run("transcribe", "status:ready", "duration>5", "--quiet").code == 0
    assert "set" in texts(run, ids[1])


def test_one_that_fails_is_said_and_the_call_stays_ready(run: Run, ids: list[str]) -> None:
    done = run("transcribe", ids[0], "--transcriber", "scripted:broken")
    assert done.code == 1
    assert f"call {ids[0]}: The transcriber scripted failed: it broke." in done.err
    assert [call["status"] for call in run("list", "--json").objects] == ["ready", "ready"]
    shown = run("show", ids[0], "--transcript")
    assert shown.code == 1
    assert "has no transcript" in shown.err


def test_process_says_it_too(run: Run, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLKIT_ATTEMPTS", "1")
    done = run("process", recordings, "--processes", "1", "--transcribe", "scripted:broken")
    assert done.code == 1
    assert "2 of 2 calls have no new transcript:" in done.err


def test_a_call_that_is_not_there_stops_no_other(run: Run, ids: list[str]) -> None:
    missing = "01993f6e-5d1c-7a53-8a0e-3d0f0c1b2a49"
    done = run("transcribe", missing, ids[0], "--transcriber", "scripted:one", "--json")
    assert (done.code, len(done.objects)) == (1, 1)
    assert missing in done.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("transcribe", "--all"), "--transcriber whisper:base"),
        (("transcribe", "--all", "--transcriber", "none"), "--transcriber whisper:base"),
        (("transcribe", "--transcriber", "scripted"), "Name calls"),
        (("transcribe", "--all", "--transcriber", "nobody"), "No transcriber is called 'nobody'"),
        (("transcribe", "colour:red", "--transcriber", "scripted"), "colour"),
    ],
)
def test_what_makes_no_sense_is_said(run: Run, ids: list[str], words: tuple[str, ...], why: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert why in done.err


def test_progress_is_in_seconds_of_sound(run: Run, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told, totals = list[float](), list[float]()

    class Bar:
        def advance(self, steps: float) -> None:
            told.append(steps)

    def watched(total: float, **options: Any) -> Any:
        totals.append(total)
        assert options["unit"] == "s"
        return progress_of(Bar())

    from contextlib import nullcontext as progress_of  # noqa: PLC0415 - of this test only

    monkeypatch.setattr("callkit.cli.transcribe.progress", watched)
    assert run("transcribe", "--all", "--transcriber", "scripted:one", "--json").code == 0
    assert totals == [16.0]
    assert sum(told) == pytest.approx(16.0)
    assert min(told) >= 0


def test_nobody_looks_at_no_bar() -> None:
    with progress(10.5, wanted=True, unit="s") as bar:
        bar.advance(2.5)


def test_models_are_not_loaded_once_a_processor() -> None:
    one, many = load({"transcriber": "whisper:base"}), load({"transcriber": "placeholder"})
    asked = load({"transcriber": "whisper:base", "processes": 3})
    alone = max(1, processors() // 4)
    assert default_runner(one) == (f"processes:{alone}" if alone > 1 else "inline")
    assert default_runner(many) == default_runner(load())
    assert default_runner(asked) == "processes:3"
