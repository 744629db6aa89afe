"""Calls as a table."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attrs import frozen
from rich.console import RenderableType
from rich.table import Table

from callkit.cli.lines import batches
from callkit.cli.look import Look, length, percent
from callkit.cli.output import draw
from callkit.core.analysis import Analysis
from callkit.core.call import Call

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["CallTable"]

_CELLS = 24
_FEWEST_CELLS = 8
_REST = 86  # columns of a terminal that all but the id and the strip want
_ID = 38


@frozen
class CallTable:
    """A row for each call. A narrow terminal gets fewer columns; with `ids` each row begins with the call's id."""

    look: Look
    ids: bool = False

    def draw(self, kit: "CallKit", calls: Iterable[Call]) -> None:
        """On stdout."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        self._add_columns(table)
        for some in batches(calls):
            results = kit.results_of(some)
            for call in some:
                found = results.get(call.id)
                table.add_row(*self._row(call, found.analysis if found else None))
        draw(table, self.look.console)

    @property
    def _room(self) -> int:
        """How many columns of the terminal are left for the strip; below 0 the rest has to be cut."""
        return self.look.console.width - _REST - (_ID if self.ids else 0)

    @property
    def _cells(self) -> int:
        return min(_CELLS, self._room) if self._room >= _FEWEST_CELLS else 0

    def _add_columns(self, table: Table) -> None:
        if self.ids:
            table.add_column("id", no_wrap=True, min_width=36)
        table.add_column("started", no_wrap=True, min_width=16)
        table.add_column(f"caller {self.look.arrow} receiver", overflow="fold")
        table.add_column("length", no_wrap=True, justify="right")
        if self._room >= 0:
            table.add_column("channels", no_wrap=True, justify="right")
        table.add_column("talk", no_wrap=True, justify="right")
        table.add_column("silence", no_wrap=True, justify="right")
        if self._cells:
            table.add_column("speech", no_wrap=True, min_width=self._cells)
        table.add_column("status")

    def _row(self, call: Call, found: Analysis | None) -> Iterator[RenderableType]:
        if self.ids:
            yield str(call.id)
        yield self.look.clock(call.started_at)
        yield self.look.ends(call)
        yield length(call.duration)
        if self._room >= 0:
            yield str(found.channels) if found else ""
        yield _talk(found) if found else ""
        yield "" if call.silence_share is None else percent(call.silence_share, 1)
        if self._cells:
            yield self.look.strip(found.parties, found.duration, self._cells) if found else ""
        yield self.look.status(call)


def _talk(found: Analysis) -> str:
    """Of each party, or once for all where nobody can be told apart."""
    parties = found.parties if found.separable else found.parties[:1]
    return "/".join(percent(party.talk_time, found.duration) for party in parties)
