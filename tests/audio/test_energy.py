"""Sums of squares are exact, at any rate."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.audio.energy import Cells, boundaries, sums


@given(st.integers(1, 50_000), st.sampled_from([10, 100, 1000]), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_every_cell_is_exact(rate: int, parts: int, seconds: int, seed: int) -> None:
    rate = rate // 100 + 1 if seconds else rate  # keep it quick
    samples = np.random.default_rng(seed).integers(-32768, 32768, rate * seconds).astype(np.int16)
    edges = boundaries(rate, parts)
    wide = samples.astype(np.int64).reshape(-1, rate) ** 2
    expected = [int(second[a:b].sum()) for second in wide for a, b in pairwise(edges)]
    assert Cells(rate, parts)(samples).tolist() == expected


def test_the_largest_samples_do_not_overflow() -> None:
    samples = np.full(8000, -32768, np.int16)
    assert Cells(8000, 100)(samples).tolist() == [80 * 2.0**30] * 100


@pytest.mark.parametrize(("edges", "expected"), [([0, 2, 2, 5], [3, 0, 12]), ([0, 3, 9], [6, 9]), ([0, 7, 9], [15, 0])])
def test_cells_may_be_empty_or_lie_beyond_the_end(edges: list[int], expected: list[int]) -> None:
    assert sums(np.array([1, 2, 3, 4, 5]), np.array(edges)).tolist() == expected
