"""Calls as rows of a flat table, for spreadsheets and data frames: CSV and Parquet. See `callkit.interop.columns`."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from callkit.errors import MissingExtraError
from callkit.interop.columns import Cell, Entry, columns

__all__ = ["write_csv", "write_parquet"]

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+")


class Writable(Protocol):
    """As much of a text file as is needed."""

    def write(self, line: str, /) -> object:
        """Take a line, with its end."""


def write_csv(entries: Iterable[Entry], file: Writable, *, parties: int = 2, byte_order_mark: bool = False) -> int:
    """Write calls as comma-separated values, one at a time, with a header; gives how many they were.

    Text that a spreadsheet would take for a formula gets an apostrophe in front. Plain numbers such as +442079460018
    can do no harm, and stay as they are.

    Args:
        entries: the calls.
        file: open for text in UTF-8, with `newline=""`; each line is written at once.
        parties: how many of them get columns.
        byte_order_mark: begin with one: by it Excel knows UTF-8.
    """
    wanted, count = columns(parties), 0
    writer = csv.writer(file)  # lines end in CR LF, as RFC 4180 says: so both are quoted within cells
    first, *others = [column.name for column in wanted]
    writer.writerow([f"\ufeff{first}" if byte_order_mark else first, *others])
    for entry in entries:
        writer.writerow([_as_text(column.read(entry)) for column in wanted])
        count += 1
    return count


def write_parquet(entries: Iterable[Entry], path: Path, *, parties: int = 2, batch: int = 2000) -> int:
    """Write calls as a Parquet file, `batch` at a time; gives how many they were.

    Args:
        entries: the calls.
        path: of the file.
        parties: how many of them get columns.
        batch: how many calls are in memory at once.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow, parquet = _pyarrow()
    wanted, count = columns(parties), 0
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    kinds[datetime] = arrow.timestamp("ms", tz="UTC")
    schema = arrow.schema([(column.name, kinds[column.kind]) for column in wanted])
    with parquet.ParquetWriter(path, schema) as writer:
        for some in _batches(entries, batch):
            cells = ([column.read(entry) for entry in some] for column in wanted)
            arrays = [arrow.array(own, field.type) for own, field in zip(cells, schema, strict=True)]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))
            count += len(some)
    return count


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError("Writing Parquet", "parquet") from error


def _batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    left = iter(entries)
    while some := list(islice(left, size)):
        yield some


def _as_text(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(cell, str):
        return _harmless(cell)
    return str(cell).lower() if isinstance(cell, bool) else cell


def _harmless(text: str) -> str:
    """Text that no spreadsheet runs: people choose their own names.

    >>> _harmless("=cmd|' /C calc'!A0"), _harmless("+442079460018"), _harmless("@SUM(1)")
    ("'=cmd|' /C calc'!A0", '+442079460018', "'@SUM(1)")
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
