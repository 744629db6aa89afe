"""Arithmetic on intervals."""

from hypothesis import given
from hypothesis import strategies as st

from callkit.core.analysis import gaps


def test_gaps_of_nothing_is_everything() -> None:
    assert gaps([], 3.0) == ((0.0, 3.0),)
    assert gaps([], 0.0) == ()


@given(st.lists(st.integers(0, 1000), unique=True).map(sorted), st.integers(0, 100))
def test_intervals_and_gaps_make_up_the_whole(edges: list[int], rest: int) -> None:
    ends = [float(edge) for edge in edges[: len(edges) // 2 * 2]]
    intervals = list(zip(ends[::2], ends[1::2], strict=True))
    duration = (ends[-1] if ends else 0.0) + rest
    free = gaps(intervals, duration)
    assert sum(end - start for start, end in [*intervals, *free]) == duration
    assert all(start < end for start, end in free)
