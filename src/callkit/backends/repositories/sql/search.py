"""`Search`: a query as SQL, and the way through the indexes that finds its newest calls soonest.

Numbers repeat, so a part of a number is looked up among the distinct numbers (`callkit_numbers`, by trigrams), and
from them one walks to their calls in time order. What is common is found sooner by looking at the newest calls.
Whatever way is taken, every condition of the query is checked on every call: the way decides how long it takes, never
what is found.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from json import dumps
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection, Row, TextClause, text

from callkit.backends.repositories.sql.rows import milliseconds
from callkit.backends.repositories.sql.tables import calls
from callkit.core.call import Status
from callkit.core.query import OPERATORS, Query, sort_base
from callkit.errors import InvalidQueryError

__all__ = ["LIMITS", "Limits", "Search"]


@frozen
class Limits:
    """How far to go before another way is tried: how many numbers, and how many of the newest calls."""

    numbers: int = 2000
    tiny: int = 400
    wide: int = 40_000


LIMITS = Limits()

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1  # sort keys
_TRIGRAMS = 32  # of a long needle these suffice: what they find is checked
_LAST = "\U0010ffff"  # never part of a number
_FIGURES = ("duration", "silence_share")
_COLUMNS = ", ".join(f"c.{column.name}" for column in calls.c)


@lru_cache(maxsize=1000)
def _statement(sql: str) -> TextClause:
    return text(sql)


@lru_cache(maxsize=1000)
def _of_calls(sql: str) -> Any:
    return text(sql).columns(*calls.c)


@frozen
class _Needle:
    """Part of a number; `ends`: the columns it may be in."""

    name: str
    text: str
    ends: tuple[str, ...] = ("caller_n", "receiver_n")

    @property
    def condition(self) -> str:
        """It is in one of the ends. "+" is only ever a number's first character."""
        return "(" + " OR ".join(f"instr(c.{end}, :{self.name})" for end in self.ends) + ")"

    @property
    def is_anchored(self) -> bool:
        """It begins the number."""
        return self.text.startswith("+")


@frozen
class _Way:
    """Calls by descending sort key.

    Attributes:
        keys: what the sort keys are read from.
        key: the sort key in it.
        where: which of them.
        to_calls: how one gets from them to the calls.
    """

    keys: str
    key: str = "c.pk"
    where: str = "1"
    to_calls: str = ""


_BY_TIME = _Way("callkit_calls c NOT INDEXED")
_BY_STATUS = _Way("callkit_calls c INDEXED BY ix_callkit_calls_unready")
_BY_EXTERNAL_ID = _Way("callkit_calls c INDEXED BY uq_callkit_calls_external_id")
_BY_SHA256 = _Way("callkit_calls c INDEXED BY ix_callkit_calls_sha256")
_BY_TAG = _Way(
    "callkit_call_tags g", "g.pk", "g.tag = :tag0", " CROSS JOIN callkit_calls c ON c.pk = g.pk"
)  # CROSS JOIN: in this order
