"""Calls in memory: the specification of a repository, for tests and small scripts."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from threading import Lock
from typing import NoReturn
from uuid import UUID

from attrs import evolve

from callkit.core.analysis import Results
from callkit.core.call import Call, Status
from callkit.core.page import BEST_OF, TIES, Order, Page, cursor, cursor_key, sort_base
from callkit.core.passages import Passage, passages
from callkit.core.query import Query, matches
from callkit.core.said import Said, said_in
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
        self._said: dict[UUID, Said] = {}

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
            if call.status is Status.ERASED or results is not None:
                self._results.pop(call.id, None)
                self._said.pop(call.id, None)
            if call.status is not Status.ERASED and results is not None:
                self._results[call.id] = results
                if said := said_in(results):
                    self._said[call.id] = said

    def find(self, query: Query, *, limit: int = 20, after: str | None = None, order: Order = "newest") -> Page:
        """See `callkit.protocols.Repository.find`."""
        with self._lock:
            end = len(self._order) if after is None else bisect_left(self._order, cursor_key(after))
            hits = (key for key in reversed(self._order[:end]) if self._matches(query, self._ids[key]))
            keys = list(islice(hits, limit + 1 if order == "newest" else BEST_OF))
            if order == "best":
                keys = sorted(keys, key=lambda key: (-self._score(query, self._ids[key]), -key))[:limit]
            calls = tuple(self._calls[self._ids[key]] for key in keys[:limit])
            shown = {call.id: self._passages(query, call.id) for call in calls if call.id in self._said}
        following = cursor(keys[limit - 1]) if len(keys) > limit else None
        return Page(calls, following, {call_id: found for call_id, found in shown.items() if found})

    def _matches(self, query: Query, call_id: UUID) -> bool:
        return matches(query, self._calls[call_id], self._said.get(call_id))

    def _score(self, query: Query, call_id: UUID) -> float:
        return self._said[call_id].score(query.mentioned) if call_id in self._said else 0.0

    def _passages(self, query: Query, call_id: UUID) -> tuple[Passage, ...]:
        transcript = self._results[call_id].transcript
        return passages(self._said[call_id], query.mentioned, transcript.segments) if transcript else ()

    def count(self, query: Query, *, at_most: int = 1000) -> int:
        """See `callkit.protocols.Repository.count`."""
        with self._lock:
            return sum(1 for _ in islice((c for c in self._calls if self._matches(query, c)), at_most + 1))

    def results(self, call_ids: Sequence[UUID]) -> Mapping[UUID, Results]:
        """See `callkit.protocols.Repository.results`."""
        return {call_id: self._results[call_id] for call_id in call_ids if call_id in self._results}

    def changed(self, since: datetime, *, limit: int = 500) -> Sequence[Call]:
        """See `callkit.changes.TellsChanges.changed`."""
        with self._lock:
            found = [call for call in self._calls.values() if call.updated_at >= since]
        return sorted(found, key=lambda call: call.updated_at)[:limit]

    def close(self) -> None:
        """Nothing to let go of."""

    def __reduce__(self) -> NoReturn:
        """It can't travel."""
        raise SettingsError(
            "A MemoryRepository can't be sent to another process: use a SqlRepository, or a runner in this process."
        )
