"""Bring a database to the schema of this version."""

import sys
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from callkit.backends.repositories.sql.engine import Database
from callkit.errors import MigrationNeededError, NewerDataError

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "REVISIONS", "VERSION_TABLE", "check", "downgrade", "revision", "upgrade"]

VERSION_TABLE = "callkit_alembic_version"  # the host application may have an alembic_version of its own
REVISIONS: Mapping[str, int] = {"0001": 1, "0002": 1}
"""Each revision, in order, and the NORMALISER its rows were written with: a new one has to rewrite them."""
HEAD = list(REVISIONS)[-1]

_alembic = Lock()  # Alembic keeps its context in module globals: one migration at a time in a process
_WAIT = 60.0  # seconds for others that migrate


def revision(connection: Connection) -> str | None:
    """Which schema the database has; None: none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found


def check(database: Database, place: str) -> None:
    """Let a database be used only with the schema of this version; an embedded one is brought up to date.

    Raises:
        NewerDataError: it is one of a newer callkit.
        MigrationNeededError: it is older, and others may be using it.
    """
    with database.looking.begin() as connection:
        found = revision(connection)
    _check_not_newer(found, place)
    if found != HEAD and database.dialect.is_embedded:
        upgrade(database, place)
    elif found != HEAD:
        raise MigrationNeededError(f"The database {place}", f"revision {found}" if found else "no tables yet", HEAD)


def _check_not_newer(found: str | None, place: str) -> None:
    if found is not None and found not in REVISIONS:
        raise NewerDataError(f"The database {place}", found, HEAD)


def upgrade(database: Database, place: str, to: str = "head") -> None:
    """Run the missing migrations, all or none. Several threads and processes may ask for it at once.

    Raises:
        NewerDataError: the database is newer than this version.
    """
    from alembic import command  # noqa: PLC0415 - half a second that an up-to-date database does not need

    with _alembic, database.writing.connect() as connection, database.dialect.alone(connection, _WAIT):
        _check_not_newer(revision(connection), place)
        command.upgrade(configuration(connection), to)


def downgrade(database: Database, to: str) -> None:
    """Undo migrations; with "base" all of them, and the calls are gone."""
    from alembic import command  # noqa: PLC0415 - as above

    with _alembic, database.writing.connect() as connection, database.dialect.alone(connection, _WAIT):
        command.downgrade(configuration(connection), to)


def configuration(connection: Connection | None = None) -> "Config":
    """Alembic's settings; there is no ini file, and logging stays as the host application set it."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config(stdout=sys.stderr)
    config.set_main_option("script_location", f"{__package__}:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection  # not a URL: "%" in a password would need doubling
    return config
