"""How things look in a terminal: times, lengths, shares, and the heat strip in its colours."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from attrs import frozen
from rich.console import Console
from rich.text import Text

from callkit.cli.output import plain
from callkit.core.analysis import Party
from callkit.core.call import Call, Status
from callkit.report.strip import ASCII, blocks, glyphs_for, loudest, merged, shares

__all__ = ["Look", "length", "percent", "style_of"]

_CHANNEL_STYLES = ("cyan", "yellow", "magenta", "green")
_STATUS_STYLES = {Status.READY: "green", Status.FAILED: "bold red", Status.PROCESSING: "blue"}


@frozen
class Look:
    """What depends on the terminal and the person in front of it."""

    console: Console
    zone: tzinfo

    @property
    def glyphs(self) -> str:
        """What strips are drawn with."""
        return glyphs_for(self.console.encoding)

    @property
    def arrow(self) -> str:
        """From caller to receiver."""
        return ">" if self.glyphs == ASCII else "→"

    def clock(self, moment: datetime, pattern: str = "%Y-%m-%d %H:%M") -> str:
        """A time as people write it."""
        return moment.astimezone(self.zone).strftime(pattern)

    def ends(self, call: Call) -> str:
        """Who called whom, as far as it is known; numbers as they came."""
        return f"{plain(call.caller) or '?'} {self.arrow} {plain(call.receiver) or '?'}"

    def status(self, call: Call) -> Text:
        """The status and, on the same line, why a call failed."""
        status = Text(call.status, style=_STATUS_STYLES.get(call.status, ""), no_wrap=True, overflow="ellipsis")
        return status.append(f": {plain(call.failure.message)}", style="default") if call.failure else status

    def strip(self, parties: Sequence[Party], duration: float, cells: int) -> Text:
        """When anybody speaks, in one row; the colour is that of the channel that speaks most."""
        together = merged(stretch for party in parties for stretch in party.speech)
        who = loudest([shares(party.speech, duration, cells) for party in parties])
        strip = Text()
        for character, row in zip(blocks(shares(together, duration, cells), self.glyphs), who, strict=True):
            strip.append(character, style="dim" if row is None else style_of(parties[row].channel))
        return strip


def style_of(channel: int) -> str:
    """The colour of a channel."""
    return _CHANNEL_STYLES[channel % len(_CHANNEL_STYLES)]


def length(seconds: float | None) -> str:
    """1:29 or 1:02:05; empty if it is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(part: float, whole: float) -> str:
    """A share in whole percent; nothing of nothing is 0 %."""
    return f"{part / whole if whole else 0:.0%}"
