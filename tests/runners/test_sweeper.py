"""Sweeping again and again, here and in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from callkit import CallKit
from callkit.errors import RepositoryError
from callkit.runners.sweeper import keep_sweeping, sweeper
from callkit.settings import Settings
from callkit.upkeep import Swept
from tests.backends.workers import soon

WavMaker = Callable[..., bytes]


class Nobody:
    def submit(self, task: object) -> None: ...

    def close(self) -> None: ...


def leave(folder: Path, wav: WavMaker, seed: int) -> None:
    """A call that nobody works on."""
    with CallKit.open(folder, runner=Nobody()) as kit:
        kit.ingest(wav(seed=seed))


def processing(folder: Path) -> int:
    with CallKit.open(folder, runner=Nobody()) as kit:
        return kit.count("status:processing")


def test_it_tells_only_what_was_done(tmp_path: Path, wav: WavMaker) -> None:
    leave(tmp_path, wav, 0)
    told: list[Swept] = []
    stop = Event()

    def tell(swept: Swept) -> None:
        told.append(swept)
        if len(told) == 1:
            leave(tmp_path, wav, 1)
        else:
            stop.set()

    keep_sweeping(Settings(data=str(tmp_path)), 0.01, stop, tell)
    assert told == [Swept(resubmitted=1)] * 2
    assert processing(tmp_path) == 0


def test_a_database_that_is_away_is_told_once(
    tmp_path: Path, wav: WavMaker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leave(tmp_path, wav, 0)
    stop, tries = Event(), 0
    sweep = CallKit.sweep

    def away(self: CallKit, **options: None) -> Swept:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise RepositoryError("postgresql://me:s3cret@db/calls", "nobody answers")
        return sweep(self, **options)

    monkeypatch.setattr(CallKit, "sweep", away)
    keep_sweeping(Settings(data=str(tmp_path)), 0.01, stop, lambda _: stop.set())
    said = [record.getMessage() for record in caplog.records if record.name == "callkit.sweep"]
    assert said == [
        "The database postgresql://me:***@db/calls failed: nobody answers. The sweep is tried again every 0.01 s.",
        "The sweep goes on.",
    ]


def test_blobs_are_never_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CallKit.open(tmp_path) as kit:
        kit.create()
    stop = Event()
    graces: list[object] = []

    def sweep(_: CallKit, **options: None) -> Swept:
        graces.append(options["grace"])
        stop.set()
        return Swept()

    monkeypatch.setattr(CallKit, "sweep", sweep)
    keep_sweeping(Settings(data=str(tmp_path)), 0.01, stop, lambda _: None)
    assert graces == [None]


def test_a_process_of_its_own_ends_with_the_block(tmp_path: Path, wav: WavMaker) -> None:
    leave(tmp_path, wav, 0)
    with sweeper(Settings(data=str(tmp_path)), 0.05):
        assert soon(lambda: processing(tmp_path) == 0)
        leave(tmp_path, wav, 1)
        assert soon(lambda: processing(tmp_path) == 0)


if sys.platform != "win32":

    def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path, wav: WavMaker) -> None:
        leave(tmp_path, wav, 0)
        script = (
            "import sys, time\nfrom callkit.runners import sweeper\nfrom callkit.settings import Settings\n"
            "popen = sweeper.subprocess.Popen\n"
            "def told(*args, **options):\n"
            "    process = popen(*args, **options); print(process.pid, flush=True); return process\n"
            "sweeper.subprocess.Popen = told\n"
            "with sweeper.sweeper(Settings(data=sys.argv[1]), 0.05): time.sleep(600)\n"
        )
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", script, str(tmp_path)]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, start_new_session=True) as parent:
            assert parent.stdout
            pid = int(parent.stdout.readline())
            assert soon(lambda: processing(tmp_path) == 0)
            os.kill(parent.pid, signal.SIGKILL)
            assert soon(lambda: gone(pid))

    def gone(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # a container may have nobody who buries orphans
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text() if sys.platform == "linux" else False

    def test_one_that_is_killed_is_replaced(
        tmp_path: Path, wav: WavMaker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        started: list[subprocess.Popen[bytes]] = []
        popen = subprocess.Popen

        def told(*args: Any, **options: Any) -> "subprocess.Popen[bytes]":
            started.append(popen(*args, **options))
            return started[-1]

        monkeypatch.setattr("callkit.runners.sweeper.subprocess.Popen", told)
        with sweeper(Settings(data=str(tmp_path)), 0.05):
            started[0].kill()
            assert soon(lambda: len(started) == 2)
            leave(tmp_path, wav, 0)
            assert soon(lambda: processing(tmp_path) == 0)
        assert [process.returncode for process in started] == [-signal.SIGKILL, 0]
        assert "The process that sweeps ended with -9: another one is started." in caplog.text

    def test_its_settings_are_no_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[object] = []
        popen = subprocess.Popen

        def told(command: list[str], **options: object) -> object:
            seen.append(command)
            return popen(command, **options)  # type: ignore[call-overload]  # whatever it was called with

        monkeypatch.setattr("callkit.runners.sweeper.subprocess.Popen", told)
        with sweeper(Settings(data=str(tmp_path), database=f"sqlite:///{tmp_path}/s3cret.db"), 1.0):
            pass
        assert "s3cret" not in str(seen)
