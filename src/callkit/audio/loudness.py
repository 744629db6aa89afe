"""Loudness by ITU-R BS.1770-4, EBU Tech 3341 and 3342, from the power spectra of 100 ms blocks.

The K-weighting of the standard is a filter at 48 kHz. By Parseval's theorem the power that it lets through is the sum
of a block's bins, each times the filter's gain at its frequency. So no filter has to run, and at 8 kHz the gain is that
of a recording resampled to 48 kHz; a filter redesigned for 8 kHz would be off by 0.2 LU. The loudest 400 ms and 3 s may
begin at any 10 ms: a block's weighted power is spread over its 10 ms as their unweighted levels are.

True peak (EBU Tech 3341, cases 15 to 23) is left out: it needs every sample four times over.
"""

import math
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Floats
from callkit.audio.spectra import BLOCKS_PER_SECOND, Spectrum
from callkit.audio.speech import Levels
from callkit.core.loudness import Loudness

__all__ = ["LoudnessMeter", "Powers", "k_weighting", "loudness", "powers_of", "sliding_loudness"]

Powers = NDArray[np.float32]
"""K-weighted mean squares, one for each 100 ms; 1 is full scale. An hour takes 144 kB."""

# Biquads at 48 kHz: b0, b1, b2, a1, a2
_SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585)
_HIGH_PASS = (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621)

_OFFSET = -0.691  # LU: makes 1 kHz at full scale what it is without the filter
_SILENCE = 1e-12  # digital silence is below
_ABSOLUTE_GATE = 10 ** ((-70 - _OFFSET) / 10)  # as a power
_GATE, _RANGE_GATE = 10**-1.0, 10**-2.0  # below the mean: 10 LU for the integrated loudness, 20 LU for the range
_QUIET, _LOUD = 0.10, 0.95  # what the range lies between
_MOMENTARY, _SHORT_TERM = 4, 30  # blocks
_CHUNK = 6000  # blocks looked at together, to keep scratch memory small
_FRAMES = FRAMES_PER_SECOND // BLOCKS_PER_SECOND  # of 10 ms, in a block

_POWERS = 10 ** (-np.arange(12_001) / 1000)  # of 0.00 dBFS, -0.01 dBFS, …


def powers_of(levels: Levels) -> Floats:
    """Levels (hundredths of a dBFS, 0 to -12000) as mean squares; 1 is full scale. Same shape."""
    return np.asarray(_POWERS[-levels])


def k_weighting(frequencies: NDArray[np.floating]) -> Floats:
    """The gain of a power at each frequency (hertz); same shape.

    Source: Recommendation ITU-R BS.1770-4, annex 1, tables 1 and 2.
    """
    z = np.exp(-2j * np.pi * np.minimum(frequencies, 24_000) / 48_000)
    gain = np.ones(len(frequencies))
    for b0, b1, b2, a1, a2 in (_SHELF, _HIGH_PASS):
        gain *= np.abs((b0 + b1 * z + b2 * z**2) / (1 + a1 * z + a2 * z**2)) ** 2
    return gain


class LoudnessMeter:
    """Of one channel: feed it whole seconds, then `finish()` it with what is left.

    Args:
        frequencies: of the bins of the spectra, hertz.
    """

    def __init__(self, frequencies: NDArray[np.floating]) -> None:
        self._gain = k_weighting(frequencies).astype(np.float32)
        self._powers = array("f")

    def feed(self, _: NDArray[np.int16], spectrum: Spectrum) -> None:
        """The spectra of whole seconds; their samples are not needed."""
        self._powers.frombytes((spectrum @ self._gain).tobytes())

    def finish(self, samples: NDArray[np.int16], spectrum: Spectrum) -> None:
        """What is left: whole blocks of less than a second."""
        self.feed(samples, spectrum)

    def powers(self) -> Powers:
        """Of every 100 ms."""
        return np.frombuffer(self._powers, np.float32)


