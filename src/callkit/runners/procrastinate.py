"""callkit's work on the tasks that Procrastinate keeps in PostgreSQL, in processes of our own."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from logging import ERROR, getLogger
from traceback import format_exc

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from callkit.backends.runners.failures import log_failure
from callkit.backends.runners.process_pool import ProcessPool
from callkit.backends.runners.procrastinate import WORK, ProcrastinateRunner
from callkit.errors import RunnerError
from callkit.protocols import Message
from callkit.runners.desk import TaskOf

__all__ = ["serve"]

log = getLogger("callkit.runners")

_BEAT = 5.0  # seconds between two signs of life, and between two looks for workers that give none
_PAUSE = 2.0  # seconds until a database that went away is tried again


def serve(runner: ProcrastinateRunner, task_of: TaskOf, processes: int) -> int:
    """Be a worker, until SIGTERM or Ctrl-C; what runs is finished then.

    Args:
        runner: whose messages it takes.
        task_of: makes a task from its message.
        processes: at most so many tasks at once, each in a process of its own.

    Returns:
        The exit code.
    """
    getLogger("psycopg.pool").setLevel(ERROR)  # tells of every single try while the database is away
    pool = ProcessPool(processes, runner.timeout)
    try:
        asyncio.run(_work(runner, task_of, pool, processes))
    finally:
        pool.close()
    return 0


async def _work(runner: ProcrastinateRunner, task_of: TaskOf, pool: ProcessPool, processes: int) -> None:
    while True:
        try:
            with runner.translated():
                await _work_while_connected(runner, task_of, pool, processes)
        except RunnerError as error:
            log.warning("%s It is tried again.", error)
            await asyncio.sleep(_PAUSE)
        else:
            return


async def _work_while_connected(
    runner: ProcrastinateRunner, task_of: TaskOf, pool: ProcessPool, processes: int
) -> None:
    app = App(connector=PsycopgConnector(conninfo=runner.url, min_size=1, max_size=processes + 3))

    @app.task(name=WORK)
    async def work(message: Message) -> None:
        name = str(message.get("task"))
        try:
            done = pool.submit(task_of(message))
        except Exception as error:
            log_failure(name, type(error).__name__, format_exc())
        else:
            await asyncio.wrap_future(done)

    async with app.open_async():
        rescue = asyncio.create_task(_rescue(app, runner.queue))
        try:
            await app.run_worker_async(
                queues=[runner.queue],
                concurrency=processes,
                delete_jobs="always",
                update_heartbeat_interval=_BEAT,
                stalled_worker_timeout=4 * _BEAT,
            )
        finally:
            await _end(rescue)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel it until it ends: what it waits for can swallow a cancellation (`asyncio.wait_for` before Python 3.12)."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=1)
    with suppress(asyncio.CancelledError):
        await task


async def _rescue(app: App, queue: str) -> None:
    """Give the tasks of workers that were killed to others."""
    while True:
        await asyncio.sleep(_BEAT)
        for job in await app.job_manager.get_stalled_jobs(queue=queue, seconds_since_heartbeat=4 * _BEAT):
            try:
                await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
            except UniqueViolation:  # it was submitted once more meanwhile
                await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
