"""Column types that SQLite and PostgreSQL have in ways of their own; Python sees the same values."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

__all__ = ["CALL_ID", "DOCUMENT", "KEY", "MOMENT", "NUMBER", "moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EXACT = 1 << 53


class _Bytes(sa.types.TypeDecorator[UUID]):
    """A UUID as 16 bytes."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: UUID | None, _: Dialect) -> bytes | None:
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, _: Dialect) -> UUID | None:
        return None if value is None else UUID(bytes=value)


def moment(milliseconds: int) -> datetime:
    """So long after 1970 began."""
    return _EPOCH + milliseconds * _MILLISECOND


class _Milliseconds(sa.types.TypeDecorator[datetime]):
    """A moment as milliseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MILLISECOND

    def process_result_value(self, value: int | None, _: Dialect) -> datetime | None:
        return None if value is None else moment(value)


class _Jsonb(sa.types.UserDefinedType[str]):
    """`jsonb`, seen as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSONB"

    def bind_processor(self, _: Dialect) -> Callable[[str | None], str | None]:
        return _exact


def _exact(text: str | None) -> str | None:
    """With large numbers as they are: `jsonb` gives 1e+23 back as the integer 10**23, and that is another number."""
    if text is None or "e+" not in text:
        return text
    return json.dumps(json.loads(text, parse_float=_integer), ensure_ascii=False)


def _integer(text: str) -> float:
    number = float(text)
    return int(number) if abs(number) >= _EXACT else number


CALL_ID = sa.Uuid().with_variant(_Bytes(), "sqlite")
MOMENT = sa.DateTime(timezone=True).with_variant(_Milliseconds(), "sqlite")
"""An aware `datetime`; its milliseconds are kept."""
DOCUMENT = sa.Text().with_variant(_Jsonb(), "postgresql")
"""JSON, as text."""
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64 bits: in SQLite only INTEGER is the row's own number, elsewhere it has 32 bits."""
NUMBER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Compared byte by byte: one index serves equality and beginnings."""
