"""Who speaks when: invented conversations, and what is true of them."""

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import define, field

from callkit.core.analysis import Interval

__all__ = ["TICKS", "Turn", "dialogue", "spoken_by_at_least"]

Turn = tuple[int, float, float]
"""(party, start, end): 0 for the first party; seconds from the start of the call."""

TICKS = 100
"""Ticks in a second: all times lie on a grid of 10 ms, which is what detectors see."""

_APART = 30  # ticks between two stretches of one party: nobody may take it for a pause between words


def dialogue(
    seconds: float,
    *,
    seed: int = 0,
    overlap_share: float = 0.2,
    pause_share: float = 0.1,
    backchannel_share: float = 0.3,
) -> tuple[Turn, ...]:
    """A conversation of two parties; the same seed gives the same.

    Args:
        seconds: length of the call.
        seed: of the dice.
        overlap_share: 0 to 1, how often the next speaker begins before the other has finished (0.2 to 1 s before).
        pause_share: 0 to 1, how often nobody speaks for 2 to 6 s between two turns.
        backchannel_share: 0 to 1, how often a turn of more than 3 s hears an "mhm" of 0.3 to 0.6 s from the other.

    Returns:
        Turns by start, on the grid of 10 ms. Those of one party lie at least 0.3 s apart.
    """
    talk = _Talk(np.random.default_rng(seed), round(seconds * TICKS), overlap_share, pause_share, backchannel_share)
    return tuple(sorted(talk.turns(), key=lambda turn: turn[1:]))


@define
class _Talk:
    dice: np.random.Generator
    ticks: int
    overlap_share: float
    pause_share: float
    backchannel_share: float
    free: list[int] = field(factory=lambda: [0, 0])

    def turns(self) -> Iterable[Turn]:
        party, start = 0, int(self.dice.integers(20, 100))
        while start + _APART < self.ticks:
            length = int(np.clip(self.dice.lognormal(5.7, 0.7), 60, 1200))
            end = min(start + length, self.ticks)
            yield self._say(party, start, end)
            yield from self._backchannel(1 - party, start, end)
            party = 1 - party if self.dice.random() < 0.85 else party
            start = max(end + self._gap(end - start), self.free[party])

    def _say(self, party: int, start: int, end: int) -> Turn:
        self.free[party] = end + _APART
        return party, start / TICKS, end / TICKS

    def _backchannel(self, party: int, start: int, end: int) -> Iterable[Turn]:
        if end - start > 300 and self.dice.random() < self.backchannel_share:
            begin = int(self.dice.integers(start + 100, end - 190))  # it ends 1.3 s before the turn does
            if begin >= self.free[party]:
                yield self._say(party, begin, begin + int(self.dice.integers(30, 61)))

    def _gap(self, length: int) -> int:
        """Ticks between a turn of this length and the next; negative if the next speaker can't wait."""
        chance = self.dice.random()
        if chance < self.overlap_share:
            return -min(int(self.dice.integers(20, 101)), length // 3)
        if chance < self.overlap_share + self.pause_share:
            return int(self.dice.integers(200, 601))
        return int(self.dice.integers(20, 81))


def spoken_by_at_least(number: int, parties: Sequence[Iterable[Interval]]) -> tuple[Interval, ...]:
    """The stretches in which so many parties speak at once, in order and apart from each other."""
    steps: dict[float, int] = {}
    for start, end in (interval for party in parties for interval in party):
        steps[start] = steps.get(start, 0) + 1
        steps[end] = steps.get(end, 0) - 1
    edges: list[float] = []
    speaking = 0
    for time in sorted(steps):
        before, speaking = speaking, speaking + steps[time]
        if (before >= number) != (speaking >= number):
            edges.append(time)
    return tuple(zip(edges[::2], edges[1::2], strict=True))
