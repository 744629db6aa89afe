"""Levels of one channel: energy, peaks and clipping, second by second."""

import math
from array import array

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Cells, boundaries, sums
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

    Args:
        rate: hertz.
        rails: the smallest and the largest sample that the codec can hold.
        cells: sums of squares for 10 ms frames; channels may share one.
    """

    def __init__(self, rate: int, rails: tuple[int, int], cells: Cells) -> None:
        self._rate, self._rails, self._cells = rate, rails, cells
        self._sizes = np.diff(boundaries(rate, FRAMES_PER_SECOND))
        self._levels = array("h")  # grows in place: a list of small arrays would take twice the memory
        self._peaks = array("h")
        self.energy = 0.0
        self.peak = 0
        self.clipped = 0

    def feed(self, samples: Block) -> None:
        """Whole seconds of samples, contiguous."""
        energies = self._cells(samples)
        self._levels.frombytes(_to_levels(energies.reshape(-1, FRAMES_PER_SECOND), self._sizes))
        self.energy += float(energies.sum())
        step, odd = divmod(self._rate, PEAKS_PER_SECOND)
        if odd or not step:
            for second in samples.reshape(-1, self._rate):
                self._feed_unevenly(second)
        else:
            rows = samples.reshape(-1, step)
            self._add_peaks(rows.min(1), rows.max(1), samples)

    def finish(self, samples: Block) -> None:
        """What is left: less than a second."""
        if not len(samples):
            return
        edges = boundaries(self._rate, FRAMES_PER_SECOND)
        edges = np.append(edges[edges < len(samples)], len(samples))
        energies = sums(samples.astype(np.float64) ** 2, edges)
        self._levels.frombytes(_to_levels(energies, np.diff(edges)))
        self.energy += float(energies.sum())
        self._feed_unevenly(samples)

    def levels(self) -> Levels:
        """Of every 10 ms."""
        return np.frombuffer(self._levels, np.int16)

    def peaks(self) -> NDArray[np.int16]:
        """Smallest and largest sample of every 100 ms: shape (rows, 2)."""
        return np.frombuffer(self._peaks, np.int16).reshape(-1, 2)

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
    np.maximum(power, _LEAST_POWER / _FULL_SCALE_POWER, out=power)
    return bytes(np.rint(1000 * np.log10(power, out=power)).astype(np.int16).tobytes())
