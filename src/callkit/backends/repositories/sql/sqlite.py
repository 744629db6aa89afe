"""What is SQLite's own: places, connections, and what is left of a deleted row."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event

from callkit.backends.repositories.sql.dialect import Dialect
from callkit.backends.repositories.sql.ways import SQLITE_WAYS
from callkit.errors import SettingsError

__all__ = ["BEGIN", "SQLITE", "alone", "connect", "located", "purge"]

BEGIN = "callkit_begin"
"""Execution option: how a transaction begins. What writes must begin IMMEDIATE: one that has read before it writes
fails at once if somebody else wrote meanwhile, however long it is ready to wait."""

_WAIT = 30.0  # seconds for another writer
_PRAGMAS = {
    "busy_timeout": int(_WAIT * 1000),
    "synchronous": "NORMAL",  # with WAL: power loss may cost the last commits, never the database
    "foreign_keys": "ON",
    "secure_delete": "ON",  # what was erased is overwritten
    "cache_size": -16_000,  # KiB; a process has several connections, a machine several processes
    "temp_store": "MEMORY",
}


def located(url: URL) -> URL:
    """The same place, wherever the process that opens it happens to be.

    Raises:
        SettingsError: a database in memory: each connection would have one of its own.
    """
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise SettingsError(f"{url.drivername}:// can't be used: pass sqlite:///… with the path of a file.")
    if url.database in {None, "", ":memory:"} or str(url.database).startswith("file:"):
        raise SettingsError("A SqlRepository needs the path of a file; in memory, use MemoryRepository (memory:).")
    path = Path(str(url.database)).expanduser().absolute()
    return URL.create("sqlite", database=str(path), query=url.query)


def connect(url: URL) -> Engine:
    """An engine; the folder is made if it is not there."""
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    arguments = {"check_same_thread": False, "timeout": _WAIT}
    engine = create_engine(
        url, connect_args=arguments, hide_parameters=True, pool_use_lifo=True, pool_size=8, max_overflow=56
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(raw: sqlite3.Connection, _: Any) -> None:
    raw.isolation_level = None  # the module begins nothing by itself
    for name, value in _PRAGMAS.items():
        raw.execute(f"PRAGMA {name} = {value}")
    _use_wal(raw)


def _use_wal(raw: sqlite3.Connection) -> None:
    """A new file is switched over once; if several try it together, SQLite fails at once instead of waiting."""
    until = monotonic() + _WAIT
    while raw.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(0.01)


def _begin(connection: Connection) -> None:
    if how := connection.get_execution_options().get(BEGIN, "BEGIN IMMEDIATE"):
        connection.exec_driver_sql(how)


@contextmanager
def alone(connection: Connection, wait: float) -> Iterator[None]:
    """One transaction that changes the schema, or leaves it as it was; waits so many seconds for other writers."""
    raw = cast(sqlite3.Connection, connection.connection.dbapi_connection)
    # Outside of the transaction, in which it does nothing: batch mode drops tables, and that would cascade
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
    try:
        connection.begin()
        yield
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise AssertionError("the migration left references to rows that are gone")
        connection.commit()
    finally:
        connection.rollback()
        connection.invalidate()  # closed, not pooled: the next one has its own settings


def purge(engine: Engine) -> None:
    """Take what was deleted out of the full-text index and the write-ahead log; rows themselves are overwritten."""
    with engine.execution_options(**{BEGIN: ""}).connect() as connection:
        for index in ("callkit_numbers_fts", "callkit_speech_fts"):
            connection.exec_driver_sql(f"INSERT INTO {index}({index}) VALUES ('optimize')")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


SQLITE = Dialect(
    located=located,
    connect=connect,
    writing={},
    reading={BEGIN: "BEGIN"},
    looking={BEGIN: ""},
    alone=alone,
    purge=purge,
    ways=SQLITE_WAYS,
    is_embedded=True,
)
