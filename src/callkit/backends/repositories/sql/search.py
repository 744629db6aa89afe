"""`Search`: the way through the indexes that finds the newest calls of a query soonest.

Numbers repeat, so a part of a number is looked up among the distinct numbers (by trigrams), and from those one walks
to their calls; what was said is looked up among words. What is common is found sooner among the newest calls. Whichever
way is taken, every condition is checked on every call: the way decides how long it takes, never what is found.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from attrs import evolve
from sqlalchemy import Connection, Row, bindparam, text

from callkit.backends.repositories.sql.columns import MOMENT
from callkit.backends.repositories.sql.conditions import Needle, conditions, needles, span
from callkit.backends.repositories.sql.gathered import gathered, rows_in
from callkit.backends.repositories.sql.tables import calls
from callkit.backends.repositories.sql.ways import Limits, Way, Ways
from callkit.core.call import Status
from callkit.core.query import Query

__all__ = ["Search"]


_AFTER_ALL = "\U0010ffff"  # sorts behind whatever a number is made of
_LONG = 8  # characters: who begins a number with so many has few numbers in mind
_LONG_INSIDE = 4  # the same of characters in its middle
_ALL = 1 << 31  # more calls than there are
_COMMON = 3  # calls among the very newest that have the words

_COLUMNS = ", ".join(f"c.{column.name}" for column in calls.c)
_NOW = re.compile(r":(\w*now)\b")


@lru_cache(maxsize=1000)
def _statement(sql: str, gives_calls: bool) -> Any:
    statement = text(sql).bindparams(*(bindparam(name, type_=MOMENT) for name in set(_NOW.findall(sql))))
    return statement.columns(*calls.c) if gives_calls else statement


class Search:
    """One search, on a connection whose transaction sees one moment."""

    for_tests: ClassVar[Limits | None] = None

    def __init__(
        self, connection: Connection, ways: Ways, query: Query, before: int | None = None, *, only_keys: bool = False
    ) -> None:
        self._connection = connection
        self._ways = ways
        self._only_keys = only_keys
        self.limits = self.for_tests or ways.limits
        self._needles = needles(query)
        found = list(conditions(query, ways.contains))
        self._where = [condition.sql for condition in found]
        self._values: dict[str, Any] = span(query, before)
        for condition in found:
            self._values |= condition.values
        self._has_words = bool(query.phrases)
        if self._has_words:
            self._values |= ways.phrases(query)
        self._way = _way(ways, query)
        self._unlocked = ways.unlocked if query.unclaimed_at else ""

    def newest(self, count: int) -> Sequence[Row[Any]]:
        """The newest so many rows of `tables.calls`, newest first; fewer only if there are no more.

        With `only_keys` the rows hold nothing but `pk`.
        """
        if self._is_known():
            return self._rows(self._way, count)
        if self._has_words:
            return self._by_words(count)
        return self._by_numbers(count) if any(map(_has_index, self._needles)) else self._rows(self._way, count)

    @property
    def is_plain(self) -> bool:
        """Its way is known without a look at what there is."""
        return self._is_known() or not (self._has_words or any(map(_has_index, self._needles)))

    def newest_from(self, place: int, count: int) -> Sequence[Row[Any]]:
        """Of a plain search: the same from a place on, 0 being the newest. Of what is passed over no row is made."""
        way = self._way
        keys = f"SELECT c.pk FROM {self._from(way)} ORDER BY {way.key} DESC LIMIT :count OFFSET :place"
        select = f"SELECT {_COLUMNS} FROM ({keys}) k JOIN callkit_calls c ON c.pk = k.pk ORDER BY k.pk DESC"
        return self._calls(select, count=count, place=place)

    def count(self, at_most: int) -> int:
        """How many calls there are, counted up to `at_most`."""
        way = self._way
        if not self._is_known():
            way = self._numbers_with_at_most(self.limits.wide // 8 if self._has_words else None) or (
                self._ways.by_words if self._has_words else way
            )
        select = f"SELECT count(*) FROM (SELECT 1 FROM {self._from(way)} LIMIT :count)"
        return int(self._run(select, count=at_most).scalar_one())

    def _is_known(self) -> bool:
        """Few calls are on the way anyway."""
        return self._way in (self._ways.by_external_id, self._ways.by_sha256)

    # ---- by what was said

    def _by_words(self, count: int) -> Sequence[Row[Any]]:
        speech = self._ways.by_speech
        if speech is not None and (rows := self._among_newest(speech, count)):
            return rows
        if narrow := next(self._narrow(self.limits.wide // 40), None):
            return self._rows(narrow, count)
        if speech is not None and (rows := self._if_rare(self.limits.wide // 20, count)) is not None:
            return rows
        if way := self._numbers_with_at_most(self.limits.wide // 8):  # some calls; they may hardly ever have the words
            met = None if speech else self._window(self.limits.wide // 8, count, self._ways.by_words)
            return met or self._rows(way, count)
        for reach in (self.limits.wide // 10, self.limits.wide) if speech is not None else ():
            if reach and (rows := self._window(reach, count, speech)):
                return rows
        return self._rows(self._ways.by_words_in_order, count, few=_ALL)

    def _if_rare(self, few: int, count: int) -> Sequence[Row[Any]] | None:
        """The answer, if so few calls have the words."""
        if rows := self._rows(self._ways.by_words_in_order, count, few=few):
            return rows
        return [] if self._has_at_most(few, self._ways.by_words) else None

    def _among_newest(self, way: Way, count: int) -> Sequence[Row[Any]] | None:
        """The answer, if its words are so common that it is met soon: how common, the very newest calls tell."""
        met = self._rows_within(self.limits.tiny, count, way)
        if len(met) == count:
            return met
        return self._window(2 * self.limits.tiny * count // len(met), count, way) if len(met) >= _COMMON else None

    def _narrow(self, few: int) -> Iterator[Way]:
        """Ways that leave so few calls that looking at all of them is quick."""
        if way := self._numbers_with_at_most(few):
            yield way
        known = self._ways.by_speech is not None  # the database itself knows how common words, tags and statuses are
        is_indexed = self._way is not self._ways.by_time
        if is_indexed and (known or self._has_at_most(few, self._way)):
            yield self._ways.with_words(self._way, self._within(self._way))
        is_alone = not is_indexed and not any(map(_has_index, self._needles))
        if not known and (is_alone or self._has_at_most(few, self._ways.by_words)):
            yield self._ways.by_words

    def _has_at_most(self, few: int, way: Way) -> bool:
        one_more = f"SELECT 1 FROM {way.keys} WHERE {self._within(way)} LIMIT 1 OFFSET :few"
        return self._run(one_more, few=few).first() is None

    def _numbers_with_at_most(self, calls: int | None) -> Way | None:
        """The way by the numbers, if they are few and have so few calls."""
        if (nids := self._numbers(self.limits.numbers)) is None:
            return None
        self._values["nids"] = self._ways.nids(nids)
        if not self._has_words:
            return self._ways.by_numbers
        have_more = calls is not None and self._run(self._ways.have_more, few=calls).first()
        return None if have_more else self._ways.by_numbers_with_words

    # ---- by numbers

    def _by_numbers(self, count: int) -> Sequence[Row[Any]]:
        if not self._is_exact() and (rows := self._window(self.limits.tiny, count)):
            return rows
        common = all(map(_is_short, self._needles))
        if common and (rows := self._near(count)):
            return rows
        few = self.limits.numbers // 4
        if rows := self._at_once(few, count):
            return rows
        nids = self._numbers(few)
        if nids is None and not common and (rows := self._near(count)):
            return rows
        nids = self._numbers(self.limits.numbers) if nids is None else nids
        return self._rows(self._way, count) if nids is None else self._of_numbers(nids, count)

    def _near(self, count: int) -> Sequence[Row[Any]] | None:
        """The answer, if the numbers are common ones: most likely they are near, too."""
        near = self.limits.wide // 5
        return self._window(near, count) if near > self.limits.tiny else None

    def _at_once(self, most: int, count: int) -> Sequence[Row[Any]]:
        """The answer, if it takes one statement only; nothing may mean that there are too many numbers."""
        if self._ways.at_once is None or not self._is_only_a_number():
            return []
        sql, values = self._look_up(self._needles[0])
        way = evolve(self._ways.by_numbers, keys=f"({self._ways.at_once.format(numbers=sql)}) g")
        return self._rows(way, count, most=most + 1, **values)

    def _of_numbers(self, nids: Sequence[int], count: int) -> Sequence[Row[Any]]:
        self._values["nids"] = self._ways.nids(nids)
        if not nids or self._is_only_a_number():
            return self._rows(self._ways.by_newest_of_each_number, count) if nids else []
        have_more = self._run(self._ways.have_more, few=self.limits.wide // 8).first()
        if have_more and (rows := self._window(self.limits.wide, count)):
            return rows
        return self._rows(self._ways.by_numbers, count)

    def _is_only_a_number(self) -> bool:
        """Nothing else is asked for: of each number, the newest calls suffice."""
        return len(self._where) == 1 and len(self._needles) == 1 and len(self._needles[0].ends) == 2

    def _is_exact(self) -> bool:
        """Too rare to be met among the newest calls."""
        needle = self._needles[0]
        return self._is_only_a_number() and len(needle.text) >= (_LONG if needle.is_anchored else _LONG_INSIDE)

    def _numbers(self, most: int) -> list[int] | None:
        """The numbers of the rarest needle; None if all have more. A needle without numbers is the rarest."""
        found = [self._with(needle, most) for needle in self._needles if _has_index(needle)]
        rare = [nids for nids in found if len(nids) <= most]
        return min(rare, key=len) if rare else None

    def _with(self, needle: Needle, most: int) -> list[int]:
        sql, values = self._look_up(needle)
        return list(self._run(sql, most=most + 1, **values).scalars())

    def _look_up(self, needle: Needle) -> tuple[str, Mapping[str, Any]]:
        """The statement that gives the numbers with this needle, and its values."""
        if needle.is_anchored:
            return self._ways.beginning, {"needle": needle.text, "end": needle.text + _AFTER_ALL}
        return self._ways.inside, self._ways.sought(needle.text)

    # ---- on a way

    def _window(self, reach: int, count: int, way: Way | None = None) -> Sequence[Row[Any]] | None:
        """The answer, if the newest `reach` calls on the way hold it."""
        rows = self._rows_within(reach, count, way or self._way)
        return rows if len(rows) == count else None

    def _rows_within(self, reach: int, count: int, way: Way) -> Sequence[Row[Any]]:
        edge = (
            f"SELECT {way.key} FROM {way.keys} WHERE {self._within(way)} ORDER BY {way.key} DESC LIMIT 1 OFFSET :reach"
        )
        return self._rows(evolve(way, least=f"coalesce(({edge}), :since)"), count, reach=reach - 1)

    def _rows(self, way: Way, count: int, **values: Any) -> Sequence[Row[Any]]:
        columns = "c.pk" if self._only_keys else _COLUMNS
        select = f"SELECT {columns} FROM {self._from(way)} ORDER BY {way.key} DESC LIMIT :count{self._unlocked}"
        if not self._only_keys:
            return self._calls(select, count=count, **values)
        rows: Sequence[Row[Any]] = self._run(select, count=count, **values).all()
        return rows

    def _calls(self, select: str, **values: Any) -> Sequence[Row[Any]]:
        if self._ways.gathers:
            return rows_in(self._run(gathered(select), **values).scalar_one())
        rows: Sequence[Row[Any]] = self._run(select, gives_calls=True, **values).all()
        return rows

    def _from(self, way: Way) -> str:
        return f"{way.keys}{way.to_calls} WHERE {' AND '.join([self._within(way), way.test, *self._where])}"

    def _within(self, way: Way) -> str:
        return f"{way.where} AND {way.key} < :before AND {way.key} >= {way.least}"

    def _run(self, sql: str, *, gives_calls: bool = False, **values: Any) -> Any:
        return self._connection.execute(_statement(sql, gives_calls), self._values | values)


def _way(ways: Ways, query: Query) -> Way:
    """The one index that leaves the fewest calls, guessed by what it is over."""
    if query.external_id is not None:
        return ways.by_external_id
    if query.sha256:
        return ways.by_sha256
    if query.unclaimed_at:
        return _also(ways.unready, "c.status = 'processing'")
    if query.statuses and Status.READY not in query.statuses:
        names = ", ".join(f":status{place}" for place in range(len(query.statuses)))
        return _also(ways.unready, f"c.status IN ({names})")
    return ways.by_tag if query.tags else ways.by_time


def _also(way: Way, where: str) -> Way:
    return evolve(way, where=f"{where} AND {way.where}")


def _is_short(needle: Needle) -> bool:
    """Many numbers hold it, most likely."""
    return len(needle.text) <= (5 if needle.is_anchored else 3)


def _has_index(needle: Needle) -> bool:
    return needle.is_anchored or len(needle.text) >= 3
