"""Waiting for many calls, without asking for all of them all the time."""

from collections.abc import Callable
from itertools import islice
from time import monotonic, sleep
from typing import TYPE_CHECKING
from uuid import UUID

from callkit.core.call import Status
from callkit.kit import pauses

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["Waiting"]

_WINDOW = 32  # work is done in about the order in which it came, so the first ones are worth a look


class Waiting:
    """Calls that are worked on. `done(n)` is told whenever n more are not."""

    def __init__(self, kit: "CallKit", done: Callable[[int], None], *, patience: float = 5.0) -> None:
        self._kit = kit
        self._done = done
        self._patience = patience
        self._pending: dict[UUID, None] = {}

    def add(self, call_id: UUID) -> None:
        """One more."""
        self._pending[call_id] = None

    def look(self) -> bool:
        """Ask for some of them, the oldest first; whether any was done."""
        window = list(islice(self._pending, _WINDOW))
        for call_id in window:
            del self._pending[call_id]
        left = [call_id for call_id in window if self._kit.get(call_id).status is Status.PROCESSING]
        finished = len(window) - len(left)
        # a window in which nothing happens goes to the end, so that no stuck call hides what the others do
        self._pending = dict.fromkeys([*left, *self._pending] if finished else [*self._pending, *left])
        self._done(finished)
        return finished > 0

    def to_the_end(self) -> None:
        """Until none is left. Nothing done for a while: perhaps another process died over them, so sweep."""
        since, naps = monotonic(), pauses(None)
        while self._pending:
            if self.look():
                since, naps = monotonic(), pauses(None)
            elif monotonic() - since < self._patience:
                sleep(next(naps))
            else:
                self._kit.sweep(grace=None)
                # a sweep submits all that waits once more: rarer and rarer, for perhaps it just takes long
                since, self._patience = monotonic(), min(2 * self._patience, 60.0)
