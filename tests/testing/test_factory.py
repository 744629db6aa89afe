"""The factory's truth must hold in the samples themselves, and its files must hold the samples."""

import io
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import callkit
from callkit.audio.source import open_audio
from callkit.errors import InvalidCallError
from callkit.testing.codecs import COMPRESSED, WAV_CODECS, wav
from callkit.testing.dialogue import Turn, dialogue, spoken_by_at_least
from callkit.testing.factory import FactoryCall, Layer, make_call
from callkit.testing.voices import noise, tone

TURNS: list[Turn] = [(0, 0.5, 4.0), (1, 3.5, 7.0), (0, 9.0, 11.0), (1, 9.5, 9.9)]


def spoken(call: FactoryCall, channel: int) -> NDArray[np.bool_]:
    """For each 10 ms whether the truth says that there is speech."""
    ticks = np.zeros(round(call.duration * 100), bool)
    for start, end in call.speech[channel]:
        ticks[round(start * 100) : round(end * 100)] = True
    return ticks


def energies(call: FactoryCall, channel: int) -> NDArray[np.float64]:
    """Root mean square of each 10 ms, 1.0 is full scale."""
    rows = call.samples[:, channel].reshape(-1, call.sample_rate // 100) / 32768
    return np.asarray(np.sqrt((rows**2).mean(axis=1)))


def decoded(content: bytes) -> NDArray[np.int16]:
    with open_audio(content) as reader:
        blocks = [block.copy() for block in reader.blocks()]
        return np.concatenate(blocks).reshape(-1, reader.format.channels)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sample_rate", [8000, 16000])
def test_sound_is_where_the_truth_says_and_nowhere_else(channels: int, sample_rate: int) -> None:
    call = make_call(seconds=60, seed=3, channels=channels, sample_rate=sample_rate, noise_dbfs=None)
    assert call.samples.shape == (60 * sample_rate, channels)
    for channel in range(channels):
        loud = energies(call, channel)
        inside = spoken(call, channel)
        assert 0 < inside.sum() < len(inside)
        assert (loud[inside] > 10 ** (-45 / 20)).all()  # no gap, and nothing that a fixed threshold would miss
        assert (loud[~inside] == 0).all()


def test_levels_are_those_asked_for() -> None:
    call = make_call(turns=TURNS, seconds=20, level_dbfs=-26, noise_dbfs=-50)
    for channel in (0, 1):
        power = energies(call, channel) ** 2
        inside = spoken(call, channel)
        assert 10 * np.log10(power[inside].mean()) == pytest.approx(-26, abs=0.1)
        assert 10 * np.log10(power[~inside].mean()) == pytest.approx(-50, abs=0.2)


def test_speech_sounds_as_through_a_telephone() -> None:
    call = make_call(turns=[(0, 0, 10), (1, 0, 10)], seconds=10, sample_rate=16_000, noise_dbfs=None)
    power = np.abs(np.fft.rfft(call.samples, axis=0)) ** 2
    hertz = np.fft.rfftfreq(160_000, 1 / 16_000)
    inside = (hertz > 290) & (hertz < 3410)
    assert (power[~inside].sum(axis=0) / power.sum(axis=0) < 0.01).all()
    assert (power[hertz < 1000].sum(axis=0) > power[(hertz > 1000) & (hertz < 3400)].sum(axis=0)).all()


def test_truth_of_given_turns() -> None:
    call = make_call(turns=TURNS, seconds=12)
    assert call.speech == (((0.5, 4.0), (9.0, 11.0)), ((3.5, 7.0), (9.5, 9.9)))
    assert call.talk_times == (5.5, 3.9)
    assert call.overlaps == ((3.5, 4.0), (9.5, 9.9))
    assert call.overlap_time == 0.9
    assert call.silence == ((0.0, 0.5), (7.0, 9.0), (11.0, 12.0))
    assert call.silence_time == 3.5
    assert (call.duration, call.channels) == (12.0, 2)


def test_mixed_parties_keep_their_truth() -> None:
    call = make_call(turns=TURNS, seconds=12, channels=1)
    assert call.speech == (((0.5, 7.0), (9.0, 11.0)),)
    assert call.parties == make_call(turns=TURNS, seconds=12).parties
    assert call.overlap_time == 0.9


def test_turns_snap_to_the_grid_and_unite() -> None:
    call = make_call(turns=[(0, 0.1234, 1.0), (0, 1.0, 2.0), (0, 1.5, 2.004)], seconds=3)
    assert call.parties == (((0.12, 2.0),), ())


def test_a_seed_is_a_call() -> None:
    one, same, other = (make_call(seed=seed, seconds=10) for seed in (7, 7, 8))
    assert (one.samples == same.samples).all()
    assert one.parties == same.parties
    assert (one.samples != other.samples).any()
    assert one.parties != other.parties


def test_layers_add_sounds_and_change_nothing_else() -> None:
    plain = make_call(turns=TURNS, seconds=12)
    ringing = make_call(turns=TURNS, seconds=12, layers=[Layer(1, 7.5, 8.5, tone(440, 480, dbfs=-30))])
    added = ringing.samples.astype(int) - plain.samples
    assert ringing.parties == plain.parties
    assert (np.flatnonzero(added.any(axis=1))[[0, -1]] // 8000 == [7, 8]).all()
    assert not added[:, 0].any()
    ring = added[60_000:68_000, 1] / 32768
    assert 10 * np.log10((ring**2).mean()) == pytest.approx(-30, abs=0.1)
    assert set(np.argsort(np.abs(np.fft.rfft(ring)))[-2:]) == {440, 480}


@pytest.mark.parametrize(
    "wrong",
    [
        {"turns": [(2, 0, 1)]},
        {"turns": [(-1, 0, 1)]},
        {"turns": [(0, 1, 1)]},
        {"turns": [(0, 29, 31)]},
        {"turns": [(0, -1, 1)]},
        {"layers": [Layer(2, 0, 1, noise())]},
    ],
)
def test_what_can_not_sound_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidCallError):
        make_call(**wrong)


# ---- conversations


@given(st.integers(0, 10_000), st.floats(1, 300))
def test_dialogues_lie_within_the_call_and_words_stay_apart(seed: int, seconds: float) -> None:
    turns = dialogue(seconds, seed=seed)
    assert turns == dialogue(seconds, seed=seed)
    for party in (0, 1):
        own = [turn[1:] for turn in turns if turn[0] == party]
        assert all(0 <= start < end <= round(seconds, 2) for start, end in own)
        assert all(start - end > 0.299 for (_, end), (start, _) in pairwise(own))


def test_shares_of_a_dialogue_can_be_chosen() -> None:
    calm = dialogue(600, overlap_share=0, pause_share=0, backchannel_share=0)
    lively = dialogue(600, overlap_share=0.8, pause_share=0, backchannel_share=1)
    slow = dialogue(600, overlap_share=0, pause_share=1, backchannel_share=0)
    ways = [make_call(seconds=600, turns=turns, sample_rate=100, noise_dbfs=None) for turns in (calm, lively, slow)]
    assert [way.overlap_time > 0 for way in ways] == [False, True, False]
    assert max(end - start for start, end in ways[0].silence[1:-1]) < 1
    assert min(end - start for start, end in ways[2].silence[1:-1]) >= 2
    assert min(end - start for turns in (calm, slow) for _, start, end in turns[:-1]) > 0.599
    assert min(end - start for _, start, end in lively) < 0.6


def test_dialogues_differ_in_length_and_have_both_parties() -> None:
    call = make_call(seconds=600, sample_rate=100, noise_dbfs=None)
    assert min(call.talk_times) > 120
    assert 5 < call.overlap_time < 60
    assert 60 < call.silence_time < 240


intervals = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=8
)


