"""Who speaks when, from the levels of 10 ms frames: a threshold that follows the noise floor.

The noise floor, its unrest and the level of speech are order statistics over 15 s to each side, once a second; the
threshold lies 3 to 8 dB above the floor, the more the noise moves. Ring-back tones and music count as speech: a level
knows nothing of words.
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
_LIVELY = (480, 600)  # hundredths of a dB: half of what speech lies above the floor; what moves less is noise
_UNRESTS = 2.25  # times as much as the noise moves has to lie between it and speech
_MARGIN = (300, 800)  # hundredths of a dB: at least and at most this
_MARGIN_IN_SPEECH = (300, 600)  # the same for a quarter of what speech lies above the floor, where nobody ever pauses
_QUIETEST = -5700  # hundredths of a dBFS: nothing quieter is speech
_BESIDE = 3  # frames
_SILENT = -12_000  # hundredths of a dBFS
_SHORTEST = 3  # frames: shorter bursts are clicks
_JOINED = 20  # frames: shorter gaps are part of the speech around them
_SMEAR = {1: 2, -1: 10}  # frames at most, before a begin and after an end: no more than half a syllable
_CLIFF = 1500  # hundredths of a dB from one frame to the next
_CHUNK = 600 * FRAMES_PER_SECOND  # frames looked at together, to keep scratch memory small


def speech_runs(levels: Levels, without: Runs | None = None) -> Runs:
    """Stretches of speech in the levels of one channel.

    Args:
        levels: of the whole recording.
        without: what is known to be something else, such as music, in any order: it is no measure of the noise and
            the speech around it. (`except_for` takes it out of the speech.)
    """
    loud, above = np.zeros((2, len(levels)), np.bool_)
    smooth = _smoothed(levels)
    centres, threshold = _threshold(smooth, without)
    for begin in range(0, len(levels) if len(threshold) else 0, _CHUNK):
        frames = slice(begin, begin + _CHUNK)
        least = np.interp(np.arange(begin, begin + len(smooth[frames])), centres, threshold)
        loud[frames], above[frames] = smooth[frames] > least, levels[frames] > least
    return _without_smear(_trimmed(joined(stretches(loud)), np.flatnonzero(above)), levels)


def _trimmed(runs: Runs, above: NDArray[np.int64]) -> Runs:
    """Means of five begin up to two frames early, and end as late: from there on, what is loud by itself.

    Args:
        runs: of means above the threshold.
        above: the frames above it, in order.
    """
    first, last = np.searchsorted(above, runs.T)
    own = last > first
    begins = np.minimum(above[first[own]], runs[own, 0] + 2)
    ends = np.maximum(above[last[own] - 1] + 1, runs[own, 1] - 2)
    return np.column_stack([begins, ends])


def _without_smear(runs: Runs, levels: Levels) -> Runs:
    """Codecs echo a sudden end, and some a sudden begin: what lies beyond a cliff and stays below it is no speech."""
    begins = runs[:, 0] + _smeared(levels, runs[:, 0], runs[:, 1], 1)
    return np.column_stack([begins, runs[:, 1] - _smeared(levels, runs[:, 1] - 1, runs[:, 0] - 1, -1)])


def _smeared(levels: Levels, edges: NDArray[np.int64], others: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """How many frames of each run lie beyond a cliff, counted from its edge inwards."""
    frames = edges[:, None] + step * np.arange(_SMEAR[step] + 1)
    inside = (others[:, None] - frames) * step > 0
    own = np.where(inside, levels[np.where(inside, frames, edges[:, None])], _SILENT).astype(np.int32)
    cliffs = own[:, 1:] - np.maximum.accumulate(own[:, :-1], axis=1) >= _CLIFF
    return np.asarray(np.max(cliffs * np.arange(1, _SMEAR[step] + 1), axis=1, initial=0))


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


def _threshold(smooth: Levels, without: Runs | None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each second that holds nothing else: its middle, in frames, and the threshold in hundredths of a dBFS."""
    width = min(FRAMES_PER_SECOND, max(len(smooth), 1))
    count = len(smooth) // width
    tenth = (width // 10, width * 9 // 10)
    rows = smooth[: count * width].reshape(count, width)
    quiet, loud = np.empty(count), np.empty(count)
    for begin in range(0, count, _CHUNK // FRAMES_PER_SECOND):
        seconds = slice(begin, begin + _CHUNK // FRAMES_PER_SECOND)
        ranked = np.partition(rows[seconds], tenth, axis=1)
        quiet[seconds], loud[seconds] = ranked[:, tenth[0]], ranked[:, tenth[1]]
    own = _seconds_without(without, count)
    if not len(own):
        return own, np.empty(0)
    return own * FRAMES_PER_SECOND + FRAMES_PER_SECOND // 2, _above_floor(quiet[own], loud[own])


def _seconds_without(others: Runs | None, count: int) -> NDArray[np.int64]:
    free = np.ones(count, np.bool_)
    for begin, end in () if others is None else others:
        free[begin // FRAMES_PER_SECOND : -(-end // FRAMES_PER_SECOND)] = False
    return np.flatnonzero(free)


def _above_floor(quiet: NDArray[np.float64], loud: NDArray[np.float64]) -> NDArray[np.float64]:
    """The threshold of each second, from the tenths of it that are quietest and loudest."""
    floor, speech = _ranked_around(quiet, _FLOOR_RANK), _ranked_around(loud, _SPEECH_RANK)
    unrest = _ranked_around(loud - quiet, _FLOOR_RANK)
    noise = unrest < np.clip((speech - floor) / 2, *_LIVELY)
    margin = np.where(noise, np.clip(_UNRESTS * unrest, *_MARGIN), np.clip((speech - floor) / 4, *_MARGIN_IN_SPEECH))
    return np.maximum(floor + margin, _QUIETEST)


def _ranked_around(values: NDArray[np.float64], rank: int) -> NDArray[np.float64]:
    """The `rank`-th smallest of the 31 values around each value, or, near the edges, of those that lie nearest."""
    width = min(2 * _AROUND + 1, len(values))
    place = (rank * (width - 1) + _AROUND) // (2 * _AROUND)  # the same share of fewer values
    ranked = np.partition(sliding_window_view(values, width), place, axis=1)[:, place]
    return np.asarray(ranked[np.clip(np.arange(len(values)) - _AROUND, 0, len(ranked) - 1)])


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
