"""What happened when: lanes of marks along the time of a call."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import attrgetter

from attrs import frozen

from callkit.core.events import Event, masked
from callkit.core.intervals import Interval
from callkit.report.subject import Subject

__all__ = ["EVENT_NAMES", "Lane", "Mark", "clock", "lanes", "moments"]

EVENT_NAMES = {
    "dtmf": "key",
    "ringback": "ringing",
    "busy": "busy tone",
    "congestion": "congestion tone",
    "dial": "dial tone",
    "beep": "beep",
    "fax": "fax",
    "sit": "failed-call tones",
    "tone": "tone",
    "music": "music",
}
"""In words, by the kind of an event."""

_APART = 3.0  # seconds; keys pressed closer together are one number


@frozen
class Mark:
    """Something from `start` to `end`, in seconds.

    Attributes:
        start: seconds from the recording's start.
        end: seconds.
        label: what it is, in words.
        party: whose; None: everybody's.
        kind: of the event that it is, see `EVENT_NAMES`; "" if it is none.
    """

    start: float
    end: float
    label: str
    party: int | None = None
    kind: str = ""


@frozen
class Lane:
    """Marks of one sort, in order."""

    name: str
    marks: tuple[Mark, ...]
    party: int | None = None


def lanes(subject: Subject) -> tuple[Lane, ...]:
    """Speech of each party, then what the parties do together, then signals; lanes with nothing in them, too."""
    conversation, names = subject.analysis.conversation, subject.names
    turns = [Mark(it.start, it.end, f"turn of {names[it.party]}", it.party) for it in conversation.turns or ()]
    return (
        *(
            Lane(name, _marks(speech, f"{name} speaks", party), party)
            for party, (name, speech) in enumerate(zip(names, subject.speech, strict=True))
        ),
        Lane("turns", tuple(turns)),
        Lane("overlap", _marks(conversation.overlaps, "overlap")),
        Lane("interruptions", tuple(_interruptions(subject))),
        Lane("dead air", _marks(conversation.dead_air, "dead air")),
        Lane("hold", _marks(conversation.hold, "hold")),
        Lane("events", tuple(_events(subject))),
    )


def moments(subject: Subject) -> tuple[Mark, ...]:
    """What somebody may want to listen to, in order of start: interruptions, dead air, hold, signals, lost sound."""
    wanted = [lane for lane in lanes(subject) if lane.name in {"interruptions", "dead air", "hold", "events"}]
    found = [mark for lane in wanted for mark in lane.marks]
    return tuple(sorted([*found, *_flagged(subject)], key=attrgetter("start", "end")))


def _marks(intervals: Iterable[Interval] | None, label: str, party: int | None = None) -> tuple[Mark, ...]:
    return tuple(Mark(start, end, label, party) for start, end in intervals or ())


def _interruptions(subject: Subject) -> Iterator[Mark]:
    for it in subject.analysis.conversation.interruptions or ():
        by, of = subject.names[it.by], subject.names[it.of]
        yield Mark(it.start, it.end, f"{by} interrupts {of}{' and goes on' if it.took_floor else ''}", it.by)


def _events(subject: Subject) -> Iterator[Mark]:
    """Keys are counted, never told."""
    events = masked(subject.analysis.events)
    for channel, name in enumerate(subject.names):
        own = sorted([it for it in events if it.channel == channel], key=attrgetter("start"))
        for group in _grouped(own):
            last = group[-1]
            pressed = f"{len(group)} keys" if len(group) > 1 else EVENT_NAMES["dtmf"]
            label = pressed if last.kind == "dtmf" else _words(last)
            yield Mark(group[0].start, last.end, f"{label} from {name}", channel, last.kind)


def _words(event: Event) -> str:
    return f"{EVENT_NAMES[event.kind]} ({event.label})" if event.label else EVENT_NAMES[event.kind]


def _grouped(events: list[Event]) -> Iterator[list[Event]]:
    """Keys that follow each other are one; anything else stands alone."""
    group = events[:1]
    for before, event in pairwise(events):
        if before.kind == event.kind == "dtmf" and event.start - before.end < _APART:
            group.append(event)
        else:
            yield group
            group = [event]
    if group:
        yield group


def _flagged(subject: Subject) -> Iterator[Mark]:
    """When what is wrong with the recording is, if it is not all the time."""
    health = subject.analysis.health
    for flag in health.flags if health else ():
        place = "" if flag.channel is None else f" from {subject.names[flag.channel]}"
        yield from _marks(flag.intervals, f"{flag.code.replace('_', ' ')}{place}", flag.channel)


def clock(seconds: float, decimals: int = 1) -> str:
    """1:02:05.5, or without hours 2:05.5.

    >>> clock(3725.52), clock(59.96), clock(62.0, 0)
    ('1:02:05.5', '1:00.0', '1:02')
    """
    scale = 10**decimals
    whole, rest = divmod(round(seconds * scale), scale)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    return f"{text}.{rest:0{decimals}}" if decimals else text
