"""`Search`: the way through the indexes that finds the newest calls of a query soonest, in SQLite.

Numbers repeat, so a part of a number is looked up among the distinct numbers (by trigrams), and from those one walks
to their calls. What is common is found sooner among the newest calls. Whichever way is taken, every condition is
checked on every call: the way decides how long it takes, never what is found.
"""

from collections.abc import Sequence
from functools import lru_cache
from json import dumps
from typing import Any, ClassVar

from attrs import evolve, frozen
from sqlalchemy import Connection, Row, text

from callkit.backends.repositories.sql.conditions import Needle, conditions, needles, span
from callkit.backends.repositories.sql.tables import calls
from callkit.core.call import Status
from callkit.core.query import Query

__all__ = ["Limits", "Search"]


@frozen
class Limits:
    """When to try another way.

    Attributes:
        numbers: more numbers are common ones; a quarter of them is looked up in a first try.
        tiny: the newest so many calls are looked through before anything else.
        wide: so many later on; a fifth if the numbers are common, none if they have no more calls than an eighth.
    """

    numbers: int = 2000
    tiny: int = 400
    wide: int = 40_000


@frozen
class Way:
    """Calls by descending sort key.

    Attributes:
        keys: what the sort keys are read from.
        where: which of them.
        key: the sort key in it.
        to_calls: how one gets from there to the calls. CROSS JOIN: in this order.
        least: the lowest key. Of two lower bounds SQLite may seek one and test the other on every row.
    """

    keys: str
    where: str = "1"
    key: str = "c.pk"
    to_calls: str = ""
    least: str = ":since"


_BY_TIME = Way("callkit_calls c NOT INDEXED")
_BY_EXTERNAL_ID = Way("callkit_calls c INDEXED BY uq_callkit_calls_external_id", "c.external_id = :external_id")
_BY_SHA256 = Way("callkit_calls c INDEXED BY ix_callkit_calls_sha256", "c.recording_sha256 = :sha256")
_BY_TAG = Way("callkit_call_tags g", "g.tag = :tag0", "g.pk", " CROSS JOIN callkit_calls c ON c.pk = g.pk")
_UNREADY = "callkit_calls c INDEXED BY ix_callkit_calls_unready"

_OF_NUMBERS = """
    SELECT DISTINCT x.pk FROM json_each(:nids) j CROSS JOIN callkit_call_numbers x ON x.nid = j.value
    WHERE x.pk < :before AND x.pk >= """
_NEWEST_OF_EACH = """max(:since, coalesce((
        SELECT y.pk FROM callkit_call_numbers y WHERE y.nid = j.value AND y.pk < :before
        ORDER BY y.pk DESC LIMIT 1 OFFSET :count - 1), :since))
    ORDER BY x.pk DESC LIMIT :count"""

_HAVE_MORE = f"{_OF_NUMBERS.replace('DISTINCT ', '')}:since LIMIT 1 OFFSET :few"


def _by_numbers(sql: str) -> Way:
    return Way(f"({sql}) g", key="g.pk", to_calls=" CROSS JOIN callkit_calls c ON c.pk = g.pk")


_BY_NUMBERS = _by_numbers(_OF_NUMBERS + ":since")
_BY_NEWEST_OF_EACH_NUMBER = _by_numbers(_OF_NUMBERS + _NEWEST_OF_EACH)

_BEGINNING = "SELECT nid FROM callkit_numbers WHERE num >= :needle AND num < :end LIMIT :most"
_INSIDE = """
    SELECT n.nid FROM callkit_numbers_fts f CROSS JOIN callkit_numbers n ON n.nid = f.rowid
    WHERE callkit_numbers_fts MATCH :trigrams AND instr(n.num, :needle) LIMIT :most"""
_AFTER_ALL = "\U0010ffff"  # sorts behind whatever a number is made of
_TRIGRAMS = 32  # of a long needle so many will do
_LONG = 8  # characters: who begins a number with so many has few numbers in mind

_COLUMNS = ", ".join(f"c.{column.name}" for column in calls.c)


@lru_cache(maxsize=1000)
def _statement(sql: str, gives_calls: bool) -> Any:
    return text(sql).columns(*calls.c) if gives_calls else text(sql)


