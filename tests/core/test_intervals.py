"""Set arithmetic, held against sets of milliseconds."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from callkit.core.intervals import Span, clipped, common, gaps, length, twice, united, without

ANY = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)).map(lambda it: (it[0], it[0] + it[1])), max_size=8)
APART = ANY.map(united)


def points(spans: Iterable[Span]) -> list[int]:
    return [point for begin, end in spans for point in range(begin, end)]


def orderly(spans: list[Span]) -> bool:
    """In order, apart, and each with a length."""
    edges = [edge for span in spans for edge in span]
    return edges == sorted(set(edges))


@given(ANY)
def test_united(spans: list[Span]) -> None:
    assert orderly(united(spans))
    assert points(united(spans)) == sorted(set(points(spans)))


@given(ANY, st.integers(0, 5))
def test_united_across_gaps(spans: list[Span], gap: int) -> None:
    whole = united(spans, gap)
    left = gaps(whole, (whole[0][0], whole[-1][1])) if whole else []
    closed = set(points(whole)) - set(points(spans))
    assert all(end - begin >= gap for begin, end in left)
    assert all(end - begin < gap for begin, end in united((point, point + 1) for point in closed))


@given(ANY)
def test_twice(spans: list[Span]) -> None:
    every = points(spans)
    assert orderly(twice(spans))
    assert points(twice(spans)) == sorted({point for point in every if every.count(point) > 1})


@given(APART, APART)
def test_common_and_without(one: list[Span], other: list[Span]) -> None:
    assert orderly(common(one, other))
    assert orderly(without(one, other))
    assert points(common(one, other)) == sorted(set(points(one)) & set(points(other)))
    assert points(without(one, other)) == sorted(set(points(one)) - set(points(other)))
    assert length(common(one, other)) + length(without(one, other)) == length(one)


@given(APART)
def test_gaps(spans: list[Span]) -> None:
    assert orderly(gaps(spans, (0, 60)))
    assert points(gaps(spans, (0, 60))) == sorted(set(range(60)) - set(points(spans)))


def test_clipped() -> None:
    assert clipped([(-1.0, 0.5), (0.0004, 0.0006), (2.0, 9.0), (5.0, 4.0), (3.0, 9.0)], 3000) == [
        (0, 500),
        (0, 1),
        (2000, 3000),
    ]
