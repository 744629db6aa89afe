"""Set arithmetic on intervals in whole milliseconds, where sums are exact and thresholds sharp.

`Spans` are half-open `(begin, end)`, in order and apart from each other. All functions expect and give such, if they
don't say otherwise.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

__all__ = [
    "Interval",
    "Span",
    "Spans",
    "clipped",
    "common",
    "gaps",
    "length",
    "milliseconds",
    "seconds",
    "twice",
    "united",
    "without",
]

Interval = tuple[float, float]
"""Seconds from the recording's start: `(start, end)`, half-open."""

Span = tuple[int, int]
Spans = Sequence[Span]


def milliseconds(time: float) -> int:
    """The nearest whole millisecond to a time in seconds."""
    return round(time * 1000)


def seconds(spans: Iterable[Span]) -> tuple[Interval, ...]:
    """Milliseconds as seconds."""
    return tuple([(begin / 1000, end / 1000) for begin, end in spans])


def clipped(intervals: Iterable[Interval], total: int) -> list[Span]:
    """Seconds as milliseconds, without what lies outside of `[0, total)` or has no length; in no order."""
    return [
        (begin, end)
        for start, stop in intervals
        if (begin := max(round(start * 1000), 0)) < (end := min(round(stop * 1000), total))
    ]


def united(spans: Iterable[Span], gap: int = 0) -> list[Span]:
    """What at least one of the spans covers, in any order; gaps shorter than `gap` are covered, too.

    >>> united([(5, 9), (0, 3), (2, 4)], gap=2)
    [(0, 9)]
    """
    apart = max(gap, 1)  # spans that touch are one
    whole: list[Span] = []
    since = reach = -apart
    for begin, end in sorted(spans):
        if begin - reach >= apart:
            whole.append((since, reach))
            since, reach = begin, end
        elif end > reach:
            reach = end
    return [*whole[1:], (since, reach)] if whole else []


def twice(spans: Iterable[Span]) -> list[Span]:
    """What at least two of the spans cover; they may overlap, in any order.

    >>> twice([(0, 5), (4, 8), (7, 9)])
    [(4, 5), (7, 8)]
    """
    again: list[Span] = []
    reach = 0
    for begin, end in sorted(spans):
        # what reaches furthest began before, so it covers all from here to there
        if begin >= reach:
            reach = end
        elif end <= reach:
            again.append((begin, end))
        else:
            again.append((begin, reach))
            reach = end
    return united(again)


def common(one: Spans, other: Spans) -> list[Span]:
    """What both cover.

    >>> common([(0, 5), (7, 9)], [(4, 8)])
    [(4, 5), (7, 8)]
    """
    both: list[Span] = []
    place = 0
    for begin, end in one:
        while place < len(other) and other[place][1] <= begin:
            place += 1
        near = place
        while near < len(other) and other[near][0] < end:
            first, last = other[near]
            both.append((begin if begin > first else first, end if end < last else last))
            near += 1
    return both


def gaps(spans: Spans, within: Span) -> list[Span]:
    """What the spans, none of which reaches out of `within`, leave free of it.

    >>> gaps([(2, 4)], within=(1, 6))
    [(1, 2), (4, 6)]
    """
    edges = [within[0], *chain.from_iterable(spans), within[1]]
    return [(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True) if begin < end]


def without(spans: Spans, holes: Spans) -> list[Span]:
    """What `spans` cover and `holes` don't."""
    if not spans or not holes:
        return list(spans)
    return common(spans, gaps(holes, (0, max(spans[-1][1], holes[-1][1]))))


def length(spans: Iterable[Span]) -> int:
    """Milliseconds that spans cover."""
    return sum([end - begin for begin, end in spans])
