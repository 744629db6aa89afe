"""Calls in memory: the specification of a repository, for tests and small scripts."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from itertools import islice
from threading import Lock
from typing import NoReturn
from uuid import UUID

from attrs import evolve

from callkit.core.analysis import Results
from callkit.core.call import Call, Status
from callkit.core.page import TIES, Page, cursor, cursor_key, sort_base
from callkit.core.query import Query, matches
from callkit.errors import CallExistsError, CallNotFoundError, InvalidCallError, SettingsError, StaleCallError

__all__ = ["MemoryRepository"]


class MemoryRepository:
    """Calls in this process, forgotten when it ends. Every other repository must behave as this one does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._order: list[int] = []  # sort keys, ascending
        self._ids: dict[int, UUID] = {}
        self._calls: dict[UUID, Call] = {}
        self._taken: set[tuple[str, str]] = set()
        self._results: dict[UUID, Results] = {}

    def add(self, call: Call) -> None:
        """See `callkit.protocols.Repository.add`."""
        with self._lock:
            if call.id in self._calls or (call.source, call.external_id) in self._taken:
                raise CallExistsError(call.source, call.external_id)
            key = self._free_key(call)
            insort(self._order, key)
            self._ids[key] = call.id
            self._taken.add((call.source, call.external_id))
            self._calls[call.id] = call

    def _free_key(self, call: Call) -> int:
        base = sort_base(call.started_at)
        place = bisect_left(self._order, base + TIES)
        key = max(base, self._order[place - 1] + 1) if place else base
        if key == base + TIES:
            raise InvalidCallError(f"More than {TIES} calls start at {call.started_at.isoformat()}.")
        return key

    def get(self, call_id: UUID) -> Call:
        """See `callkit.protocols.Repository.get`."""
        try:
            return self._calls[call_id]
        except KeyError:
            raise CallNotFoundError(str(call_id)) from None

    def save(self, call: Call, results: Results | None = None) -> None:
        """See `callkit.protocols.Repository.save`."""
        with self._lock:
            kept = self.get(call.id)
            if kept.version != call.version - 1:
                raise StaleCallError(str(call.id), call.version)
            facts = ("started_at", "source", "external_id", "created_at")
            self._calls[call.id] = evolve(call, **{name: getattr(kept, name) for name in facts})
            if call.status is Status.ERASED:
                self._results.pop(call.id, None)
            elif results is not None:
                self._results[call.id] = results

    def find(self, query: Query, *, limit: int = 20, after: str | None = None) -> Page:
        """See `callkit.protocols.Repository.find`."""
        with self._lock:
            end = len(self._order) if after is None else bisect_left(self._order, cursor_key(after))
            hits = (key for key in reversed(self._order[:end]) if matches(query, self._calls[self._ids[key]]))
            keys = list(islice(hits, limit + 1))
            calls = tuple(self._calls[self._ids[key]] for key in keys[:limit])
        return Page(calls, cursor(keys[limit - 1]) if len(keys) > limit else None)

    def count(self, query: Query, *, at_most: int = 1000) -> int:
        """See `callkit.protocols.Repository.count`."""
        with self._lock:
            return sum(1 for _ in islice((c for c in self._calls.values() if matches(query, c)), at_most + 1))

    def results(self, call_ids: Sequence[UUID]) -> Mapping[UUID, Results]:
        """See `callkit.protocols.Repository.results`."""
        return {call_id: self._results[call_id] for call_id in call_ids if call_id in self._results}

    def close(self) -> None:
        """Nothing to let go of."""

    def __reduce__(self) -> NoReturn:
        """It can't travel."""
        raise SettingsError(
            "A MemoryRepository can't be sent to another process: use a SqlRepository, or a runner in this process."
        )
