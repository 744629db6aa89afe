"""A queue, and worker processes that take from it: one that is killed costs its own attempt only."""

import logging
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from math import inf
from pickle import HIGHEST_PROTOCOL, Pickler
from threading import Event, Lock, Thread
from time import monotonic
from traceback import format_exc
from typing import Any

from callkit.backends.runners.failures import log_failure
from callkit.backends.runners.worker import Failure
from callkit.backends.runners.worker_process import Worker, WorkerGoneError
from callkit.errors import RunnerError, TaskTimeoutError, WorkerLostError
from callkit.protocols import Task

__all__ = ["ProcessPool"]

log = logging.getLogger("callkit.runners")

_START_TIMEOUT = 60.0
_STARTS = 3
_MOST_RUNS = 10  # a task that kills its worker before it can count the attempt would be run again for ever


class ProcessPool:
    """Threads that take from one queue, and give what they took to a worker process that has nothing to do.

    Processes are started when they are needed, and replaced when they die.
    """

    def __init__(self, workers: int, timeout: float) -> None:
        self._threads = ThreadPoolExecutor(workers, "callkit-runner")
        self._timeout = timeout
        self._lock = Lock()
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._stopped = False
        self._closed = Event()
        self._watch = Thread(target=self._keep_time, name="callkit-watch", daemon=True)

    def submit(self, task: Task) -> "Future[None]":
        """Put it on the queue; the future is done when the task is, or was given up.

        Raises:
            RunnerError: it can't travel.
            RuntimeError: the pool was closed.
        """
        seen_through = self._threads.submit(self._see_through, task, _pickled(task))
        with self._lock:
            if self._watch.ident is None:
                self._watch.start()
        return seen_through

    def close(self) -> None:
        """Do what is on the queue, then end the processes."""
        self._threads.shutdown(wait=True)
        self._closed.set()
        with self._lock:
            workers, self._workers, self._idle = self._workers, set(), []
        for worker in workers:
            worker.dismiss()
        for worker in workers:
            worker.wait()

    def stop(self) -> None:
        """Forget what is on the queue, kill the processes."""
        with self._lock:
            self._stopped = True
            workers = [*self._workers]
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()
        self.close()

    def _keep_time(self) -> None:
        """Kill what takes too long. What starts while this sleeps has at least as much time as is slept."""
        longest = min(self._timeout, _START_TIMEOUT)
        pause = longest
        while not self._closed.wait(pause):
            with self._lock:
                workers = [*self._workers]
            due = min((worker.check() for worker in workers), default=inf)
            pause = max(0.0, min(longest, due - monotonic()))

    # ---- in a thread of the pool

    def _see_through(self, task: Task, pickled: bytes) -> None:
        name = type(task).__name__
        try:
            failure = self._run_until_done(task, name, pickled)
        except RunnerError as error:
            if not self._stopped:
                log.error("%s was dropped. %s", name, error)
        except Exception as error:
            log_failure(f"{name}.lost", type(error).__name__, format_exc())
        else:
            if failure is not None:
                log_failure(name, *failure)

    def _run_until_done(self, task: Task, name: str, pickled: bytes) -> Failure | None:
        for _ in range(_MOST_RUNS):
            worker = self._worker()
            try:
                return self._run(worker, name, pickled)
            except RunnerError as error:
                if not task.lost(error) or self._stopped:
                    return None
        raise RunnerError(f"It lost its worker {_MOST_RUNS} times.")

    def _run(self, worker: Worker, name: str, pickled: bytes) -> Failure | None:
        try:
            failure = worker.ask(pickled, self._timeout)
        except WorkerGoneError:
            self._bury(worker)
            raise WorkerLostError(name) from None
        except TimeoutError:
            self._bury(worker)
            raise TaskTimeoutError(name, self._timeout) from None
        with self._lock:
            self._idle.append(worker)
        return failure

    def _worker(self) -> Worker:
        """One that has nothing to do, or a new one."""
        while worker := self._rested():
            if worker.alive:
                return worker
            self._bury(worker)
        for _ in range(_STARTS):
            worker = self._start()
            try:
                worker.ask(sys.path, _START_TIMEOUT)
            except (WorkerGoneError, TimeoutError):
                self._bury(worker)
            else:
                return worker
        raise RunnerError("Worker processes end as soon as they are started: what they write to stderr says why.")

    def _rested(self) -> Worker | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _bury(self, worker: Worker) -> None:
        worker.kill()
        with self._lock:
            self._workers.discard(worker)

    def _start(self) -> Worker:
        with self._lock:
            if self._stopped:
                raise RunnerError("The runner was stopped.")
            try:
                self._workers.add(worker := Worker())
            except OSError as error:
                raise RunnerError(f"A worker process can't be started: {error.strerror}.") from error
        return worker


class _TaskPickler(Pickler):
    """Refuses what a worker could not import."""

    def reducer_override(self, obj: Any) -> Any:
        """Called for whatever is no plain value."""
        if getattr(obj, "__module__", None) == "__main__":
            name = getattr(obj, "__qualname__", type(obj).__qualname__)
            raise RunnerError(f"{name} can't be sent to a worker process: move it from the script into a module.")
        return NotImplemented


def _pickled(task: Task) -> bytes:
    file = BytesIO()
    try:
        _TaskPickler(file, HIGHEST_PROTOCOL).dump(task)
    except RunnerError:
        raise
    except Exception as error:
        name = type(task).__name__
        raise RunnerError(f"{name} can't be sent to a worker process ({type(error).__name__}): {error}") from error
    return file.getvalue()
