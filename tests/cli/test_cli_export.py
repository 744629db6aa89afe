"""`callkit export`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callkit import CallKit
from callkit.core.analysis import Results
from callkit.core.transcript import Segment, Transcript
from callkit.work import utc_now

Run = Callable[..., Any]

SAID = (Segment(0.5, 1.0, "Добрый день.", channel=1), Segment(1.5, 2.0, "Hello.", channel=0))


@pytest.fixture(autouse=True)
def call_ids(run: Run, calls: Path) -> list[str]:
    """Of an inbound call with a transcript, and of a call without one."""
    assert run("process", "calls", "--processes", "1").code == 0
    without, with_one = (call["id"] for call in run("list", "--json").objects)
    with CallKit.open(runner="inline") as kit:
        call, found = kit.get(with_one), kit.results(with_one)
        assert found is not None
        said = Transcript(SAID, "ru", found.analysis.duration, "whisper", "base")
        kit.repository.save(call.annotate(utc_now(), tags=["vip"]), Results(found.analysis, said))
    return [with_one, without]


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("vtt", "WEBVTT\n\n1\n00:00:00.500 --> 00:00:01.000\n<v Agent>Добрый день.</v>\n"),
        ("srt", "1\n00:00:00,500 --> 00:00:01,000\nAgent: Добрый день.\n"),
        ("txt", "[00:00] Agent: Добрый день.\n[00:01] Customer: Hello.\n"),
    ],
)
def test_a_transcript_names_who_speaks(run: Run, call_ids: list[str], form: str, beginning: str) -> None:
    done = run("export", call_ids[0], "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(beginning)


def test_json_has_everything(run: Run, call_ids: list[str]) -> None:
    [document] = run("export", call_ids[0], "--format", "json").objects
    assert (document["call"], document["engine"], document["synthetic"]) == (call_ids[0], "whisper", False)
    assert [segment["speaker"] for segment in document["segments"]] == ["agent", "customer"]


def test_files_in_a_folder(run: Run, call_ids: list[str], place: Path) -> None:
    done = run("export", call_ids[0], "-o", "out/subtitles", "--format", "json")
    assert (done.code, done.out) == (0, "")
    [file] = (place / "out" / "subtitles").iterdir()
    assert file.name == f"{call_ids[0]}.json"
    assert json.loads(file.read_text("utf-8"))["segments"][0]["text"] == "Добрый день."


def test_a_call_without_transcript_says_what_to_do(run: Run, call_ids: list[str], place: Path) -> None:
    done = run("export", *reversed(call_ids), "-o", "out")
    assert done.code == 1
    assert f"Call {call_ids[1]} has no transcript: run `callkit transcribe {call_ids[1]}` first." in done.err
    assert [file.name for file in (place / "out").iterdir()] == [f"{call_ids[0]}.txt"]


def test_several_calls_need_a_folder(run: Run, call_ids: list[str]) -> None:
    done = run("export", *call_ids)
    assert done.code == 2
    assert "--output" in done.err


def test_a_folder_that_is_a_file(run: Run, call_ids: list[str], place: Path) -> None:
    (place / "out").write_text("")
    done = run("export", call_ids[0], "-o", "out")
    assert done.code == 1
    assert "out" in done.err
