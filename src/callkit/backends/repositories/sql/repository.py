"""`SqlRepository`: calls in a SQLite or PostgreSQL database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from os import PathLike, fspath
from typing import Any, Self
from uuid import UUID

from attrs import field, frozen
from sqlalchemy import URL, Connection, Engine, bindparam, make_url, text
from sqlalchemy.exc import ArgumentError

from callkit.backends.repositories.sql import migrate
from callkit.backends.repositories.sql.columns import CALL_ID
from callkit.backends.repositories.sql.dialect import dialect_of
from callkit.backends.repositories.sql.engine import Database, close_database, open_database
from callkit.backends.repositories.sql.failures import translated
from callkit.backends.repositories.sql.rows import storable, storable_json, to_call, to_values
from callkit.backends.repositories.sql.search import Search
from callkit.backends.repositories.sql.tables import calls, results
from callkit.backends.repositories.sql.ways import Ways
from callkit.core.analysis import Results
from callkit.core.call import Call, Status
from callkit.core.masking import check_address, masked
from callkit.core.page import TIES, Page, cursor, cursor_key, sort_base
from callkit.core.query import Query
from callkit.errors import CallExistsError, CallNotFoundError, InvalidCallError, SettingsError, StaleCallError
from callkit.wire import results_from_json, results_to_json

__all__ = ["SqlRepository"]

_VALUES = [column.name for column in calls.c if column.name != "pk"]
_FIXED = {"id", "started_at", "source", "external_id", "created_at"}
_TYPED = [bindparam(name, type_=calls.c[name].type) for name in _VALUES]
_CHANGED = [one for one in _TYPED if one.key not in _FIXED - {"id"}]
_ID = bindparam("id", type_=CALL_ID)
_COLUMNS = ", ".join(column.name for column in calls.c)
_CHUNK = 500  # ids in one statement

# The key is the first free one of its millisecond; where writers do not wait for each other it may be taken meanwhile
_ADD = text(f"""
INSERT INTO callkit_calls (pk, {", ".join(_VALUES)})
SELECT free, {", ".join(f":{name}" for name in _VALUES)} FROM (
    SELECT coalesce(max(pk) + 1, :base) AS free FROM callkit_calls WHERE pk >= :base AND pk < :end) AS room
WHERE free < :end ON CONFLICT DO NOTHING""").bindparams(*_TYPED)
_TAKEN = text(
    "SELECT 1 FROM callkit_calls WHERE id = :id OR (external_id = :external_id AND source = :source) LIMIT 1"
).bindparams(_ID)
_FULL = text("SELECT 1 FROM callkit_calls WHERE pk = :end - 1")
_GET = text(f"SELECT {_COLUMNS} FROM callkit_calls WHERE id = :id").bindparams(_ID).columns(*calls.c)
_SAVE = text(f"""
UPDATE callkit_calls SET {", ".join(f"{name} = :{name}" for name in _VALUES if name not in _FIXED)}
WHERE id = :id AND version = :version - 1""").bindparams(*_CHANGED)
_KNOWN = text("SELECT 1 FROM callkit_calls WHERE id = :id").bindparams(_ID)
_SAVE_RESULTS = text("""
INSERT INTO callkit_results (pk, fingerprint, document)
SELECT pk, :fingerprint, :document FROM callkit_calls WHERE id = :id
ON CONFLICT (pk) DO UPDATE SET fingerprint = excluded.fingerprint, document = excluded.document""").bindparams(
    _ID, bindparam("document", type_=results.c.document.type)
)
_DROP_RESULTS = text("DELETE FROM callkit_results WHERE pk = (SELECT pk FROM callkit_calls WHERE id = :id)").bindparams(
    _ID
)
_RESULTS = (
    text("""
