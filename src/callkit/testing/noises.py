"""What makes calls hard: noises, music, and what lines and codecs do to a sound. All with known truth.

Sounds go into `Layer`s of a call, whose truth says nothing of them: babble and music are no speech of its parties.
The others take samples and give samples, int16 of shape (frames, channels), of the same length; what was true of a
call stays true, so `attrs.evolve(call, samples=leaked(call.samples, -24))` is a call with the same truth.
"""

import io

import numpy as np
from numpy.typing import NDArray

from callkit.core.analysis import Interval
from callkit.errors import InvalidCallError
from callkit.testing.codecs import COMPRESSED, WAV_CODECS, compressed, wav
from callkit.testing.voices import Signal, Sound, speech

__all__ = ["babble", "hold_music", "leaked", "pink_noise", "recording", "through", "without_packets"]

Samples = NDArray[np.int16]
"""Shape (frames, channels)."""

_LOWEST = 20.0  # hertz: below, pink noise would hide most of its power where nobody hears it
_TALKERS = (95.0, 110.0, 125.0, 180.0, 205.0, 230.0)  # hertz


def pink_noise(dbfs: float = -65.0) -> Sound:
    """Noise with as much power in each octave above 20 Hz, as in rooms and cars; `dbfs` is its root mean square."""

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
        spectrum = np.fft.rfft(dice.standard_normal(frames))
        hertz = np.fft.rfftfreq(frames, 1 / sample_rate)
        audible = hertz >= _LOWEST
        spectrum[~audible] = 0
        spectrum[audible] /= np.sqrt(hertz[audible])
        return _at_level(np.fft.irfft(spectrum, frames), dbfs)

    return sound


def babble(dbfs: float = -40.0) -> Sound:
    """Six people at once in the background, nobody of whom can be followed; `dbfs` is their common rms."""

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
        talkers = [speech(0.0, pitch)(dice, frames, sample_rate) for pitch in _TALKERS]
        return _at_level(np.sum(talkers, axis=0), dbfs)

    return sound


def recording(samples: NDArray[np.int16], dbfs: float = -20.0) -> Sound:
    """A piece of a recording from a place that the dice choose, over and over if it is short, brought to this rms.

    Args:
        samples: one channel, at the rate of the call that it goes into; not silent throughout.
        dbfs: root mean square of each piece.
    """

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:  # noqa: ARG001  # it has its own
        start = int(dice.integers(0, max(len(samples) - frames, 0) + 1))
        return _at_level(np.resize(np.roll(samples, -start), frames).astype(np.float64), dbfs)

    return sound


_BEAT = 0.6  # seconds
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))  # semitones above the key: I, vi, IV, V
_SCALE = (12, 14, 16, 19, 21, 24)  # semitones: a melody in which nothing sounds wrong
_KEY = 196.0  # hertz: the G below middle C
_OVERTONES = (1.0, 0.5, 0.3, 0.15, 0.08)
_DECAY = 0.2  # seconds until a string has lost two thirds of its strength
_DRUM_DECAY = 0.04  # the same of the drum


