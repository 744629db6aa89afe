"""`Desk`: where messages become tasks."""

import os
from collections.abc import Callable

from attrs import define, field

from callkit.kit import CallKit
from callkit.protocols import Message, Task
from callkit.settings import Settings, load

__all__ = ["Desk", "TaskOf"]

TaskOf = Callable[[Message], Task]
"""Makes a task from its message: `Desk.task`, or another one in tests."""


@define
class Desk:
    """The kit of each process that works: neither connections nor file systems survive a fork.

    Attributes:
        settings: None: what files and environment say when the first message comes.
    """

    settings: Settings | None = None
    _kits: dict[int, CallKit] = field(factory=dict)

    @property
    def kit(self) -> CallKit:
        """That of this process."""
        found = self._kits.get(os.getpid())
        return found or self._kits.setdefault(os.getpid(), (self.settings or load()).open_kit())

    def task(self, message: Message) -> Task:
        """See `CallKit.task`."""
        return self.kit.task(message)

    def timeout(self) -> float:
        """Seconds that a task may take."""
        return float(getattr(self.kit.runner, "timeout", 600.0))
