"""Leaks: how much of a party is heard on the other channel, and speech without it."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Cells
from callkit.audio.leaks import leak_between, leaks_between, without_leaks
from callkit.audio.levels import ChannelLevels
from callkit.audio.speech import Levels, Runs, speech_runs
from callkit.core.analysis import Interval
from callkit.core.health import Leak
from callkit.testing.factory import FactoryCall, make_call

RATE = 8000


def levels_of(samples: NDArray[np.int16]) -> list[Levels]:
    found = []
    for own in np.ascontiguousarray(samples.T):
        channel = ChannelLevels(RATE, (-32768, 32767), Cells(RATE, FRAMES_PER_SECOND))
        channel.feed(own[: len(own) // RATE * RATE])
        channel.finish(own[len(own) // RATE * RATE :])
        found.append(channel.levels())
    return found


def leaking(call: FactoryCall, gain: float, *, late: float = 0.0, both: bool = True) -> NDArray[np.int16]:
    """So much of each channel is heard on the other, so many seconds later; or only of the first on the second."""
    frames = round(late * RATE)
    delayed = np.concatenate([np.zeros((frames, 2)), call.samples[: len(call.samples) - frames]])
    heard = gain * delayed[:, ::-1] * (1.0 if both else np.array([0.0, 1.0]))
    return np.asarray(np.rint(call.samples + heard).clip(-32768, 32767), np.int16)


def measured(samples: NDArray[np.int16]) -> tuple[list[Levels], list[Runs], tuple[Leak, ...]]:
    levels = levels_of(samples)
    runs = [speech_runs(own) for own in levels]
    return levels, runs, leaks_between(levels, runs)


def talk_times(runs: Sequence[Runs]) -> list[float]:
    return [float(np.sum(own[:, 1] - own[:, 0])) / FRAMES_PER_SECOND for own in runs]


def f1(runs: Runs, truth: Sequence[Interval], frames: int) -> float:
    said, heard = np.zeros(frames, np.bool_), np.zeros(frames, np.bool_)
    for begin, end in truth:
        said[round(begin * FRAMES_PER_SECOND) : round(end * FRAMES_PER_SECOND)] = True
    for begin, end in runs:
        heard[begin:end] = True
    return float(2 * np.sum(said & heard) / (said.sum() + heard.sum()))


@pytest.mark.parametrize("noise", [-65.0, None])
@pytest.mark.parametrize(("gain", "leak"), [(0.03, -30.46), (0.06, -24.44), (0.12, -18.42), (0.25, -12.04)])
def test_a_leak_is_measured_both_ways(gain: float, leak: float, noise: float | None) -> None:
    _, _, found = measured(leaking(make_call(seconds=60, seed=1, noise_dbfs=noise), gain))
    assert [(one.source, one.channel) for one in found] == [(0, 1), (1, 0)]
    assert [one.leak_db for one in found] == pytest.approx([leak, leak], abs=0.3)


def test_a_leak_of_one_party_only() -> None:
    _, _, found = measured(leaking(make_call(seconds=60, seed=1), 0.06, both=False))
    assert [(one.source, one.channel) for one in found] == [(0, 1)]


@pytest.mark.parametrize("noise", [-65.0, -40.0, None])
@pytest.mark.parametrize("seed", range(4))
def test_where_nothing_leaks_nothing_is_found(seed: int, noise: float | None) -> None:
    assert measured(make_call(seconds=60, seed=seed, noise_dbfs=noise).samples)[2] == ()


@pytest.mark.parametrize("noise", [-65.0, -50.0, None])
@pytest.mark.parametrize(("gain", "late"), [(0.06, 0.0), (0.06, 0.02), (0.12, 0.0), (0.12, 0.02), (0.25, 0.0)])
def test_what_leaks_is_no_speech(gain: float, late: float, noise: float | None) -> None:
    call = make_call(seconds=60, seed=2, noise_dbfs=noise)
    levels, runs, leaks = measured(leaking(call, gain, late=late))
    own = without_leaks(levels, runs, leaks)
    assert talk_times(runs)[0] > call.talk_times[0] + 10  # or else there was nothing to remove
    assert talk_times(own) == pytest.approx(call.talk_times, abs=0.7)
    for number, truth in enumerate(call.speech):
        assert f1(own[number], truth, len(levels[0])) > 0.985


def test_the_table_of_the_definitions() -> None:
    """A copy of 0.06 leaks at -24.4 dB; a frame is the other's only if it is 6 dB louder."""
    own = np.tile(np.array([-2000, -2500, -1500, -3000], np.int16), 100)
    there = np.asarray(own - 2444, np.int16)
    everywhere = np.array([[0, 400]])
    assert leak_between(own, there, everywhere) == -24.44
    quieter, louder = there.copy(), there.copy()
    quieter[100:200] = own[100:200] - 2444 + 600
    louder[100:200] = own[100:200] - 2444 + 601
    leaks, runs, quiet = [Leak(0, 1, -24.44)], [everywhere, everywhere], np.full(400, -9000, np.int16)
    steady = np.full(400, -2000, np.int16)
    assert without_leaks([steady, np.minimum(quieter, -3844)], runs, leaks)[1].tolist() == []
    quiet[100:200] = -3844
    assert without_leaks([steady, quiet], runs, leaks)[1].tolist() == []
    quiet[100:200] = -3843
    assert without_leaks([steady, quiet], runs, leaks)[1].tolist() == [[100, 200]]
    assert without_leaks([steady, quiet], runs, [])[1].tolist() == [[0, 400]]


