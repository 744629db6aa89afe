"""Keys must be found whatever carries them, and in nothing that anybody says."""

import numpy as np
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio import tones
from callkit.audio.dtmf import COLUMNS, GROUPS, ROWS, Digits, key_of
from callkit.audio.sines import Tone
from callkit.audio.source import open_audio
from callkit.audio.spectra import Spectra
from callkit.audio.tones import Tones
from callkit.core.events import Event
from callkit.testing.codecs import compressed, wav
from callkit.testing.factory import make_call
from callkit.testing.tones import key, keys

NAMES = "123A456B789C*0#D"
Samples = NDArray[np.int16]


def heard(samples: Samples, rate: int = 8000, step: int = 16) -> list[Event]:
    """The keys in a channel that comes `step` seconds at a time."""
    spectra, meter = Spectra(rate), Tones(rate)
    whole = len(samples) // rate * rate
    for begin in range(0, whole, step * rate):
        part = samples[begin : min(begin + step * rate, whole)]
        meter.feed(part, spectra(part))
    meter.finish(samples[whole:], spectra.rest(samples[whole:]))
    return [event for event in meter.events(0) if event.kind == "dtmf"]


def labels(events: list[Event]) -> str:
    return "".join(event.label for event in events)


def silence(seconds: float, rate: int = 8000, noise: float = 20.0) -> Samples:
    return (np.random.default_rng(0).standard_normal(round(seconds * rate)) * noise).astype(np.int16)


def add(samples: Samples, at: int, sound: NDArray[np.float64]) -> None:
    samples[at : at + len(sound)] += (sound * 32767).astype(np.int16)


def press(name: str, seconds: float, *, rate: float = 8000, **how: float) -> NDArray[np.float64]:
    return key(name, **how)(np.random.default_rng(0), round(seconds * rate), int(rate))


@pytest.mark.parametrize("rate", [8000, 8001, 11025, 16000, 44100, 48000])
def test_all_keys_are_found_at_all_rates(rate: int) -> None:
    made = keys(NAMES, 0.217, duration=0.09, pause=0.06, dbfs=-20)
    call = make_call(seconds=3.35, turns=[], layers=made.layers, sample_rate=rate, noise_dbfs=-50)
    found = heard(call.samples[:, 0], rate)
    assert labels(found) == NAMES
    for event, true in zip(found, made.events, strict=True):
        assert (event.start, event.end) == pytest.approx((true.start, true.end), abs=0.004)
        assert event.confidence > 0.95


@frozen
class Pressed:
    """Digits over speech, as a telephone sends them: while a key is held, the microphone is all but off."""

    samples: Samples
    digits: list[tuple[int, int, str]]


def over_speech(count: int, rate: int = 8000, seed: int = 0) -> Pressed:
    """-26 to -10 dBFS, twist up to 4 dB either way, up to 1.5 % out of tune, 45 to 120 ms."""
    dice = np.random.default_rng(seed)
    seconds = count * 0.4 + 1
    call = make_call(seconds=seconds, turns=[(0, 0.1, seconds - 0.1)], sample_rate=rate, noise_dbfs=-55, seed=seed)
    samples, digits = call.samples[:, 0].copy(), []
    for number in range(count):
        length, begin = (round(dice.uniform(*span) * rate) for span in ((0.045, 0.12), (0.0, 0.24)))
        begin += round((0.4 * number + 0.3) * rate)
        name, how = NAMES[dice.integers(16)], (dice.uniform(-26, -10), dice.uniform(-4, 4), dice.uniform(-0.015, 0.015))
        samples[begin : begin + length] //= 50
        add(samples, begin, press(name, length / rate, rate=rate, dbfs=how[0], twist=how[1], detuned=how[2]))
        digits.append((begin, begin + length, name))
    return Pressed(samples, digits)


def right(pressed: Pressed, found: list[Event], rate: int = 8000) -> int:
    """How many digits were found where they are."""
    events = iter([*found, Event("dtmf", 1e9, 1e9, 0, "", 0)])
    event, number = next(events), 0
    for begin, end, name in pressed.digits:
        while event.end * rate < begin:
            event = next(events)
        number += event.label == name and event.start * rate < end
    return number


@pytest.mark.parametrize("rate", [8000, 16000])
def test_digits_are_found_over_speech(rate: int) -> None:
    pressed = over_speech(200, rate)
    found = heard(pressed.samples, rate)
    assert right(pressed, found, rate) == len(found) == 200


