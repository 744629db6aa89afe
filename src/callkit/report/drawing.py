"""Waveforms, lanes and heat maps as paths of SVG. The width of a call is always `WIDTH` units, whatever the screen."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from callkit.core.intervals import Interval
from callkit.report.strip import shares

__all__ = ["LEVELS", "WIDTH", "envelopes", "heat", "outline", "stretches"]

WIDTH = 1000
"""Units, and columns of a waveform."""

LEVELS = 8
"""Steps of a heat map above nothing."""

_CELLS = 250
_THINNEST = 0.8  # units: less than that nobody sees
_QUIETEST = 6000  # a sample; a call that is more quiet than that looks so
_HEIGHT = 100  # units from the middle of a waveform to its edge


def envelopes(rows: NDArray[np.int16]) -> tuple[NDArray[np.int16], ...]:
    """The smallest and the largest sample of each of `WIDTH` columns, or fewer, for each channel.

    Args:
        rows: of shape (rows, channels, 2), as `callkit.audio.peaks.Peaks` has them.

    Returns:
        For each channel an array of shape (columns, 2).
    """
    if not len(rows):
        return tuple(np.zeros((0, 2), np.int16) for _ in range(rows.shape[1]))
    starts = np.unique(np.arange(WIDTH) * len(rows) // WIDTH)
    low = np.minimum.reduceat(rows[..., 0], starts)
    high = np.maximum.reduceat(rows[..., 1], starts)
    both = np.stack([low, high], axis=-1)
    return tuple(both[:, channel] for channel in range(rows.shape[1]))


def outline(columns: NDArray[np.int16], loudest: int) -> str:
    """A waveform as a closed path, 2 * `_HEIGHT` high.

    Args:
        columns: of shape (columns, 2).
        loudest: the sample that reaches the edge; the same for all channels, so that a quiet one looks quiet.
    """
    if not len(columns):
        return ""
    scaled = columns.astype(np.float64) * (_HEIGHT / max(loudest, _QUIETEST))
    edges = np.rint(_HEIGHT - np.clip(scaled, -_HEIGHT, _HEIGHT)).astype(int)
    places = np.rint((np.arange(len(edges)) + 0.5) * WIDTH / len(edges)).astype(int).tolist()
    lower, upper = edges[:, 0].tolist(), edges[:, 1].tolist()
    forth = zip(places, upper, strict=True)
    back = zip(reversed(places), reversed(lower), strict=True)
    points = " ".join(f"{x} {y}" for x, y in (*forth, *back))
    return f"M0 {_HEIGHT}L{points}z"


def stretches(intervals: Iterable[Interval], duration: float, height: int) -> str:
    """Intervals as rectangles in one path, `height` high; short ones are drawn wide enough to be seen."""
    if duration <= 0:
        return ""
    scale = WIDTH / duration
    return "".join(_box(start * scale, (end - start) * scale, height) for start, end in intervals)


def heat(intervals: Iterable[Interval], duration: float, height: int) -> tuple[str, ...]:
    """How much of each moment is free of intervals: a path for each of the `LEVELS`, the weakest first."""
    free = [round((1 - share) * LEVELS) if duration > 0 else 0 for share in shares(intervals, duration, _CELLS)]
    cell = WIDTH // _CELLS
    runs = _runs(free)
    return tuple(
        "".join(_box(first * cell, (last - first) * cell, height) for level, first, last in runs if level == wanted)
        for wanted in range(1, LEVELS + 1)
    )


def _runs(values: Sequence[int]) -> list[tuple[int, int, int]]:
    """(value, first, last) of each run of equal values."""
    edges = [0, *(place for place in range(1, len(values)) if values[place] != values[place - 1]), len(values)]
    return [(values[first], first, last) for first, last in pairwise(edges)]


def _box(x: float, width: float, height: int) -> str:
    return f"M{x:.5g} 0h{max(width, _THINNEST):.4g}v{height}H{x:.5g}z"
