"""What a repository may do faster than by its own seven methods, and what is done if it can't."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable
from uuid import UUID

from attrs import evolve

from callkit.core.analysis import Results
from callkit.core.page import Page
from callkit.core.query import Query
from callkit.protocols import Repository

__all__ = ["FindsAtOffset", "SkipsWords", "find_at", "results_without_words"]

_STEP = 500  # calls that are passed over at once


@runtime_checkable
class FindsAtOffset(Protocol):
    """An optional power of a repository: to pass over calls without reading them."""

    def find_at(self, query: Query, offset: int, *, limit: int = 20) -> Page:
        """The page of `find` that begins behind the newest `offset` calls."""


@runtime_checkable
class SkipsWords(Protocol):
    """An optional power of a repository: not to read the words of transcripts, which are many."""

    def results_without_words(self, call_ids: Sequence[UUID]) -> Mapping[UUID, Results]:
        """As `results`, but the segments of transcripts have no words."""


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


def results_without_words(repository: Repository, call_ids: Sequence[UUID]) -> Mapping[UUID, Results]:
    """See `SkipsWords`; if need be, the words are taken away."""
    if isinstance(repository, SkipsWords):
        return repository.results_without_words(call_ids)
    return {call_id: _without_words(found) for call_id, found in repository.results(call_ids).items()}


def _without_words(found: Results) -> Results:
    if found.transcript is None:
        return found
    segments = tuple(evolve(segment, words=()) for segment in found.transcript.segments)
    return evolve(found, transcript=evolve(found.transcript, segments=segments))
