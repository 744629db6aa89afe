"""`Dialect`: what each database has in a way of its own, in one value for each."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from attrs import frozen
from sqlalchemy import URL, Connection, Engine

from callkit.backends.repositories.sql.ways import Ways
from callkit.errors import SettingsError

__all__ = ["Dialect", "dialect_of"]


@frozen
class Dialect:
    """One kind of database.

    Attributes:
        located: the URL as it means the same from everywhere; refuses what can't be used.
        connect: an engine; connects to nothing yet.
        writing: execution options, for transactions that change things.
        reading: execution options, for answers that see one moment.
        looking: execution options, for single statements without a transaction.
        alone: one transaction after the other that changes the schema, while nobody else does; waits so many seconds.
        purge: takes the last traces of what was deleted out of the files.
        ways: the ways that a search takes.
        is_embedded: it belongs to one machine: it is brought up to date, and purged, by whoever uses it.
    """

    located: Callable[[URL], URL]
    connect: Callable[[URL], Engine]
    writing: Mapping[str, Any]
    reading: Mapping[str, Any]
    looking: Mapping[str, Any]
    alone: Callable[[Connection, float], AbstractContextManager[None]]
    purge: Callable[[Engine], None]
    ways: Ways
    is_embedded: bool


def dialect_of(url: URL) -> Dialect:
    """The one that a URL asks for.

    Raises:
        SettingsError: there is none.
    """
    kind = url.get_backend_name()
    if kind == "sqlite":
        from callkit.backends.repositories.sql.sqlite import SQLITE  # noqa: PLC0415 - only what is asked for

        return SQLITE
    if kind in {"postgresql", "postgres"}:
        from callkit.backends.repositories.sql.postgres import POSTGRES  # noqa: PLC0415 - only what is asked for

        return POSTGRES
    raise SettingsError(f"{kind}:// can't be used: pass sqlite:///… with the path of a file, or postgresql://….")
