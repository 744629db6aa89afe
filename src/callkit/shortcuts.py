"""What a repository may do faster than by its own seven methods, and what is done if it can't."""

from typing import Protocol, runtime_checkable
from uuid import UUID

from attrs import evolve

from callkit.core.analysis import Results
from callkit.core.call import Call
from callkit.core.page import Page
from callkit.core.query import Query
from callkit.protocols import Repository

__all__ = ["FindsAtOffset", "LooksAtOne", "find_at", "look"]

_STEP = 500  # calls that are passed over at once


@runtime_checkable
class FindsAtOffset(Protocol):
    """An optional power of a repository: to pass over calls without reading them."""

    def find_at(self, query: Query, offset: int, *, limit: int = 20) -> Page:
        """The page of `find` that begins behind the newest `offset` calls."""


@runtime_checkable
class LooksAtOne(Protocol):
    """An optional power of a repository: to read a call and what was measured at once."""

    def look(self, call_id: UUID, *, words: bool = True) -> tuple[Call, Results | None]:
        """As `get` and `results`; without `words`, which are many, the segments of a transcript have none."""


def find_at(repository: Repository, query: Query, offset: int, limit: int) -> Page:
    """See `FindsAtOffset`; page by page, if need be."""
    if isinstance(repository, FindsAtOffset) and offset:
        return repository.find_at(query, offset, limit=limit)
    after = None
    while offset:
        step = min(offset, _STEP)
        passed = repository.find(query, limit=step, after=after)
        if passed.next is None:
            return Page(())
        after, offset = passed.next, offset - step
    return repository.find(query, limit=limit, after=after)


def look(repository: Repository, call_id: UUID, *, words: bool) -> tuple[Call, Results | None]:
    """See `LooksAtOne`; if need be, by one after the other, and the words are taken away."""
    if isinstance(repository, LooksAtOne):
        return repository.look(call_id, words=words)
    call, found = repository.get(call_id), repository.results([call_id]).get(call_id)
    return call, _without_words(found) if found and not words else found


def _without_words(found: Results) -> Results:
    if found.transcript is None:
        return found
    segments = tuple(evolve(segment, words=()) for segment in found.transcript.segments)
    return evolve(found, transcript=evolve(found.transcript, segments=segments))
