"""Health: offsets, gaps of digital silence, noise, and channels that are the same."""

from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Cells
from callkit.audio.g711 import A_LAW, MU_LAW
from callkit.audio.health import GapMeter, Moments, during, health, noise_floor, snr
from callkit.audio.leaks import leaks_between, without_leaks
from callkit.audio.levels import ChannelLevels
from callkit.audio.reader import AudioFormat
from callkit.audio.source import open_audio
from callkit.audio.spectra import Spectra
from callkit.audio.speech import Levels, Runs, speech_runs
from callkit.core.health import Health
from callkit.testing.factory import Layer, make_call
from callkit.testing.voices import noise

Samples = NDArray[np.int16]
PCM, MU_LAW_RAILS, A_LAW_RAILS = (-32_768, 32_767), (-32_124, 32_124), (-32_256, 32_256)
NO_RUNS: Runs = np.empty((0, 2), np.int64)


def metered(
    samples: Samples, rate: int, rails: tuple[int, int], at_once: int
) -> tuple[GapMeter, ChannelLevels, Samples]:
    """As the analyser does it: so many whole seconds at once, then the rest. With the samples without their offset."""
    gaps, levels, spectra = (
        GapMeter(rate, rails),
        ChannelLevels(rate, rails, Cells(rate, FRAMES_PER_SECOND)),
        Spectra(rate),
    )
    whole, centred = len(samples) // rate * rate, []
    for begin in range(0, whole, at_once * rate):
        part = samples[begin : min(begin + at_once * rate, whole)]
        gaps.feed(part, spectra(part))
        centred.append(levels.feed(part).copy())
    gaps.finish(samples[whole:], spectra.rest(samples[whole:]))
    return gaps, levels, np.concatenate([*centred, levels.finish(samples[whole:])])


def measured(samples: Samples, rate: int = 8000, at_once: int = 16, **facts: Any) -> Health:
    """Samples of shape (frames, channels), or of one channel."""
    channels = list(np.ascontiguousarray(np.atleast_2d(samples.T)))
    kind = AudioFormat("wav", "pcm_s16le", rate, len(channels), **facts)
    gaps, meters, centred = zip(*(metered(own, rate, kind.rails, at_once) for own in channels), strict=True)
    moments = Moments(len(channels))
    for begin in range(0, len(samples), at_once * rate):
        moments.feed([own[begin : begin + at_once * rate] for own in centred])
    levels = [channel.levels() for channel in meters]
    runs = [speech_runs(own) for own in levels]
    leaks = leaks_between(levels, runs) if len(channels) > 1 else ()
    heard = without_leaks(levels, runs, leaks)
    return health(kind, moments, gaps, meters, runs=heard, leaks=leaks)


def gaps_of(samples: Samples, rate: int = 8000, rails: tuple[int, int] = PCM, at_once: int = 16) -> GapMeter:
    return metered(samples, rate, rails, at_once)[0]


def codes(found: Health) -> list[str]:
    return [flag.code for flag in found.flags]


def hiss(frames: int, rms: float = 300.0, seed: int = 1) -> Samples:
    """Noise without a single zero."""
    samples = np.rint(np.random.default_rng(seed).standard_normal(frames) * rms).astype(np.int16)
    samples[samples == 0] = 1
    return samples


# ---- offset, clipping, peak


def test_a_constant_is_an_offset() -> None:
    found = measured(np.full(80_000, 1638, np.int16))
    assert found.channels[0].dc_offset == 0.04999
    assert codes(found)[0] == "dc_offset"


@pytest.mark.parametrize("at_once", [1, 16])
@pytest.mark.parametrize("offset", [-9000, -1638, 0, 20, 1638])
def test_the_offset_of_a_call(offset: int, at_once: int) -> None:
    samples = make_call(seconds=20.35, seed=1, level_dbfs=-20).samples + np.int16(offset)
    found = measured(samples, at_once=at_once)
    assert [channel.dc_offset for channel in found.channels] == pytest.approx([offset / 32_768] * 2, abs=2e-4)
    assert ("dc_offset" in codes(found)) is (abs(offset) > 328)


def test_clipping_and_peak_are_those_of_the_levels() -> None:
    samples = hiss(80_000)
    samples[:40] = 32_767
    channel = measured(samples).channels[0]
    assert (channel.clipping_percent, channel.peak_dbfs) == (0.05, 0.0)
    samples[:80] = -32_768
    assert "clipping" in codes(measured(samples))


# ---- gaps


