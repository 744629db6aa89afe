"""What bursts of tone mean: pitch, length and rhythm give them a name.

These are ranges, not a list of countries: what differs between countries lies within them. Where one rhythm has two
meanings the more common one is taken: quick pulses are congestion, though in Brazil and Spain they are the busy tone.

Source: ITU-T E.180/Q.35 and its Supplement 2 for ringing, busy, congestion, dial and special information tones; ITU-T
T.30 and V.25 for fax.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from callkit.audio.sines import Tone
from callkit.core.events import Event, EventKind

__all__ = ["named"]

_SAME = 0.015  # relative: pitches so near are those of one signal
_PROGRESS = (390.0, 490.0)  # hertz, of ringing, busy and dial tones, one pitch or two
_BUSY = ((470.0, 490.0), (607.0, 633.0))  # North America has pitches of its own for it
_DIAL = ((325.0, 357.0), (431.0, 449.0))  # and so have the dial tones of North America, Britain and France
_PULSE = (0.12, 0.85)  # seconds, of the pauses of busy tones
_EVEN = (0.6, 1.67)  # ratio of their pauses to their pulses
_BUSY_PERIOD = 0.55  # seconds from pulse to pulse; quicker ones are congestion
_LONGEST_RING = 2.6  # seconds; longer ones are dial tones
_SHORT_RING = (0.3, 0.5)  # seconds, of double rings
_SHORT_PAUSE = (0.15, 0.3)  # seconds, within double rings
_LONG_PAUSE = (1.8, 6.5)  # seconds, between rings
_LONE_RING = 0.7  # seconds: a shorter burst of one pitch alone may be anything
_SIT = ((890.0, 1010.0), (1340.0, 1460.0), (1740.0, 1860.0))
_SIT_PULSE = (0.2, 0.45)  # seconds
_SIT_GAP = 0.06  # seconds
_CALLING_FAX, _CALLING_PULSE = (1060.0, 1140.0), (0.4, 0.6)
_ANSWERING_FAX, _ANSWERING_PULSE = (2080.0, 2120.0), (1.0, 5.0)
_PURITY: dict[EventKind, float] = {"beep": 0.92, "tone": 0.92}  # what has no other mark of a signal may be music
_BEEP = 1.2  # seconds: what is longer is a tone

_Range = tuple[float, float]

_Pause = tuple[float, float]
"""Seconds between two bursts of the same pitches, and of the longer of the two."""


def named(bursts: Iterable[Tone], channel: int) -> list[Event]:
    """The events that bursts of one channel are; the three tones of a SIT are one, each other burst is one."""
    triples, rest = _special(sorted(bursts, key=lambda burst: burst.start))
    found = [_event("sit", 0.95, triple, channel) for triple in triples]
    for series in _by_pitch(rest):
        pauses = [(after.start - one.end, max(one.duration, after.duration)) for one, after in pairwise(series)]
        for place, burst in enumerate(series):
            kind, sure = _meaning(burst, pauses[max(place - 1, 0) : place + 1])
            if burst.purity >= _PURITY.get(kind, 0.0):
                found.append(_event(kind, sure, [burst], channel))
    return found


def _special(bursts: Sequence[Tone]) -> tuple[list[Sequence[Tone]], list[Tone]]:
    """The triples of special information tones, and the other bursts."""
    triples: list[Sequence[Tone]] = []
    rest: list[Tone] = []
    place = 0
    while place < len(bursts):
        triple = bursts[place : place + 3]
        if _is_special(triple):
            triples.append(triple)
            place += 3
        else:
            rest.append(bursts[place])
            place += 1
    return triples, rest


def _is_special(triple: Sequence[Tone]) -> bool:
    if len(triple) < 3 or any(after.start - one.end > _SIT_GAP for one, after in pairwise(triple)):
        return False
    return all(_are(one, pitch) and _in(one.duration, _SIT_PULSE) for one, pitch in zip(triple, _SIT, strict=True))


def _by_pitch(bursts: Iterable[Tone]) -> list[list[Tone]]:
    series: list[list[Tone]] = []
    for burst in bursts:
        same = next((one for one in series if _alike(one[-1], burst)), None)
        if same is None:
            series.append([burst])
        else:
            same.append(burst)
    return series


def _alike(one: Tone, other: Tone) -> bool:
    if len(one.pitches) != len(other.pitches):
        return False
    return all(abs(pitch / its - 1) < _SAME for pitch, its in zip(one.pitches, other.pitches, strict=True))


def _meaning(burst: Tone, pauses: Sequence[_Pause]) -> tuple[EventKind, float]:
    """Kind and certainty of a burst, from the pauses before and behind it."""
    if _are(burst, *_DIAL):
        return "dial", 0.95
    if _are(burst, *_BUSY) or _are(burst, _PROGRESS) or _are(burst, _PROGRESS, _PROGRESS):
        return _progress(burst, pauses)
    if _are(burst, _CALLING_FAX) and _in(burst.duration, _CALLING_PULSE):
        return "fax", 0.9
    if _are(burst, _ANSWERING_FAX) and _in(burst.duration, _ANSWERING_PULSE):
        return "fax", 0.95
    return ("beep", 0.9) if burst.duration <= _BEEP else ("tone", 0.9)


def _progress(burst: Tone, pauses: Sequence[_Pause]) -> tuple[EventKind, float]:
    """Of the tones that tell the caller how the call gets on."""
    pulses = [pause + pulse for pause, pulse in pauses if _in(pause, _PULSE) and _in(pause / pulse, _EVEN)]
    if pulses or _are(burst, *_BUSY):
        period = min(pulses, default=2 * burst.duration)
        return ("busy" if period >= _BUSY_PERIOD else "congestion"), (0.95 if pulses else 0.8)
    if burst.duration > _LONGEST_RING:
        return "dial", 0.9
    if any(_is_between_rings(*pause) for pause in pauses):
        return "ringback", 0.95
    if len(burst.pitches) > 1 and burst.duration >= _SHORT_RING[0]:
        return "ringback", 0.85
    return ("ringback", 0.7) if burst.duration >= _LONE_RING else ("beep", 0.6)


def _is_between_rings(pause: float, longer: float) -> bool:
    return _in(pause, _LONG_PAUSE) or (_in(pause, _SHORT_PAUSE) and _in(longer, _SHORT_RING))


def _are(burst: Tone, *pitches: _Range) -> bool:
    if len(pitches) != len(burst.pitches):
        return False
    return all(_in(pitch, wanted) for pitch, wanted in zip(burst.pitches, pitches, strict=True))


def _in(value: float, limits: _Range) -> bool:
    return limits[0] <= value <= limits[1]


def _event(kind: EventKind, sure: float, bursts: Sequence[Tone], channel: int) -> Event:
    """From the first to the last burst."""
    label = ", ".join("+".join(str(round(pitch)) for pitch in burst.pitches) for burst in bursts)
    confidence = round(sure * min(burst.purity for burst in bursts), 2)
    return Event(kind, bursts[0].start, bursts[-1].end, channel, f"{label} Hz", confidence)
