"""What changed lately: asked by whoever tells others, such as `GET /events`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from callkit.core.call import Call
from callkit.protocols import Repository

__all__ = ["TellsChanges", "changed"]


@runtime_checkable
class TellsChanges(Protocol):
    """An optional power of a repository: which calls were saved lately."""

    def changed(self, since: datetime, *, limit: int = 500) -> Sequence[Call]:
        """The calls whose `updated_at` is `since` or later, in this order; each as it is now, so at most once."""


def changed(repository: Repository, since: datetime, limit: int) -> Sequence[Call]:
    """What a repository tells; nothing, if it can't."""
    return repository.changed(since, limit=limit) if isinstance(repository, TellsChanges) else ()
