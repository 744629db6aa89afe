"""Who speaks when, from the levels of 10 ms frames: a threshold that follows the noise floor.

The noise floor and the level of speech are order statistics over 15 s to each side, once a second; the threshold lies
3 to 6 dB above the floor. Ring-back tones, music and babble count as speech: a level knows nothing of words.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND
from callkit.core.analysis import Interval

__all__ = [
    "FRAMES_PER_SECOND",
    "Levels",
    "Runs",
    "covered",
    "except_for",
    "hushed",
    "joined",
    "seconds",
    "speech_runs",
    "stretches",
]

Levels = NDArray[np.int16]
"""Hundredths of a dBFS, one for each 10 ms: an hour takes 720 kB, so that ten hours fit into memory."""

Runs = NDArray[np.int64]
"""Stretches of frames, shape (n, 2): first frame and the one after the last; in order and apart."""

_AROUND = 15  # seconds to each side
_FLOOR_RANK = 5  # of 31 seconds: about the 15th percentile
_SPEECH_RANK = 24  # of 31 seconds: the 80th percentile
_MARGIN = (300, 600)  # hundredths of a dB: a quarter of what speech lies above the floor, but at least and at most this
_QUIETEST = -5500  # hundredths of a dBFS: nothing quieter is speech
_BESIDE = 3  # frames
_SILENT = -12_000  # hundredths of a dBFS
_SHORTEST = 3  # frames: shorter bursts are clicks
_JOINED = 20  # frames: shorter gaps are part of the speech around them
_CHUNK = 600 * FRAMES_PER_SECOND  # frames looked at together, to keep scratch memory small


def speech_runs(levels: Levels) -> Runs:
    """Stretches of speech in the levels of one channel."""
    if not len(levels):
        return np.empty((0, 2), np.int64)
    smooth = _smoothed(levels)
    threshold = _threshold(smooth)
    centres = np.arange(len(threshold)) * FRAMES_PER_SECOND + FRAMES_PER_SECOND // 2
    loud = np.empty(len(levels), np.bool_)
    for begin in range(0, len(levels), _CHUNK):
        frames = slice(begin, begin + _CHUNK)
        places = np.arange(begin, begin + len(smooth[frames]))
        loud[frames] = smooth[frames] > np.interp(places, centres, threshold)
    return joined(stretches(loud))


def except_for(runs: Runs, others: Sequence[Runs]) -> Runs:
    """Runs without what lies in any of the others; what is left in crumbs is dropped."""
    last = max([int(one[-1, 1]) for one in (runs, *others) if len(one)], default=0)
    kept = np.zeros(last, np.bool_)
    for begin, end in runs:
        kept[begin:end] = True
    for other in others:
        for begin, end in other:
            kept[begin:end] = False
    left = stretches(kept)
    return left[left[:, 1] - left[:, 0] >= _SHORTEST]


def hushed(levels: Levels, runs: Runs) -> Levels:
    """The levels as they would be without what sounds in these runs: those of the quietest of what lies beside each."""
    quiet = levels.copy()
    for begin, end in runs:
        beside = [*levels[max(begin - _BESIDE, 0) : begin], *levels[end : end + _BESIDE]]
        quiet[begin:end] = min(beside, default=_SILENT)
    return quiet


def _smoothed(levels: Levels) -> Levels:
    """Means of five frames; the edges are repeated."""
    smooth = np.empty_like(levels)
    for begin in range(0, len(levels), _CHUNK):
        end = min(begin + _CHUNK, len(levels))
        around = np.clip(np.arange(begin - 2, end + 2), 0, len(levels) - 1)
        total = np.concatenate([[0], np.cumsum(levels[around], dtype=np.int64)])
        smooth[begin:end] = (total[5:] - total[:-5]) // 5
    return smooth


def _threshold(smooth: Levels) -> NDArray[np.float64]:
    """The threshold in hundredths of a dBFS, for each second."""
    width = min(FRAMES_PER_SECOND, len(smooth))
    count = len(smooth) // width
    tenth = (width // 10, width * 9 // 10)
    rows = smooth[: count * width].reshape(count, width)
    quiet, loud = np.empty(count), np.empty(count)
    for begin in range(0, count, _CHUNK // FRAMES_PER_SECOND):
        seconds = slice(begin, begin + _CHUNK // FRAMES_PER_SECOND)
        ranked = np.partition(rows[seconds], tenth, axis=1)
        quiet[seconds], loud[seconds] = ranked[:, tenth[0]], ranked[:, tenth[1]]
    floor, speech = _ranked_around(quiet, _FLOOR_RANK), _ranked_around(loud, _SPEECH_RANK)
    return np.maximum(floor + np.clip((speech - floor) / 4, *_MARGIN), _QUIETEST)


def _ranked_around(values: NDArray[np.float64], rank: int) -> NDArray[np.float64]:
    """The `rank`-th smallest of the 31 values around each value; the edges are repeated."""
    around = sliding_window_view(np.pad(values, _AROUND, "edge"), 2 * _AROUND + 1)
    return np.asarray(np.partition(around, rank, axis=1)[:, rank])


def stretches(loud: NDArray[np.bool_]) -> Runs:
    """Where it is true."""
    return np.flatnonzero(np.diff(loud, prepend=False, append=False)).reshape(-1, 2)


def joined(runs: Runs) -> Runs:
    """Without clicks, and without short gaps."""
    runs = runs[runs[:, 1] - runs[:, 0] >= _SHORTEST]
    apart = runs[1:, 0] - runs[:-1, 1] >= _JOINED
    first, last = np.concatenate([[True], apart]), np.concatenate([apart, [True]])
    return np.column_stack([runs[first, 0], runs[last, 1]]) if len(runs) else runs


def covered(channels: Sequence[Runs], at_least: int) -> Runs:
    """The stretches in which so many channels or more speak at once.

    Source: a sweep over all edges, counting who has begun and not yet ended.
    """
    edges = np.concatenate([runs.reshape(-1) for runs in channels] or [np.empty(0, np.int64)])
    change = np.concatenate([np.tile([1, -1], len(runs)) for runs in channels] or [np.empty(0, np.int64)])
    order = np.argsort(edges, kind="stable")
    places, first = np.unique(edges[order], return_index=True)
    depth = np.add.reduceat(change[order], first).cumsum() if len(places) else np.empty(0, np.int64)
    inside = np.concatenate([depth >= at_least, [False]])
    begins = np.flatnonzero(np.diff(inside, prepend=False))
    return places[begins].reshape(-1, 2)


def seconds(runs: Iterable[Sequence[int]], duration: float) -> tuple[Interval, ...]:
    """Runs of frames as intervals in seconds, none beyond the recording's end."""
    return tuple((begin / FRAMES_PER_SECOND, min(end / FRAMES_PER_SECOND, duration)) for begin, end in runs)