def through(codec: str, samples: Samples) -> Samples:
    column = samples[:, None]
    file = compressed(column, 8000, codec) if codec in {"gsm", "mp3", "opus"} else wav(column, 8000, codec)
    with open_audio(file) as reader:
        return np.concatenate([block.copy() for block in reader.blocks()])


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw", "gsm", "mp3", "opus"])
def test_digits_survive_codecs(codec: str) -> None:
    pressed = over_speech(200, seed=1)
    found = heard(through(codec, pressed.samples))
    assert right(pressed, found) >= 199
    assert len(found) <= 200


def test_speech_is_no_digit() -> None:
    for party in (0, 1):
        call = make_call(seconds=900, turns=[(party, 0.1, 899.9)], noise_dbfs=-60, level_dbfs=-17, seed=party)
        assert heard(call.samples[:, party]) == []


QUIETEST = {"dbfs": -26.0, "twist": 4.0}


@pytest.mark.parametrize("how", [QUIETEST, {**QUIETEST, "twist": -4.0}])
@pytest.mark.parametrize("name", ["1", "D", "3", "*"])
@pytest.mark.parametrize("rate", [8000, 11025])
def test_the_gate_loses_no_digit_wherever_it_lies(name: str, how: dict[str, float], rate: int) -> None:
    """The quietest and shortest, at each place in a block; both of its parts may be small."""
    samples, sound = silence(51, rate), press(name, 0.045, rate=rate, **how)
    for number in range(100):
        add(samples, round(rate * (number / 2 + number / 1000 + 0.05)), sound)
    assert labels(heard(samples, rate)) == name * 100


def test_the_gate_is_closed_where_nothing_is() -> None:
    spectra = Spectra(8000)
    within = [(spectra.frequencies >= low) & (spectra.frequencies <= high) for low, high in GROUPS]
    samples = silence(3, noise=100.0)
    add(samples, 8000 + 464, press("5", 0.045, dbfs=-26))  # 42 ms in one block, 3 in the next
    low, high = (spectra(samples)[:, bins].sum(axis=1) for bins in within)
    assert np.flatnonzero(Digits.opened(low, high)).tolist() == [10]


@pytest.mark.parametrize("name", ["1", "6", "0"])
def test_the_same_key_again_is_another_digit(name: str) -> None:
    made = keys(name * 8, 0.5, duration=0.05, pause=0.04)
    call = make_call(seconds=3, turns=[], layers=made.layers, noise_dbfs=-60)
    assert labels(heard(call.samples[:, 0])) == name * 8


def test_a_short_break_does_not_make_two_of_one() -> None:
    samples = silence(2)
    add(samples, 4000, press("8", 0.12))
    samples[4500:4620] = 0  # 15 ms; Q.24 asks for 10
    assert labels(heard(samples)) == "8"


def test_a_crackle_does_not_make_two_of_one() -> None:
    samples, dice = silence(2), np.random.default_rng(1)
    add(samples, 4000, press("8", 0.12))
    samples[4400:4560] += dice.integers(-9000, 9000, 160).astype(np.int16)
    assert labels(heard(samples)) == "8"


def test_one_window_is_enough_between_loud_noises() -> None:
    found = 0
    for place in range(0, 100, 10):
        samples = np.random.default_rng(place).integers(-20000, 20000, 8000).astype(np.int16)
        samples[4000 + place : 4272 + place] = 0
        add(samples, 4000 + place, press("8", 0.034, dbfs=-16))
        found += labels(heard(samples)) == "8"
    assert found >= 9


def test_a_key_may_be_held_for_long() -> None:
    made = keys("4", 2.0, duration=100.0)
    call = make_call(seconds=105, turns=[], layers=made.layers)
    (event,) = heard(call.samples[:, 0])
    assert event.label == "4"
    assert (event.start, event.end) == pytest.approx((2, 102), abs=0.01)


def gliding(pitches: tuple[float, ...], seconds: float, bend: float) -> NDArray[np.float64]:
    """Sines whose pitches rise by so much, relatively, in a second; they are as said in the middle."""
    time = (np.arange(round(seconds * 8000)) / 8000) - seconds / 2
    return np.asarray(0.1 * np.sum([np.sin(2 * np.pi * pitch * (time + bend / 2 * time**2)) for pitch in pitches], 0))


