"""Rows of calls as one JSON value: one by one, each would let go of the interpreter's lock, and wait for it again."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from json import loads
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from callkit.backends.repositories.sql.columns import CALL_ID, MOMENT, moment
from callkit.backends.repositories.sql.tables import calls

__all__ = ["gathered", "rows_in"]

_Row = namedtuple("_Row", [column.name for column in calls.c])  # type: ignore[misc]  # its names are those of the table


def _written(column: "sa.Column[Any]") -> str:
    """JSON has no bytes, and SQLite's floats in it are not exact: both are text."""
    name = column.name
    if column.type is CALL_ID:
        return f"CASE WHEN {name} IS NOT NULL THEN hex({name}) END"
    return f"CASE WHEN {name} IS NOT NULL THEN quote({name}) END" if isinstance(column.type, sa.Double) else name


def _read(column: "sa.Column[Any]") -> Callable[[Any], Any] | None:
    if column.type is CALL_ID:
        return UUID
    if column.type is MOMENT:
        return moment
    return float if isinstance(column.type, sa.Double) else None


_WRITTEN = ", ".join(map(_written, calls.c))
_READ = [(place, read) for place, read in enumerate(map(_read, calls.c)) if read]


def gathered(select: str) -> str:
    """A statement of SQLite, with the rows of one that selects all columns of calls as its only value."""
    return f"SELECT json_group_array(json_array({_WRITTEN})) FROM ({select})"


def rows_in(text: str) -> Sequence[Any]:
    """The rows in such a value, in their order; their columns have names."""
    return [_row(values) for values in loads(text)]


def _row(values: list[Any]) -> Any:
    for place, read in _READ:
        if values[place] is not None:
            values[place] = read(values[place])
    return _Row._make(values)
