"""Stretches of steady tone, of one pitch or two, whatever they mean: ringing, busy, beeps, faxes.

In the spectrum of a tenth of a second such a tone is one line or two, and next to nothing beside them. Where lines stay
in place, the samples are looked at closely: voices and instruments swell and waver, generators do not. Two pitches
less than 35 Hz apart beat like an instrument, and are not found: ringing in Australia, Japan and India.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from callkit.audio.sines import Closeness, Tone, tones_in
from callkit.audio.spectra import BLOCKS_PER_SECOND, Spectrum

__all__ = ["HEARD", "Bursts", "Lines", "Strong"]

Lines = NDArray[np.float64]
"""Shape (blocks, 3): numbers of the bins of two lines, ascending (the same twice if there is one line; 0 if there is no
tone), and the share of the block's power that lies in them."""

HEARD = (100.0, math.inf)
"""Hertz that count for how pure a tone is: what lies below is hum."""

_LOWEST, _HIGHEST = 320.0, 3400.0  # hertz, of lines: lower ones are mostly somebody's voice
_QUIETEST = 10 ** (-55 / 10)
_SPREAD = 3  # bins to either side that belong to a line
_SHARE = 0.8  # of a block's power, in its lines
_STRONGEST = 0.16  # of a block's power, in one bin: two equal lines may lie half-way between two bins each
_SECOND = 0.08  # of a block's power: a second line with less is none
_BEST = (0.97, 0.9)  # of the power of the purest block of a run, if it is the only one, and if it is not
_OVERTONES = ((2, 0.05), (1.5, 0.03), (3, 0.07))  # ratios of two lines that are a voice's or an instrument's
_MARGIN = 0.12  # seconds beside whole blocks of tone in which its edges lie
_PURITY = 0.85
_SWING = 2.2  # decibels
_SWING_OF_ANSWER = 4.0  # decibels: the answering tone of fast modems and faxes swells 15 times a second
_ANSWER = (2080.0, 2120.0)  # hertz
_CLOSELY = Closeness(off=6.0, width=0.02, steady=0.1, purest=_PURITY, shortest=0.15)
_BEATS = 1.2  # in a window, of two pitches


@frozen(eq=False)
class Strong:
    """Of some blocks, those with one bin so strong that they may be tones.

    Attributes:
        count: of all blocks.
        places: numbers of the strong ones.
        rows: their spectra, in the band of tones.
        power: that is heard of them.
    """

    count: int
    places: NDArray[np.int64]
    rows: Spectrum
    power: NDArray[np.float32]


class Bursts:
    """Finds them.

    Args:
        rate: hertz.
        frequencies: of the spectrum's bins, hertz.
    """

    def __init__(self, rate: int, frequencies: NDArray[np.float64]) -> None:
        self._rate, self._frequencies = rate, frequencies
        lowest, highest = np.searchsorted(frequencies, (_LOWEST, _HIGHEST)).tolist()
        self._band = slice(lowest - _SPREAD, min(highest, len(frequencies) - _SPREAD) + _SPREAD)

    def strong(self, spectrum: Spectrum, power: NDArray[np.float32]) -> Strong:
        """The blocks that may be tones; `power` is what is heard of each block."""
        band = spectrum[:, self._band]
        some = np.flatnonzero((band.max(axis=1) > _STRONGEST * power) & (power > _QUIETEST))
        return Strong(len(spectrum), some, band[some], power[some])

    def lines(self, strong: Sequence[Strong]) -> Lines:
        """Of all blocks, weak ones, too."""
        lines = np.zeros((sum(part.count for part in strong), 3))
        offsets = np.cumsum([0, *(part.count for part in strong[:-1])])
        some = np.concatenate([part.places + offset for part, offset in zip(strong, offsets, strict=True)])
        rows, power = (np.concatenate(parts) for parts in zip(*((one.rows, one.power) for one in strong), strict=True))
        first, in_first = _taken(rows)
        second, in_second = _taken(rows)
        alone = in_second < _SECOND * power
        share = (in_first + np.where(alone, 0, in_second)) / power
        pure = share > _SHARE
        second = np.where(alone, first, second)
        both = np.column_stack([np.minimum(first, second), np.maximum(first, second)]) + self._band.start
        lines[some[pure]] = np.column_stack([both, share])[pure]
        return lines

    def __call__(self, samples: NDArray[np.int16], lines: Lines) -> list[Tone]:
        """The bursts in some samples, and in the lines of their blocks."""
        return [burst for run in _runs(lines) for burst in self._look(samples, lines, *run) if _is_steady(burst)]

    def _look(self, samples: NDArray[np.int16], lines: Lines, begin: int, end: int) -> Iterable[Tone]:
        step = self._rate / BLOCKS_PER_SECOND
        first, last, margin = round(begin * step), round(end * step), round(_MARGIN * self._rate)
        start = max(first - margin, 0)
        bins = np.median(lines[begin:end, :2], axis=0).astype(np.int64)
        pitches = tuple(dict.fromkeys(self._frequencies[bins].tolist()))
        beat = 1 / (pitches[1] - pitches[0]) if len(pitches) > 1 else 0.0
        how = evolve(_CLOSELY, width=max(_CLOSELY.width, _BEATS * beat))
        about, around = (first - start, last - start), samples[start : last + margin]
        for tone in tones_in(around, self._rate, pitches, about, how):
            yield evolve(tone, start=tone.start + start / self._rate, end=tone.end + start / self._rate)


def _taken(rows: Spectrum) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The strongest bin of each row, and the power of the line there, which is taken away from the row."""
    strongest = rows[:, _SPREAD:-_SPREAD].argmax(axis=1) + _SPREAD
    line = np.arange(len(rows))[:, None], strongest[:, None] + np.arange(-_SPREAD, _SPREAD + 1)
    powers = rows[line].sum(axis=1)
    rows[line] = 0
    return strongest, powers


def _runs(lines: Lines) -> Iterable[tuple[int, int]]:
    """Blocks whose lines stay in place and may be a generator's: the first, and the one after the last."""
    if not (lines[:, 2] > min(_BEST)).any():
        return
    tone = lines[:, 0] > 0
    apart = ~(tone[1:] & tone[:-1]) | (np.abs(np.diff(lines[:, :2], axis=0)) > 1).any(axis=1)
    begins = np.flatnonzero(tone & np.append(True, apart)[: len(tone)])
    ends = np.flatnonzero(tone & np.append(apart, True)[: len(tone)]) + 1
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        ratio = lines[begin, 1] / lines[begin, 0]
        voice = any(abs(ratio - overtone) < about for overtone, about in _OVERTONES)
        if not voice and lines[begin:end, 2].max() > _BEST[end - begin > 1]:
            yield begin, end


def _is_steady(burst: Tone) -> bool:
    answer = len(burst.pitches) == 1 and _ANSWER[0] < burst.pitches[0] < _ANSWER[1]
    return burst.purity >= _PURITY and burst.swing <= (_SWING_OF_ANSWER if answer else _SWING)
