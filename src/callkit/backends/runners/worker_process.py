"""A worker process, as its parent sees it."""

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from math import inf
from threading import Lock
from time import monotonic
from typing import IO, Any, cast

from callkit.backends.runners.worker import COMMAND, Failure

__all__ = ["Worker", "WorkerGoneError"]

_END_TIMEOUT = 10.0
_BROKEN = (EOFError, OSError, ValueError, pickle.UnpicklingError)  # whatever pipes say when the other side is dead
# In a process group of its own: the terminal's Ctrl-C does not reach it, and it is killed with its subprocesses
_APART: dict[str, Any] = {}
if sys.platform == "win32":
    _APART["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _APART["process_group"] = 0


class WorkerGoneError(Exception):
    """The process has ended."""


class Worker:
    """One worker process. It does one task at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **_APART
        )
        self._to, self._from = cast("tuple[IO[bytes], IO[bytes]]", (self._process.stdin, self._process.stdout))
        self._lock = Lock()
        self._deadline = inf
        self._late = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ask(self, question: object, timeout: float) -> Failure | None:
        """Send something and wait for the answer. Meanwhile another thread must `check` the time.

        Args:
            question: the module path first, tasks as bytes then.
            timeout: seconds.

        Raises:
            TimeoutError: none came in time, and the process was killed.
            WorkerGoneError: the process has ended.
        """
        with self._lock:
            self._deadline = monotonic() + timeout
        try:
            self._send(question)
            return cast("Failure | None", pickle.load(self._from))
        except _BROKEN:
            raise (TimeoutError if self._late else WorkerGoneError) from None
        finally:
            with self._lock:
                self._deadline = inf

    def check(self) -> float:
        """Kill it if its answer is late; the time (of `monotonic`) until which it may take."""
        with self._lock:
            if monotonic() >= self._deadline:
                self._late, self._deadline = True, inf
                self.kill()
            return self._deadline

    def dismiss(self) -> None:
        """Let it end as soon as it has nothing to do."""
        with suppress(*_BROKEN):
            self._send(None)

    def wait(self) -> None:
        """Wait until it has ended after `dismiss`; not for ever, for a task may have left a thread behind."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_TIMEOUT)
        self.kill()

    def kill(self) -> None:
        """End it now, whatever it does, with all that it started."""
        if self.alive:
            if sys.platform == "win32":
                self._process.kill()
            else:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._to, self._from):
            with suppress(*_BROKEN):  # what was not sent yet
                pipe.close()

    def _send(self, question: object) -> None:
        pickle.dump(question, self._to)
        self._to.flush()