class Search:
    """One search, on a connection whose transaction sees one moment."""

    limits: ClassVar = Limits()

    def __init__(self, connection: Connection, query: Query, before: int | None = None) -> None:
        self._connection = connection
        self._needles = needles(query)
        found = list(conditions(query))
        self._where = [condition.sql for condition in found]
        self._values: dict[str, Any] = span(query, before)
        for condition in found:
            self._values |= condition.values
        self._way = _way(query)

    def newest(self, count: int) -> Sequence[Row[Any]]:
        """The newest so many rows of `tables.calls`, newest first; fewer only if there are no more."""
        if not self._is_worth_a_look_up():
            return self._rows(self._way, count)
        return self._by_numbers(count)

    def count(self, at_most: int) -> int:
        """How many calls there are, counted up to `at_most`."""
        way = self._way
        if self._is_worth_a_look_up() and (nids := self._numbers(self.limits.numbers)) is not None:
            way, self._values["nids"] = _BY_NUMBERS, dumps(nids)
        select = f"SELECT count(*) FROM (SELECT 1 FROM {self._from(way)} LIMIT :count)"
        return int(self._run(select, count=at_most).scalar_one())

    def _is_worth_a_look_up(self) -> bool:
        known = self._way in (_BY_EXTERNAL_ID, _BY_SHA256)  # few calls anyway
        return not known and any(map(_has_index, self._needles))

    def _by_numbers(self, count: int) -> Sequence[Row[Any]]:
        if not self._is_exact():
            rows, is_all = self._window(self.limits.tiny, count)
            if is_all:
                return rows
        nids = self._numbers(self.limits.numbers // 4)
        if nids is None and (near := self.limits.wide // 5) > self.limits.tiny:  # common: most likely near, too
            rows, is_all = self._window(near, count)
            if is_all:
                return rows
        nids = self._numbers(self.limits.numbers) if nids is None else nids
        return self._rows(self._way, count) if nids is None else self._of_numbers(nids, count)

    def _of_numbers(self, nids: Sequence[int], count: int) -> Sequence[Row[Any]]:
        self._values["nids"] = dumps(nids)
        if not nids or self._is_only_a_number():
            return self._rows(_BY_NEWEST_OF_EACH_NUMBER, count) if nids else []
        if self._run(_HAVE_MORE, few=self.limits.wide // 8).first():
            rows, is_all = self._window(self.limits.wide, count)
            if is_all:
                return rows
        return self._rows(_BY_NUMBERS, count)

    def _is_only_a_number(self) -> bool:
        """Nothing else is asked for: of each number, the newest calls suffice."""
        return len(self._where) == 1 and len(self._needles[0].ends) == 2

    def _is_exact(self) -> bool:
        """Too rare to be met among the newest calls."""
        needle = self._needles[0]
        return self._is_only_a_number() and needle.is_anchored and len(needle.text) >= _LONG

    def _window(self, reach: int, count: int) -> tuple[Sequence[Row[Any]], bool]:
        """What the newest `reach` calls on the way give, and whether that is the answer."""
        way = self._way
        keys = f"SELECT {way.key} FROM {way.keys} WHERE {self._within(way)}"
        floor = self._run(f"{keys} ORDER BY {way.key} DESC LIMIT 1 OFFSET :reach", reach=reach - 1).scalar()
        if floor is None:
            return self._rows(way, count), True
        rows = self._rows(evolve(way, least=":floor"), count, floor=floor)
        return rows, len(rows) == count

    def _numbers(self, most: int) -> list[int] | None:
        """The numbers of the rarest needle; None if all have more. A needle without numbers is the rarest."""
        found = [self._with(needle, most) for needle in self._needles if _has_index(needle)]
        rare = [nids for nids in found if len(nids) <= most]
        return min(rare, key=len) if rare else None

    def _with(self, needle: Needle, most: int) -> list[int]:
        values: dict[str, Any] = {"needle": needle.text, "most": most + 1}
        if needle.is_anchored:
            return list(self._run(_BEGINNING, end=needle.text + _AFTER_ALL, **values).scalars())
        return list(self._run(_INSIDE, trigrams=_trigrams(needle.text), **values).scalars())

    def _rows(self, way: Way, count: int, **values: Any) -> Sequence[Row[Any]]:
        select = f"SELECT {_COLUMNS} FROM {self._from(way)} ORDER BY {way.key} DESC LIMIT :count"
        rows: Sequence[Row[Any]] = self._run(select, gives_calls=True, count=count, **values).all()
        return rows

    def _from(self, way: Way) -> str:
        return f"{way.keys}{way.to_calls} WHERE {' AND '.join([self._within(way), *self._where])}"

    def _within(self, way: Way) -> str:
        return f"{way.where} AND {way.key} < :before AND {way.key} >= {way.least}"

    def _run(self, sql: str, *, gives_calls: bool = False, **values: Any) -> Any:
        return self._connection.execute(_statement(sql, gives_calls), self._values | values)


def _way(query: Query) -> Way:
    """The one index that leaves the fewest calls, guessed by what it is over."""
    if query.external_id is not None:
        return _BY_EXTERNAL_ID
    if query.sha256:
        return _BY_SHA256
    if query.unclaimed_at:
        return Way(_UNREADY, "c.status = 'processing' AND c.status <> 'ready'")
    if query.statuses and Status.READY not in query.statuses:
        names = ", ".join(f":status{place}" for place in range(len(query.statuses)))
        return Way(_UNREADY, f"c.status IN ({names}) AND c.status <> 'ready'")  # SQLite must be told
    return _BY_TAG if query.tags else _BY_TIME


def _has_index(needle: Needle) -> bool:
    return needle.is_anchored or len(needle.text) >= 3


def _trigrams(needle: str) -> str:
    """What the full-text index is asked; quoting makes its operators harmless."""
    parts = dict.fromkeys(needle[place : place + 3] for place in range(len(needle) - 2))
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in list(parts)[:_TRIGRAMS])
