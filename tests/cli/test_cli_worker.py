"""`callkit worker`: a real one, end to end, and what it refuses to begin with."""

import signal
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callkit import CallKit
from tests.backends.workers import callkit_worker, soon

pytest.importorskip("celery", reason="needs the extra celery")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Celery's workers fork")

Run = Callable[..., Any]
WavMaker = Callable[..., bytes]


@pytest.fixture
def runner(redis_url: str) -> str:
    return f"celery+{redis_url}?prefix=test-{uuid.uuid4().hex[:12]}:"


@pytest.fixture
def data(place: Path) -> Path:
    return place / "callkit-data"


@pytest.fixture
def recordings(place: Path, wav: WavMaker) -> Path:
    folder = place / "in"
    folder.mkdir()
    for seed in range(20):
        (folder / f"{seed}.wav").write_bytes(wav(2, seed=seed))
    return folder


def test_workers_do_what_another_program_takes_in(
    run: Run, place: Path, data: Path, recordings: Path, runner: str
) -> None:
    data.mkdir()
    with callkit_worker("--processes", 2, "--runner", runner, log=place / "log") as worker:
        done = run("process", recordings, "--runner", runner, "--json")
        assert (done.code, [call["status"] for call in done.objects]) == (0, ["ready"] * 20)
        found = run("doctor", "--runner", runner, "--json")
        assert {check["name"]: check["state"] for check in found.objects}["runner"] == "ok"
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(60) == 0
    said = worker.said()
    assert "2 processes work for CeleryRunner(url=redis://:***@" in said
    for secret in (runner.partition("@")[0].rpartition(":")[2], str(recordings)):
        assert secret not in said


def test_its_sweep_finds_what_was_never_sent(place: Path, runner: str, wav: WavMaker) -> None:
    class Nobody:
        def submit(self, task: object) -> None: ...

        def close(self) -> None: ...

    with CallKit.open("callkit-data", runner=Nobody()) as kit:
        call = kit.ingest(wav())
        with callkit_worker("--runner", runner, "--sweep-every", "1", log=place / "log") as worker:
            assert kit.wait(call.id, timeout=120).status == "ready"
            assert soon(lambda: "1 calls submitted again" in worker.said())


def test_doctor_says_that_nobody_works(run: Run, data: Path, runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.cli.doctor._ANSWER", 0.3)
    data.mkdir()
    found = run("doctor", "--runner", runner)
    assert found.code == 1
    (line,) = [line for line in found.out.splitlines() if " runner " in line]
    assert line.endswith("did not do a task: no worker did it: is `callkit worker` running, with the same storage?")
    assert ":***@" in line


@pytest.mark.parametrize("name", [None, "processes:2", "other"])
def test_without_a_broker_there_is_nothing_to_do(run: Run, name: str | None) -> None:
    done = run("worker", *(["--runner", name] if name else []))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("callkit: There is nobody to work for: set `runner`")


def test_a_broker_that_is_away_is_one_sentence(run: Run, data: Path) -> None:
    data.mkdir()
    done = run("worker", "--runner", "celery+redis://:s3cret@127.0.0.1:1/0")
    assert done.code == 1
    assert done.err.startswith("callkit: The broker redis://:***@127.0.0.1:1/0 can't be used: ")
    assert done.err.count("\n") == 1


def test_so_is_a_platform_that_can_not_fork(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.cli.worker.sys.platform", "win32")
    done = run("worker", "--runner", "celery+redis://queue/0")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "which Windows has not" in done.err
