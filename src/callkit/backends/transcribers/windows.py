"""Where sound is cut for engines that hear 30 seconds at a time."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["passed_over", "windows"]

_FRAMES_PER_SECOND = 100
_PASSED_OVER = 4.0  # seconds: nobody pauses for so long within a piece, from which silence was taken out
_FAINT = 1e-5  # mean square: -50 dBFS
_SMOOTHED = 20  # frames: a pause between words, not the closure of a "t"


def windows(samples: "NDArray[np.float32]", rate: int, longest: float = 30.0) -> list[tuple[float, float]]:
    """Stretches that cover the sound, none longer than `longest`, cut where the last sixth of each is quietest.

    Args:
        samples: of one channel, shape (n,).
        rate: hertz.
        longest: seconds.

    Returns:
        (start, end) in seconds, in order, each starting where the one before ends.
    """
    step = rate // _FRAMES_PER_SECOND
    power = _smooth(samples, step)
    edges = [0, *_cuts(power, round(longest * _FRAMES_PER_SECOND))]
    ends = [edge * step / rate for edge in edges] + [len(samples) / rate]
    return list(pairwise(ends))


def _smooth(samples: "NDArray[np.float32]", step: int) -> "NDArray[np.float64]":
    """Power around each frame."""
    whole = samples[: len(samples) // step * step].reshape(-1, step)
    power = np.einsum("ij,ij->i", whole, whole, dtype=np.float64)
    return np.convolve(power, np.ones(_SMOOTHED), "same") if len(power) > _SMOOTHED else power


def _cuts(power: "NDArray[np.float64]", most: int) -> Iterator[int]:
    begin = 0
    while len(power) + 1 - begin > most:  # what is left over is less than a frame
        early = begin + most * 5 // 6
        begin = early + int(np.argmin(power[early : begin + most]))
        yield begin


def passed_over(
    samples: "NDArray[np.float32]", rate: int, words: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Stretches without a word, which are too long for a pause and not silent: an engine may have stopped early there.

    Args:
        samples: of one channel, shape (n,), speech most of the time.
        rate: hertz.
        words: (start, end) of each, seconds.
    """
    heard = sorted(words)
    begins = [0.0, *np.maximum.accumulate([end for _, end in heard]).tolist()]
    ends = [*(start for start, _ in heard), len(samples) / rate]
    empty = [(begin, end) for begin, end in zip(begins, ends, strict=True) if end - begin >= _PASSED_OVER]
    return [(begin, end) for begin, end in empty if _is_loud(samples[round(begin * rate) : round(end * rate)])]


def _is_loud(samples: "NDArray[np.float32]") -> bool:
    return float(np.mean(samples**2, dtype=np.float64)) > _FAINT
