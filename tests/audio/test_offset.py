"""An offset is found beside any sound, and changes nothing but what tells of it."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit import Analysis, analyse
from callkit.audio.energy import Cells, boundaries
from callkit.audio.offset import offsets_of, without_offset
from callkit.audio.silence import detect_silence
from callkit.core.analysis import Party
from callkit.testing.codecs import wav
from callkit.testing.factory import Layer, make_call
from callkit.testing.noises import hold_music
from callkit.testing.tones import keys

RATES = [8000, 8001, 11_025, 16_000, 44_100]
Samples = NDArray[np.int16]


def found(samples: Samples, rate: int = 8000) -> list[int]:
    sums, squares = (part.reshape(-1, 100) for part in Cells(rate, 100).moments(samples))
    return [int(one) for one in offsets_of(sums, squares, np.diff(boundaries(rate, 100)))]


def call(rate: int = 8000, seed: int = 1, seconds: float = 20.3) -> Samples:
    """Two parties, keys on one channel and music on the other; no sample comes near a rail."""
    signals = [*keys("15#", 8.0).layers, Layer(1, 9.0, 15.0, hold_music())]
    turns = [(0, 1.0, 4.0), (1, 3.2, 6.0), (0, 16.0, 19.0)]
    made = make_call(seconds=seconds, sample_rate=rate, seed=seed, turns=turns, layers=signals)
    return np.clip(made.samples, -22_000, 22_000)


def without_what_tells(analysis: Analysis) -> Analysis:
    """All but the figures that are about the samples as they are."""
    assert analysis.health is not None
    channels = tuple(evolve(one, dc_offset=0.0, peak_dbfs=0.0) for one in analysis.health.channels)
    flags = tuple(flag for flag in analysis.health.flags if flag.code != "dc_offset")
    parties = tuple(evolve(party, peak_dbfs=0.0) for party in analysis.parties)
    return evolve(analysis, parties=parties, health=evolve(analysis.health, channels=channels, flags=flags))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("offset", [-9000, -1, 40, 1638])
def test_a_constant_changes_nothing_but_the_offset(rate: int, offset: int) -> None:
    samples = call(rate)
    before, after = (analyse(wav(one, rate)) for one in (samples, samples + np.int16(offset)))
    assert without_what_tells(after) == without_what_tells(before)
    assert before.health is not None
    assert after.health is not None
    moved = [
        new.dc_offset - old.dc_offset for new, old in zip(after.health.channels, before.health.channels, strict=True)
    ]
    assert moved == pytest.approx([offset / 32_768] * 2, abs=2e-5)
    assert {event.kind for event in after.events} == {"dtmf", "music"}


@settings(max_examples=20)
@given(st.integers(-9000, 9000), st.integers(0, 1000), st.integers(2000, 20_000))
def test_any_constant(offset: int, seed: int, length: int) -> None:
    samples = call(seed=seed)[8000 : 8000 + length]
    before, after = (analyse(wav(one, 8000)) for one in (samples, samples + np.int16(offset)))
    assert [party.rms_dbfs for party in after.parties] == pytest.approx(
        [one.rms_dbfs for one in before.parties], abs=0.01
    )
    assert [party.speech for party in after.parties] == [party.speech for party in before.parties]


def test_through_mu_law_it_changes_little() -> None:
    """Away from zero its steps are coarser: at an offset of 0.05 by 128, which is a noise of -59 dBFS."""
    samples = call()
    before, after = (analyse(wav(one, 8000, "pcm_mulaw")) for one in (samples, samples + np.int16(1638)))

    def figures(party: Party) -> list[float]:
        return [party.rms_dbfs, *(edge for stretch in party.speech for edge in stretch)]

    for old, new in zip(before.parties, after.parties, strict=True):
        assert figures(new) == pytest.approx(figures(old), abs=0.03)


@pytest.mark.parametrize("offset", [0, 1638])
def test_pydubs_marks_are_of_the_samples_as_they_are(offset: int) -> None:
    """As pydub, they hear an offset as a sound."""
    file = wav(call() + np.int16(offset), 8000)
    marks = analyse(file, compat="pydub", silence_thresh=-50, min_silence_len=500).silence
    assert [[round(1000 * mark.start), round(1000 * mark.end)] for mark in marks] == detect_silence(file, 500, -50)
    assert bool(marks) is (offset == 0)


def test_loud_speech_makes_no_offset_of_its_own() -> None:
    """The mean of such a second is off by 30; the silence beside the speech tells better."""
    dice = np.random.default_rng(1)
    loud = np.resize(np.repeat([True, False], 4000), (50, 8000)).reshape(-1)
    samples = np.rint(np.where(loud, 3000.0, 16.0) * dice.standard_normal(len(loud))).astype(np.int16)
    assert max(abs(mean) for mean in samples.reshape(-1, 8000).mean(axis=1)) > 30
    assert max(map(abs, found(samples))) <= 1
    assert found(samples + np.int16(700)) == [700 + one for one in found(samples)]


def test_digital_silence_tells_nothing_and_stays() -> None:
    samples = np.rint(np.random.default_rng(1).standard_normal(8000) * 300 + 1638).astype(np.int16)
    samples[:6000] = 0
    totals, powers = (part.reshape(1, 100) for part in Cells(8000, 100).moments(samples))
    offsets = offsets_of(totals, powers, np.full(100, 80))
    assert offsets.tolist() == pytest.approx([1638], abs=15)
    squares = Cells(8000, 100)(samples).reshape(1, 100)
    assert not without_offset(samples, offsets, squares, np.full(100, 80), samples.copy())[:6000].any()
    assert found(np.zeros(16_000, np.int16)) == [0, 0]


def test_one_frame_at_the_rail_does_not_outweigh_a_second() -> None:
    samples = np.rint(np.random.default_rng(1).standard_normal(8000) * 16).astype(np.int16)
    samples[800:880] = 32_767
    assert abs(found(samples)[0]) <= 2


def test_what_leaves_16_bits_is_clipped() -> None:
    samples = np.array([-32_768, 1000, 0, 32_767], np.int16)
    frames = np.ones((1, 2)), np.array([1, 3]), samples.copy()
    assert without_offset(samples, np.array([1000]), *frames).tolist() == [-32_768, 0, -1000, 31_767]
    assert without_offset(samples, np.array([0]), *frames) is samples


def test_what_is_left_has_the_offset_of_the_second_before() -> None:
    """A few samples can't tell it from their sound."""
    samples = call()[:, 0] + np.int16(1638)
    short = analyse(wav(samples[: 3 * 8000 + 40, None], 8000))
    plain = analyse(wav(samples[: 3 * 8000 + 40, None] - np.int16(1638), 8000))
    assert short.parties[0].rms_dbfs == plain.parties[0].rms_dbfs
