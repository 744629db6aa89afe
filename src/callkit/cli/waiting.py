"""Waiting for many calls, without asking for all of them all the time."""

from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from time import monotonic, sleep
from typing import TYPE_CHECKING
from uuid import UUID

from callkit.cli.output import complain
from callkit.core.call import Status
from callkit.errors import RunnerError
from callkit.kit import pauses
from callkit.protocols import HasBacklog

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["Waiting"]

_BREATH = 0.1  # seconds between looks: who asks all the time takes a processor from those who work
_ENOUGH = 8  # that are still worked on: those behind them are hardly done
_WINDOW = 32  # work is done in about the order in which it came, so the first ones are worth a look


class Waiting:
    """Calls that are worked on. `done(n)` is told whenever n more are not."""

    def __init__(self, kit: "CallKit", done: Callable[[int], None], *, patience: float = 5.0) -> None:
        self._kit = kit
        self._done = done
        self._patience = patience
        self._pending: dict[UUID, None] = {}
        self._next_look = 0.0
        self._wondered = False

    def add(self, call_id: UUID) -> None:
        """One more."""
        self._pending[call_id] = None

    def glance(self) -> None:
        """Look, if the last look was a while ago."""
        if monotonic() >= self._next_look:
            self.look()

    def look(self) -> bool:
        """Ask for some of them, the oldest first; whether any was done."""
        finished, left = 0, list[UUID]()
        for call_id in list(islice(self._pending, _WINDOW)):
            del self._pending[call_id]
            if self._kit.get(call_id).status is not Status.PROCESSING:
                finished += 1
            else:
                left.append(call_id)
            if len(left) == _ENOUGH:
                break
        # a window in which nothing happens goes to the end, so that no stuck call hides what the others do
        self._pending = dict.fromkeys([*left, *self._pending] if finished else [*self._pending, *left])
        self._done(finished)
        self._next_look = monotonic() + (_BREATH if left else 0.0)
        return finished > 0

    def _wonder(self) -> None:
        """Say once that perhaps nobody works: the first who waits for workers elsewhere has started none."""
        if isinstance(getattr(self._kit, "runner", None), HasBacklog) and not self._wondered:
            complain(f"nothing was done for a while, {len(self._pending)} calls wait: is `callkit worker` running?")
            self._wondered = True

    def to_the_end(self) -> None:
        """Until none is left."""
        self.until_below(1)

    def until_below(self, count: int) -> None:
        """Until fewer are left. Nothing done for a while: perhaps another process died over them, so sweep."""
        since, naps = monotonic(), pauses(None)
        while len(self._pending) >= count:
            if self.look():
                since, naps = monotonic(), pauses(None)
                sleep(max(0.0, self._next_look - monotonic()))
            elif monotonic() - since < self._patience:
                sleep(next(naps))
            else:
                with suppress(RunnerError):  # a broker that is away may come back
                    self._kit.sweep(grace=None)
                self._wonder()
                # a sweep submits all that waits once more: rarer and rarer, for perhaps it just takes long
                since, self._patience = monotonic(), min(2 * self._patience, 60.0)
