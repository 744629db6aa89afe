"""The adaptive detector, and the arithmetic of who speaks at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio.energy import Cells
from callkit.audio.levels import ChannelLevels
from callkit.audio.speech import Levels, Runs, covered, except_for, seconds, speech_runs


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
    jump = (6200, 7235)  # until the louder noise makes up enough of the half minute around, it counts as speech
    assert near(speech_runs(call), [(3000, 3200), jump, (9200, 9400)], tolerance=15)


def conversation(seconds: int, dice: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bursts of noise that swell four times a second at 8 kHz, and whether each 10 ms belongs to one."""
    sound, speaking, place = np.zeros(seconds * 8000), np.zeros(seconds * 100, np.bool_), 100
    while place < len(speaking) - 600:
        end = place + int(dice.integers(50, 500))
        swell = 0.25 + 0.75 * np.abs(np.sin(4 * np.pi * np.arange((end - place) * 80) / 8000))
        sound[place * 80 : end * 80] = 2000 * swell * dice.standard_normal(len(swell))
        speaking[place:end] = True
        place = end + int(dice.integers(30, 600))
    return sound, speaking


def likeness(runs: Runs, truth: NDArray[np.bool_]) -> float:
    """F1 of the frames found."""
    found = np.zeros_like(truth)
    for start, end in runs:
        found[start:end] = True
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


@pytest.mark.parametrize("ratio", [60.0, 30.0, 20.0, 10.0, 5.0])
@pytest.mark.parametrize("gain", [1.0, 0.15])
def test_speech_is_found_in_noise(ratio: float, gain: float) -> None:
    dice = np.random.default_rng(int(ratio))
    sound, speaking = conversation(120, dice)
    noise = dice.normal(0, np.sqrt((sound**2).sum() / speaking.sum() / 80) * 10 ** (-ratio / 20), len(sound))
    channel = ChannelLevels(8000, (-32768, 32767), Cells(8000, 100))
    channel.feed((gain * (sound + noise)).clip(-32768, 32767).astype(np.int16))
    assert likeness(speech_runs(channel.levels()), speaking) > 0.98


@pytest.mark.parametrize("seconds", [2, 30, 120])
def test_speech_without_a_pause_is_not_taken_for_noise_at_once(seconds: int) -> None:
    """What swells as speech does stands out of its own floor, however long it lasts."""
    swell = -20 + 15 * np.sin(np.arange(seconds * 100) * 0.25)
    runs = speech_runs(np.rint(100 * swell).astype(np.int16))
    assert (runs[:, 1] - runs[:, 0]).sum() > 0.9 * seconds * 100


@pytest.mark.parametrize(("level", "count"), [(-120.0, 0), (-70.0, 0), (-58.0, 0)])
def test_nothing_quiet_is_speech(level: float, count: int) -> None:
    assert len(speech_runs(levels((60, level)))) == count


def test_clicks_are_dropped_and_short_gaps_filled() -> None:
    call = levels((5, -70), (0.01, -10), (5, -70), (1, -20), (0.1, -70), (1, -20), (5, -70))
    assert near(speech_runs(call), [(1001, 1211)])


def steady(*stretches: tuple[int, float]) -> Levels:
    """Stretches of (frames, dBFS), without flutter."""
    return np.concatenate([np.full(frames, round(level * 100), np.int16) for frames, level in stretches])


@pytest.mark.parametrize(("frames", "runs"), [(4, []), (5, [[2001, 2004]])])
def test_what_stands_out_for_less_than_three_frames_is_a_click(frames: int, runs: list[list[int]]) -> None:
    """A mean of five frames is loud only if it holds four of the burst's or more."""
    assert speech_runs(steady((2000, -70), (frames, -49.5), (2000, -70))).tolist() == runs


@pytest.mark.parametrize(("gap", "count"), [(21, 1), (22, 2)])
def test_gaps_shorter_than_20_frames_are_filled(gap: int, count: int) -> None:
    """The means of five make a gap two frames shorter."""
    assert len(speech_runs(steady((2000, -70), (100, -20), (gap, -70), (100, -20), (2000, -70)))) == count


