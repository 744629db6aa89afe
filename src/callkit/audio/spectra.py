"""`Spectra`: power spectra of 100 ms blocks, computed once for loudness, tones and music."""

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import boundaries

__all__ = ["BLOCKS_PER_SECOND", "Spectra", "Spectrum"]

Spectrum = NDArray[np.float32]
"""Shape (blocks, bins): each bin's share of the block's mean square, full scale being 1."""

BLOCKS_PER_SECOND = 10


class Spectra:
    """Makes them of one channel's samples.

    Blocks do not overlap, and are not windowed: the bins of a block add up to its power.

    Attributes:
        frequencies: of the bins, hertz.
    """

    def __init__(self, rate: int) -> None:
        """For samples at `rate` hertz.

        Where a tenth of a second is no whole number of samples, one is left out now and then.
        """
        self._size = max(rate // BLOCKS_PER_SECOND, 1)
        self._starts = boundaries(rate, BLOCKS_PER_SECOND)[:-1]
        self._rate = rate
        self.frequencies = np.fft.rfftfreq(self._size, 1 / rate)
        # All bins but the first, and the last of an even number, stand for a negative frequency, too
        twice = np.full(len(self.frequencies), 2.0)
        twice[0] = 1.0
        if self._size % 2 == 0:
            twice[-1] = 1.0
        self._scale = (twice / 32768.0**2).astype(np.float32)
        self._values = np.empty((0, self._size), np.float32)

    def __call__(self, samples: NDArray[np.int16]) -> Spectrum:
        """The spectra of whole seconds of samples; shape (10 * seconds, bins)."""
        return self._powers(self._blocks(samples))

    def rest(self, samples: NDArray[np.int16]) -> Spectrum:
        """The spectra of the whole blocks of less than a second."""
        whole = [samples[start : start + self._size] for start in self._starts if start + self._size <= len(samples)]
        return self._powers(np.stack(whole) if whole else np.empty((0, self._size), np.int16))

    def _blocks(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        if self._rate % BLOCKS_PER_SECOND == 0:
            return samples.reshape(-1, self._size)
        places = self._starts[:, None] + np.arange(self._size)
        return samples.reshape(-1, self._rate)[:, places].reshape(-1, self._size)

    def _powers(self, blocks: NDArray[np.int16]) -> Spectrum:
        if len(self._values) < len(blocks):
            self._values = np.empty(blocks.shape, np.float32)
        values = self._values[: len(blocks)]
        values[:] = blocks
        spectrum = np.fft.rfft(values, norm="forward")  # else numpy would compute in double precision
        powers = np.square(spectrum.real, dtype=np.float32)
        powers += np.square(spectrum.imag)
        powers *= self._scale
        return powers
