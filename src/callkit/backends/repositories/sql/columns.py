"""Column types that SQLite and PostgreSQL have in ways of their own; Python sees the same values."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.engine import Dialect

__all__ = ["CALL_ID", "DOCUMENT", "KEY", "MOMENT", "NUMBER", "from_milliseconds", "milliseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EXACT = 1 << 53


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970; what is left over is cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(count: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + count * _MILLISECOND


class _Uuid(sa.types.TypeDecorator[UUID]):
    """A UUID; SQLite has none, and gets 16 bytes."""

    impl = sa.Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.LargeBinary(16) if dialect.name == "sqlite" else sa.Uuid())

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        return value.bytes if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        return UUID(bytes=value) if value is not None and dialect.name == "sqlite" else value


class _Timestamp(sa.types.TypeDecorator[int]):
    """`timestamptz`, seen as milliseconds since 1970."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: int | None, _: Dialect) -> datetime | None:
        return None if value is None else from_milliseconds(value)

    def process_result_value(self, value: datetime | None, _: Dialect) -> int | None:
        return None if value is None else milliseconds(value)


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


CALL_ID = _Uuid()
MOMENT = sa.BigInteger().with_variant(_Timestamp(), "postgresql")
"""Milliseconds since 1970, in UTC."""
DOCUMENT = sa.Text().with_variant(_Jsonb(), "postgresql")
"""JSON, as text."""
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64 bits: in SQLite only INTEGER is the row's own number, elsewhere it has 32 bits."""
NUMBER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Compared byte by byte: one index serves equality and beginnings."""
