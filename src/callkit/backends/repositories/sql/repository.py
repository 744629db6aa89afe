"""`SqlRepository`: calls in a SQLite or PostgreSQL database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from os import PathLike, fspath
from typing import Any, Self
from uuid import UUID

from attrs import field, frozen
from sqlalchemy import URL, Connection, Row, make_url
from sqlalchemy.exc import ArgumentError

from callkit.backends.repositories.sql import migrate, statements
from callkit.backends.repositories.sql.alternatives import Answer
from callkit.backends.repositories.sql.dialect import dialect_of
from callkit.backends.repositories.sql.engine import Database, close_database, open_database
from callkit.backends.repositories.sql.failures import translated
from callkit.backends.repositories.sql.rows import storable, storable_json, to_call, to_values
from callkit.backends.repositories.sql.tables import calls
from callkit.backends.repositories.sql.transcripts import (
    drop_transcript,
    look,
    passages_of,
    restem,
    save_transcript,
    scores_of,
    segments_of,
    with_segments,
)
from callkit.backends.repositories.sql.ways import Ways
from callkit.core.analysis import Results
from callkit.core.call import Call, Status
from callkit.core.masking import check_address, masked
from callkit.core.page import BEST_OF, TIES, Order, Page, cursor, cursor_key, sort_base
from callkit.core.query import Query
from callkit.errors import CallExistsError, CallNotFoundError, InvalidCallError, SettingsError, StaleCallError
from callkit.wire import results_from_json, results_to_json

__all__ = ["SqlRepository"]

_CHUNK = 500  # ids in one statement


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
            while not connection.execute(statements.ADD, values).rowcount:
                if connection.execute(statements.TAKEN, values).first():
                    raise CallExistsError(call.source, call.external_id)
                if connection.execute(statements.FULL, values).first():
                    raise InvalidCallError(f"More than {TIES} calls start at {call.started_at.isoformat()}.")

    def get(self, call_id: UUID) -> Call:
        """See `callkit.protocols.Repository.get`."""
        with self.looking() as connection:
            row = connection.execute(statements.GET, {"id": call_id}).first()
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
            if not connection.execute(statements.SAVE, values).rowcount:
                known = connection.execute(statements.KNOWN, {"id": call.id}).first()
                raise StaleCallError(str(call.id), call.version) if known else CallNotFoundError(str(call.id))
            if erased:
                connection.execute(statements.DROP_RESULTS, {"id": call.id})
                drop_transcript(connection, call.id)
            elif results and document:
                connection.execute(statements.SAVE_RESULTS, {"id": call.id, **document})
                save_transcript(connection, call.id, results)
        if erased:
            open_database(self.url).erased = True

    def find(self, query: Query, *, limit: int = 20, after: str | None = None, order: Order = "newest") -> Page:
        """See `callkit.protocols.Repository.find`."""
        before = None if after is None else cursor_key(after)
        with self.reading() as connection:
            answer = Answer(connection, self._ways, query, before)
            return _page(answer, answer.newest(limit + 1) if order == "newest" else _best(answer, limit), limit)

    def find_at(self, query: Query, offset: int, *, limit: int = 20) -> Page:
        """See `callkit.shortcuts.FindsAtOffset.find_at`. What is passed over is a key in an index, and no row."""
        with self.reading() as connection:
            answer = Answer(connection, self._ways, query)
            return _page(answer, answer.newest_from(offset, limit + 1), limit)

    def count(self, query: Query, *, at_most: int = 1000) -> int:
        """See `callkit.protocols.Repository.count`."""
        with self.reading() as connection:
            return Answer(connection, self._ways, query).count(at_most + 1)

    def results(self, call_ids: Sequence[UUID]) -> Mapping[UUID, Results]:
        """See `callkit.protocols.Repository.results`."""
        found: dict[UUID, tuple[int, Results]] = {}
        with self.reading() as connection:
            for start in range(0, len(call_ids), _CHUNK):
                some = connection.execute(statements.RESULTS, {"ids": call_ids[start : start + _CHUNK]})
                found |= {call_id: (pk, results_from_json(document)) for call_id, pk, document in some}
            segments = segments_of(connection, [pk for pk, kept in found.values() if kept.transcript])
        return {call_id: with_segments(kept, segments.get(pk, ())) for call_id, (pk, kept) in found.items()}

    def look(self, call_id: UUID, *, words: bool = True) -> tuple[Call, Results | None]:
        """See `callkit.shortcuts.LooksAtOne.look`."""
        with self.reading() as connection:
            found = look(connection, self._ways, call_id, words=words)
        if found is None:
            raise CallNotFoundError(str(call_id))
        row, results = found
        return to_call(row[: len(calls.c)]), results

    def changed(self, since: datetime, *, limit: int = 500) -> Sequence[Call]:
        """See `callkit.changes.TellsChanges.changed`."""
        values = {"since": since + timedelta(microseconds=-since.microsecond % 1000), "count": limit}
        with self.looking() as connection:
            return [to_call(row) for row in connection.execute(statements.CHANGED_SINCE, values)]

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

        Words that another version of the stemmer has put into the index are put there anew.

        Raises:
            NewerDataError: a newer callkit wrote it.
        """
        with translated(self._place):
            migrate.upgrade(open_database(self.url), self._place)
        done = _CHUNK
        while done == _CHUNK:
            with self.writing() as connection:
                done = restem(connection, _CHUNK)

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
        return self._connected(lambda database: database.writing.begin())

    def reading(self) -> AbstractContextManager[Connection]:
        """The same, for a transaction that sees one moment and changes nothing."""
        return self._connected(lambda database: database.reading.connect())

    def looking(self) -> AbstractContextManager[Connection]:
        """The same, for single statements without a transaction."""
        return self._connected(lambda database: database.looking.connect())

    def __str__(self) -> str:
        """The URL, without its password."""
        return self._place

    @contextmanager
    def _connected(self, opened: Callable[[Database], AbstractContextManager[Connection]]) -> Iterator[Connection]:
        with translated(self._place), opened(self._current()) as connection:
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
    document = results_to_json(with_segments(results, ()))  # they have a table of their own
    return {"fingerprint": storable(results.analysis.fingerprint), "document": storable_json(document)}


def _page(answer: Answer, rows: Sequence[Row[Any]], limit: int) -> Page:
    """Of these rows; one more than `limit` means that there are more."""
    shown = passages_of(answer.connection, answer.ways, answer.query, {row.pk: row.id for row in rows[:limit]})
    next_page = cursor(rows[limit - 1].pk) if len(rows) > limit else None
    return Page(tuple(map(to_call, rows[:limit])), next_page, shown)


def _best(answer: Answer, limit: int) -> Sequence[Row[Any]]:
    """The best of the newest that match; of equals, the newer first."""
    keys = answer.keys(BEST_OF)
    scores = scores_of(answer.connection, answer.ways, answer.query, keys)
    best = sorted(keys, key=lambda key: (-scores.get(key, 0.0), -key))[:limit]
    rows = {row.pk: row for row in answer.connection.execute(statements.BY_KEYS, {"pks": best})}
    return [rows[key] for key in best]
