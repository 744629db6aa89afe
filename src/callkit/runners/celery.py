"""callkit's work on Celery workers: those of `callkit worker`, or those of an application of your own.

    app = Celery("mine", broker="redis://localhost:6379/0")
    register(app)

Use the prefork pool: elsewhere, work that takes too long can be given up, but not be stopped.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging import getLogger
from threading import Timer
from time import monotonic, sleep
from traceback import format_exc
from typing import Any

from celery import Celery, signals

from callkit.backends.runners.celery import SLICE, WORK, CeleryRunner
from callkit.backends.runners.failures import log_failure
from callkit.errors import CallKitError, TaskTimeoutError
from callkit.protocols import Message, Task
from callkit.runners.desk import Desk, TaskOf
from callkit.settings import Settings

__all__ = ["add_work", "register", "serve"]

log = getLogger("callkit.runners")

_REQUEST = "callkit.runners.acknowledging:Acknowledging"  # imported by workers only
_PAUSE = 2.0  # seconds without work after a database was not there: messages wait well, calls that were dropped do not


def register(app: Celery, settings: Settings | None = None) -> Any:
    """Let the workers of a Celery application do callkit's work.

    The guarantees are the task's own: a message is acknowledged when its work is done, and goes back when its worker
    is lost. The application must accept JSON; on Redis its visibility timeout must be longer than the longest task.
    Whoever submits names its broker, queue and key prefix: `runner="celery+redis://host/0?queue=celery&prefix="`.

    Args:
        app: the application.
        settings: of the kit that does the work; default: what files and environment say where the worker runs.

    Returns:
        The Celery task, called "callkit.work".
    """
    desk = Desk(settings)
    return add_work(app, desk.task, desk.timeout)


def add_work(app: Celery, task_of: TaskOf, timeout: Callable[[], float]) -> Any:
    """The Celery task that does what `CeleryRunner` sends.

    Args:
        app: the application that gets it.
        task_of: makes a task from its message, in the worker process.
        timeout: seconds, asked for in the worker process. A process that works on a task for longer ends itself.

    Returns:
        The Celery task.
    """
    parent = os.getpid()

    def work(self: Any, messages: list[Message]) -> None:
        begun = monotonic()
        for number, message in enumerate(messages):
            if number and monotonic() - begun > SLICE:
                return _send_again(self, messages[number:])
            _do(message, task_of, timeout, forked=os.getpid() != parent)
        return None

    options = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True, "serializer": "json"}
    return app.task(name=WORK, bind=True, Request=_REQUEST, **options)(work)


def _send_again(work: Any, messages: Sequence[Message]) -> None:
    """One by one, for they take long: others may have nothing to do, and no message may be held for too long."""
    where, (time_limit, _) = work.request.delivery_info, work.request.timelimit or (None, None)
    queue, exchange = where.get("routing_key"), where.get("exchange")
    to = {"exchange": exchange, "routing_key": queue} if exchange else {"queue": queue}
    try:
        for message in messages:
            work.apply_async(args=[[message]], time_limit=time_limit, **to)
    except Exception as error:  # whatever the broker's client raises
        log.warning("up to %d tasks wait for sweep(): not sent again (%s)", len(messages), type(error).__name__)


def _do(message: Message, task_of: TaskOf, timeout: Callable[[], float], *, forked: bool) -> None:
    """One failing does not stop the others."""
    name = str(message.get("task"))
    try:
        task = task_of(message)
        with _stopped(task, name, timeout(), forked=forked):
            task()
    except (Exception, SystemExit) as error:
        log_failure(name, type(error).__name__, format_exc())
        if isinstance(error, CallKitError):  # no database, no settings: the next ones would fare no better
            sleep(_PAUSE)


@contextmanager
def _stopped(task: Task, name: str, timeout: float, *, forked: bool) -> Iterator[None]:
    """Nothing stops a task that hangs but the end of its process."""

    def stop() -> None:
        try:
            task.lost(TaskTimeoutError(name, timeout))
        except Exception as error:
            log_failure(f"{name}.lost", type(error).__name__, format_exc())
        finally:
            if forked:
                os.kill(os.getpid(), signal.SIGKILL)

    timer = Timer(timeout, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def serve(runner: CeleryRunner, task_of: TaskOf, processes: int) -> int:
    """Be a Celery worker, until SIGTERM or Ctrl-C; what runs is finished then.

    Args:
        runner: whose messages it takes.
        task_of: makes a task from its message, in the worker process.
        processes: at most so many tasks at once.

    Returns:
        The exit code.
    """
    app = runner.app()
    add_work(app, task_of, lambda: runner.timeout)
    app.conf.update(
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
    )
    signals.setup_logging.connect(_keep_logging)
    worker = app.Worker(
        pool="prefork",
        concurrency=processes,
        queues=[runner.queue],
        quiet=True,  # the command has said it
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _keep_logging(**_: object) -> None:
    """Celery configures logging unless somebody else does."""
