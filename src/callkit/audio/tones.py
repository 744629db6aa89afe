"""Signals on a line that are no speech: keys, ringing, busy tones, beeps, faxes. `Tones` finds them on one channel."""

import math
from collections.abc import Iterable

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from callkit.audio.bursts import HEARD, Bursts, Lines, Strong
from callkit.audio.cadences import named
from callkit.audio.dtmf import GROUPS, Digits, key_of
from callkit.audio.energy import FRAMES_PER_SECOND
from callkit.audio.sines import Tone
from callkit.audio.spectra import BLOCKS_PER_SECOND, Spectra, Spectrum
from callkit.audio.speech import Runs, covered
from callkit.core.events import Event

__all__ = ["Tones", "tone_runs"]

_LOWEST_RATE = 4000  # hertz: twice the highest pitch of a key, and some more
_AT_ONCE = 1 << 19  # samples looked at together: a minute of a telephone call
_AGAIN = 5  # blocks that are looked at with the next samples, too: the longest digit or pulse that must be seen whole
_TOUCHING = 0.01  # seconds
_NEAR = 4  # of the last tones may be the same as a new one
_SAME = 0.03  # pitches so near to each other, relatively, are those of one tone
_MARGIN = 2  # frames beside a tone in which levels, which are means of five frames, hear it, too


@frozen(eq=False)
class _Heard:
    samples: NDArray[np.int16]
    opened: NDArray[np.bool_]
    strong: Strong


@frozen(eq=False)
class _Looked:
    samples: NDArray[np.int16]
    opened: NDArray[np.bool_]
    lines: Lines


class Tones:
    """Feed it whole seconds of one channel, then `finish()` it with what is left.

    Args:
        rate: hertz; below 4000 nothing is found.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        frequencies = np.asarray(Spectra(max(rate, _LOWEST_RATE)).frequencies, np.float64)
        self._find_digits, self._find_bursts = Digits(rate), Bursts(rate, frequencies)
        within = [(frequencies >= lowest) & (frequencies <= highest) for lowest, highest in (*GROUPS, HEARD)]
        self._bands = np.column_stack(within).astype(np.float32)
        self._digits: list[Tone] = []
        self._bursts: list[Tone] = []
        self._waiting: list[_Heard] = []
        self._size = 0  # samples waiting
        self._again = _Looked(np.empty(0, np.int16), np.empty(0, np.bool_), np.empty((0, 3)))
        self._block = 0  # number of the first block that is looked at again

    def feed(self, samples: NDArray[np.int16], spectrum: Spectrum) -> None:
        """Whole seconds of samples, and their spectra."""
        if self._rate < _LOWEST_RATE:
            return
        low, high, heard = (spectrum @ self._bands).T
        opened, strong = self._find_digits.opened(low, high), self._find_bursts.strong(spectrum, heard)
        self._waiting.append(_Heard(samples.copy(), opened, strong))
        self._size += len(samples)
        if self._size >= _AT_ONCE:
            self._look()

    def finish(self, samples: NDArray[np.int16], spectrum: Spectrum) -> None:
        """What is left: less than a second, and the spectra of its whole blocks."""
        self.feed(samples, spectrum)
        if self._waiting:
            self._look()

    def events(self, channel: int) -> tuple[Event, ...]:
        """All that was found, by time; to be called once everything was heard."""
        keys = [(one, str(key_of(one))) for one in self._digits]
        digits = [Event("dtmf", one.start, one.end, channel, key, round(one.purity, 2)) for one, key in keys]
        others = [burst for burst in self._bursts if key_of(burst) is None]
        return tuple(sorted([*digits, *named(others, channel)], key=lambda event: (event.start, event.end)))

    def _look(self) -> None:
        """At what was heard since the last look, and once more at the end of what was heard before."""
        again = self._again
        samples = np.concatenate([again.samples, *(part.samples for part in self._waiting)])
        opened = np.concatenate([again.opened, *(part.opened for part in self._waiting)])
        lines = np.concatenate([again.lines, self._find_bursts.lines([part.strong for part in self._waiting])])
        begin = self._sample(self._block)
        _add(self._digits, self._find_digits(samples, opened), begin / self._rate)
        _add(self._bursts, self._find_bursts(samples, lines), begin / self._rate)
        self._block += max(len(opened) - _AGAIN, 0)
        kept = self._sample(self._block) - begin
        self._again = _Looked(samples[kept:].copy(), opened[-_AGAIN:].copy(), lines[-_AGAIN:].copy())
        self._waiting, self._size = [], 0

    def _sample(self, block: int) -> int:
        return block * self._rate // BLOCKS_PER_SECOND


def _add(heard: list[Tone], more: Iterable[Tone], begin: float) -> None:
    """To the tones heard so far; what was cut in two, or heard twice, becomes one."""
    for tone in sorted(more, key=lambda tone: tone.start):
        new = evolve(tone, start=tone.start + begin, end=tone.end + begin)
        near = range(max(len(heard) - _NEAR, 0), len(heard))
        same = next((place for place in near if _continues(new, heard[place])), None)
        if same is None:
            heard.append(new)
        else:
            old = heard[same]
            longer = max(old, new, key=lambda tone: tone.duration)
            heard[same] = evolve(longer, start=min(old.start, new.start), end=max(old.end, new.end))


def _continues(new: Tone, old: Tone) -> bool:
    if len(new.pitches) != len(old.pitches) or new.start > old.end + _TOUCHING or old.start > new.end:
        return False
    return all(abs(one / other - 1) < _SAME for one, other in zip(new.pitches, old.pitches, strict=True))


def tone_runs(events: Iterable[Event], channel: int) -> Runs:
    """The frames of a channel in which such a signal sounds, so that their level says nothing of speech.

    Args:
        events: of any channels.
        channel: whose runs are asked for.
    """
    own = [event for event in events if event.channel == channel]
    starts = [max(math.floor(event.start * FRAMES_PER_SECOND) - _MARGIN, 0) for event in own]
    ends = [math.ceil(event.end * FRAMES_PER_SECOND) + _MARGIN for event in own]
    return covered([np.array([run], np.int64) for run in zip(starts, ends, strict=True)], 1)
