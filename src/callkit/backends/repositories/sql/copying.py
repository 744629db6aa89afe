"""`copy_calls`: from one database to another, and then both are compared."""

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, Table, bindparam, select, text, tuple_

from callkit.backends.repositories.sql.repository import SqlRepository
from callkit.backends.repositories.sql.tables import calls, results, segments, speech
from callkit.errors import CopyDiffersError

__all__ = ["Copied", "copy_calls"]

_CHUNK = 1000  # rows in a transaction
_EXACT = 1 << 53
_DOCUMENTS = {"tags", "metadata", "document"}
_TABLES = (calls, results, segments, speech)  # indexes follow by themselves


@frozen
class Copied:
    """What both databases have now.

    Attributes:
        calls: how many.
        results: how many of them have results.
        digest: sha-256 over all of it, in hexadecimal digits; the same for the same calls in any database.
    """

    calls: int
    results: int
    digest: str


def copy_calls(source: SqlRepository, target: SqlRepository, told: Callable[[int], object] = lambda _: None) -> Copied:
    """Copy all calls and results, keep what the target has already, and compare. Cursors stay valid. No sound.

    Nobody should change calls meanwhile. A copy that broke off goes on where it was.

    Args:
        source: is not changed.
        target: made ready before (`upgrade`).
        told: is told how many rows were copied, again and again.

    Raises:
        CopyDiffersError: in the end they differ: the target had other calls, or somebody changed one.
        RepositoryError, MigrationNeededError, NewerDataError: as they say.
    """
    done = 0
    for table in _TABLES:
        for rows in _chunks(source, table):
            with target.writing() as connection:
                connection.execute(_insert(table), [dict(row._mapping) for row in rows])
            told(done := done + len(rows))
    return _compared(source, target)


def _insert(table: Table) -> Any:
    names = [column.name for column in table.c]
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
    typed = [bindparam(column.name, type_=column.type) for column in table.c]
    return text(f"{sql} ON CONFLICT DO NOTHING").bindparams(*typed)


def _chunks(repository: SqlRepository, table: Table) -> Iterator[Sequence[Row[Any]]]:
    after: tuple[int, ...] | None = None
    while True:
        with repository.reading() as connection:
            rows = _after(connection, table, after)
        if not rows:
            return
        yield rows
        after = tuple(getattr(rows[-1], column.name) for column in table.primary_key)


def _after(connection: Connection, table: Table, key: tuple[int, ...] | None) -> Sequence[Row[Any]]:
    wanted = select(table).order_by(*table.primary_key).limit(_CHUNK)
    return connection.execute(wanted if key is None else wanted.where(tuple_(*table.primary_key) > key)).all()


def _compared(source: SqlRepository, target: SqlRepository) -> Copied:
    digest, counts = sha256(), []
    for table in _TABLES:
        count = 0
        theirs = (row for rows in _chunks(target, table) for row in rows)
        for mine in (row for rows in _chunks(source, table) for row in rows):
            line = _canonical(mine)
            if line != _canonical(next(theirs, None)):
                raise CopyDiffersError(str(target), table.name, f"row {mine.pk} is another one, or missing")
            digest.update(line)
            count += 1
        if (extra := next(theirs, None)) is not None:
            raise CopyDiffersError(str(target), table.name, f"row {extra.pk} is not in the source")
        counts.append(count)
    return Copied(counts[0], counts[1], digest.hexdigest())


def _canonical(row: Row[Any] | None) -> bytes:
    """The same bytes for the same values, whatever a database makes of a document's spaces and order."""
    values = {} if row is None else dict(row._mapping)
    for name in _DOCUMENTS & values.keys():
        values[name] = json.loads(values[name], parse_int=_number)
    return json.dumps(values, default=str, sort_keys=True).encode()


def _number(digits: str) -> float:
    """`jsonb` gives large floats back as integers."""
    number = int(digits)
    return float(number) if _EXACT <= abs(number) < 10**300 else number
