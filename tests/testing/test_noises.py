"""Noises are as loud and as coloured as they say, and what is done to samples is what is told of it."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Cells
from callkit.audio.speech import speech_runs
from callkit.errors import InvalidCallError
from callkit.testing.codecs import COMPRESSED, WAV_CODECS
from callkit.testing.factory import Layer, make_call, mix
from callkit.testing.noises import babble, hold_music, leaked, pink_noise, recording, through, without_packets
from callkit.testing.voices import Sound, noise, tone

VOICE = mix([Layer(0, 0.0, 3.0, tone(500, 1500))], 3.0, sample_rate=8000, channels=1)[:, 0]
SOUNDS = {"pink": pink_noise, "babble": babble, "music": hold_music, "recording": lambda dbfs: recording(VOICE, dbfs)}


def made(sound: Sound, seconds: float = 10.0, rate: int = 8000, seed: int = 0) -> NDArray[np.int16]:
    return mix([Layer(0, 0.0, seconds, sound)], seconds, sample_rate=rate, channels=1, seed=seed)[:, 0]


def dbfs(samples: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean((samples / 32768) ** 2)))


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("level", [-50.0, -25.0])
def test_it_is_as_loud_as_asked_for(name: str, level: float) -> None:
    assert dbfs(made(SOUNDS[name](level))) == pytest.approx(level, abs=0.1)


@pytest.mark.parametrize("name", SOUNDS)
def test_the_same_dice_give_the_same(name: str) -> None:
    once, again, other = (made(SOUNDS[name](-30.0), 2.0, seed=seed) for seed in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).any()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_pink_noise_has_as_much_power_in_each_octave(rate: int) -> None:
    power = np.abs(np.fft.rfft(made(pink_noise(-20), 20.0, rate).astype(np.float64))) ** 2
    hertz = np.fft.rfftfreq(20 * rate, 1 / rate)
    octaves = [power[(hertz >= low) & (hertz < 2 * low)].sum() for low in (25, 50, 100, 200, 400, 800, 1600)]
    assert 10 * np.log10(np.array(octaves) / octaves[0]) == pytest.approx(np.zeros(7), abs=1.5)
    assert power[hertz < 19].sum() < octaves[0] / 100


def test_babble_never_pauses() -> None:
    energies = Cells(8000, 10)(made(babble(-30.0)))
    assert energies.min() > energies.mean() / 10


@pytest.mark.parametrize("seed", range(3))
def test_levels_take_hold_music_for_speech(seed: int) -> None:
    call = make_call(seconds=60, seed=seed, turns=[(0, 2, 6), (0, 50, 55)], layers=[Layer(0, 15, 45, hold_music())])
    energies = Cells(8000, FRAMES_PER_SECOND)(np.ascontiguousarray(call.samples[:, 0]))
    levels = np.rint(1000 * np.log10(np.maximum(energies / 80 / 32768**2, 1e-12))).astype(np.int16)
    speaking = sum(end - begin for begin, end in speech_runs(levels)) / FRAMES_PER_SECOND
    assert speaking > 9 + 0.9 * 30
    assert call.talk_times[0] == 9.0  # the truth says nothing of it


def test_a_recording_is_heard_from_somewhere_over_and_over() -> None:
    steps = np.repeat(np.arange(1, 9, dtype=np.int16) * 1000, 1000)
    heard = made(recording(steps), 3.0)
    assert len(np.unique(heard)) == 8
    assert (heard[:8000] == heard[8000:16000]).all()
    part = made(recording(steps), 0.5)
    assert len(np.unique(part)) in {4, 5}


@pytest.mark.parametrize("delay", [0, 800])
def test_a_leak_is_as_loud_and_as_late_as_it_says(delay: int) -> None:
    call = make_call(turns=[(0, 1, 5)], seconds=8, noise_dbfs=None)
    heard = leaked(call.samples, -20.0, delay=delay)
    assert (heard[:, 0] == call.samples[:, 0]).all()
    late = np.pad(call.samples[:, 0], (delay, 0))[: len(heard)] / 10
    assert np.abs(heard[:, 1] - late).max() <= 0.5


def test_a_leak_can_be_loud_and_does_not_wrap_around() -> None:
    loud = np.array([[32767, 32767], [-32768, -32768]], np.int16)
    assert leaked(loud, 0.0).tolist() == loud.tolist()


@given(st.integers(0, 5000), st.floats(0, 1), st.integers(0, 9))
def test_lost_packets_are_where_they_are_said_to_be(frames: int, share: float, seed: int) -> None:
    samples = np.ones((frames, 2), np.int16)
    kept, gaps = without_packets(samples, 8000, share, seed=seed)
    silent = np.zeros(frames, bool)
    for start, end in gaps:
        assert start < end <= frames / 8000
        silent[round(start * 8000) : round(end * 8000)] = True
    assert ((kept == 0).all(axis=1) == silent).all()
    assert ((kept == 1).all(axis=1) == ~silent).all()


def test_about_as_many_packets_are_lost_as_asked_for() -> None:
    samples = np.ones((800_000, 1), np.int16)
    kept, _ = without_packets(samples, 8000, 0.1)
    assert 1 - kept.mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("codec", [*WAV_CODECS, *COMPRESSED])
def test_a_codec_keeps_what_is_heard_and_where(codec: str) -> None:
    rate = 8000
    call = make_call(seconds=6, turns=[(0, 1, 3), (1, 3.5, 5)])
    heard = through(call.samples, rate, codec)
    assert heard.shape == call.samples.shape
    assert heard.dtype == np.int16
    for before, after in zip(call.samples.T, heard.T, strict=True):
        envelopes = [Cells(rate, 20)(np.ascontiguousarray(channel)) for channel in (before, after)]
        assert np.corrcoef(np.sqrt(envelopes))[0, 1] > 0.95


def test_codecs_in_a_row_add_up() -> None:
    call = make_call(seconds=3, turns=[(0, 1, 2)])
    once = through(call.samples, 8000, "gsm")
    assert (
        through(call.samples, 8000, "pcm_mulaw", "gsm")
        == through(through(call.samples, 8000, "pcm_mulaw"), 8000, "gsm")
    ).all()
    assert (through(call.samples, 8000, "pcm_mulaw", "gsm") != once).any()
    assert attrs.evolve(call, samples=once).talk_times == call.talk_times


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(InvalidCallError, match="no codec 'opum'"):
        through(np.zeros((80, 1), np.int16), 8000, "opum")


def test_noise_is_not_coloured() -> None:  # held against pink noise above
    power = np.abs(np.fft.rfft(made(noise(-20), 20.0).astype(np.float64))) ** 2
    assert power[1000:20_000].mean() == pytest.approx(power[60_000:79_000].mean(), rel=0.1)
