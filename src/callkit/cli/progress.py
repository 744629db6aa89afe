"""A progress bar on stderr, if somebody is looking."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from callkit.cli.output import console

if TYPE_CHECKING:
    from rich import progress as rich

__all__ = ["Progress", "progress"]


class Progress(Protocol):
    """What wants to know how far the work is."""

    def advance(self, steps: float) -> None:
        """So many more are done."""


class Unseen:
    """Nobody is looking."""

    def advance(self, steps: float) -> None:
        """Say nothing."""


@frozen
class Seen:
    """A bar in a terminal."""

    bar: "rich.Progress"
    task: "rich.TaskID"

    def advance(self, steps: float) -> None:
        """Draw it."""
        self.bar.advance(self.task, steps)


@contextmanager
def progress(total: float, *, wanted: bool, doing: str = "measuring", unit: str = "") -> Iterator[Progress]:
    """A bar for so many files while the block runs; nothing at all if stderr is no terminal.

    Args:
        total: how many.
        wanted: no bar without.
        doing: what the bar says.
        unit: of what is counted, if it is not files.
    """
    if not wanted or not sys.stderr.isatty():
        yield Unseen()
        return
    from rich import progress as rich  # 0.1 s that only a bar is worth

    count = rich.TextColumn(f"{{task.completed:.0f}}/{{task.total:.0f}} {unit}".rstrip())
    columns = (rich.TextColumn(doing), rich.BarColumn(), count, rich.TimeRemainingColumn())
    with rich.Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        yield Seen(bar, bar.add_task("", total=total))
