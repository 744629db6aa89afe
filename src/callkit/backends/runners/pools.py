"""Runners in this process, in its threads, and in processes of its own."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import TIMEOUT_MAX, Event
from traceback import format_exc
from types import TracebackType
from typing import Any, Protocol, Self, cast

from attrs import Attribute, AttrsInstance, field, fields, frozen

from callkit.backends.runners.failures import log_failure
from callkit.backends.runners.process_pool import ProcessPool
from callkit.errors import RunnerError, SettingsError
from callkit.protocols import Task

__all__ = ["InlineRunner", "ProcessRunner", "ThreadRunner", "usable_processors"]


def usable_processors() -> int:
    """Those that this process may use: a container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class _Closing:
    """A `with` block closes the runner, and so waits until everything is done."""

    __slots__ = ()

    def close(self) -> None:
        """See `callkit.protocols.TaskRunner.close`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """It travels as its configuration: the copy has no tasks, and is open."""
        found = fields(cast("type[AttrsInstance]", type(self)))
        return type(self), tuple(getattr(self, one.name) for one in found if one.init)


@frozen
class InlineRunner(_Closing):
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


class _Pool(Protocol):
    def submit(self, task: Task) -> None: ...

    def close(self) -> None: ...

    def stop(self) -> None: ...


class _ThreadPool:
    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, "callkit-runner")

    def submit(self, task: Task) -> None:
        self._threads.submit(_do, task)

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    def stop(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def _do(task: Task) -> None:
    try:
        task()
    except BaseException as error:  # SystemExit, too: a task does not end its thread
        log_failure(type(task).__name__, type(error).__name__, format_exc())


def _positive(_: object, attribute: "Attribute[Any]", value: float) -> None:
    most = TIMEOUT_MAX if attribute.name == "timeout" else 1024
    if not 0 < value <= most:
        raise SettingsError(f"A runner's {attribute.name} must be above 0 and at most {most:g}, not {value!r}.")


@frozen
class _PoolRunner(_Closing):
    """A value: equal to others of the same configuration. Threads and processes start with the first task."""

    workers: int = field(factory=usable_processors, validator=_positive)
    _pools: dict[int, _Pool] = field(factory=dict, init=False, repr=False, eq=False)

    def submit(self, task: Task) -> None:
        """See `callkit.protocols.TaskRunner.submit`; the queue has no limit, and is first in, first out."""
        try:
            self._pool().submit(task)
        except RuntimeError as error:
            raise RunnerError(f"The runner takes no more tasks: {error}.") from None

    def close(self) -> None:
        """See `callkit.protocols.TaskRunner.close`; a program that ends without it finishes the work all the same."""
        self._pool().close()

    def _pool(self) -> _Pool:
        """That of this process: threads and pipes that were inherited through a fork are of no use."""
        return self._pools.get(os.getpid()) or self._pools.setdefault(os.getpid(), self._new_pool())

    def _new_pool(self) -> _Pool:
        raise NotImplementedError


@frozen
class ThreadRunner(_PoolRunner):
    """Does the work in threads of this process.

    Attributes:
        workers: threads at most; default: one for each processor.
    """

    def stop(self) -> None:
        """Forget what waits, and finish what runs, for a thread can't be stopped: `sweep()` submits the rest again."""
        self._pool().stop()

    def _new_pool(self) -> _Pool:
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

    timeout: float = field(default=600.0, validator=_positive)

    def stop(self) -> None:
        """Forget what waits, and kill what runs: `sweep()` submits both again."""
        self._pool().stop()

    def _new_pool(self) -> _Pool:
        return ProcessPool(self.workers, self.timeout)
