"""Paths of SVG."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.intervals import Interval
from callkit.report.drawing import LEVELS, WIDTH, envelopes, heat, outline, stretches
from callkit.report.strip import merged

times = st.floats(0, 100, allow_subnormal=False)
speech = st.lists(st.tuples(times, times).map(lambda ends: (min(ends), max(ends))), max_size=10).map(merged)


def boxes(path: str) -> list[tuple[float, float]]:
    """Left edge and width of each rectangle."""
    return [(float(x), float(width)) for x, width in re.findall(r"M([\d.e-]+) 0h([\d.e-]+)v", path)]


def test_stretches_are_drawn_where_they_are() -> None:
    assert boxes(stretches([(10.0, 30.0), (50.0, 50.001)], 100.0, 10)) == [(100.0, 200.0), (500.0, 0.8)]
    assert stretches([(0.0, 1.0)], 0.0, 10) == ""


@given(speech)
def test_heat_is_what_is_left(intervals: tuple[Interval, ...]) -> None:
    paths = heat(intervals, 100.0, 10)
    assert len(paths) == LEVELS
    drawn = sum(width * level / LEVELS for level, path in enumerate(paths, 1) for _, width in boxes(path))
    free = 100.0 - sum(end - start for start, end in intervals)
    assert drawn == pytest.approx(10 * free, abs=WIDTH / LEVELS / 2)


def test_heat_of_an_empty_recording() -> None:
    assert heat([], 0.0, 10) == ("",) * LEVELS


@pytest.mark.parametrize("count", [1, 7, 1000, 1001, 36000])
def test_envelopes_keep_every_peak(count: int) -> None:
    dice = np.random.default_rng(count)
    rows = np.sort(dice.integers(-32768, 32768, (count, 2, 2)), axis=-1).astype(np.int16)
    found = envelopes(rows)
    assert len(found) == 2
    for channel, columns in enumerate(found):
        assert len(columns) == min(count, WIDTH)
        assert (columns[:, 0].min(), columns[:, 1].max()) == (rows[:, channel, 0].min(), rows[:, channel, 1].max())


def test_nothing_has_no_envelope() -> None:
    empty = envelopes(np.zeros((0, 2, 2), np.int16))
    assert [len(columns) for columns in empty] == [0, 0]
    assert outline(empty[0], 100) == ""


def test_an_outline_goes_forth_above_and_back_below() -> None:
    columns = np.array([[-10000, 20000], [0, 0]], np.int16)
    assert outline(columns, 20000) == "M0 100L250 0 750 100 750 100 250 150z"


def test_a_quiet_call_looks_quiet() -> None:
    heights = [int(y) for y in re.findall(r"\d+ (\d+)", outline(np.array([[-60, 60]], np.int16), 60))]
    assert max(heights) - min(heights) == 2