@given(st.lists(intervals, min_size=1, max_size=4), st.integers(1, 3))
def test_spoken_by_at_least_counts_the_parties(parties: list[list[tuple[int, int]]], number: int) -> None:
    found = spoken_by_at_least(number, parties)
    at_once = [sum(a <= tick < b for party in parties for a, b in party) for tick in range(80)]
    assert [any(a <= tick < b for a, b in found) for tick in range(80)] == [count >= number for count in at_once]
    assert all(end < start for (_, end), (start, _) in pairwise(found))


# ---- files


RAMP = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16).reshape(-1, 2)
STEP = {"pcm_u8": 256, "pcm_mulaw": 1024, "pcm_alaw": 1024}  # the widest step that a codec makes


@pytest.mark.parametrize("codec", WAV_CODECS)
def test_every_wave_codec_holds_every_sample(codec: str) -> None:
    content = wav(RAMP, 8000, codec)
    ours = decoded(content).astype(int)
    theirs, rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    assert rate == 8000
    assert (ours == theirs).all() or codec == "pcm_f32le"  # rounding of floats is a matter of taste
    assert np.abs(ours - RAMP).max() <= STEP.get(codec, 0)
    with open_audio(content) as reader:
        assert reader.format.codec == codec


@pytest.mark.parametrize(("codec", "subtype", "borders"), [("pcm_mulaw", "ULAW", 0), ("pcm_alaw", "ALAW", 127)])
def test_g711_is_what_libsndfile_writes(codec: str, subtype: str, borders: int) -> None:
    """The two may differ where a negative sample lies exactly between two steps of A-law, which has 128 of them."""
    file = io.BytesIO()
    soundfile.write(file, RAMP, 8000, format="RAW", subtype=subtype)
    theirs = np.frombuffer(file.getvalue(), np.uint8)
    ours = WAV_CODECS[codec][2](RAMP).reshape(-1)
    assert len(theirs) == len(ours) == 65536
    differ = RAMP.reshape(-1)[ours != theirs]
    assert len(differ) == borders
    assert (differ < 0).all()
    assert (differ % 16 == 0).all()


