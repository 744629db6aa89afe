"""Keys pressed on a telephone: DTMF digits on one channel.

Three looks, each closer than the one before. Blocks of a tenth of a second in which both groups of pitches are too weak
for a digit are passed over. In the others, windows of 25 ms, two of which fit into the shortest digit, are held against
the eight pitches. What looks like a digit there is fitted with two sines: speech that hits two of the pitches at once
does not hold them, and has harmonics beside them.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from callkit.audio.sines import FULL_SCALE_POWER, Closeness, Tone, tones_in
from callkit.audio.spectra import BLOCKS_PER_SECOND

__all__ = ["COLUMNS", "GROUPS", "ROWS", "Digits", "key_of"]

ROWS = (697.0, 770.0, 852.0, 941.0)
"""Hertz, from the top row of keys to the bottom. Source: ITU-T Q.23."""

COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
"""Hertz, from the left column of keys to the right. Source: ITU-T Q.23."""

GROUPS = ((650.0, 990.0), (1155.0, 1700.0))
"""Hertz that the rows and the columns may fall into, with most of what a short tone spills."""

_KEYS = "123A456B789C*0#D"
_DETUNED = 0.022  # Q.24: within 1.5 % it is a digit, beyond 3.5 % it is none
_QUIETEST_BLOCK = 10 ** (-43 / 10)  # a sine at -33 dBFS for an eighth of the block, less what leaks out of the group
_QUIETEST_SINE = 10 ** (-41 / 10)
_CELLS_PER_SECOND = 80
_SHARE = 0.45  # of a window's energy that the two strongest pitches hold
_ALONE = 0.6  # the same, if no window beside it looks like the key
_TWIST = 10.0  # largest ratio of their powers
_TOGETHER = 2  # cells: windows of one key no farther apart belong to one look
_CLOSELY = Closeness(off=40.0, width=0.0125, steady=0.05, purest=0.3, shortest=0.024)  # bad codecs shorten digits


@frozen
class _Window:
    """Two cells: the number of the first, the number of the key, and the share of the energy in its pitches."""

    cell: int
    key: int
    share: float


class Digits:
    """Finds them.

    Args:
        rate: hertz, 4000 at least.
    """

    def __init__(self, rate: int) -> None:
        self._rate, self._cell = rate, round(rate / _CELLS_PER_SECOND)
        window = np.hamming(2 * self._cell)
        turns = 2 * np.pi / rate * np.outer(ROWS + COLUMNS, np.arange(len(window)))
        basis = np.concatenate([np.cos(turns), np.sin(turns)]) * (window * math.sqrt(2 * len(window)) / window.sum())
        self._basis = np.concatenate(np.split(basis, 2, axis=1)).astype(np.float32)  # a window is two cells

    @staticmethod
    def opened(low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether blocks with such powers in the two groups may hold 12 ms of a digit; in one, half of it lies."""
        return np.asarray((low > _QUIETEST_BLOCK) & (high > _QUIETEST_BLOCK))

    def __call__(self, samples: NDArray[np.int16], opened: NDArray[np.bool_]) -> list[Tone]:
        """The digits in some samples.

        Args:
            samples: one channel.
            opened: for each block of a tenth of a second; what is left of the samples counts as open.
        """
        cells = self._cells(len(samples) // self._cell, opened)
        if len(cells) < 2:
            return []
        runs = [run for run in _runs(self._windows(samples, cells)) if len(run) > 1 or run[0].share > _ALONE]
        return [tone for run in runs for tone in self._look(samples, run) if key_of(tone)]

    def _cells(self, count: int, opened: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Those that lie mostly in open blocks."""
        blocks = (np.arange(count) * self._cell + self._cell // 2) * BLOCKS_PER_SECOND // self._rate
        return np.flatnonzero(np.append(opened, True)[np.minimum(blocks, len(opened))])

    def _windows(self, samples: NDArray[np.int16], cells: NDArray[np.int64]) -> list[_Window]:
        """Those that look like a digit."""
        rows = samples[: len(samples) // self._cell * self._cell].reshape(-1, self._cell)[cells].astype(np.float32)
        halves = self._basis @ rows.T
        phasors = np.square(halves[:16, :-1] + halves[16:, 1:])
        powers = phasors[:8] + phasors[8:]
        energies = np.einsum("ij,ij->i", rows, rows)
        low, high = powers[:4].max(axis=0), powers[4:].max(axis=0)
        weaker, both = np.minimum(low, high), low + high
        shares = both / np.maximum(energies[:-1] + energies[1:], 1.0)
        fits = (shares > _SHARE) & (both < (1 + _TWIST) * weaker) & (np.diff(cells) == 1)
        fits &= weaker > _QUIETEST_SINE * FULL_SCALE_POWER * 2 * self._cell
        found = np.flatnonzero(fits)
        keys = 4 * powers[:4, found].argmax(axis=0) + powers[4:, found].argmax(axis=0)
        return [_Window(*one) for one in zip(cells[found].tolist(), keys.tolist(), shares[found].tolist(), strict=True)]

    def _look(self, samples: NDArray[np.int16], run: Sequence[_Window]) -> Iterable[Tone]:
        """Closely, at windows that seem to hold one key."""
        first, last = run[0].cell * self._cell, (run[-1].cell + 2) * self._cell
        begin = max(first - self._cell, 0)
        pitches = (ROWS[run[0].key // 4], COLUMNS[run[0].key % 4])
        around, about = samples[begin : last + self._cell], (first - begin, last - begin)
        for tone in tones_in(around, self._rate, pitches, about, _CLOSELY):
            yield evolve(tone, start=tone.start + begin / self._rate, end=tone.end + begin / self._rate)


def _runs(windows: Iterable[_Window]) -> list[list[_Window]]:
    """Windows of one key, near to each other."""
    runs: list[list[_Window]] = []
    for window in windows:
        if runs and window.key == runs[-1][-1].key and window.cell - runs[-1][-1].cell <= _TOGETHER:
            runs[-1].append(window)
        else:
            runs.append([window])
    return runs


def key_of(tone: Tone) -> str | None:
    """The key of a digit; None if the tone is no digit.

    The pitches must be right. Speech that resembles a digit is less pure, but the more so the shorter it is, and its
    upper pitch is mostly weaker: a tone is asked for more purity if it is short or its sines differ in level.
    Source: ITU-T Q.24 for tolerances; purity by measurement on eight hours of speech in five languages.
    """
    if len(tone.pitches) != 2:
        return None
    row, column = _nearest(tone.pitches[0], ROWS), _nearest(tone.pitches[1], COLUMNS)
    if row is None or column is None or min(tone.powers) <= 0:
        return None
    twist = abs(10 * math.log10(tone.powers[1] / tone.powers[0]))
    asked = 0.5 + 0.04 * max(twist - 3, 0) + 12 * max(0.045 - tone.duration, 0)
    return _KEYS[4 * row + column] if tone.purity >= asked else None


def _nearest(pitch: float, nominal: tuple[float, ...]) -> int | None:
    near = [place for place, one in enumerate(nominal) if abs(pitch / one - 1) <= _DETUNED]
    return near[0] if near else None
