"""Sweeping again and again, in a process of its own if need be."""

import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from time import sleep
from typing import IO, cast

from callkit.core.masking import masked
from callkit.errors import BackendError
from callkit.kit import Swept
from callkit.settings import Settings

__all__ = ["keep_sweeping", "main", "sweeper"]

log = logging.getLogger("callkit.sweep")

_COMMAND = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from callkit.runners.sweeper import main; main()"
)
_END_TIMEOUT = 10.0
_PAUSE = 5.0  # seconds before one that died is replaced


def keep_sweeping(settings: Settings, every: float, stop: Event, tell: Callable[[Swept], None]) -> None:
    """Sweep until `stop` is set. Blobs are never looked at; a backend that is away is told once, and tried again.

    Args:
        settings: of the kit, which is opened anew each time and does what it submits before it is closed.
        every: seconds between two sweeps.
        stop: ends it.
        tell: called with what was done, if something was.
    """
    away = False
    while not stop.is_set():
        try:
            with settings.open_kit(must_exist=True) as kit:
                swept = kit.sweep(grace=None)
        except BackendError as error:
            if not away:
                log.warning("%s The sweep is tried again every %g s.", masked(error), every)
            away = True
        else:
            if away:
                log.warning("The sweep goes on.")
            away = False
            if swept != Swept():
                tell(swept)
        stop.wait(every)


@contextmanager
def sweeper(settings: Settings, every: float) -> Iterator[None]:
    """A process that sweeps while the block runs, and ends with this process, however that ends."""
    keeper = _Keeper(settings, every)
    keeper.start()
    try:
        yield
    finally:
        keeper.end()


class _Keeper(Thread):
    """Starts the process, and another one if it dies: nobody else would miss it."""

    def __init__(self, settings: Settings, every: float) -> None:
        super().__init__(name="callkit-sweeper", daemon=True)
        # not as arguments, which anybody could read
        self._orders = pickle.dumps(sys.path) + pickle.dumps((settings, every, logging.getLogger("callkit").level))
        self._pause = min(every, _PAUSE)
        self._over = Event()
        self._lock = Lock()
        self._process = self._new_process()

    def run(self) -> None:
        code = self._process.wait()
        while not self._over.wait(self._pause):
            log.warning("The process that sweeps ended with %d: another one is started.", code)
            with self._lock:
                if not self._over.is_set():
                    _hang_up(self._process)
                    self._process = self._new_process()
            code = self._process.wait()

    def end(self) -> None:
        with self._lock:
            self._over.set()
        _hang_up(self._process)
        _end(self._process)

    def _new_process(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", _COMMAND], stdin=subprocess.PIPE)
        orders = cast("IO[bytes]", process.stdin)
        with suppress(BrokenPipeError):  # it died at birth, which is noticed
            orders.write(self._orders)
            orders.flush()
        return process


def _hang_up(process: "subprocess.Popen[bytes]") -> None:
    with suppress(BrokenPipeError):
        cast("IO[bytes]", process.stdin).close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(_END_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---- in the process


def main() -> None:
    """Sweep until stdin ends."""
    settings, every, level = pickle.load(sys.stdin.buffer)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    logging.basicConfig(level=logging.WARNING, format="callkit: %(message)s", stream=sys.stderr)
    logging.getLogger("callkit").setLevel(level)
    stop = Event()
    Thread(target=_wait_for_the_end, args=(stop,), daemon=True).start()
    keep_sweeping(settings, every, stop, _log)


def _wait_for_the_end(stop: Event) -> None:
    sys.stdin.buffer.read()
    stop.set()
    sleep(_END_TIMEOUT)  # a sweep that hangs must not outlive its worker
    os._exit(1)


def _log(swept: Swept) -> None:
    level = logging.WARNING if swept.failed else logging.INFO
    log.log(level, "swept: %d calls submitted again, %d given up", swept.resubmitted, swept.failed)
