"""One line that was saved twice: both channels of a recording carry everybody."""

import numpy as np
from numpy.typing import NDArray

from callkit.audio.reader import Block
from callkit.backends.transcribers.regions import TICKS

__all__ = ["SameLine"]

_WINDOW = 5  # seconds that are compared at once
_ENOUGH = 100  # ticks of speech that tell something
_ALIKE = 0.95
_LAG = 0.02  # seconds that one of the channels may be late


class SameLine:
    """Compares two channels where there is speech, until they differ.

    Level, polarity, noise and a small delay make no difference, so equal bytes are not the test. Cross-talk does:
    it is two parties on two channels.

    Args:
        rate: hertz.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._compared = 0
        self._differ = False

    @property
    def same(self) -> bool:
        """Whether there was speech, and wherever it was, it was the same on both."""
        return self._compared > 0 and not self._differ

    def feed(self, one: Block, other: Block, speech: NDArray[np.bool_]) -> None:
        """Some seconds of both channels.

        Args:
            one: samples of the first channel.
            other: as many of the second.
            speech: for each tick, whether somebody speaks on either.
        """
        for begin in range(0, len(speech), _WINDOW * TICKS):
            if self._differ:
                return
            window = speech[begin : begin + _WINDOW * TICKS]
            if np.count_nonzero(window) >= _ENOUGH:
                first, last = (tick * self._rate // TICKS for tick in (begin, begin + len(window)))
                heard = window[np.arange(last - first) * TICKS // self._rate]
                likeness = _likeness(one[first:last], other[first:last], heard, round(_LAG * self._rate))
                self._compared += 1
                self._differ = likeness < _ALIKE


def _likeness(one: Block, other: Block, heard: NDArray[np.bool_], lag: int) -> float:
    """The largest correlation, whatever its sign, with one of the two up to `lag` samples late; 0 to 1.

    Source: cross-correlation by the Fourier transform, normalised by the energies.
    """
    signals = [np.where(heard, it, 0).astype(np.float32) for it in (one, other)]
    energy = float(np.sqrt(np.prod([np.sum(it.astype(np.float64) ** 2) for it in signals])))
    if not energy:
        return 0.0
    size = 1 << (len(signals[0]) + lag).bit_length()
    spectra = [np.fft.rfft(it, size) for it in signals]
    products = np.fft.irfft(spectra[0] * spectra[1].conj(), size)
    near = np.concatenate([products[: lag + 1], products[size - lag :]])
    return float(np.max(np.abs(near))) / energy