@pytest.mark.parametrize("place", [1, 777, 7999, 8000, 15_900, 20_000])
@pytest.mark.parametrize("at_once", [1, 2])
def test_160_zeros_are_a_gap_and_159_are_not(place: int, at_once: int) -> None:
    for length, count in ((159, 0), (160, 1), (4000, 1)):
        samples = hiss(30_000)
        samples[place : place + length] = 0
        found = gaps_of(samples, at_once=at_once)
        assert (found.count, found.samples, found.longest) == (count, length * count, length * count)
        assert found.long() == (((place / 8000, (place + length) / 8000),) if length == 4000 else ())


@pytest.mark.parametrize(("rate", "shortest"), [(8000, 160), (8001, 161), (11_025, 221), (44_100, 882), (48_000, 960)])
def test_20_ms_at_any_rate(rate: int, shortest: int) -> None:
    samples = hiss(2 * rate + 50)
    samples[100 : 100 + shortest - 1] = 0
    assert gaps_of(samples, rate).count == 0
    samples[99] = 0
    assert (gaps_of(samples, rate).count, gaps_of(samples, rate).longest) == (1, shortest)


def test_gaps_at_both_ends_and_over_blocks() -> None:
    samples = hiss(40_000)
    samples[:8000] = samples[15_000:33_000] = samples[39_000:] = 0
    found = gaps_of(samples, at_once=1)
    assert (found.count, found.samples, found.longest) == (3, 27_000, 18_000)
    assert found.long() == ((0.0, 1.0), (1.875, 4.125))


def test_digital_silence_is_one_gap() -> None:
    found = gaps_of(np.zeros(20_001, np.int16), at_once=1)
    assert (found.count, found.samples, found.long()) == (1, 20_001, ((0.0, 20_001 / 8000),))
    assert gaps_of(np.zeros(0, np.int16)).count == 0


def test_a_law_has_no_zero() -> None:
    """What an A-law line sends when nobody speaks is -8 and 8."""
    idle = np.resize(np.array([8, -8, 8, 8], np.int16), 16_000)
    idle[8000] = 24
    assert gaps_of(idle, rails=A_LAW_RAILS).long() == ((0.0, 1.0), (8001 / 8000, 2.0))
    assert gaps_of(idle, rails=PCM).count == 0
    assert (A_LAW.min(), A_LAW.max()) == A_LAW_RAILS
    assert (MU_LAW.min(), MU_LAW.max()) == MU_LAW_RAILS


@pytest.mark.parametrize(("codec", "silent"), [("pcm_alaw", -7225), ("pcm_mulaw", -12_000), ("pcm_s16le", -12_000)])
def test_idle_lines_as_they_are_read(codec: str, silent: int) -> None:
    call = make_call(seconds=4, turns=[(0, 1.0, 2.0)], noise_dbfs=None, codec=codec)
    with open_audio(call.wav()) as reader:
        samples = np.concatenate([block.copy() for block in reader.blocks()]).reshape(-1, 2)
        gaps, levels, _ = metered(np.ascontiguousarray(samples[:, 1]), 8000, reader.format.rails, 16)
    assert (gaps.count, gaps.samples, gaps.silent_level) == (1, 32_000, silent)
    assert levels.levels().max() <= silent
    assert noise_floor(levels.levels(), NO_RUNS, gaps.silent_level) is None


def test_full_scale_is_no_silence() -> None:
    assert gaps_of(np.full(8000, -32_768, np.int16), rails=PCM).count == 0
    assert gaps_of(np.full(8000, -32_256, np.int16), rails=A_LAW_RAILS).count == 0


@given(
    st.lists(st.tuples(st.integers(1, 900), st.booleans()), max_size=25),
    st.sampled_from([1000, 1003, 8000]),
    st.integers(1, 3),
    st.sampled_from([PCM, A_LAW_RAILS]),
)
def test_gaps_are_found_wherever_they_are(
    parts: list[tuple[int, bool]], rate: int, at_once: int, rails: tuple[int, int]
) -> None:
    silent = 0 if rails == PCM else 8
    samples = np.array([silent if quiet else 100 for length, quiet in parts for _ in range(length)], np.int16)
    lengths = [len(list(run)) for value, run in groupby(samples.tolist()) if value == silent]
    gaps = [length for length in lengths if length / rate >= 0.02]
    found = gaps_of(samples, rate, rails, at_once)
    assert (found.count, found.samples, found.longest) == (len(gaps), sum(gaps), max(gaps, default=0))
    assert len(found.long()) == sum(length / rate >= 0.5 for length in lengths)


def test_only_long_gaps_inside_the_talk_are_flagged() -> None:
    samples = make_call(seconds=20, turns=[(0, 2.0, 8.0), (1, 9.0, 15.0)]).samples
    samples[: 8000 * 1, 0] = 0  # before anybody speaks
    samples[8000 * 10 : 8000 * 10 + 3999, 0] = 0
    assert codes(measured(samples)) == []
    samples[8000 * 10 : 8000 * 10 + 4000, 0] = 0
    found = measured(samples)
    assert [(flag.code, flag.channel, flag.intervals) for flag in found.flags] == [("zero_gap", 0, ((10.0, 10.5),))]
    channel = found.channels[0]
    assert (channel.zero_gap_count, channel.zero_gap_time, channel.longest_zero_gap) == (2, 1.5, 1.0)