def loudness(channels: Sequence[Powers], levels: Sequence[Levels], weights: Sequence[float] | None = None) -> Loudness:
    """The loudness of the channels added up; of a party, if there is only its channel.

    Args:
        channels: for each channel, its K-weighted powers.
        levels: for each channel, its 10 ms levels.
        weights: for each channel; 1.0 by default. Surround channels of a film have 1.41; those of a call are parties.

    Source:
        Recommendation ITU-R BS.1770-4, annex 1, equations 2 to 7: blocks of 400 ms that overlap by 75 %.
    """
    weights = weights or [1.0] * len(channels)
    powers = np.sum([weight * own.astype(np.float64) for own, weight in zip(channels, weights, strict=True)], axis=0)
    loudest = _loudest(channels, levels, weights)
    heard = _above_gates(_means(_totals(powers), _MOMENTARY), _GATE)
    return Loudness(
        integrated_lufs=_lufs(float(heard.mean())) if len(heard) else None,
        max_momentary_lufs=_lufs(loudest[0]),
        max_short_term_lufs=_lufs(loudest[1]),
        range_lu=_range(_means(_totals(powers), _SHORT_TERM)),
    )


def sliding_loudness(powers: Powers, blocks: int = _MOMENTARY) -> Floats:
    """LUFS of every so many blocks of 100 ms: the momentary loudness of 4, the short-term loudness of 30.

    Returns:
        Shape (len(powers) - blocks + 1,), or empty; the first is that of the first so many blocks, and none is less
        than -120.7.
    """
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(_means(_totals(powers), blocks), _SILENCE)))


def _totals(powers: NDArray[np.floating]) -> Floats:
    """Of none, of the first, of the first two, …; shape (len(powers) + 1,)."""
    totals = np.zeros(len(powers) + 1)
    np.cumsum(powers, out=totals[1:])
    return totals


def _means(totals: Floats, width: int) -> Floats:
    """Of every so many neighbours; of silence after much sound they may be a rounding error below 0."""
    return np.asarray((totals[width:] - totals[:-width]) / width)


def _above_gates(powers: Floats, relative: float) -> Floats:
    """Those above -70 LUFS that are also above `relative` times their mean."""
    heard = powers[powers > _ABSOLUTE_GATE]
    return heard[heard > relative * heard.mean()] if len(heard) else heard


def _range(short_term: Floats) -> float | None:
    """In LU.

    Source: EBU Tech 3342 (2016), section 3, and the program in its annex: percentiles by the nearest rank.
    """
    heard = np.sort(_above_gates(short_term, _RANGE_GATE))
    if not len(heard):
        return None
    quiet, loud = (float(heard[int((len(heard) - 1) * share + 0.5)]) for share in (_QUIET, _LOUD))
    return round(10 * math.log10(loud / quiet), 2)


def _loudest(channels: Sequence[Powers], levels: Sequence[Levels], weights: Sequence[float]) -> tuple[float, float]:
    """The largest mean power of 400 ms and of 3 s, wherever they begin; 0 if the recording is shorter."""
    momentary = short_term = 0.0
    blocks = min(len(channels[0]), len(levels[0]) // _FRAMES)  # below 100 Hz the last block may have too few frames
    for begin in range(0, blocks, _CHUNK):
        end = min(begin + _CHUNK + _SHORT_TERM, blocks)
        totals = np.zeros((end - begin) * _FRAMES + 1)
        for powers, own, weight in zip(channels, levels, weights, strict=True):
            totals += weight * _totals(_spread(powers[begin:end], own[begin * _FRAMES : end * _FRAMES]))
        momentary = max(momentary, _largest(totals, _MOMENTARY))
        short_term = max(short_term, _largest(totals, _SHORT_TERM))
    return momentary, short_term


def _largest(totals: Floats, blocks: int) -> float:
    return float(_means(totals, blocks * _FRAMES).max(initial=0.0))


def _spread(powers: Powers, levels: Levels) -> Floats:
    """The powers of 10 ms that have these means over 100 ms, and are to each other as the levels are."""
    shares = powers_of(levels).reshape(-1, _FRAMES)
    mean = shares @ np.full(_FRAMES, 1 / _FRAMES)  # a sum over so short an axis is slower
    return np.asarray(shares * (powers / mean)[:, None]).reshape(-1)


def _lufs(power: float) -> float | None:
    return round(_OFFSET + 10 * math.log10(power), 2) if power > _SILENCE else None
