"""Sounds that a synthetic call is put together from; each is a function that makes as much of it as is asked for."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Signal", "Sound", "noise", "speech", "tone"]

Signal = NDArray[np.float64]
"""Shape (frames,); 1.0 is full scale."""

Sound = Callable[[np.random.Generator, int, int], Signal]
"""Called with (dice, frames, sample rate in hertz); returns that many frames."""

_BAND = (300.0, 3400.0)  # what a telephone lets through
_SYLLABLE = (0.2, 0.3)  # seconds: four in a second, as in speech of any language
_VALLEY = 0.25  # between syllables the sound never goes away: the truth has no gaps inside a turn
_VOICED = 0.75  # share of the syllables that hum; the others hiss


def noise(dbfs: float = -65.0) -> Sound:
    """White noise; `dbfs` is its root mean square."""

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:  # noqa: ARG001  # it has no pitch
        return dice.standard_normal(frames) * _amplitude(dbfs)

    return sound


def tone(*hertz: float, dbfs: float = -20.0) -> Sound:
    """Sines of equal strength, such as 440 and 480 Hz for an American ring-back; `dbfs` is their common rms."""

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:  # noqa: ARG001  # nothing random
        phase = 2 * np.pi * np.arange(frames) / sample_rate
        sines = np.sum([np.sin(phase * pitch) for pitch in hertz], axis=0)
        return np.asarray(sines * _amplitude(dbfs) * np.sqrt(2 / len(hertz)))

    return sound


def speech(dbfs: float = -20.0, pitch: float = 120.0) -> Sound:
    """What energy takes for speech: syllables of hum and hiss between 300 and 3400 Hz, without a gap.

    Args:
        dbfs: root mean square of the whole.
        pitch: hertz, about; each syllable has its own.
    """

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
        lengths = _syllables(dice, frames, sample_rate)
        pitches = pitch * (1 + 0.1 * dice.standard_normal(len(lengths)))
        hum = 2 * (np.cumsum(np.repeat(pitches, lengths) / sample_rate) % 1) - 1
        hiss = dice.standard_normal(frames) / 2
        voiced = np.repeat(dice.random(len(lengths)) < _VOICED, lengths)
        shaped = _in_band(np.where(voiced, hum, hiss), sample_rate) * _envelope(lengths)
        return shaped * (_amplitude(dbfs) / max(float(np.sqrt(np.mean(shaped**2))), 1e-9))

    return sound


def _amplitude(dbfs: float) -> float:
    return float(10 ** (dbfs / 20))


def _syllables(dice: np.random.Generator, frames: int, sample_rate: int) -> NDArray[np.int64]:
    """Lengths in frames, with the given sum."""
    most = int(frames / (_SYLLABLE[0] * sample_rate)) + 1
    ends = np.cumsum(dice.uniform(*_SYLLABLE, most) * sample_rate).astype(np.int64)
    return np.diff(ends[ends < frames], prepend=0, append=frames)


def _envelope(lengths: NDArray[np.int64]) -> Signal:
    starts = np.cumsum(lengths) - lengths
    place = (np.arange(lengths.sum()) - np.repeat(starts, lengths)) / np.repeat(lengths, lengths)
    return _VALLEY + (1 - _VALLEY) * np.asarray(np.sin(np.pi * place) ** 2)


def _in_band(signal: Signal, sample_rate: int) -> Signal:
    spectrum = np.fft.rfft(signal)
    hertz = np.fft.rfftfreq(len(signal), 1 / sample_rate)
    spectrum[(hertz < _BAND[0]) | (hertz > _BAND[1])] = 0
    return np.fft.irfft(spectrum, len(signal))
