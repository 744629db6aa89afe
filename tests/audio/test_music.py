"""Music is found and speech is not taken for it: synthetic voices, recorded ones, noise and tones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Cells
from callkit.audio.levels import ChannelLevels
from callkit.audio.music import Music, MusicMeter, as_runs
from callkit.audio.source import open_audio
from callkit.audio.spectra import Spectra
from callkit.audio.speech import Levels, Runs
from callkit.testing.dialogue import Turn
from callkit.testing.factory import Layer, make_call, mix
from callkit.testing.noises import hold_music, pink_noise, through
from callkit.testing.voices import Sound, noise, tone

CALLS = Path(__file__).parents[2] / "examples" / "calls"
RECORDINGS = sorted(path.name for path in CALLS.iterdir() if path.suffix.lower() in {".wav", ".mp3"})

Samples = NDArray[np.int16]


def fed(samples: Samples, rate: int, at_once: int = 16) -> tuple[MusicMeter, Levels]:
    """The meter and the levels of one channel, fed so many seconds at once, and then what is left."""
    meter, spectra = MusicMeter(), Spectra(rate)
    channel = ChannelLevels(rate, (-32768, 32767), Cells(rate, FRAMES_PER_SECOND))
    whole = len(samples) // rate * rate
    for start in range(0, whole, at_once * rate):
        part = samples[start : min(start + at_once * rate, whole)]
        channel.feed(part)
        meter.feed(part, spectra(part))
    channel.finish(samples[whole:])
    meter.finish(samples[whole:], spectra.rest(samples[whole:]))
    return meter, channel.levels()


def music_in(samples: Samples, rate: int = 8000, without: Runs | None = None) -> tuple[Music, ...]:
    meter, levels = fed(np.ascontiguousarray(samples), rate)
    return meter.music(levels) if without is None else meter.music(levels, without)


def sounding(sound: Sound, seconds: float = 20.0, rate: int = 8000, seed: int = 0) -> Samples:
    return mix([Layer(0, 0.0, seconds, sound)], seconds, sample_rate=rate, channels=1, seed=seed)[:, 0]


def length(music: tuple[Music, ...]) -> float:
    return sum(one.end - one.begin for one in music) / FRAMES_PER_SECOND


@pytest.mark.parametrize("rate", [8000, 8001, 11025, 16000, 44100])
def test_music_is_found_at_any_rate(rate: int) -> None:
    found = music_in(sounding(hold_music(), rate=rate), rate)
    assert length(found) > 19.0
    assert all(0.5 < one.confidence <= 1 for one in found)


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw", "gsm", "mp3"])
def test_music_is_found_through_codecs(codec: str) -> None:
    for seed in range(3):
        coded = through(sounding(hold_music(), seed=seed)[:, None], 8000, codec)
        assert length(music_in(coded[:, 0])) > 18.0


@pytest.mark.parametrize("dbfs", [-50.0, -35.0, -15.0])
def test_it_may_be_quiet_or_loud(dbfs: float) -> None:
    assert length(music_in(sounding(hold_music(dbfs)))) > 18.0


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_voices_are_no_music(name: str) -> None:
    with open_audio(CALLS / name) as reader:
        blocks = [block.copy() for block in reader.blocks()]
        samples = np.concatenate(blocks).reshape(-1, reader.format.channels)
        dice = np.random.default_rng(1)
        for channel in samples.T:
            rough = channel + dice.normal(0, 600, len(channel))  # 10 to 15 dB below the voice
            for heard in (channel, np.clip(rough, -32768, 32767).astype(np.int16)):
                assert music_in(heard, reader.format.sample_rate) == ()


@pytest.mark.parametrize("noise_dbfs", [-65.0, -40.0, -30.0])
@pytest.mark.parametrize("seed", range(3))
def test_synthetic_voices_are_no_music(noise_dbfs: float, seed: int) -> None:
    call = make_call(seconds=60, seed=seed, noise_dbfs=noise_dbfs)
    assert [music_in(channel) for channel in call.samples.T] == [(), ()]


@pytest.mark.parametrize("sound", [noise(-30), pink_noise(-30), noise(-54)])
def test_noise_is_no_music(sound: Sound) -> None:
    assert music_in(sounding(sound, 60.0)) == ()


def test_what_nobody_hears_is_no_music() -> None:
    assert music_in(sounding(hold_music(-70))) == ()
    assert music_in(np.zeros(80_000, np.int16)) == ()


TURNS: list[Turn] = [(0, 2.0, 8.0), (1, 8.5, 12.0), (0, 40.0, 45.0), (0, 47.0, 52.0)]


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_music_between_turns_ends_where_they_begin(pause: float, seed: int) -> None:
    layer = Layer(0, 8.0 + pause, 40.0 - pause, hold_music())
    call = make_call(seconds=55, turns=TURNS, layers=[layer], seed=seed)
    ((begin, end),) = as_runs(music_in(call.samples[:, 0]))
    tolerance = 10 if pause else 80  # without a pause nothing tells where one ends and the other begins
    assert begin == pytest.approx(100 * layer.start, abs=tolerance)
    assert end == pytest.approx(100 * layer.end, abs=tolerance)


def test_music_on_the_other_channel_is_the_other_channels() -> None:
    call = make_call(seconds=55, turns=TURNS, layers=[Layer(0, 14.0, 38.0, hold_music())])
    assert [bool(music_in(channel)) for channel in call.samples.T] == [True, False]


def test_a_steady_chord_is_music_unless_it_is_known_for_something_else() -> None:
    chord = Layer(0, 14.0, 38.0, tone(262, 330, 392))
    samples = make_call(seconds=55, turns=TURNS, layers=[chord]).samples[:, 0]
    assert as_runs(music_in(samples)).tolist() == [[1400, 3800]]
    assert music_in(samples, without=np.array([[1400, 3800]])) == ()


def test_what_is_shorter_than_4_seconds_is_no_music() -> None:
    calls = [
        make_call(seconds=55, turns=TURNS, layers=[Layer(0, 14.0, end, hold_music())], seed=2) for end in (17.5, 20.0)
    ]
    assert [bool(music_in(call.samples[:, 0])) for call in calls] == [False, True]


TEN_SECONDS = sounding(hold_music(), 10.0)


@settings(max_examples=40)
@given(st.integers(1, 7), st.integers(0, 12_000))
def test_it_does_not_matter_how_it_is_fed(at_once: int, rest: int) -> None:
    samples = TEN_SECONDS[: 64_000 + rest]
    (meter, levels), (same, same_levels) = fed(samples, 8000, at_once), fed(samples, 8000)
    assert meter.music(levels) == same.music(same_levels)
    blocks = len(samples) // 800
    assert meter.resemblance(0, blocks).tolist() == same.resemblance(0, blocks).tolist()


@given(st.integers(0, 16_000), st.sampled_from([10, 100, 1999, 8000, 48000]))
def test_the_shortest_recordings_hold_no_music(frames: int, rate: int) -> None:
    assert music_in(TEN_SECONDS[:frames], rate) == () or frames / rate >= 4


def test_an_hour_takes_little_memory() -> None:
    meter = MusicMeter()
    spectrum = np.ones((600, 401), np.float32)
    for _ in range(60):
        meter.feed(np.empty(0, np.int16), spectrum)
    kept = sum(part.buffer_info()[1] for part in meter._resemblance)
    assert kept <= 3 * 36_000 + 12
