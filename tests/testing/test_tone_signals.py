"""What the synthesised signals are said to be must be true of their samples."""

import doctest

import numpy as np
import pytest
from numpy.typing import NDArray

from callkit.errors import InvalidCallError
from callkit.testing import tones
from callkit.testing.factory import Layer, make_call
from callkit.testing.tones import SIGNALS, key, keys, signals

PITCHES = {"1": (697, 1209), "5": (770, 1336), "#": (941, 1477), "D": (941, 1633), "A": (697, 1633), "*": (941, 1209)}


def pressed(name: str, rate: int = 8000, seconds: float = 1.0, **how: float) -> NDArray[np.float64]:
    return key(name, **how)(np.random.default_rng(0), round(seconds * rate), rate)


def powers(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square of each hertz of a second."""
    return np.asarray(2 * np.abs(np.fft.rfft(signal) / len(signal)) ** 2)


@pytest.mark.parametrize("name", PITCHES)
def test_a_key_has_its_two_pitches(name: str) -> None:
    found = powers(pressed(name))
    assert tuple(sorted(np.argsort(found)[-2:])) == PITCHES[name]


@pytest.mark.parametrize("twist", [-8.0, 0.0, 4.0])
def test_level_and_twist_of_a_key_are_those_asked_for(twist: float) -> None:
    found = powers(pressed("5", dbfs=-23, twist=twist))
    assert 10 * np.log10(found.sum()) == pytest.approx(-23, abs=0.01)
    assert 10 * np.log10(found[1336] / found[770]) == pytest.approx(twist, abs=0.01)


def test_a_key_may_be_out_of_tune() -> None:
    found = powers(pressed("1", seconds=10, detuned=0.01))
    assert sorted(np.argsort(found)[-2:] / 10) == pytest.approx([697 * 1.01, 1209 * 1.01], abs=0.06)


@pytest.mark.parametrize("name", ["", "12", "E", "a"])
def test_what_is_no_key_is_refused(name: str) -> None:
    with pytest.raises(InvalidCallError):
        key(name)


def test_an_unknown_signal_is_refused() -> None:
    with pytest.raises(InvalidCallError):
        signals("mars busy", 0, 1)


def sounding(layers: tuple[Layer, ...], seconds: float, rate: int) -> NDArray[np.bool_]:
    """For each sample, whether there is anything within a millisecond of it: sines cross zero."""
    loud = make_call(seconds=seconds, turns=[], layers=layers, noise_dbfs=None, sample_rate=rate).samples[:, 0] != 0
    near = round(rate / 1000)
    return np.convolve(loud, np.ones(2 * near + 1), "same") > 0


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
@pytest.mark.parametrize("name", SIGNALS)
def test_signals_sound_in_their_events_and_nowhere_else(name: str, rate: int) -> None:
    made = signals(name, 0.333, 7.777)
    expected = np.zeros(8 * rate, bool)
    for event in made.events:
        expected[round(event.start * rate) : round(event.end * rate)] = True
    wrong = np.flatnonzero(sounding(made.layers, 8, rate) != expected) / rate
    edges = np.array([edge for event in made.events for edge in (event.start, event.end)])
    assert all(np.abs(edges - time).min() < 0.002 for time in wrong)
    assert made.events[0].start == 0.333
    assert made.events[-1].end <= 7.777
    assert {event.kind for event in made.events} == {SIGNALS[name].kind}


def test_keys_are_exact_to_the_sample() -> None:
    made = keys("12", 0.5123, duration=0.045, pause=0.04)
    assert [event.label for event in made.events] == ["1", "2"]
    times = [time for event in made.events for time in (event.start, event.end)]
    assert times == pytest.approx([0.5123, 0.5573, 0.5973, 0.6423])
    call = make_call(seconds=1, turns=[], layers=made.layers, noise_dbfs=None)
    loud = np.flatnonzero(call.samples[:, 0])
    assert (loud[0], loud[-1]) == (4099, 5137)  # a sine begins with 0
    assert not call.samples[4460:4778, 0].any()


def test_labels_tell_the_pitches() -> None:
    labels = {name: signals(name, 0, 2).events[0].label for name in ("us ringback", "eu busy", "sit")}
    assert labels == {"us ringback": "440+480 Hz", "eu busy": "425 Hz", "sit": "950, 1400, 1800 Hz"}


def test_the_examples_are_true() -> None:
    assert doctest.testmod(tones).failed == 0
    assert doctest.testmod(tones).attempted > 3