@pytest.mark.parametrize("codec", ["mp3", "flac", "vorbis", "opus", "gsm"])
def test_compressed_files_last_as_long(codec: str) -> None:
    call = make_call(seconds=20, channels=1 if codec == "gsm" else 2)
    content = call.encoded(codec)
    samples = decoded(content)
    assert samples.shape[1] == call.channels
    assert len(samples) / 8000 == pytest.approx(20, abs=0.1)
    assert len(content) < len(call.wav()) * 0.7
    assert codec in COMPRESSED


def test_a_call_knows_its_codec() -> None:
    call = make_call(seconds=1, codec="pcm_mulaw")
    assert call.wav() == call.wav("pcm_mulaw") != call.wav("pcm_alaw")


def test_codecs_that_are_not_there_are_named() -> None:
    call = make_call(seconds=1)
    with pytest.raises(InvalidCallError, match="pcm_mulaw"):
        call.wav("g711")
    with pytest.raises(InvalidCallError, match="vorbis"):
        call.encoded("amr")
    with pytest.raises(InvalidCallError, match="2 channels at 8000 Hz"):
        call.encoded("gsm")


# ---- callkit's own ears


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_mulaw", "flac"])
def test_callkit_hears_what_is_there(seed: int, codec: str) -> None:
    call = make_call(seconds=120, seed=seed)
    found = callkit.analyse(call.wav(codec) if codec in WAV_CODECS else call.encoded(codec))
    for party, talk_time in zip(found.parties, call.talk_times, strict=True):
        assert party.talk_time == pytest.approx(talk_time, rel=0.02)
    assert found.overlap_time == pytest.approx(call.overlap_time, abs=0.3)
    assert found.duration == pytest.approx(call.duration, abs=0.1)


@pytest.mark.parametrize("codec", ["mp3", "gsm"])
def test_callkit_hears_the_pauses_of_a_mono_call(codec: str) -> None:
    """In mono, for libsndfile's MP3 encoder lets the channels of a stereo call leak into each other."""
    call = make_call(seconds=120, seed=1, channels=1)
    found = callkit.analyse(call.encoded(codec))
    assert found.duration - found.silence_time == pytest.approx(
        sum(end - start for start, end in call.speech[0]), rel=0.03
    )
