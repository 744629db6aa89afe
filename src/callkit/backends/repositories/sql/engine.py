"""`Database`: connections to one place in this process."""

import os

from attrs import define, field
from sqlalchemy import Engine, make_url

from callkit.backends.repositories.sql import sqlite

__all__ = ["Database", "close_database", "open_database"]


@define(eq=False)
class Database:
    """Engines that share their connections.

    Attributes:
        writing: its transactions may change things.
        reading: its transactions see one moment.
        looking: for single statements, without a transaction.
        current: the schema is known to be up to date.
        erased: something was erased that may have left traces.
    """

    writing: Engine
    reading: Engine = field(init=False)
    looking: Engine = field(init=False)
    current: bool = False
    erased: bool = False

    def __attrs_post_init__(self) -> None:
        """The other two are views of the first."""
        self.reading = self.writing.execution_options(**{sqlite.BEGIN: "BEGIN"})
        self.looking = self.writing.execution_options(**{sqlite.BEGIN: ""})

    def purge(self) -> None:
        """See `callkit.backends.repositories.sql.sqlite.purge`."""
        sqlite.purge(self.looking)
        self.erased = False


_open: dict[tuple[str, int], Database] = {}


def open_database(url: str) -> Database:
    """The one with this URL in this process; nothing is connected until it is used."""
    key = (url, os.getpid())  # connections must not be shared with a forked child
    return _open.get(key) or _open.setdefault(key, Database(sqlite.connect(make_url(url))))


def close_database(url: str) -> None:
    """Let go of its connections, and of traces of what was erased."""
    if found := _open.pop((url, os.getpid()), None):
        try:
            if found.erased:
                found.purge()
        finally:
            found.writing.dispose()


def _let_go() -> None:
    """SQLite's locks belong to a process: a forked child that finds open connections would believe it has them."""
    for database in list(_open.values()):
        database.writing.dispose()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_let_go)
