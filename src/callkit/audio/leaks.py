"""Leaks: one party is heard on the channel of another, which would be counted as speech there."""

from collections.abc import Sequence

import numpy as np

from callkit.audio.health import during
from callkit.audio.speech import Levels, Runs, joined, stretches
from callkit.core.health import Leak

__all__ = ["leak_between", "leaks_between", "without_leaks"]

_SILENT = -12_000  # hundredths of a dBFS: digital silence
_ENOUGH, _MANY = 100, 60_000  # frames: less than a second tells nothing, more than ten minutes tell nothing more
_CLEARLY = 600  # hundredths of a dB: who is so much louder than the other speaks alone, or nearly so
_ALIKE = 0.7  # correlation of the levels of a party and of what leaks of it
_LATE = 5  # frames that the echo of a line may be late


def leak_between(source: Levels, other: Levels, runs: Runs) -> float | None:
    """How much of a party is heard on another channel, dB relative to its own.

    The median over those frames of its speech in which it is clearly louder than the other channel; None if these last
    less than a second, or if the levels of the two channels don't rise and fall together.

    Args:
        source: levels of the party's channel.
        other: levels of the other channel.
        runs: when the party speaks.
    """
    own, there = during(source, runs), during(other, runs)
    alone = (own - there >= _CLEARLY) & (there > _SILENT)
    some = slice(None, None, int(np.count_nonzero(alone)) // _MANY + 1)
    own, there = own[alone][some].astype(np.float64), there[alone][some].astype(np.float64)
    if len(own) < _ENOUGH or not (own.std() and there.std()) or np.corrcoef(own, there)[0, 1] < _ALIKE:
        return None
    return round(float(np.median(there - own)) / 100, 2)


def leaks_between(levels: Sequence[Levels], runs: Sequence[Runs]) -> tuple[Leak, ...]:
    """From any channel into any other. Don't ask for channels with the same sound: they are one and the same."""
    pairs = [(source, channel) for source in range(len(levels)) for channel in range(len(levels)) if source != channel]
    found = [(source, into, leak_between(levels[source], levels[into], runs[source])) for source, into in pairs]
    return tuple(Leak(source, into, leak) for source, into, leak in found if leak is not None)


def without_leaks(levels: Sequence[Levels], runs: Sequence[Runs], leaks: Sequence[Leak]) -> list[Runs]:
    """Each party's speech, without that of others which is heard on its channel.

    A frame is its own only if it is more than 6 dB louder than what leaks, also for 50 ms after that has ended, and
    more than 6 dB louder than the quiet of the channel. Clicks are dropped and gaps are filled as in `speech_runs`.
    """
    own = list(runs)
    for leak in leaks:
        channel = levels[leak.channel]
        leaking = _lingering(levels[leak.source]) + round(100 * leak.leak_db)
        quiet = np.sort(channel, kind="stable")[len(channel) // 10]
        audible = (channel > leaking + _CLEARLY) & (channel > quiet + _CLEARLY)
        mine = np.zeros(len(channel), np.bool_)
        for begin, end in own[leak.channel]:
            mine[begin:end] = audible[begin:end]
        own[leak.channel] = joined(stretches(mine))
    return own


def _lingering(levels: Levels) -> Levels:
    """The largest of each level and those just before it: a line's echo is late."""
    loudest = levels.copy()
    for late in range(1, _LATE + 1):
        np.maximum(loudest[late:], levels[:-late], out=loudest[late:])
    return loudest