@pytest.mark.parametrize(("late", "speech"), [(0, []), (5, []), (8, [[155, 158]])])
def test_an_echo_may_be_50_ms_late(late: int, speech: list[list[int]]) -> None:
    own, there = np.full(300, -6000, np.int16), np.full(300, -7000, np.int16)
    own[100:150] = -2000
    there[100 : 150 + late] = -3900
    runs = [np.array([[100, 150]]), np.array([[100, 200]])]
    assert without_leaks([own, there], runs, [Leak(0, 1, -20.0)])[1].tolist() == speech


def test_what_was_no_speech_does_not_become_speech() -> None:
    own, there = np.full(300, -6000, np.int16), np.full(300, -7000, np.int16)
    there[50:100] = there[200:250] = -2000
    runs = [np.empty((0, 2), np.int64), np.array([[200, 250]])]
    assert without_leaks([own, there], runs, [Leak(0, 1, -20.0)])[1].tolist() == [[200, 250]]


def test_nobody_is_clearly_louder() -> None:
    own = np.tile(np.array([-2000, -2500], np.int16), 100)
    everywhere = np.array([[0, 200]])
    assert leak_between(own, own - np.int16(600), everywhere) == -6.0
    assert leak_between(own, own - np.int16(599), everywhere) is None


def test_less_than_a_second_tells_nothing() -> None:
    own = np.tile(np.array([-2000, -2500], np.int16), 100)
    there = own - np.int16(2000)
    assert leak_between(own, there, np.array([[0, 50], [100, 150]])) == -20.0
    assert leak_between(own, there, np.array([[0, 50], [100, 149]])) is None
    assert leak_between(own, there, np.empty((0, 2), np.int64)) is None


def test_levels_that_do_not_move_are_not_alike() -> None:
    steady = np.full(200, -2000, np.int16)
    assert leak_between(steady, steady - np.int16(2000), np.array([[0, 200]])) is None


def test_digital_silence_is_no_leak() -> None:
    levels = np.tile(np.array([-2000, -2500], np.int16), 100)
    assert leak_between(levels, np.full(200, -12_000, np.int16), np.array([[0, 200]])) is None


def test_of_three_channels_each_leaks_for_itself() -> None:
    call = make_call(seconds=60, seed=3)
    third = make_call(seconds=60, seed=4).samples[:, 0]
    samples = np.column_stack([call.samples, third])
    samples[:, 2] += np.rint(0.1 * samples[:, 0]).astype(np.int16)
    levels, runs, leaks = measured(samples)
    assert [(leak.source, leak.channel) for leak in leaks] == [(0, 2)]
    own = without_leaks(levels, runs, leaks)
    assert (own[0] is runs[0], own[1] is runs[1]) == (True, True)
    assert talk_times(own)[2] < talk_times(runs)[2]
