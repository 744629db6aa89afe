"""Two repositories that live through the same must never differ: `agree`; and some calls to do it with."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from attrs import evolve

from callkit.backends.repositories.memory import MemoryRepository
from callkit.core.analysis import Results
from callkit.core.call import Call, Recording
from callkit.core.page import Page
from callkit.core.query import Query
from callkit.errors import CallKitError
from callkit.protocols import Repository
from callkit.testing.sayings import empty_results
from callkit.testing.strategies import Story

__all__ = ["NOW", "RECORDING", "NewRepository", "agree", "all_pages", "some_call", "some_results"]

NOW = datetime(2026, 9, 14, 10, tzinfo=UTC)
RECORDING = Recording("ab/call.wav", "call.wav", 44, "ab" * 32, "wav", NOW)

NewRepository = Callable[[], Repository]
"""Makes a new, empty repository."""


def some_call(second: float = 0, **facts: Any) -> Call:
    """A new call that started so many seconds after 10 o'clock."""
    times = {"started_at": NOW + timedelta(seconds=second), "created_at": NOW, "updated_at": NOW}
    return Call(**{"id": uuid4(), **times, **facts})


def some_results(fingerprint: str = "one") -> Results:
    """Of an empty recording."""
    return empty_results(fingerprint)


def agree(repository: Repository, story: Story) -> None:
    """Play a story to an empty repository and to the specification: they must never differ."""
    both = (repository, MemoryRepository())
    kept = [call for call in story.calls if _outcome(both, "add", call) is None]
    for place, changed, results in story.changes if kept else ():
        index = place % len(kept)
        kept[index] = saved = evolve(changed, id=kept[index].id, version=kept[index].version + 1)
        assert _outcome(both, "save", saved, results) is None
    for query, limit in story.searches:
        first, second = (all_pages(one, query, limit) for one in both)
        assert first == second
        _outcome(both, "find", query, limit=limit, order="best")
        assert _outcome(both, "count", query, at_most=limit) == min(limit + 1, sum(map(len, first)))
    for call in story.calls:
        _outcome(both, "get", call.id)
    _outcome(both, "results", [call.id for call in story.calls])


def _outcome(both: Sequence[Repository], method: str, *arguments: object, **options: object) -> Any:
    """What a method gives in both; if it raises, the error's code and words."""
    outcomes = []
    for repository in both:
        try:
            outcomes.append(getattr(repository, method)(*arguments, **options))
        except CallKitError as error:
            outcomes.append((error.code, str(error)))
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


def all_pages(repository: Repository, query: Query, limit: int) -> list[Page]:
    pages = [repository.find(query, limit=limit)]
    while pages[-1].next is not None:
        pages.append(repository.find(query, limit=limit, after=pages[-1].next))
    return pages
