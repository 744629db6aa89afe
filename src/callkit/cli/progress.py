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

    def advance(self, steps: int) -> None:
        """So many more are done."""


class Unseen:
    """Nobody is looking."""

    def advance(self, steps: int) -> None:
        """Say nothing."""


@frozen
class Seen:
    """A bar in a terminal."""

    bar: "rich.Progress"
    task: "rich.TaskID"

    def advance(self, steps: int) -> None:
        """Draw it."""
        self.bar.advance(self.task, steps)


@contextmanager
def progress(total: int, *, wanted: bool) -> Iterator[Progress]:
    """A bar for so many files while the block runs; nothing at all if stderr is no terminal."""
    if not wanted or not sys.stderr.isatty():
        yield Unseen()
        return
    from rich import progress as rich  # 0.1 s that only a bar is worth

    columns = (rich.TextColumn("measuring"), rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn())
    with rich.Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        yield Seen(bar, bar.add_task("", total=total))