SELECT c.id, r.document FROM callkit_calls c JOIN callkit_results r ON r.pk = c.pk WHERE c.id IN :ids""")
    .bindparams(bindparam("ids", type_=CALL_ID, expanding=True))
    .columns(calls.c.id, results.c.document)
)


def _to_url(place: str) -> str:
    if not place.startswith("sqlite"):
        check_address(place)
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise SettingsError("The database must be a file, or a URL such as sqlite:///calls.db.") from None
    return dialect_of(url).located(url).render_as_string(hide_password=False)


def _hidden(url: str) -> str:
    return masked(make_url(url).render_as_string(hide_password=True))


@frozen
class SqlRepository:
    """Calls in SQLite or PostgreSQL. The database may have tables of others: callkit's are called `callkit_…`.

    A SQLite file is for any number of threads and processes of one machine. It is made, and brought up to date, when
    it is first used. It is switched to write-ahead logging: the files `…-wal` and `…-shm` belong to it.

    PostgreSQL, 15 or newer with its extension pg_trgm, is for any number of machines. Its tables are made, and
    brought up to date, by `upgrade` (`callkit db upgrade`) only; whoever finds others refuses to work.

    A value that names a place: it may be pickled and forked; each process opens its own connections.

    Attributes:
        url: "sqlite:///" and the path of a file, which is made absolute; or "postgresql+psycopg://user@host/database",
            with libpq's options after "?".
    """

    url: str = field(converter=_to_url, repr=lambda url: repr(_hidden(url)))
    _place: str = field(init=False, repr=False, eq=False)

    @_place.default
    def _without_secrets(self) -> str:
        return _hidden(self.url)

    @property
    def _ways(self) -> Ways:
        return open_database(self.url).dialect.ways

    @classmethod
    def open(cls, place: str | PathLike[str]) -> Self:
        """The repository in a file, or at a URL.

        Raises:
            SettingsError: it is no URL that can be used; a database in memory can't.
        """
        place = fspath(place)
        return cls(place if "://" in place else URL.create("sqlite", database=place).render_as_string())

    def add(self, call: Call) -> None:
        """See `callkit.protocols.Repository.add`.

        Raises:
            InvalidCallError: the metadata are no JSON values, or there is no room left in the millisecond.
        """
        base = sort_base(call.started_at)
        values = to_values(call) | {"base": base, "end": base + TIES}
        with self.writing() as connection:
            while not connection.execute(_ADD, values).rowcount:
                if connection.execute(_TAKEN, values).first():
                    raise CallExistsError(call.source, call.external_id)
                if connection.execute(_FULL, values).first():
                    raise InvalidCallError(f"More than {TIES} calls start at {call.started_at.isoformat()}.")

    def get(self, call_id: UUID) -> Call:
        """See `callkit.protocols.Repository.get`."""
        with self.looking() as connection:
            row = connection.execute(_GET, {"id": call_id}).first()
        if row is None:
            raise CallNotFoundError(str(call_id))
        return to_call(row)

    def save(self, call: Call, results: Results | None = None) -> None:
        """See `callkit.protocols.Repository.save`.

        Raises:
            InvalidCallError: the metadata are no JSON values.
        """
        values, document = to_values(call), _document(results)
        erased = call.status is Status.ERASED
        with self.writing() as connection:
            if not connection.execute(_SAVE, values).rowcount:
                known = connection.execute(_KNOWN, {"id": call.id}).first()
                raise StaleCallError(str(call.id), call.version) if known else CallNotFoundError(str(call.id))
            if erased:
                connection.execute(_DROP_RESULTS, {"id": call.id})
            elif document:
                connection.execute(_SAVE_RESULTS, {"id": call.id, **document})
        if erased:
            open_database(self.url).erased = True

    def find(self, query: Query, *, limit: int = 20, after: str | None = None) -> Page:
        """See `callkit.protocols.Repository.find`."""
        before = None if after is None else cursor_key(after)
        with self.reading() as connection:
            rows = Search(connection, self._ways, query, before).newest(limit + 1)
        next_page = cursor(rows[limit - 1].pk) if len(rows) > limit else None
        return Page(tuple(map(to_call, rows[:limit])), next_page)

    def count(self, query: Query, *, at_most: int = 1000) -> int:
        """See `callkit.protocols.Repository.count`."""
        with self.reading() as connection:
            return Search(connection, self._ways, query).count(at_most + 1)

    def results(self, call_ids: Sequence[UUID]) -> Mapping[UUID, Results]:
        """See `callkit.protocols.Repository.results`."""
        found: list[Any] = []
        with self.reading() as connection:
            for start in range(0, len(call_ids), _CHUNK):
                found += connection.execute(_RESULTS, {"ids": call_ids[start : start + _CHUNK]})
        return {call_id: results_from_json(document) for call_id, document in found}

    def close(self) -> None:
        """See `callkit.protocols.Repository.close`. After an erasure it does what `purge` does."""
        with translated(self._place):
            close_database(self.url)

    def purge(self) -> None:
        """Take the last traces of erased calls out of the database's files, as far as it can.

        SQLite overwrites at once what was erased, but parts of numbers linger in the search index, and copies of rows
        in the write-ahead log. `close` purges by itself; a process that runs for long may do so now and then. It
        takes a moment in which others can't write: half a second with a million calls.

        PostgreSQL frees the space (VACUUM), which others overwrite in time; its log and its backups keep what they
        have for as long as they are kept.
        """
        with translated(self._place):
            self._current().purge()

    def upgrade(self) -> None:
        """Bring the database to the schema of this version. SQLite files are by themselves, when they are used.

        Raises:
            NewerDataError: a newer callkit wrote it.
        """
        with translated(self._place):
            migrate.upgrade(open_database(self.url), self._place)

    def revision(self) -> str | None:
        """Which schema the database has; None: none yet."""
        with translated(self._place), open_database(self.url).looking.begin() as connection:
            return migrate.revision(connection)

    def is_current(self) -> bool:
        """Whether its schema is that of this version."""
        return self.revision() == migrate.HEAD

    def downgrade(self, to: str) -> None:
        """Undo migrations down to a revision; "base" undoes all, and the calls are gone."""
        with translated(self._place):
            migrate.downgrade(open_database(self.url), to)

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that may change things, for what callkit has no method for.

        Raises:
            RepositoryError: something fails in the `with` block; nothing was changed.
            MigrationNeededError, NewerDataError: the tables are not those of this version.
        """
        return self._connected(lambda database: database.writing)

    def reading(self) -> AbstractContextManager[Connection]:
        """The same, for a transaction that sees one moment and changes nothing."""
        return self._connected(lambda database: database.reading)

    def looking(self) -> AbstractContextManager[Connection]:
        """The same, for single statements without a transaction."""
        return self._connected(lambda database: database.looking)

    def __str__(self) -> str:
        """The URL, without its password."""
        return self._place

    @contextmanager
    def _connected(self, engine: Callable[[Database], Engine]) -> Iterator[Connection]:
        with translated(self._place), engine(self._current()).begin() as connection:
            yield connection

    def _current(self) -> Database:
        database = open_database(self.url)
        if not database.current:
            migrate.check(database, self._place)
            database.current = True
        return database


def _document(results: Results | None) -> dict[str, str] | None:
    if results is None:
        return None
    return {"fingerprint": storable(results.analysis.fingerprint), "document": storable_json(results_to_json(results))}
