"""`Answer`: a query with alternatives as several searches, each with an index of its own, and their calls in one."""

from collections.abc import Sequence
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection, Row, text

from callkit.backends.repositories.sql.search import Search
from callkit.backends.repositories.sql.ways import Ways
from callkit.core.query import Query

__all__ = ["Answer"]

_text = lru_cache(text)
_MOST = 16  # searches for one query; alternatives beyond that are looked at call by call


@frozen
class Answer:
    """What a query finds, on a connection whose transaction sees one moment."""

    connection: Connection
    ways: Ways
    query: Query
    before: int | None = None

    def newest(self, count: int) -> Sequence[Row[Any]]:
        """The newest so many rows of `tables.calls`, newest first; fewer only if there are no more."""
        return self._newest(count, only_keys=False)

    def keys(self, count: int) -> Sequence[int]:
        """The sort keys of the newest so many calls, newest first."""
        return [row.pk for row in self._newest(count, only_keys=True)]

    def newest_from(self, place: int, count: int) -> Sequence[Row[Any]]:
        """The same from a place on, 0 being the newest."""
        searches = self._searches(only_keys=False)
        if len(searches) == 1 and searches[0].is_plain:
            return searches[0].newest_from(place, count)
        passed = self.keys(place)
        return evolve(self, before=passed[-1]).newest(count) if len(passed) == place else ()

    def count(self, at_most: int) -> int:
        """How many calls there are, counted up to `at_most`."""
        searches = self._searches(only_keys=True)
        if len(searches) == 1:
            return searches[0].count(at_most)
        return min(at_most, len({row.pk for search in searches for row in search.newest(at_most)}))

    def _newest(self, count: int, *, only_keys: bool) -> Sequence[Row[Any]]:
        found = [search.newest(count) for search in self._searches(only_keys=only_keys)]
        if len(found) == 1:
            return found[0]
        unique = {row.pk: row for row in merge(*found, key=lambda row: -row.pk)}
        return list(islice(unique.values(), count))

    def _searches(self, *, only_keys: bool) -> list[Search]:
        return [
            Search(self.connection, self.ways, query, self.before, only_keys=only_keys)
            for query in self._alternatives()
        ]

    def _alternatives(self) -> list[Query]:
        """Queries of which one must hold; what is too much to be taken apart stays in each of them."""
        if not self.query.any_of:
            return [self.query]
        parts = [evolve(self.query, any_of=())]
        for group in self.query.any_of:
            possible = [one for one in group if self._is_possible(one)]
            if len(possible) * len(parts) <= _MOST:
                parts = [part & one for part in parts for one in possible]
            else:
                parts = [part & Query(any_of=(possible,)) for part in parts]
        return parts

    def _is_possible(self, query: Query) -> bool:
        """False, if it asks for a part of a number that no number has: most words are in nobody's name."""
        if query != Query(numbers=query.numbers) or len(query.numbers) != 1 or len(query.numbers[0]) < 3:
            return True
        [needle] = query.numbers
        if needle.startswith("+"):
            return True
        found = self.connection.execute(_text(self.ways.inside), {**self.ways.sought(needle), "most": 1})
        return found.first() is not None