# ---- noise


def test_the_noise_floor_is_the_10th_percentile() -> None:
    levels = np.concatenate([np.full(300, -5800, np.int16), np.full(700, -2200, np.int16)])
    spoken = np.array([[300, 1000]])
    assert noise_floor(levels, spoken) == -58.0
    assert snr(levels, spoken, -58.0) == 36.0
    assert noise_floor(np.arange(-1000, 0, dtype=np.int16), NO_RUNS) == -9.0


@pytest.mark.parametrize(
    ("sounding", "spoken", "known"),
    [(100, 0, True), (99, 0, False), (700, 600, True), (700, 601, False), (5000, 4499, True), (5000, 4500, False)],
)
def test_a_second_and_a_tenth_of_noise_are_needed(sounding: int, spoken: int, known: bool) -> None:
    levels = np.concatenate([np.full(sounding, -5800, np.int16), np.full(1000, -12_000, np.int16)])
    assert noise_floor(levels, np.array([[0, spoken]])) == (-58.0 if known else None)


def test_digital_silence_is_no_noise() -> None:
    levels = np.concatenate(
        [np.full(5000, -12_000, np.int16), np.full(200, -6000, np.int16), np.full(800, -2000, np.int16)]
    )
    assert noise_floor(levels, np.array([[5200, 6000]])) == -60.0
    idle = np.concatenate([np.full(5000, -7225, np.int16), levels[5000:]])
    assert noise_floor(idle, np.array([[5200, 6000]]), -7225) == -60.0
    assert noise_floor(idle, np.array([[5200, 6000]])) == -72.25
    assert noise_floor(idle, np.array([[0, 101], [5200, 6000]]), -7225) == -60.0


def test_speech_has_the_mean_of_its_powers() -> None:
    levels = np.array([-1000, -2000, -9000, -12_000], np.int16)
    assert snr(levels, np.array([[0, 2]]), -50.0) == round(10 * np.log10((0.1 + 0.01) / 2) + 50, 2)
    assert snr(levels, np.array([[0, 1], [3, 4]]), -50.0) == round(10 * np.log10(0.1 / 2) + 50, 2)
    assert snr(levels, NO_RUNS, -50.0) is None
    assert snr(levels, np.array([[0, 2]]), None) is None


@given(st.lists(st.integers(-12_000, 0), min_size=3, max_size=60), st.integers(0, 2), st.integers(1, 3))
def test_the_levels_during_runs(values: list[int], begin: int, step: int) -> None:
    levels: Levels = np.array(values, np.int16)
    runs = np.array([[at, at + 1] for at in range(begin, len(values), step)])
    assert during(levels, runs).tolist() == values[begin::step]


@pytest.mark.parametrize(
    ("noise_dbfs", "flags"),
    [(-65.0, []), (-42.0, []), (-38.0, ["noise_floor"] * 2), (-30.0, ["noise_floor", "snr"] * 2)],
)
def test_the_noise_of_a_call(noise_dbfs: float, flags: list[str]) -> None:
    found = measured(make_call(seconds=30, seed=2, noise_dbfs=noise_dbfs, level_dbfs=-18).samples)
    floors = [channel.noise_floor_dbfs for channel in found.channels]
    assert floors == pytest.approx([noise_dbfs - 0.6] * 2, abs=0.4)  # a percentile lies below the mean
    assert codes(found) == flags


@pytest.mark.parametrize("seconds", [30, 300])
def test_what_a_noise_gate_lets_through_is_no_noise(seconds: float) -> None:
    found = measured(make_call(seconds=seconds, seed=2, noise_dbfs=None).samples)
    assert [(channel.noise_floor_dbfs, channel.snr_db) for channel in found.channels] == [(None, None)] * 2
    assert {"noise_floor", "snr"} & set(codes(found)) == set()


def test_an_idle_a_law_line_is_no_noise() -> None:
    call = make_call(seconds=20, turns=[(0, 2.0, 8.0), (1, 9.0, 15.0)], noise_dbfs=None)
    hum = np.random.default_rng(1).choice(np.array([-8, 8], np.int16), call.samples.shape)
    idle = np.where(call.samples == 0, hum, call.samples)
    found = measured(idle, rails=A_LAW_RAILS)
    assert [channel.noise_floor_dbfs for channel in found.channels] == [None, None]
    assert [channel.noise_floor_dbfs for channel in measured(idle).channels] == [-72.25, -72.25]


# ---- both channels


