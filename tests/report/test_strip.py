"""The heat strip."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.analysis import Interval
from callkit.report.strip import ASCII, BLOCKS, blocks, glyphs_for, loudest, merged, shares

times = st.floats(0, 1000, allow_subnormal=False)
intervals = st.lists(st.tuples(times, times).map(lambda ends: (min(ends), max(ends))), max_size=20)


def total(parts: list[Interval] | tuple[Interval, ...]) -> float:
    return sum(end - start for start, end in parts)


def test_a_share_for_each_stretch() -> None:
    assert shares([(0.0, 2.0), (3.0, 4.0)], 8.0, 4) == (1.0, 0.5, 0.0, 0.0)


def test_what_lies_outside_does_not_count() -> None:
    assert shares([(-5.0, 1.0), (9.0, 50.0)], 10.0, 5) == (0.5, 0.0, 0.0, 0.0, 0.5)


def test_an_empty_recording_has_no_speech() -> None:
    assert shares([(0.0, 1.0)], 0.0, 3) == (0.0, 0.0, 0.0)


@given(intervals, st.floats(0.1, 1000), st.integers(1, 100))
def test_no_speech_is_lost_or_made_up(parts: list[Interval], duration: float, cells: int) -> None:
    speech = merged(parts)
    found = shares(speech, duration, cells)
    inside = total([(min(start, duration), min(end, duration)) for start, end in speech])
    assert all(0 <= share <= 1 for share in found)
    assert sum(found) * duration / cells == pytest.approx(inside, abs=1e-6)


@given(intervals)
def test_merged_intervals_are_apart_and_cover_the_same(parts: list[Interval]) -> None:
    apart = merged(parts)
    assert all(before[1] < after[0] for before, after in pairwise(apart))
    for start, end in parts:
        assert any(first <= start and end <= last for first, last in apart)
    assert {edge for part in apart for edge in part} <= {edge for part in parts for edge in part}


def test_only_silence_gets_the_lowest_character() -> None:
    assert blocks([0.0, 0.001, 0.5, 1.0]) == "▁▂▅█"
    assert blocks([0.0, 0.001, 0.5, 1.0], ASCII) == "_.=#"


def test_who_speaks_most() -> None:
    assert loudest([[0.0, 0.2, 0.5], [0.0, 0.3, 0.5]]) == (None, 1, 0)


@pytest.mark.parametrize(
    ("encoding", "glyphs"),
    [("utf-8", BLOCKS), ("cp437", ASCII), ("cp1252", ASCII), ("ascii", ASCII), (None, ASCII), ("no such", ASCII)],
)
def test_blocks_only_where_they_can_be_shown(encoding: str | None, glyphs: str) -> None:
    assert glyphs_for(encoding) == glyphs
