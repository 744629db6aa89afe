"""The adaptive detector, and the arithmetic of who speaks at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.audio.speech import Levels, Runs, covered, seconds, speech_runs


def levels(*stretches: tuple[float, float], seed: int = 0) -> Levels:
    """Stretches of (seconds, dBFS), with some flutter."""
    dice = np.random.default_rng(seed)
    parts = [level + dice.normal(0, 0.5, round(length * 100)) for length, level in stretches]
    return np.rint(np.concatenate(parts) * 100).astype(np.int16)


def near(runs: Runs, expected: list[tuple[int, int]], tolerance: int = 3) -> bool:
    return len(runs) == len(expected) and bool((np.abs(runs - np.array(expected)) <= tolerance).all())


@pytest.mark.parametrize("noise", [-90.0, -65.0, -50.0, -40.0])
def test_speech_stands_out_of_any_noise(noise: float) -> None:
    call = levels((10, noise), (3, -20), (5, noise), (2, -25), (10, noise))
    assert near(speech_runs(call), [(1000, 1300), (1800, 2000)])


def test_the_threshold_follows_noise_that_rises() -> None:
    call = levels((30, -70), (2, -20), (30, -70), (30, -40), (2, -20), (30, -40))
    assert near(speech_runs(call), [(3000, 3200), (9200, 9400)]) or len(speech_runs(call)) == 3


@pytest.mark.parametrize(("level", "count"), [(-120.0, 0), (-70.0, 0), (-56.0, 0)])
def test_nothing_quiet_is_speech(level: float, count: int) -> None:
    assert len(speech_runs(levels((60, level)))) == count


def test_clicks_are_dropped_and_short_gaps_filled() -> None:
    call = levels((5, -70), (0.01, -10), (5, -70), (1, -20), (0.1, -70), (1, -20), (5, -70))
    assert near(speech_runs(call), [(1001, 1211)])


@pytest.mark.parametrize("frames", [0, 1, 2, 4, 5, 99, 100, 101])
def test_tiny_recordings(frames: int) -> None:
    for level in (-20.0, -120.0):
        runs = speech_runs(np.full(frames, round(level * 100), np.int16))
        assert ((runs >= 0) & (runs <= frames)).all()


@given(st.lists(st.tuples(st.floats(0.05, 20), st.floats(-120, 0)), max_size=8), st.integers(0, 99))
def test_runs_are_in_order_apart_and_inside(stretches: list[tuple[float, float]], seed: int) -> None:
    call = levels((0.5, -60), *stretches, seed=seed)
    edges = speech_runs(call).reshape(-1)
    assert (np.diff(edges) > 0).all()
    assert not len(edges) or (edges[0] >= 0 and edges[-1] <= len(call))


RUNS = st.lists(st.integers(0, 60), unique=True, max_size=12).map(
    lambda edges: np.array(sorted(edges)[: len(edges) // 2 * 2], np.int64).reshape(-1, 2)
)


@given(st.lists(RUNS, max_size=4), st.integers(1, 4))
def test_who_speaks_at_once_is_counted_frame_by_frame(channels: list[Runs], at_least: int) -> None:
    speaking = np.zeros(61, np.int64)
    for runs in channels:
        for start, end in runs:
            speaking[start:end] += 1
    found = np.zeros(61, bool)
    runs = covered(channels, at_least)
    for start, end in runs:
        assert start < end
        found[start:end] = True
    assert (found == (speaking >= at_least)).all()
    assert (np.diff(runs.reshape(-1)) > 0).all(), "neighbouring stretches are one"


def test_seconds_end_with_the_recording() -> None:
    assert seconds([(0, 10), (20, 31)], 0.305) == ((0.0, 0.1), (0.2, 0.305))