def test_a_voice_on_the_pitches_of_a_key_is_none() -> None:
    """770 and 1540 Hz … are harmonics of 192.5 Hz; 1336 Hz is nearly one: whoever holds that note speaks no "5"."""
    time = np.arange(2 * 8000) / 8000
    for base in (192.6, 121.0, 174.3, 213.0):
        pitch = base * (time + 0.02 / (2 * np.pi * 5) * np.sin(2 * np.pi * 5 * time))
        harmonics = [np.sin(2 * np.pi * number * pitch) / number for number in range(1, 16)]
        samples = silence(3)
        add(samples, 4000, 0.2 * np.sum(harmonics, axis=0))
        assert heard(samples) == []


def test_pitches_that_glide_are_no_key() -> None:
    held, glided = silence(2), silence(2)
    add(held, 4000, gliding((770.0, 1336.0), 0.2, 0.0))
    add(glided, 4000, gliding((770.0, 1336.0), 0.2, 4.0))
    assert labels(heard(held)) == "5"
    assert heard(glided) == []


@pytest.mark.parametrize(
    "how", [{"detuned": 0.035}, {"detuned": -0.035}, {"twist": 13.0}, {"twist": -13.0}, {"dbfs": -45.0}]
)
def test_what_is_far_from_the_standard_is_no_key(how: dict[str, float]) -> None:
    samples = silence(2)
    add(samples, 4000, press("5", 0.1, **how))
    assert heard(samples) == []


def test_one_pitch_is_no_key_and_a_click_is_none() -> None:
    samples = silence(4)
    add(samples, 4000, gliding((770.0,), 0.3, 0.0))
    add(samples, 12000, gliding((1336.0,), 0.3, 0.0))
    add(samples, 20000, press("5", 0.018))
    assert heard(samples) == []


def tone(purity: float, twist: float = 0.0, duration: float = 0.1, pitches: tuple[float, ...] = (770, 1336)) -> Tone:
    return Tone(1.0, 1.0 + duration, pitches, (0.01, 0.01 * 10 ** (twist / 10)), purity, 0.5)


def test_the_less_it_is_like_a_key_the_purer_it_must_be() -> None:
    assert key_of(tone(0.51)) == "5"
    assert key_of(tone(0.49)) is None
    assert key_of(tone(0.6, twist=-7)) is None
    assert key_of(tone(0.7, twist=-7)) == "5"
    assert key_of(tone(0.7, duration=0.026)) is None
    assert key_of(tone(0.76, duration=0.026)) == "5"
    assert key_of(tone(1.0, pitches=(770.0,))) is None
    assert key_of(tone(1.0, pitches=(700, 770))) is None
    assert key_of(tone(1.0, pitches=(770 * 1.018, 1336))) == "5"
    assert key_of(tone(1.0, pitches=(770, 1336 * 0.975))) is None
    assert [key_of(tone(1.0, pitches=(row, column))) for row in ROWS for column in COLUMNS] == list(NAMES)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(0, 7999))
@settings(max_examples=25)
def test_how_it_is_fed_makes_no_difference(steps: list[int], shift: int) -> None:
    """Looks that end anywhere in a digit, or between two."""
    made = keys("159D" * 8, 0.3, duration=0.1, pause=0.07)
    call = make_call(seconds=8, turns=[], layers=made.layers, noise_dbfs=-50)
    samples = np.concatenate([silence(1)[:shift], call.samples[:, 0]])
    spectra, meter = Spectra(8000), Tones(8000)
    place = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tones, "_AT_ONCE", 1)
        for step in steps:
            part = samples[place : min(place + step * 8000, len(samples) // 8000 * 8000)]
            meter.feed(part, spectra(part))
            place += len(part)
        rest = samples[place:]
        whole = len(rest) // 8000 * 8000
        meter.feed(rest[:whole], spectra(rest[:whole]))
        meter.finish(rest[whole:], spectra.rest(rest[whole:]))
    found = meter.events(0)
    assert labels(list(found)) == "159D" * 8
    for event, true in zip(found, made.events, strict=True):
        moved = (true.start + shift / 8000, true.end + shift / 8000)
        assert (event.start, event.end) == pytest.approx(moved, abs=0.008)  # half a window, where a look ends
