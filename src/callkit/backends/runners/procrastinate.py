"""The runner that keeps its tasks in PostgreSQL, by Procrastinate: no broker to run. `callkit worker` does them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, Self

import psycopg
from attrs import Attribute, field, frozen
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager

from callkit.backends.runners.publisher import Breaker, message_of
from callkit.backends.runners.value import Engine, RunnerValue, positive, split_options
from callkit.core.masking import masked
from callkit.errors import RunnerError, SettingsError
from callkit.protocols import Task

__all__ = ["WORK", "ProcrastinateRunner", "prepare"]

WORK = "callkit.work"
"""The name of the task. Its one argument, `message`, is a `callkit.protocols.Message`."""

_DRIVERS = ("postgresql", "postgresql+psycopg", "postgres")
_UNPREPARED = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedObject)
_PATIENCE = 5.0  # seconds for a connection
_LOCK = 0x63616C6C6B6974  # "callkit": who makes the tables waits for others who do


def _check_url(_: object, __: "Attribute[str]", url: str) -> None:
    if not url.startswith("postgresql://"):
        raise SettingsError(
            f"The runner procrastinate needs PostgreSQL, not {masked(url)!r}: set `database` to one, or use the runner "
            "procrastinate+postgresql://…"
        )


@frozen
class ProcrastinateRunner(RunnerValue):
    """Writes messages that hold ids only into tables of PostgreSQL; workers elsewhere do the work.

    Attributes:
        url: of the database, as libpq writes it.
        timeout: seconds. A worker process that works on a task for longer is killed.
        queue: the tables may hold several.
    """

    url: str = field(repr=masked, validator=_check_url)
    timeout: float = field(default=600.0, validator=positive)
    queue: str = "callkit"

    @classmethod
    def from_url(cls, url: str, database: str | None = None) -> Self:
        """From "procrastinate" or "procrastinate+postgresql://…", both with "?timeout=600&queue=callkit" if need be.

        Args:
            url: of the runner.
            database: which one is meant if the URL names none.

        Raises:
            SettingsError: the URL can't be used.
        """
        mine, own = split_options(url, "timeout", "queue")
        place = mine.partition("+")[2] or database or ""
        driver, _, address = place.partition("://")
        return cls(f"postgresql://{address}" if driver in _DRIVERS else place, **own)

    def waiting(self) -> int:
        """See `callkit.protocols.HasBacklog`: one message for each task."""
        count = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = %s AND status = 'todo'"
        with self.translated(), psycopg.connect(self.url, connect_timeout=int(_PATIENCE)) as connection:
            (found,) = connection.execute(count, [self.queue]).fetchone() or (0,)
        return int(found)

    def _new_engine(self) -> Engine:
        return _Sender(self)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Whatever PostgreSQL or Procrastinate say, as a RunnerError."""
        try:
            yield
        except (ConnectorException, psycopg.Error, OSError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, _UNPREPARED):
                why = "it has no tables for Procrastinate: run `callkit db upgrade`"
            else:
                why = masked(cause).strip().partition("\n")[0].rstrip(".")
            raise RunnerError(f"The queue in {masked(self.url)} can't be used: {why}.") from None


class _Sender:
    """Connections are made when they are needed, and closed when they are not."""

    def __init__(self, runner: ProcrastinateRunner) -> None:
        self._runner = runner
        self._lock = Lock()
        self._opened = False
        self._closed = False
        self._breaker = Breaker()
        connections: dict[str, Any] = {"min_size": 0, "max_size": 4, "timeout": _PATIENCE, "max_idle": 60.0}
        self._app = App(connector=SyncPsycopgConnector(conninfo=runner.url, **connections))

    def submit(self, task: Task) -> None:
        message = message_of(task)
        self._breaker.check()
        self._open()
        # A message that waits already need not wait twice
        lock = f"{self._runner.queue} {json.dumps(message, sort_keys=True)}"
        job = self._app.configure_task(WORK, queue=self._runner.queue, queueing_lock=lock)
        try:
            with self._runner.translated(), suppress(AlreadyEnqueued):
                job.defer(message=dict(message))
        except RunnerError:
            self._breaker.trip()
            raise

    def _open(self) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("it was closed")
            if not self._opened:
                self._app.open()
            self._opened = True

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._opened:
                self._app.close()
            self._opened = False

    stop = close


def prepare(runner: str, database: str | None = None) -> None:
    """Make Procrastinate's tables (procrastinate_…), unless they are there. Any number may try at once.

    Args:
        runner: its URL, see `ProcrastinateRunner.from_url`.
        database: URL of the calls' own.

    Raises:
        SettingsError: it is no PostgreSQL.
        RunnerError: it can't be used.
    """
    opened = ProcrastinateRunner.from_url(runner, database)
    with opened.translated(), psycopg.connect(opened.url, connect_timeout=int(_PATIENCE)) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        (there,) = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone() or (None,)
        if there is None:
            connection.execute(SchemaManager.get_schema())
