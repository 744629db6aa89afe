"""Networks' signals must get their name and their time; voices and music must get none."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio import tones
from callkit.audio.cadences import named
from callkit.audio.energy import FRAMES_PER_SECOND, Cells
from callkit.audio.levels import ChannelLevels
from callkit.audio.sines import Tone
from callkit.audio.spectra import Spectra
from callkit.audio.speech import Levels, Runs, speech_runs
from callkit.audio.tones import Tones, tone_runs
from callkit.core.events import Event
from callkit.testing.factory import Layer, make_call
from callkit.testing.tones import SIGNALS, Signals, keys, signals
from callkit.testing.voices import Signal, Sound, tone

Samples = NDArray[np.int16]


def heard(samples: Samples, rate: int = 8000, channel: int = 0, step: int = 16) -> tuple[Event, ...]:
    """The events in a channel that comes `step` seconds at a time, in a buffer that is used again."""
    spectra, meter = Spectra(rate), Tones(rate)
    whole, buffer = len(samples) // rate * rate, np.empty(step * rate, np.int16)
    for begin in range(0, whole, step * rate):
        part = buffer[: min(step * rate, whole - begin)]
        part[:] = samples[begin : begin + len(part)]
        meter.feed(part, spectra(part))
    meter.finish(samples[whole:], spectra.rest(samples[whole:]))
    return meter.events(channel)


def pitches(label: str) -> list[int]:
    return [int(pitch) for pitch in label.removesuffix(" Hz").replace(", ", "+").split("+")]


def same(found: Iterable[Event], true: Iterable[Event], tolerance: float = 0.006) -> bool:
    """Kinds and channels, pitches to 1 %, times to so many seconds."""
    pairs = list(zip(found, true, strict=True))
    return all(
        (one.kind, one.channel) == (other.kind, other.channel)
        and max(abs(one.start - other.start), abs(one.end - other.end)) <= tolerance
        and pitches(one.label) == pytest.approx(pitches(other.label), rel=0.013)
        for one, other in pairs
    )


def whole(name: str, *, dbfs: float = -20.0, detuned: float = 0.0) -> Signals:
    """A signal for at most 8.7 seconds, with no pulse cut short."""
    period = sum(on + off for _, on, off in SIGNALS[name].pulses)
    seconds = 8.7 if period > 8.7 else 8.7 // period * period
    return signals(name, 0.634, 0.634 + seconds, dbfs=dbfs, detuned=detuned)


@pytest.mark.parametrize("noise", [-66.0, -42.0])
@pytest.mark.parametrize("name", SIGNALS)
def test_signals_of_networks_get_their_name_and_their_time(name: str, noise: float) -> None:
    made = whole(name, dbfs=-22)
    call = make_call(seconds=11.3, turns=[], layers=made.layers, noise_dbfs=noise)
    assert made.events
    assert same(heard(call.samples[:, 0]), made.events)


@pytest.mark.parametrize("rate", [8001, 11025, 44100])
@pytest.mark.parametrize("name", ["us ringback", "eu busy", "us no circuit", "fax calling"])
def test_signals_are_found_at_any_rate(name: str, rate: int) -> None:
    made = whole(name)
    call = make_call(seconds=11.3, turns=[], layers=made.layers, sample_rate=rate)
    assert same(heard(call.samples[:, 0], rate), made.events)


@pytest.mark.parametrize("detuned", [-0.01, 0.01])
@pytest.mark.parametrize("name", ["us ringback", "us busy", "uk ringback", "eu ringback", "eu dial", "sit", "recorder"])
def test_signals_may_be_out_of_tune(name: str, detuned: float) -> None:
    made = whole(name, detuned=detuned)
    call = make_call(seconds=11.3, turns=[], layers=made.layers)
    assert same(heard(call.samples[:, 0]), made.events, 0.008)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 7999), st.sampled_from(sorted(SIGNALS)))
@settings(max_examples=40)
def test_how_it_is_fed_makes_no_difference(steps: list[int], shift: int, name: str) -> None:
    """Looks that end anywhere in a pulse, or between two."""
    made = whole(name)
    call = make_call(seconds=11.3, turns=[], layers=made.layers)
    samples = np.concatenate([call.samples[8000:8001, 0].repeat(shift), call.samples[:, 0]])
    spectra, meter, place = Spectra(8000), Tones(8000), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tones, "_AT_ONCE", 1)
        for step in [*steps, 30]:
            part = samples[place : min(place + step * 8000, len(samples) // 8000 * 8000)]
            meter.feed(part, spectra(part))
            place += len(part)
        meter.finish(samples[place:], spectra.rest(samples[place:]))
    moved = [(event.start - shift / 8000, event.end - shift / 8000) for event in meter.events(0)]
    assert [event.kind for event in meter.events(0)] == [event.kind for event in made.events]
    assert np.array(moved) == pytest.approx(
        np.array([(one.start, one.end) for one in made.events]), abs=0.012
    )  # where a look ends, 6 ms more


def test_a_tone_of_minutes_is_one_event() -> None:
    made = signals("eu dial", 3.0, 200.0)
    call = make_call(seconds=210, turns=[], layers=made.layers)
    assert same(heard(call.samples[:, 0]), made.events)


def test_a_tone_may_begin_and_end_the_recording() -> None:
    made = signals("test", 0.0, 5.43)
    call = make_call(seconds=5.43, turns=[], layers=made.layers)
    assert same(heard(call.samples[:, 0]), made.events)


@pytest.mark.parametrize("length", [0, 1, 37, 700, 8000, 8037])
def test_nothing_is_found_in_nothing(length: int) -> None:
    assert heard(np.zeros(length, np.int16)) == ()


@pytest.mark.parametrize("rate", [11, 1000, 3999])
def test_at_rates_too_low_for_tones_nothing_is_found(rate: int) -> None:
    call = make_call(seconds=3, turns=[], sample_rate=rate, layers=[Layer(0, 0.5, 2.5, tone(440.0, 480.0))])
    assert heard(call.samples[:, 0], rate) == ()


def test_keys_are_keys_only() -> None:
    made = keys("159D", 1.0, duration=0.7, pause=0.3)
    call = make_call(seconds=6, turns=[], layers=made.layers)
    assert [(event.kind, event.label) for event in heard(call.samples[:, 0])] == [("dtmf", key) for key in "159D"]


def answering(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
    """The answering tone of fast modems, which swells by a fifth 15 times a second. Source: ITU-T V.8."""
    time = np.arange(frames) / sample_rate
    return np.asarray(0.1 * (1 + 0.2 * np.sin(2 * np.pi * 15 * time)) * np.sin(2 * np.pi * 2100 * time))


def test_an_answering_tone_may_swell() -> None:
    call = make_call(seconds=6, turns=[], layers=[Layer(0, 1.0, 4.3, answering)])
    assert same(heard(call.samples[:, 0]), [Event("fax", 1.0, 4.3, 0, "2100 Hz", 1.0)])


# ---- what is no signal


def sung(pitch: float, *, waver: float, swell: float, harmonics: int) -> Sound:
    """A note as a voice holds it: pitch and loudness waver five times a second, harmonics beside it."""

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
        time = np.arange(frames) / sample_rate
        phase = 2 * np.pi * pitch * (time + waver / (10 * np.pi) * np.sin(10 * np.pi * time + dice.uniform(0, 6)))
        notes = np.sum([np.sin(number * phase) / number**2 for number in range(1, harmonics + 1)], axis=0)
        return np.asarray(0.1 * notes * (1 + swell * np.sin(8 * np.pi * time)))

    return sound


def plucked(*chord: float) -> Sound:
    """Strings, which fade."""

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:  # nothing random
        time = np.arange(frames) / sample_rate
        notes = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in chord], axis=0)
        return np.asarray(0.2 * np.exp(-4 * time) * notes)

    return sound


@pytest.mark.parametrize("pitch", [150.0, 262.0, 330.0, 392.0, 425.0, 440.0])
@pytest.mark.parametrize(
    ("harmonics", "waver", "swell"), [(1, 0.01, 0.3), (2, 0.01, 0.3), (8, 0.01, 0.3), (1, 0.03, 0)]
)
def test_humming_is_no_signal(pitch: float, harmonics: int, waver: float, swell: float) -> None:
    hum = sung(pitch, harmonics=harmonics, waver=waver, swell=swell)
    layers = [Layer(0, start, start + 1.7, hum) for start in (1.0, 4.0, 7.0)]
    call = make_call(seconds=10, turns=[], layers=layers)
    assert heard(call.samples[:, 0]) == ()


@pytest.mark.parametrize("chord", [(440.0,), (392.0, 494.0), (262.0, 330.0, 392.0)])
def test_strings_are_no_signal(chord: tuple[float, ...]) -> None:
    layers = [Layer(0, start, start + 0.5, plucked(*chord)) for start in np.arange(1.0, 9.0, 0.5)]
    call = make_call(seconds=10, turns=[], layers=layers)
    assert heard(call.samples[:, 0]) == ()


@pytest.mark.parametrize("pair", [(440.0, 880.0), (400.0, 600.0)])
def test_a_steady_note_with_overtones_is_an_instrument(pair: tuple[float, float]) -> None:
    call = make_call(seconds=5, turns=[], layers=[Layer(0, 1.0, 3.0, tone(*pair))])
    assert heard(call.samples[:, 0]) == ()


def test_low_notes_are_left_to_voices() -> None:
    call = make_call(seconds=5, turns=[], layers=[Layer(0, 1.0, 3.0, tone(262.0))])
    assert heard(call.samples[:, 0]) == ()


@pytest.mark.parametrize("noise", [-70.0, -35.0])
def test_speech_is_no_signal(noise: float) -> None:
    call = make_call(seconds=900, noise_dbfs=noise, seed=11)
    assert [heard(call.samples[:, channel]) for channel in (0, 1)] == [(), ()]


def test_hiss_and_hum_are_no_signal() -> None:
    hum = Layer(0, 0.0, 30.0, tone(50.0, dbfs=-20))
    assert heard(make_call(seconds=30, turns=[], noise_dbfs=-20, layers=[hum]).samples[:, 0]) == ()


def test_hum_below_a_signal_does_not_hide_it() -> None:
    made = signals("eu busy", 2.0, 8.0)
    call = make_call(seconds=10, turns=[], layers=[Layer(0, 0.0, 10.0, tone(50.0, dbfs=-34)), *made.layers])
    assert same(heard(call.samples[:, 0]), made.events)


# ---- rhythms


def bursts(*times: tuple[float, float], pitch: tuple[float, ...] = (425.0,), purity: float = 0.99) -> list[Tone]:
    return [Tone(start, end, pitch, (0.01,) * len(pitch), purity, 0.5) for start, end in times]


def kinds(found: list[Tone]) -> list[str]:
    return [event.kind for event in sorted(named(found, 0), key=lambda event: event.start)]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (((0, 1), (5, 6)), "ringback"),
        (((0, 0.4), (0.6, 1.0), (3.0, 3.4)), "ringback"),  # in Malaysia
        (((0, 2), (6, 8)), "ringback"),
        (((0, 1),), "ringback"),  # answered at once
        (((0, 0.3), (4.0, 5.0)), "ringback"),  # the recording begins in a ring
        (((0, 0.5), (1, 1.5)), "busy"),
        (((0, 0.75), (1.5, 2.25)), "busy"),
        (((0, 0.33), (0.66, 0.99), (1.32, 1.4)), "busy"),  # the last is cut
        (((0, 0.25), (0.5, 0.75)), "congestion"),
        (((0, 0.2), (0.4, 0.6)), "congestion"),
        (((0, 3),), "dial"),
        (((0, 0.4),), "beep"),
        (((0, 0.4), (9, 9.4)), "beep"),
    ],
)
def test_rhythms_have_a_meaning(times: tuple[tuple[float, float], ...], expected: str) -> None:
    assert kinds(bursts(*times)) == [expected] * len(times)


@pytest.mark.parametrize(
    ("pitch", "length", "expected"),
    [
        ((440.0, 480.0), 2.0, "ringback"),
        ((400.0, 450.0), 0.4, "ringback"),
        ((480.0, 620.0), 0.5, "busy"),
        ((480.0, 620.0), 0.25, "congestion"),
        ((350.0, 440.0), 0.6, "dial"),
        ((1100.0,), 0.5, "fax"),
        ((1100.0,), 1.0, "beep"),
        ((2100.0,), 3.0, "fax"),
        ((1400.0,), 0.5, "beep"),
        ((1004.0,), 5.0, "tone"),
        ((700.0, 900.0), 0.5, "beep"),
    ],
)
def test_pitches_have_a_meaning(pitch: tuple[float, ...], length: float, expected: str) -> None:
    assert kinds(bursts((1.0, 1.0 + length), pitch=pitch)) == [expected]


def test_a_dial_tone_may_go_before_ringing_and_busy_may_follow_it() -> None:
    times = [(0.0, 3.5), (6.0, 7.0), (11.0, 12.0), (20.0, 20.5), (21.0, 21.5), (22.0, 22.5)]
    assert kinds(bursts(*times)) == ["dial", "ringback", "ringback", "busy", "busy", "busy"]


def test_three_rising_tones_are_one_event() -> None:
    rising = [bursts(time, pitch=(hertz,))[0] for time, hertz in (((1, 1.33), 950.0), ((1.33, 1.66), 1400.0))]
    last = bursts((1.66, 1.99), pitch=(1800.0,))
    (event,) = named([*rising, *last], 3)
    assert (event.kind, event.start, event.end, event.channel) == ("sit", 1, 1.99, 3)
    assert event.label == "950, 1400, 1800 Hz"
    assert kinds(rising) == ["beep", "beep"]
    assert kinds([*rising, *bursts((2.66, 2.99), pitch=(1800.0,))]) == ["beep"] * 3


def test_a_tone_without_any_mark_of_a_signal_must_be_pure() -> None:
    assert kinds(bursts((1, 1.5), pitch=(1000.0,), purity=0.9)) == []
    assert kinds(bursts((1, 3.0), pitch=(440.0, 480.0), purity=0.9)) == ["ringback"]


def test_one_ring_alone_is_less_certain_than_two() -> None:
    (one,), (first, second) = named(bursts((0, 1)), 0), named(bursts((0, 1), (5, 6)), 0)
    assert one.confidence < first.confidence == second.confidence <= 1


# ---- runs, and what they are for


def test_runs_cover_the_events_of_their_channel() -> None:
    events = [
        Event("busy", 1.003, 1.5, 0, "", 1),
        Event("dtmf", 1.51, 1.6, 0, "", 1),
        Event("dtmf", 0.0, 9.0, 1, "", 1),
    ]
    assert tone_runs(events, 0).tolist() == [[98, 162]]
    assert tone_runs(events, 1).tolist() == [[0, 902]]
    assert tone_runs([], 0).shape == (0, 2)


NOISE = 10 ** (-66 / 20)


def gated(spoken: list[tuple[int, float]], dice: np.random.Generator) -> NDArray[np.float64]:
    """A channel of a minute: bursts of noise, gated four times a second, in faint noise."""
    time = np.arange(60 * 8000) / 8000
    inside = np.any([(time >= start) & (time < end) for start, end in spoken], axis=0)
    swell = 0.55 + 0.45 * np.sign(np.sin(8 * np.pi * time))
    return np.asarray(0.1 * inside * swell * dice.standard_normal(len(time)) + NOISE * dice.standard_normal(len(time)))


def with_layers(channel: NDArray[np.float64], layers: Iterable[Layer]) -> Samples:
    canvas = channel.copy()
    for layer in layers:
        begin, end = round(layer.start * 8000), round(layer.end * 8000)
        canvas[begin:end] += layer.sound(np.random.default_rng(0), end - begin, 8000)
    return np.clip(np.rint(canvas * 32768), -32768, 32767).astype(np.int16)


def levels_of(samples: Samples) -> Levels:
    meter = ChannelLevels(8000, (-32768, 32767), Cells(8000, FRAMES_PER_SECOND))
    meter.feed(samples)
    return meter.levels()


def without(levels: Levels, runs: Runs) -> Levels:
    """The levels as they would be without the tones: what is quieter of what lies before and behind."""
    clean = levels.copy()
    for begin, end in runs:
        clean[begin:end] = min(levels[max(begin - 3, 0) : begin].tolist() + levels[end : end + 3].tolist())
    return clean


AGENT, CUSTOMER = [(5, 11.0), (17, 21.0)], [(11, 16.5), (22, 30.0)]
RINGING = signals("us ringback", 0.0, 2.0)
KEYS = keys("1" * 16, 32.0, duration=0.12, pause=0.13)
BEEPS = signals("recorder", 1.5, 60.0)


@pytest.mark.parametrize(
    ("spoken", "made", "kind", "number"),
    [
        (AGENT, RINGING, "ringback", 1),
        (CUSTOMER, KEYS, "dtmf", 16),
        (AGENT, BEEPS, "beep", 4),
        (CUSTOMER, BEEPS, "beep", 4),
    ],
)
def test_tones_are_no_talk(spoken: list[tuple[int, float]], made: Signals, kind: str, number: int) -> None:
    """Talk time stays what it is, within 2 %, where a tone-blind detector is far off."""
    samples = with_layers(gated(spoken, np.random.default_rng(7)), made.layers)
    events = heard(samples)
    assert [event.kind for event in events] == [kind] * number
    levels, truth = levels_of(samples), sum(end - start for start, end in spoken)
    blind = np.diff(speech_runs(levels)).sum() / FRAMES_PER_SECOND
    talk = np.diff(speech_runs(without(levels, tone_runs(events, 0)))).sum() / FRAMES_PER_SECOND
    assert talk == pytest.approx(truth, rel=0.02)
    assert blind > truth * 1.1