def hold_music(dbfs: float = -22.0) -> Sound:
    """What plays while one waits: plucked chords, a melody that the dice invent, and a drum, on every beat.

    Its level moves as that of speech does, so energy takes it for such; its notes stay, as no voice does.
    """

    def sound(dice: np.random.Generator, frames: int, sample_rate: int) -> Signal:
        beat = round(_BEAT * sample_rate)
        beats = -(-frames // beat)
        bars = [_bar(dice, beat, sample_rate, _CHORDS[bar % len(_CHORDS)]) for bar in range(-(-beats // 4))]
        return _at_level(np.concatenate(bars)[:frames], dbfs)

    return sound


def _bar(dice: np.random.Generator, beat: int, sample_rate: int, chord: tuple[int, ...]) -> Signal:
    """Four beats: the same chord on each, a note and a stroke of the drum."""
    time = np.arange(beat) / sample_rate
    plucked = np.sum([_note(time, semitones) for semitones in chord], axis=0) * 0.4
    melody = [_note(time, int(dice.choice(_SCALE))) for _ in range(4)]
    drum = dice.standard_normal(beat) * np.exp(-time / _DRUM_DECAY) * 0.8
    return np.concatenate([(plucked + note) * np.exp(-time / _DECAY) + drum for note in melody])


def _note(time: Signal, semitones: int) -> Signal:
    pitch = _KEY * 2 ** (semitones / 12)
    partials = [
        strength * np.sin(2 * np.pi * pitch * number * time)
        for number, strength in enumerate(_OVERTONES, 1)
        if pitch * number < 3400
    ]
    return np.asarray(np.sum(partials, axis=0))


def leaked(samples: Samples, db: float, *, delay: int = 0) -> Samples:
    """Each channel hears the others too: an echo, or a badly isolated line.

    Args:
        samples: of two channels or more.
        db: what is heard of the others, below their own level: negative.
        delay: frames by which it comes late.
    """
    late = np.pad(samples, ((delay, 0), (0, 0)))[: len(samples)].astype(np.float64)
    others = late.sum(axis=1, keepdims=True) - late
    return _clipped(samples + others * 10 ** (db / 20))


def without_packets(
    samples: Samples, sample_rate: int, share: float, *, seed: int = 0
) -> tuple[Samples, tuple[Interval, ...]]:
    """Packets of 20 ms lost on the way, on all channels alike, with digital silence in their place.

    Args:
        samples: the call.
        sample_rate: hertz, a multiple of 50.
        share: 0 to 1, how many packets are lost.
        seed: of the dice.

    Returns:
        The samples, and where something is missing, in seconds.
    """
    packet = sample_rate // 50
    count = -(-len(samples) // packet)
    lost = np.random.default_rng(seed).random(count) < share
    kept = samples.copy()
    kept[np.repeat(lost, packet)[: len(samples)]] = 0
    edges = np.flatnonzero(np.diff(lost, prepend=False, append=False)).reshape(-1, 2)
    gaps = tuple((first / 50, min(last / 50, len(samples) / sample_rate)) for first, last in edges.tolist())
    return kept, gaps


_ALONE = ("gsm", "mp3")
"""Take each channel for itself: GSM knows no other way, and at 8 kHz LAME's joint stereo mixes the parties."""


def through(samples: Samples, sample_rate: int, *codecs: str) -> Samples:
    """Coded and decoded, by one codec after the other.

    Args:
        samples: the call.
        sample_rate: hertz.
        codecs: keys of `codecs.WAV_CODECS` or `codecs.COMPRESSED`, such as "pcm_mulaw" or "gsm".

    Raises:
        InvalidCallError: no such codec, or it can't do this rate or so many channels.
    """
    for codec in codecs:
        if codec in _ALONE:
            channels = [_decoded(samples[:, [channel]], sample_rate, codec) for channel in range(samples.shape[1])]
            samples = np.concatenate(channels, axis=1)
        else:
            samples = _decoded(samples, sample_rate, codec)
    return samples


def _decoded(samples: Samples, sample_rate: int, codec: str) -> Samples:
    import soundfile  # noqa: PLC0415  # most calls are made without libsndfile

    if codec not in WAV_CODECS and codec not in COMPRESSED:
        raise InvalidCallError(f"There is no codec {codec!r}: choose one of {', '.join([*WAV_CODECS, *COMPRESSED])}.")
    coded = (wav if codec in WAV_CODECS else compressed)(samples, sample_rate, codec)
    decoded, _ = soundfile.read(io.BytesIO(coded), dtype="float64", always_2d=True)
    missing = max(len(samples) - len(decoded), 0)
    return _clipped(np.pad(decoded * 32768, ((0, missing), (0, 0)))[: len(samples)])


def _at_level(signal: Signal, dbfs: float) -> Signal:
    rms = float(np.sqrt(np.mean(signal**2)))
    return signal * (10 ** (dbfs / 20) / max(rms, 1e-9))


def _clipped(samples: NDArray[np.float64]) -> Samples:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
