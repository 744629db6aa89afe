"""Exact sums of squares: 1 ms cells for pydub's rule, 10 ms frames for everything else.

Squares of 16-bit samples are at most 2**30, so sums of up to 2**23 of them are exact in float64.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", np.float64, np.int64)

__all__ = ["FRAMES_PER_SECOND", "Cells", "Floats", "boundaries", "sums"]

Floats = NDArray[np.float64]

FRAMES_PER_SECOND = 100
"""Energy frames of 10 ms each."""


def boundaries(rate: int, parts: int) -> NDArray[np.int64]:
    """Where each of the `parts` of a second begins, in samples, and where the last one ends: shape (parts + 1,)."""
    return np.arange(parts + 1, dtype=np.int64) * rate // parts


class Cells:
    """Sums of squares of equal parts of each second, with scratch memory that is used again and again.

    Args:
        rate: samples a second (of all channels together, if they are pooled).
        parts: cells in a second.
    """

    def __init__(self, rate: int, parts: int) -> None:
        self._even = rate // parts if rate % parts == 0 else 0
        self._edges = boundaries(rate, parts)
        self._rate = rate
        self._ones = np.ones(self._even)
        self._scratch: Floats = np.empty(0)

    def __call__(self, samples: NDArray[np.signedinteger]) -> Floats:
        """Sums of whole seconds of one-dimensional samples of up to 16 bits; shape (seconds * parts,)."""
        return self._sums(self.squares(samples))

    def moments(self, samples: NDArray[np.signedinteger]) -> tuple[Floats, Floats]:
        """The same, after the sums of the samples themselves."""
        values = self._values(samples)
        return self._sums(values), self._sums(np.multiply(values, values, out=values))

    def squares(self, samples: NDArray[np.signedinteger]) -> Floats:
        """Of each sample; the next ones overwrite them."""
        values = self._values(samples)
        return np.multiply(values, values, out=values)

    def _values(self, samples: NDArray[np.signedinteger]) -> Floats:
        if len(self._scratch) < len(samples):
            self._scratch = np.empty(len(samples))
        values = self._scratch[: len(samples)]
        values[:] = samples
        return values

    def _sums(self, values: Floats) -> Floats:
        if self._even:
            return np.asarray(np.dot(values.reshape(-1, self._even), self._ones))
        seconds = values.reshape(-1, self._rate)
        return np.concatenate([sums(second, self._edges) for second in seconds] or [np.empty(0)])


def sums(values: NDArray[_T], edges: NDArray[np.int64]) -> NDArray[_T]:
    """Sums of `values[edges[i]:edges[i + 1]]`; values may end before the last edge. Shape (len(edges) - 1,)."""
    starts = edges[:-1]
    totals = np.zeros(len(starts), values.dtype)
    filled = int(np.searchsorted(starts, len(values)))  # cells that hold any data
    if filled:
        totals[:filled] = np.add.reduceat(values[: int(edges[-1])], starts[:filled])
        empty = starts[:filled] == edges[1 : filled + 1]
        totals[:filled][empty] = 0  # for an empty cell reduceat gives the next value
    return totals
