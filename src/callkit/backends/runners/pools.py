"""Runners in this process, in its threads, and in processes of its own."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from traceback import format_exc

from attrs import field, frozen

from callkit.backends.runners.failures import log_failure
from callkit.backends.runners.process_pool import ProcessPool
from callkit.backends.runners.value import Closing, Engine, RunnerValue, positive
from callkit.errors import RunnerError
from callkit.protocols import Task

__all__ = ["InlineRunner", "ProcessRunner", "ThreadRunner", "usable_processors"]


def usable_processors() -> int:
    """Those that this process may use: a container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@frozen
class InlineRunner(Closing):
    """Does the work at once, in the caller's thread: for scripts, tests and single recordings."""

    _closed: Event = field(factory=Event, init=False, repr=False, eq=False)

    def submit(self, task: Task) -> None:
        """See `callkit.protocols.TaskRunner.submit`; returns when the task is done."""
        if self._closed.is_set():
            raise RunnerError("The runner was closed: it takes no more tasks.")
        try:
            task()
        except Exception as error:
            log_failure(type(task).__name__, type(error).__name__, format_exc())

    def close(self) -> None:
        """See `callkit.protocols.TaskRunner.close`."""
        self._closed.set()

    def stop(self) -> None:
        """The same as `close`: nothing waits."""
        self.close()


class _ThreadPool:
    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, "callkit-runner")

    def submit(self, task: Task) -> object:
        return self._threads.submit(_do, task)

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    def stop(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def _do(task: Task) -> None:
    try:
        task()
    except BaseException as error:  # SystemExit, too: a task does not end its thread
        log_failure(type(task).__name__, type(error).__name__, format_exc())


@frozen
class _PoolRunner(RunnerValue):
    workers: int = field(factory=usable_processors, validator=positive)


@frozen
class ThreadRunner(_PoolRunner):
    """Does the work in threads of this process.

    Attributes:
        workers: threads at most; default: one for each processor.
    """

    def stop(self) -> None:
        """Forget what waits, and finish what runs, for a thread can't be stopped: `sweep()` submits the rest again."""
        self._engine().stop()

    def _new_engine(self) -> Engine:
        return _ThreadPool(self.workers)


@frozen
class ProcessRunner(_PoolRunner):
    """Does the work in processes: many at once, and one that crashes harms nobody else.

    A script needs no `if __name__ == "__main__"` guard; tasks must come from a module. What tasks print or log goes
    to stderr. Ctrl-C does not reach the processes: catch KeyboardInterrupt and `stop()`. If this process is
    killed, they end at once.

    Attributes:
        workers: processes at most; default: one for each processor.
        timeout: seconds. A process that works on a task for longer is killed.
    """

    timeout: float = field(default=600.0, validator=positive)

    def stop(self) -> None:
        """Forget what waits, and kill what runs: `sweep()` submits both again."""
        self._engine().stop()

    def _new_engine(self) -> Engine:
        return ProcessPool(self.workers, self.timeout)
