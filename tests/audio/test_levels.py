"""Levels of one channel, second by second."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio.energy import Cells
from callkit.audio.levels import ChannelLevels, dbfs


def fed(samples: NDArray[np.int16], rate: int = 8000, rails: tuple[int, int] = (-32768, 32767)) -> ChannelLevels:
    """All whole seconds at once, then the rest."""
    channel = ChannelLevels(rate, rails, Cells(rate, 100))
    whole = len(samples) // rate * rate
    channel.feed(samples[:whole])
    channel.finish(samples[whole:])
    return channel


def sine(peak: int, seconds: float = 1.0, rate: int = 8000) -> NDArray[np.int16]:
    """1 kHz."""
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(np.rint(peak * np.sin(2 * np.pi * 1000 * time)), np.int16)


@pytest.mark.parametrize(
    ("power", "level"),
    [(32768.0**2, 0.0), (32767.0**2 / 2, -3.01), (16384.0**2 / 2, -9.03), (1.0, -90.31), (1e-9, -120.0), (0.0, -120.0)],
)
def test_decibels(power: float, level: float) -> None:
    assert dbfs(power) == level


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.25])
def test_the_level_of_a_sine(seconds: float) -> None:
    channel = fed(sine(16384, seconds))
    assert dbfs(channel.energy / (seconds * 8000)) == -9.03
    assert channel.peak == 16384
    assert channel.levels().tolist() == [-903] * round(seconds * 100)


def test_each_frame_has_its_own_level() -> None:
    levels = fed(np.concatenate([sine(16384, 0.5), np.zeros(4000, np.int16), sine(1638, 0.255)])).levels()
    assert len(levels) == 126
    assert [set(part.tolist()) for part in np.split(levels, [50, 100])] == [{-903}, {-12000}, {-2903}]


def test_a_frame_cut_short_is_measured_over_what_is_there() -> None:
    levels = fed(np.resize(np.array([3277, -3277], np.int16), 8000 + 81)).levels()
    assert levels.tolist() == [-2000] * 102


@pytest.mark.parametrize(("samples", "peak"), [([-32768, 5], 32768), ([3, -2], 3), ([-7, 6], 7), ([0, 0], 0)])
def test_the_peak_is_the_largest_deviation(samples: list[int], peak: int) -> None:
    assert fed(np.array(samples, np.int16)).peak == peak


@pytest.mark.parametrize("place", [0, 799, 4000, 7999, 8000, 9999])
@pytest.mark.parametrize("rail", [-32124, 32124])
def test_samples_at_the_rails_are_counted_wherever_they_are(place: int, rail: int) -> None:
    samples = sine(8000, 1.25)
    samples[place] = rail
    assert fed(samples, rails=(-32124, 32124)).clipped == 1
    assert fed(samples).clipped == 0


@given(st.integers(1, 3000), st.integers(0, 5000), st.integers(0, 2**32 - 1))
def test_any_rate_and_length(rate: int, length: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-16384, 16384, length).astype(np.int16)  # an offset fits beside it
    channel = ChannelLevels(rate, (-15000, 15000), Cells(rate, 100))
    whole = length // rate * rate
    centred = np.concatenate([channel.feed(samples[:whole]).copy(), channel.finish(samples[whole:])])
    wide = samples.astype(np.int64)
    assert channel.energy == (centred.astype(np.int64) ** 2).sum()
    assert channel.total == wide.sum()
    assert channel.peak == np.abs(wide).max(initial=0)
    assert channel.clipped == np.count_nonzero((wide <= -15000) | (wide >= 15000))
    rows = channel.peaks()
    if length:
        assert (rows[:, 0].min(), rows[:, 1].max()) == (samples.min(), samples.max())
    assert len(channel.levels()) >= length * 100 // rate
