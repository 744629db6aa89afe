"""Signals of telephone networks for synthetic calls, with what is true of them: keys, ringing, busy, beeps, faxes.

>>> from callkit.testing.factory import make_call
>>> ringing = signals("us ringback", 0.0, 8.0)
>>> pin = keys("1234#", 9.0)
>>> call = make_call(seconds=12, turns=[(1, 6.5, 8.5)], layers=[*ringing.layers, *pin.layers])
>>> [(event.kind, event.start, event.end) for event in ringing.events]
[('ringback', 0.0, 2.0), ('ringback', 6.0, 8.0)]
>>> "".join(event.label for event in pin.events)
'1234#'
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from types import MappingProxyType

import numpy as np
from attrs import frozen

from callkit.core.events import Event, EventKind
from callkit.errors import InvalidCallError
from callkit.testing.dialogue import TICKS
from callkit.testing.factory import Layer
from callkit.testing.voices import Signal, Sound, tone

__all__ = ["SIGNALS", "Rhythm", "Signals", "key", "keys", "signals"]

_KEYS = "123A456B789C*0#D"
_ROWS, _COLUMNS = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)  # Source: ITU-T Q.23

_TINY = 1e-6  # ticks: times are sums of binary fractions

Pulse = tuple[tuple[float, ...], float, float]
"""Pitches in hertz, seconds of tone, seconds of silence behind it."""


@frozen
class Rhythm:
    """A signal of a network: what it means, and its pulses, again and again."""

    kind: EventKind
    pulses: tuple[Pulse, ...]


@frozen
class Signals:
    """Sounds, and what is true of them. Times of events are exact to a sample; pitches of labels to a hertz."""

    layers: tuple[Layer, ...]
    events: tuple[Event, ...]


def _even(kind: EventKind, on: float, off: float, *pitches: float) -> Rhythm:
    return Rhythm(kind, ((pitches, on, off),))


def _double(*pitches: float) -> Rhythm:
    return Rhythm("ringback", ((pitches, 0.4, 0.2), (pitches, 0.4, 2.0)))


def _rising(*pulses: tuple[float, float]) -> Rhythm:
    steps = [((pitch,), duration, 0.0) for pitch, duration in pulses]
    return Rhythm("sit", (*steps[:-1], (*steps[-1][:2], 1.0)))


SIGNALS: Mapping[str, Rhythm] = MappingProxyType(
    {
        "us ringback": _even("ringback", 2.0, 4.0, 440, 480),
        "us busy": _even("busy", 0.5, 0.5, 480, 620),
        "us congestion": _even("congestion", 0.25, 0.25, 480, 620),
        "us dial": _even("dial", math.inf, 0.0, 350, 440),
        "uk ringback": _double(400, 450),
        "uk busy": _even("busy", 0.375, 0.375, 400),
        "uk dial": _even("dial", math.inf, 0.0, 350, 440),
        "eu ringback": _even("ringback", 1.0, 4.0, 425),
        "eu busy": _even("busy", 0.5, 0.5, 425),
        "eu congestion": _even("congestion", 0.25, 0.25, 425),
        "eu dial": _even("dial", math.inf, 0.0, 425),
        "de busy": _even("busy", 0.48, 0.48, 425),
        "de congestion": _even("congestion", 0.24, 0.24, 425),
        "ru ringback": _even("ringback", 0.8, 3.2, 425),
        "ru busy": _even("busy", 0.4, 0.4, 425),
        "es ringback": _even("ringback", 1.5, 3.0, 425),
        "fr ringback": _even("ringback", 1.5, 3.5, 440),
        "fr busy": _even("busy", 0.5, 0.5, 440),
        "cn ringback": _even("ringback", 1.0, 4.0, 450),
        "cn busy": _even("busy", 0.35, 0.35, 450),
        "sit": _rising((950, 0.33), (1400, 0.33), (1800, 0.33)),
        "us intercept": _rising((913.8, 0.274), (1370.6, 0.274), (1776.7, 0.38)),
        "us no circuit": _rising((985.2, 0.38), (1428.5, 0.38), (1776.7, 0.38)),
        "fax calling": _even("fax", 0.5, 3.0, 1100),
        "fax answering": _even("fax", 3.0, math.inf, 2100),
        "recorder": _even("beep", 0.5, 14.5, 1400),
        "voicemail": _even("beep", 0.4, math.inf, 1000),
        "test": _even("tone", math.inf, 0.0, 1004),
    }
)
"""Name: rhythm.

