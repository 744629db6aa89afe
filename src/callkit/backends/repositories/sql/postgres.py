"""What is PostgreSQL's own: URLs, connections, one migration at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from callkit.backends.repositories.sql.dialect import Dialect
from callkit.backends.repositories.sql.ways import POSTGRES_WAYS
from callkit.errors import MissingExtraError, SettingsError

__all__ = ["POSTGRES", "alone", "connect", "located", "purge"]

_DRIVER = "postgresql+psycopg"
_OPTIONS = (
    # Each statement is planned with its values: the plan for "+79" would ruin a search for a full number
    " -c plan_cache_mode=force_custom_plan -c timezone=UTC"
)
_ALONE = "AUTOCOMMIT"  # each statement for itself
_TRUSTED = 1.0  # seconds
_CONNECT = 10  # seconds, if the URL does not say `connect_timeout`
_LOCK = int.from_bytes(b"callkit", "big")
_TABLES = ", ".join(
    f"callkit_{name}"
    for name in ("calls", "results", "numbers", "call_numbers", "call_tags", "segments", "speech", "speech_fts")
)


def located(url: URL) -> URL:
    """The URL, for the one driver that is used.

    Raises:
        SettingsError: it names another driver, or no database.
    """
    if url.drivername not in {"postgresql", "postgres", _DRIVER}:
        raise SettingsError(f"{url.drivername}:// can't be used: write {_DRIVER}:// (or postgresql://).")
    if not url.database:
        raise SettingsError(f"The URL names no database: write {_DRIVER}://user@host/database.")
    return url.set(drivername=_DRIVER)


def connect(url: URL) -> Engine:
    """An engine; connections that broke while nobody used them are replaced.

    Raises:
        MissingExtraError: psycopg is not installed.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(f"{_DRIVER}://", "postgres") from error
    arguments: dict[str, Any] = {
        "options": f"{url.query.get('options', '')}{_OPTIONS}".strip(),
        "prepare_threshold": None,  # works behind a pooling proxy
    }
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = _CONNECT
    if "application_name" not in url.query:
        arguments["application_name"] = "callkit"
    bare = url.difference_update_query(["options"])
    engine = create_engine(
        bare,
        connect_args=arguments,
        hide_parameters=True,
        isolation_level=_ALONE,  # most is reading: nothing is to be switched, or rolled back, for it
        skip_autocommit_rollback=True,
        pool_use_lifo=True,
        pool_size=8,
        max_overflow=24,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "checkin", _note_time)
    event.listen(engine, "checkout", partial(_check, engine))
    return engine


def _set_up(raw: Any, _: object) -> None:
    """JSON stays text: rows are made from it as they are in SQLite."""
    from psycopg.types.string import TextLoader  # noqa: PLC0415 - an extra

    raw.adapters.register_loader("jsonb", TextLoader)


def _note_time(_: object, record: ConnectionPoolEntry) -> None:
    record.info["left"] = monotonic()


def _check(engine: Engine, raw: Any, record: ConnectionPoolEntry, _: object) -> None:
    """Of a connection that was not used for a while, ask whether it is still there: servers are restarted."""
    if monotonic() - record.info.get("left", inf) < _TRUSTED:
        return
    try:
        engine.dialect.do_ping(raw)
    except engine.dialect.loaded_dbapi.Error:
        raise InvalidatePoolError from None  # the pool replaces all that are older, and asks again


@contextmanager
def alone(connection: Connection, wait: float) -> Iterator[None]:
    """Hold the one lock of all who migrate. It is polled, for whoever waits in a statement holds a snapshot."""
    until = monotonic() + wait
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
        connection.commit()
        if monotonic() > until:
            raise TimeoutError(f"another migration has not ended for {wait:g} s; try again when it has")
        sleep(0.05)
    connection.commit()
    try:
        yield
        connection.commit()
    finally:
        connection.rollback()
        connection.invalidate()  # the session ends, and the lock with it, whatever happened


def purge(engine: Engine) -> None:
    """Free the space of deleted rows, for others to overwrite."""
    with engine.connect() as connection:
        connection.exec_driver_sql(f"VACUUM {_TABLES}")


POSTGRES = Dialect(
    located=located,
    connect=connect,
    writing={"isolation_level": "READ COMMITTED"},
    # A statement sees one moment, and an answer comes from one: a transaction would be two more questions
    reading={},
    looking={},
    alone=alone,
    purge=purge,
    ways=POSTGRES_WAYS,
    is_embedded=False,
)
