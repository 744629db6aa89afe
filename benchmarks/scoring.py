"""How near what was heard comes to the truth."""

from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from benchmarks.hard_calls import HardCall
from benchmarks.hearing import Heard
from callkit.core.analysis import Interval
from callkit.core.conversation import Conversation, measure_conversation

__all__ = ["Score", "f1", "frames", "inside", "score"]


@frozen
class Score:
    """Of one call. Errors are absolute: points, seconds a minute, seconds."""

    f1: float
    share: float
    overlap: float
    dead_air: float
    latency: float | None
    interruptions: bool


def score(call: HardCall, heard: Heard) -> Score:
    found, truth = (measure_conversation(speech, call.duration) for speech in (heard, call.speech))
    minutes = call.duration / 60
    return Score(
        f1=f1(call, heard),
        share=100 * abs(_share(found) - _share(truth)),
        overlap=abs((found.overlap_time or 0.0) - (truth.overlap_time or 0.0)) / minutes,
        dead_air=abs((found.dead_air_time or 0.0) - (truth.dead_air_time or 0.0)) / minutes,
        latency=_latency_error(found, truth),
        interruptions=_interruptions(found) == _interruptions(truth),
    )


def _share(conversation: Conversation) -> float:
    return conversation.parties[0].talk_share or 0.0


def _interruptions(conversation: Conversation) -> list[int | None]:
    return [party.interruptions for party in conversation.parties]


def _latency_error(found: Conversation, truth: Conversation) -> float | None:
    """Of the medians, where the truth has one; hearing none at all counts as its whole length."""
    errors = [
        abs((one.latency.median if one.latency else 0.0) - other.latency.median)
        for one, other in zip(found.parties, truth.parties, strict=True)
        if other.latency
    ]
    return fmean(errors) if errors else None


def f1(call: HardCall, heard: Heard) -> float:
    both = [(frames(found, call.duration), frames(told, call.duration)) for found, told in _pairs(call, heard)]
    right = sum(int((found & told).sum()) for found, told in both)
    total = sum(int(found.sum() + told.sum()) for found, told in both)
    return 2 * right / total if total else 1.0


def _pairs(call: HardCall, heard: Heard) -> Iterable[tuple[Sequence[Interval], Sequence[Interval]]]:
    return zip(heard, call.speech, strict=True)


def frames(intervals: Iterable[Interval], duration: float) -> NDArray[np.bool_]:
    """For each 10 ms, whether it lies in one of the intervals."""
    covered = np.zeros(round(duration * 100), np.bool_)
    for start, end in intervals:
        covered[round(start * 100) : round(end * 100)] = True
    return covered


def inside(flags: NDArray[np.bool_], collar: int = 25) -> NDArray[np.bool_]:
    """Without the frames near a change."""
    kept = flags.copy()
    for edge in np.flatnonzero(np.diff(flags)):
        kept[max(edge + 1 - collar, 0) : edge + 1 + collar] = False
    return kept