def correlated(left: Samples, right: Samples) -> float | None:
    return measured(np.column_stack([left, right])).correlation


def test_the_same_on_both_channels() -> None:
    left = make_call(seconds=20, channels=1, seed=1).samples[:, 0]
    assert correlated(left, left) == 1.0
    assert correlated(left, np.rint(left * 0.5).astype(np.int16)) == pytest.approx(1.0, abs=1e-3)
    assert correlated(left, left + np.int16(3000)) == 1.0  # whatever they are offset by
    assert correlated(left, -left) == -1.0
    assert codes(measured(np.column_stack([left, left]))) == ["dual_mono"]


def test_talkers_that_leak_are_not_the_same() -> None:
    samples = make_call(seconds=60, seed=1).samples
    both = np.rint(samples + 0.06 * samples[:, ::-1]).astype(np.int16)
    found = measured(both)
    assert found.correlation == pytest.approx(0.12, abs=0.01)
    assert found.dual_mono is False
    assert codes(found) == ["leak", "leak"]
    assert [leak.leak_db for leak in found.leaks] == pytest.approx([-24.44] * 2, abs=0.3)


@given(st.integers(0, 2**32 - 1), st.floats(-1, 1), st.integers(-300, 300))
def test_correlation_is_pearsons(seed: int, mixed: float, offset: int) -> None:
    dice = np.random.default_rng(seed)
    left, other = dice.standard_normal((2, 9000)) * 2000
    right = mixed * left + (1 - abs(mixed)) * other
    pair = [np.rint(one).astype(np.int16) + np.int16(offset) for one in (left, right)]
    expected = np.corrcoef(pair[0], pair[1])[0, 1]
    assert correlated(pair[0], pair[1]) == pytest.approx(expected, abs=6e-5)


def test_a_silent_channel_is_like_none() -> None:
    sound = hiss(16_000)
    assert correlated(sound, np.zeros(16_000, np.int16)) is None
    assert correlated(sound, np.full(16_000, 1638, np.int16)) is None
    assert measured(sound).correlation is None
    assert measured(np.column_stack([sound] * 3)).correlation is None


@pytest.mark.parametrize(("noise_dbfs", "reason"), [(-65.0, "no_speech"), (None, "digital_zero")])
def test_one_way(noise_dbfs: float | None, reason: str) -> None:
    layers = (
        [] if noise_dbfs is None else [Layer(0, 0.0, 60.0, noise(noise_dbfs)), Layer(1, 0.0, 60.0, noise(noise_dbfs))]
    )
    call = make_call(seconds=60, turns=[(0, 5.0, 25.0)], noise_dbfs=None, layers=layers)
    flags = [(flag.code, flag.channel, flag.reason) for flag in measured(call.samples).flags]
    assert ("one_way", 1, reason) in flags
    assert [code for code, _, _ in flags if code != "zero_gap"] == ["one_way"]


def test_a_few_words_are_not_one_way() -> None:
    assert codes(measured(make_call(seconds=60, turns=[(0, 20.0, 24.9)]).samples)) == []


def test_one_way_is_found_although_the_other_party_leaks() -> None:
    call = make_call(seconds=60, turns=[(0, 5.0, 15.0), (0, 20.0, 30.0)], noise_dbfs=-50.0)
    samples = call.samples.copy()
    samples[:, 1] += np.rint(0.06 * samples[:, 0]).astype(np.int16)
    assert codes(measured(samples)) == ["leak", "one_way"]


# ---- the whole


def test_a_good_call() -> None:
    found = measured(make_call(seconds=60, seed=5).samples, declared_duration=60.0, declared_kind="count")
    assert (found.flags, found.missing_time, found.dual_mono, found.leaks) == ((), 0.0, False, ())
    assert [channel.channel for channel in found.channels] == [0, 1]
    assert [channel.snr_db for channel in found.channels] == pytest.approx([45.6] * 2, abs=0.3)


def test_a_truncated_file() -> None:
    found = measured(hiss(80_000), declared_duration=20.0, declared_kind="count")
    assert (found.missing_time, found.truncated) == (10.0, True)


def test_an_empty_recording() -> None:
    found = measured(np.zeros((0, 2), np.int16))
    assert (found.flags, found.correlation) == ((), None)
    assert [(one.clipping_percent, one.dc_offset, one.noise_floor_dbfs) for one in found.channels] == [
        (0.0, 0.0, None)
    ] * 2


@pytest.mark.parametrize("rate", [8000, 8001, 11_025, 48_000])
@pytest.mark.parametrize("at_once", [1, 3])
def test_blocks_do_not_matter(rate: int, at_once: int) -> None:
    samples = make_call(seconds=7.35, sample_rate=rate, seed=1, noise_dbfs=-90.0).samples
    assert measured(samples, rate, at_once) == measured(samples, rate, 16)