@pytest.mark.parametrize(("above", "count"), [(2.5, 0), (3.5, 1)])
def test_little_speech_must_be_3_db_above_the_noise(above: float, count: int) -> None:
    assert len(speech_runs(steady((3000, -50), (300, -50 + above), (3000, -50)))) == count


@pytest.mark.parametrize(("above", "count"), [(2.5, 0), (3.5, 1)])
def test_next_to_loud_speech_3_db_above_steady_noise_are_enough(above: float, count: int) -> None:
    call = steady(
        *[(400, -50), (400, -10)] * 10, (400, -50), (200, -50 + above), (400, -50), *[(400, -10), (400, -50)] * 10
    )
    assert len(speech_runs(call)) - 20 == count


@pytest.mark.parametrize(("above", "found"), [(6.5, False), (7.0, True)])
def test_restless_noise_takes_more(above: float, found: bool) -> None:
    """It swells by 3 dB twice a second, and 2.25 times that lies between its quietest and speech."""
    noise = steady(*[(25, -50), (25, -47)] * 40)
    mumble, shout = noise + np.int16(100 * (above - 3)), noise + np.int16(3000)
    call = np.concatenate([noise, shout[:300], noise, mumble[:300], noise])
    assert any(4300 <= begin < 4600 for begin, _ in speech_runs(call)) == found


def test_speech_between_music_is_measured_by_what_lies_around_the_music() -> None:
    music = [(100, 3100), (3400, 6400)]
    call = steady((100, -70), (3000, -20), (100, -70), (100, -24), (100, -70), (3000, -20), (100, -70))
    assert not any(3100 <= begin < 3400 for begin, _ in speech_runs(call))
    runs = except_for(speech_runs(call, np.array(music)), [np.array(music)])
    assert runs.tolist() == [[3200, 3300]]


def test_of_nothing_but_music_nothing_is_speech() -> None:
    assert len(speech_runs(steady((1000, -20)), np.array([[0, 1000]]))) == 0


@pytest.mark.parametrize("noise", [-70, -45])
def test_speech_begins_and_ends_where_it_is_loud(noise: int) -> None:
    call = steady((2000, noise), (300, -20), (500, noise), (100, -25), (2000, noise))
    assert speech_runs(call).tolist() == [[2000, 2300], [2800, 2900]]


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


def test_the_first_second_counts_no_more_than_any_other() -> None:
    """A lull in the noise as a call begins is no measure of the noise."""
    noise = np.tile(np.repeat(np.array([-4000, -3800], np.int16), 25), 60)
    noise[:100] -= 700
    assert len(speech_runs(np.concatenate([noise, np.full(200, -2000, np.int16), noise[::-1]]))) == 1


@pytest.mark.parametrize("frames", [1, 5, 10])
def test_what_a_codec_smears_after_a_sudden_end_is_no_speech(frames: int) -> None:
    call = steady((2000, -70), (100, -25), (frames, -41), (2000, -70))
    assert speech_runs(call).tolist() == [[2000, 2100]]


@pytest.mark.parametrize("frames", [1, 2])
def test_what_a_codec_smears_before_a_sudden_begin_is_no_speech(frames: int) -> None:
    call = steady((2000, -70), (frames, -41), (100, -25), (2000, -70))
    assert speech_runs(call).tolist() == [[2000 + frames, 2100 + frames]]


@pytest.mark.parametrize(
    "end", [[(11, -41)], [(5, -39)], [(5, -41), (3, -30)]], ids=["too long", "too loud", "louder again"]
)
def test_soft_ends_of_words_are_speech(end: list[tuple[int, float]]) -> None:
    last = sum(frames for frames, _ in end)
    for stretches in ([(100, -25), *end], [*end[::-1], (100, -25)]):
        runs = speech_runs(steady((2000, -70), *stretches, (2000, -70)))
        assert runs.tolist() == [[2000, 2100 + last]]


def test_smear_is_looked_for_within_the_run() -> None:
    """A run shorter than what is looked at ends where it begins, and nothing lies before the first."""
    call = steady((6, -42), (2000, -70), (100, -20))
    assert speech_runs(call).tolist() == [[0, 6], [2006, 2106]]


def test_a_soft_begin_of_30_ms_is_speech() -> None:
    assert speech_runs(steady((2000, -70), (3, -41), (100, -25), (2000, -70))).tolist() == [[2000, 2103]]
