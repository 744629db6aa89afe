"""What happens on a line besides speech: keys, ringing, busy tones, beeps, faxes, music. `Event`."""

from collections.abc import Iterable
from typing import Literal

from attrs import evolve, frozen

__all__ = ["MASK", "Event", "EventKind", "masked"]

EventKind = Literal["dtmf", "ringback", "busy", "congestion", "dial", "beep", "fax", "sit", "tone", "music"]
"""`beep`: one or two pitches for at most 1.2 s; `tone`: the same, longer; `sit`: the three rising tones before an
announcement that the call failed."""

MASK = "•"
"""Stands for a key that was pressed: it may be part of a card number or a password."""


@frozen
class Event:
    """A signal on one channel.

    Attributes:
        kind: what it is.
        start: seconds from the recording's start.
        end: seconds, half-open.
        channel: 0 for the first channel of the file.
        label: the key of `dtmf` ("0" to "9", "*", "#", "A" to "D"); else the pitches, such as "440+480 Hz".
        confidence: 0 to 1; what else the sound may be lowers it.
    """

    kind: EventKind
    start: float
    end: float
    channel: int
    label: str
    confidence: float

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


def masked(events: Iterable[Event]) -> tuple[Event, ...]:
    """The same events, without the keys that were pressed.

    >>> masked([Event("dtmf", 1.0, 1.1, 0, "7", 0.98)])
    (Event(kind='dtmf', start=1.0, end=1.1, channel=0, label='•', confidence=0.98),)
    """
    return tuple(evolve(event, label=MASK) if event.kind == "dtmf" else event for event in events)
