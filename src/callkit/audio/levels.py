"""Levels of one channel: energy, offset, peaks and clipping, second by second."""

import math
from array import array

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Cells, Floats, boundaries, sums
from callkit.audio.offset import Offsets, energies_about, offsets_of, without_offset
from callkit.audio.peaks import PEAKS_PER_SECOND
from callkit.audio.reader import Block
from callkit.audio.speech import Levels

__all__ = ["ChannelLevels", "dbfs"]

_FULL_SCALE_POWER = 32768.0**2
_LEAST_POWER = _FULL_SCALE_POWER * 1e-12  # -120 dBFS, the level of digital silence


def dbfs(power: float) -> float:
    """The level of a mean square of 16-bit samples: 0 dBFS at 32768 squared, at least -120.

    >>> dbfs(16384.0**2)
    -6.02
    """
    return round(10 * math.log10(max(power, _LEAST_POWER) / _FULL_SCALE_POWER), 2)


class ChannelLevels:
    """Feed it whole seconds, then `finish()` it with what is left.

    Both give the samples back without their offset, in memory that the next samples overwrite.

    Levels and `energy` are those of the samples without offset, peaks and clipping those of the samples as they are.

    Args:
        rate: hertz.
        rails: the smallest and the largest sample that the codec can hold.
        cells: sums of squares for 10 ms frames; channels may share one.

    Attributes:
        total: the sum of all samples, offset included.
        energy: the sum of their squares.
        peak: the largest deviation from zero.
        clipped: how many are at the rails.
    """

    def __init__(self, rate: int, rails: tuple[int, int], cells: Cells) -> None:
        self._rate, self._rails, self._cells = rate, rails, cells
        self._sizes = np.diff(boundaries(rate, FRAMES_PER_SECOND))
        self._offset: Offsets | None = None  # of the last second
        self._scratch: Block = np.empty(0, np.int16)
        self._levels = array("h")  # grows in place: a list of small arrays would take twice the memory
        self._peaks = array("h")
        self.total = self.energy = 0.0
        self.peak = 0
        self.clipped = 0

    def feed(self, samples: Block) -> Block:
        """Whole seconds of samples, contiguous."""
        totals, squares = (part.reshape(-1, FRAMES_PER_SECOND) for part in self._cells.moments(samples))
        offsets = offsets_of(totals, squares, self._sizes)
        centred = self._add_levels(samples, offsets, totals, squares, self._sizes)
        self._offset = offsets[-1:] if len(offsets) else self._offset
        step, odd = divmod(self._rate, PEAKS_PER_SECOND)
        if odd or not step:
            for second in samples.reshape(-1, self._rate):
                self._feed_unevenly(second)
        else:
            rows = samples.reshape(-1, step)
            self._add_peaks(rows.min(1), rows.max(1), samples)
        return centred

    def finish(self, samples: Block) -> Block:
        """What is left: less than a second, too short to tell an offset if there was one before."""
        if not len(samples):
            return samples
        edges = boundaries(self._rate, FRAMES_PER_SECOND)
        edges = np.append(edges[edges < len(samples)], len(samples))
        sizes, values = np.diff(edges), samples.astype(np.float64)
        totals, squares = sums(values, edges)[None], sums(values**2, edges)[None]
        offsets = offsets_of(totals, squares, sizes) if self._offset is None else self._offset
        centred = self._add_levels(samples, offsets, totals, squares, sizes)
        self._feed_unevenly(samples)
        return centred

    def levels(self) -> Levels:
        """Of every 10 ms."""
        return np.frombuffer(self._levels, np.int16)

    def peaks(self) -> NDArray[np.int16]:
        """Smallest and largest sample of every 100 ms: shape (rows, 2)."""
        return np.frombuffer(self._peaks, np.int16).reshape(-1, 2)

    def _add_levels(
        self, samples: Block, offsets: Offsets, totals: Floats, squares: Floats, sizes: NDArray[np.int64]
    ) -> Block:
        energies = energies_about(offsets, totals, squares, sizes)
        self._levels.frombytes(_to_levels(energies, sizes))
        self.total += float(totals.sum())
        self.energy += float(energies.sum())
        if len(self._scratch) < len(samples):
            self._scratch = np.empty(len(samples), np.int16)  # once: to get so much memory takes longer than to fill it
        return without_offset(samples, offsets, squares, sizes, self._scratch[: len(samples)])

    def _feed_unevenly(self, samples: Block) -> None:
        """A second or less, whose rows are not all of one length."""
        edges = boundaries(self._rate, PEAKS_PER_SECOND)[:-1]
        starts = np.unique(edges[edges < len(samples)])
        self._add_peaks(np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts), samples)

    def _add_peaks(self, low: NDArray[np.int16], high: NDArray[np.int16], samples: Block) -> None:
        if not len(low):
            return
        self._peaks.frombytes(np.column_stack([low, high]).tobytes())
        least, most = int(low.min()), int(high.max())
        self.peak = max(self.peak, -least, most)
        if least <= self._rails[0] or most >= self._rails[1]:  # seldom: only then is it worth a look
            self.clipped += int(np.count_nonzero((samples <= self._rails[0]) | (samples >= self._rails[1])))


def _to_levels(energies: NDArray[np.float64], sizes: NDArray[np.int64]) -> bytes:
    """As int16. A frame without samples (rates below 100 Hz) is silent."""
    power = energies / (np.maximum(sizes, 1) * _FULL_SCALE_POWER)
    np.clip(power, _LEAST_POWER / _FULL_SCALE_POWER, 1.0, out=power)  # an offset may leave more than full scale
    return bytes(np.rint(1000 * np.log10(power, out=power)).astype(np.int16).tobytes())
