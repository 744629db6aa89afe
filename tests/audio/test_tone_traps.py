"""Sounds that a level takes for speech: what the whole analysis makes of them. The call is a minute of gated noise."""

import io
import wave
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from callkit import Analysis, analyse
from callkit.testing.tones import Signals, keys, signals

RATE, SECONDS = 8000, 60
AGENT, CUSTOMER = [(5.0, 11.0), (17.0, 21.0)], [(11.5, 16.5), (22.0, 30.0)]
Signal = NDArray[np.float64]
Sounds = Callable[[Signal, Signal], tuple[Signal, Signal]]


def party(spoken: list[tuple[float, float]], dice: np.random.Generator, noise_db: float = -66) -> Signal:
    time = np.arange(SECONDS * RATE) / RATE
    inside = np.any([(time >= start) & (time < end) for start, end in spoken] or [time < 0], axis=0)
    swell = 0.55 + 0.45 * np.sign(np.sin(8 * np.pi * time))
    noise = 10 ** (noise_db / 20) * dice.standard_normal(len(time))
    return np.asarray(0.1 * inside * swell * dice.standard_normal(len(time)) + noise)


def with_signals(channel: Signal, made: Signals) -> Signal:
    heard = channel.copy()
    for layer in made.layers:
        begin, end = round(layer.start * RATE), round(layer.end * RATE)
        heard[begin:end] += layer.sound(np.random.default_rng(0), end - begin, RATE)
    return heard


def with_music(channel: Signal) -> Signal:
    time = np.arange(25 * RATE) / RATE
    heard = channel.copy()
    heard[31 * RATE : 56 * RATE] += sum(0.05 * np.sin(2 * np.pi * pitch * time) for pitch in (262, 330, 392))
    return heard


def measured(sounds: Sounds, noise_db: float = -66, customer: list[tuple[float, float]] = CUSTOMER) -> Analysis:
    dice = np.random.default_rng(7)
    channels = sounds(party(AGENT, dice, noise_db), party(customer, dice, noise_db))
    samples = np.clip(np.rint(np.column_stack(channels) * 32768), -32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(samples.tobytes())
    return analyse(file.getvalue())


def talk(analysis: Analysis) -> list[float | None]:
    return [party.talk.talk_time for party in analysis.parties]


def kinds(analysis: Analysis) -> list[str]:
    return [event.kind for event in analysis.events]


RINGING, KEYS = signals("us ringback", 0.0, 2.0), keys("1" * 16, 32.0, duration=0.12, pause=0.13)
BEEPS = signals("recorder", 1.5, 60.0)
TRAPS: dict[str, tuple[Sounds, set[str], int]] = {
    "nothing": (lambda agent, customer: (agent, customer), set(), 0),
    "hold music": (lambda agent, customer: (with_music(agent), customer), {"music"}, 1),
    "ring-back": (lambda agent, customer: (with_signals(agent, RINGING), customer), {"ringback"}, 1),
    "keys": (lambda agent, customer: (agent, with_signals(customer, KEYS)), {"dtmf"}, 16),
    "beeps": (lambda agent, customer: (with_signals(agent, BEEPS), with_signals(customer, BEEPS)), {"beep"}, 8),
    "offset": (lambda agent, customer: (agent + 0.05, customer), set(), 0),
    "a quiet customer": (lambda agent, customer: (agent, customer * 10 ** (-26 / 20)), set(), 0),
    "a leak": (lambda agent, customer: (agent + 0.063 * customer, customer + 0.063 * agent), set(), 0),
}


LEVELS = {"offset", "a quiet customer", "a leak"}


@pytest.mark.parametrize("name", TRAPS)
def test_talk_time_is_what_it_was(name: str) -> None:
    """Within 2 % whatever sounds besides, and within 0.3 s at other levels."""
    sounds, kind, number = TRAPS[name]
    analysis = measured(sounds)
    agent, customer = (0.3, 0.3) if name in LEVELS else (0.2, 0.26)
    assert talk(analysis) == [pytest.approx(10.0, abs=agent), pytest.approx(13.0, abs=customer)]
    assert [party.interruptions for party in analysis.parties] == [0, 0]
    assert (set(kinds(analysis)), len(analysis.events)) == (kind, number)


def test_hold_is_music_and_no_talk() -> None:
    analysis = measured(TRAPS["hold music"][0])
    ((start, end),) = analysis.hold or ()
    assert start == pytest.approx(31.0, abs=0.3)
    assert end == pytest.approx(56.0, abs=0.3)
    assert analysis.conversation.non_talk_time is not None
    assert analysis.conversation.non_talk_time >= 24.5


def test_keys_are_masked_unless_asked_for() -> None:
    assert {event.label for event in measured(TRAPS["keys"][0]).events} == {"•"}


def test_a_louder_noise_changes_nothing() -> None:
    assert talk(measured(TRAPS["nothing"][0], -40)) == [pytest.approx(10.0, rel=0.03), pytest.approx(13.0, rel=0.03)]


def test_both_channels_the_same_are_nobodys() -> None:
    analysis = measured(lambda agent, customer: ((agent + customer) / 2,) * 2)
    assert (
        [flag.code for flag in analysis.health.flags if analysis.health] == ["dual_mono"] if analysis.health else False
    )
    assert talk(analysis) == [None, None]
    assert analysis.conversation.interruptions is None


def test_one_way() -> None:
    analysis = measured(lambda agent, customer: (agent, customer), customer=[])
    assert talk(analysis) == [pytest.approx(10.0, rel=0.02), 0.0]
    assert analysis.health is not None
    assert [(flag.code, flag.reason) for flag in analysis.health.flags] == [("one_way", "no_speech")]
    assert analysis.parties[1].latency is None
