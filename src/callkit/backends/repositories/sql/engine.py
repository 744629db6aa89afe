"""`Database`: connections to one place in this process."""

import os

from attrs import define, field
from sqlalchemy import Engine, make_url

from callkit.backends.repositories.sql.dialect import Dialect, dialect_of

__all__ = ["Database", "close_database", "open_database"]


@define(eq=False)
class Database:
    """Engines that share their connections.

    Attributes:
        dialect: what kind of database it is.
        engine: has the connections; the others are views of it.
        writing: its transactions may change things.
        reading: its transactions see one moment.
        looking: for single statements, without a transaction.
        current: the schema is known to be up to date.
        erased: something was erased that may have left traces.
    """

    dialect: Dialect
    engine: Engine
    writing: Engine = field(init=False)
    reading: Engine = field(init=False)
    looking: Engine = field(init=False)
    current: bool = False
    erased: bool = False

    def __attrs_post_init__(self) -> None:
        """Each with options of its own."""
        self.writing, self.reading, self.looking = (
            self.engine.execution_options(**options)
            for options in (self.dialect.writing, self.dialect.reading, self.dialect.looking)
        )

    def purge(self) -> None:
        """See `Dialect.purge`."""
        self.dialect.purge(self.looking)
        self.erased = False

    def close(self) -> None:
        """Let go of its connections, and of traces of what was erased."""
        try:
            if self.erased and self.dialect.is_embedded:
                self.purge()
        finally:
            self.engine.dispose()


_open: dict[tuple[str, int], Database] = {}


def open_database(url: str) -> Database:
    """The one with this URL in this process; nothing is connected until it is used."""
    key = (url, os.getpid())  # connections must not be shared with a forked child
    return _open.get(key) or _open.setdefault(key, _database(url))


def _database(url: str) -> Database:
    parsed = make_url(url)
    dialect = dialect_of(parsed)
    return Database(dialect, dialect.connect(parsed))


def close_database(url: str) -> None:
    """Let go of what this process has of it."""
    if found := _open.pop((url, os.getpid()), None):
        found.close()


def _let_go() -> None:
    """Connections belong to a process: in a forked child SQLite would believe that it has the locks of its parent."""
    for database in list(_open.values()):
        database.engine.dispose()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_let_go)