Source: ITU-T E.180/Q.35 Supplement 2 for national tones (425 Hz: most of Europe, Russia, Latin America), E.180 for SIT
(the North American ones: Telcordia SR-2275), T.30 for fax; the recorder's warning: US Federal Standard 1037.
"""


def key(name: str, *, dbfs: float = -16.0, twist: float = 0.0, detuned: float = 0.0) -> Sound:
    """The sound of a key.

    Args:
        name: one of "0" to "9", "*", "#", "A" to "D".
        dbfs: root mean square of both sines together.
        twist: decibels by which the higher is louder than the lower.
        detuned: relative error of both pitches: 0.01 makes them 1 % higher.

    Raises:
        InvalidCallError: no such key.
    """
    place = _KEYS.find(name)
    if place < 0 or len(name) != 1:
        raise InvalidCallError(f"There is no key {name!r}: choose one of {' '.join(_KEYS)}.")
    lower = dbfs - 10 * math.log10(1 + 10 ** (twist / 10))
    pitches = (_ROWS[place // 4] * (1 + detuned), _COLUMNS[place % 4] * (1 + detuned))
    parts = (tone(pitches[0], dbfs=lower), tone(pitches[1], dbfs=lower + twist))

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
        return parts[0](dice, frames, sample_rate) + parts[1](dice, frames, sample_rate)

    return sound


def keys(
    names: str,
    start: float,
    *,
    channel: int = 0,
    duration: float = 0.1,
    pause: float = 0.1,
    dbfs: float = -16.0,
    twist: float = 0.0,
    detuned: float = 0.0,
) -> Signals:
    """Keys pressed one after the other.

    Args:
        names: the keys, see `key`.
        start: seconds.
        channel: 0 for the first.
        duration: seconds that each is held.
        pause: seconds between two.
        dbfs: see `key`, as for the rest.
        twist: decibels.
        detuned: relative.

    Raises:
        InvalidCallError: no such key.
    """
    starts = [start + place * (duration + pause) for place in range(len(names))]
    sounds = [key(name, dbfs=dbfs, twist=twist, detuned=detuned) for name in names]
    layers = [_layer(channel, at, at + duration, sound) for at, sound in zip(starts, sounds, strict=True)]
    events = [Event("dtmf", at, at + duration, channel, name, 1.0) for at, name in zip(starts, names, strict=True)]
    return Signals(tuple(layers), tuple(events))


def signals(
    name: str, start: float, end: float, *, channel: int = 0, dbfs: float = -20.0, detuned: float = 0.0
) -> Signals:
    """A network's signal, from its first pulse on; the last may be cut short.

    Args:
        name: a key of `SIGNALS`.
        start: seconds.
        end: seconds.
        channel: 0 for the first.
        dbfs: root mean square of a pulse.
        detuned: relative error of the pitches.

    Raises:
        InvalidCallError: no such signal.
    """
    if name not in SIGNALS:
        raise InvalidCallError(f"There is no signal {name!r}: choose one of {', '.join(SIGNALS)}.")
    rhythm = SIGNALS[name]
    pulses = list(_pulses(rhythm, start, end))
    layers = [
        _layer(channel, begin, stop, tone(*(pitch * (1 + detuned) for pitch in pitches), dbfs=dbfs))
        for pitches, begin, stop in pulses
    ]
    size = len(rhythm.pulses) if rhythm.kind == "sit" else 1
    groups = [pulses[first : first + size] for first in range(0, len(pulses), size)]
    return Signals(tuple(layers), tuple(_event(rhythm.kind, channel, group) for group in groups))


def _pulses(rhythm: Rhythm, start: float, end: float) -> Iterator[tuple[tuple[float, ...], float, float]]:
    """Pitches, begin and end of each."""
    for pitches, on, off in cycle(rhythm.pulses):
        if start > end - _TINY / TICKS:
            return
        yield pitches, start, min(start + on, end)
        start += on + off


def _event(kind: EventKind, channel: int, pulses: Sequence[tuple[tuple[float, ...], float, float]]) -> Event:
    label = ", ".join("+".join(f"{pitch:.0f}" for pitch in pitches) for pitches, _, _ in pulses)
    return Event(kind, pulses[0][1], pulses[-1][2], channel, f"{label} Hz", 1.0)


def _layer(channel: int, start: float, end: float, sound: Sound) -> Layer:
    """A layer begins and ends on the grid of all layers; the sound in it does so at the very sample."""

    def placed(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
        signal = np.zeros(frames)
        begin, stop = (min(round((time - first) * sample_rate), frames) for time in (start, end))
        signal[begin:stop] = sound(dice, stop - begin, sample_rate)
        return signal

    first, last = math.floor(start * TICKS + _TINY) / TICKS, math.ceil(end * TICKS - _TINY) / TICKS
    return Layer(channel, first, last, placed)
