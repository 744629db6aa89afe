"""The call factory: recordings of calls that were never held, with the exact truth of who speaks when."""

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from callkit.core.analysis import Interval, gaps
from callkit.errors import InvalidCallError
from callkit.testing.codecs import compressed, wav
from callkit.testing.dialogue import TICKS, Turn, dialogue, spoken_by_at_least
from callkit.testing.voices import Sound, noise, speech

__all__ = ["FactoryCall", "Layer", "make_call", "mix"]

_PITCHES = (120.0, 210.0)  # hertz; the parties can be told apart by ear


@frozen
class Layer:
    """A sound on one channel, from `start` to `end` in seconds."""

    channel: int
    start: float
    end: float
    sound: Sound


@frozen(eq=False)
class FactoryCall:
    """A call, and what is true of it. All intervals are in order and apart from each other, on a grid of 10 ms.

    Attributes:
        samples: int16 of shape (frames, channels).
        sample_rate: hertz.
        parties: for each party, when it speaks; also if all are mixed on one channel.
        speech: for each channel of `samples`, when somebody speaks on it.
        level_dbfs: root mean square of each turn.
        noise_dbfs: root mean square of the noise on each channel; None: digital silence.
        codec: what `wav()` writes unless it is told.
    """

    samples: NDArray[np.int16]
    sample_rate: int
    parties: tuple[tuple[Interval, ...], ...]
    speech: tuple[tuple[Interval, ...], ...]
    level_dbfs: float
    noise_dbfs: float | None
    codec: str

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def channels(self) -> int:
        """How many."""
        return int(self.samples.shape[1])

    @property
    def talk_times(self) -> tuple[float, ...]:
        """Seconds of speech on each channel."""
        return tuple(_total(intervals) for intervals in self.speech)

    @property
    def overlaps(self) -> tuple[Interval, ...]:
        """When two or more parties speak at once."""
        return spoken_by_at_least(2, self.parties)

    @property
    def overlap_time(self) -> float:
        """Seconds in which two or more parties speak at once."""
        return _total(self.overlaps)

    @property
    def silence(self) -> tuple[Interval, ...]:
        """When nobody speaks."""
        return gaps(spoken_by_at_least(1, self.parties), self.duration)

    @property
    def silence_time(self) -> float:
        """Seconds in which nobody speaks."""
        return _total(self.silence)

    def wav(self, codec: str | None = None) -> bytes:
        """The call as a WAVE file.

        Args:
            codec: pcm_u8, pcm_s16le, pcm_s24le, pcm_s32le, pcm_f32le, pcm_mulaw or pcm_alaw; default: the call's own.

        Raises:
            InvalidCallError: no such codec.
        """
        return wav(self.samples, self.sample_rate, codec or self.codec)

    def encoded(self, name: str) -> bytes:
        """The call as a compressed file.

        Args:
            name: mp3, flac, vorbis, opus, or gsm (one channel only).

        Raises:
            InvalidCallError: no such codec, or it can't do this rate or so many channels.
        """
        return compressed(self.samples, self.sample_rate, name)


def make_call(
    *,
    seconds: float = 30.0,
    sample_rate: int = 8000,
    channels: int = 2,
    seed: int = 0,
    turns: Iterable[Turn] | None = None,
    level_dbfs: float = -20.0,
    noise_dbfs: float | None = -65.0,
    codec: str = "pcm_s16le",
    layers: Iterable[Layer] = (),
) -> FactoryCall:
    """A call; the same arguments give the same samples.

    Args:
        seconds: its length; rounded to 10 ms, as all times are.
        sample_rate: hertz.
        channels: one for each party; or 1, and all are mixed.
        seed: of all dice: the conversation's and the voices'.
        turns: (party, start, end) of each turn; default: `dialogue(seconds, seed=seed)`.
        level_dbfs: root mean square of each turn.
        noise_dbfs: root mean square of the noise on each channel; None for digital silence.
        codec: what `wav()` writes unless it is told; see `FactoryCall.wav`.
        layers: more sounds; the truth says nothing of them.

    Raises:
        InvalidCallError: a turn or a layer is not within the call, or on a channel that is not there.
    """
    spoken = tuple(dialogue(seconds, seed=seed) if turns is None else turns)
    parties = _parties(spoken, channels)
    voices = [
        Layer(party if channels > 1 else 0, start, end, speech(level_dbfs, _PITCHES[party % 2]))
        for party, start, end in spoken
    ]
    hiss = (
        [] if noise_dbfs is None else [Layer(channel, 0.0, seconds, noise(noise_dbfs)) for channel in range(channels)]
    )
    samples = mix([*voices, *hiss, *layers], seconds, sample_rate=sample_rate, channels=channels, seed=seed)
    heard = parties if channels > 1 else (spoken_by_at_least(1, parties),)
    return FactoryCall(samples, sample_rate, parties, heard, level_dbfs, noise_dbfs, codec)


def mix(
    layers: Sequence[Layer], seconds: float, *, sample_rate: int, channels: int, seed: int = 0
) -> NDArray[np.int16]:
    """Sounds, added up and clipped; int16 of shape (frames, channels). Each layer has its own dice, by its number.

    Raises:
        InvalidCallError: a layer is not within the call, or on a channel that is not there.
    """
    canvas = np.zeros((channels, _frame(seconds, sample_rate)))
    for number, layer in enumerate(layers):
        start, end = _frame(layer.start, sample_rate), _frame(layer.end, sample_rate)
        if not (0 <= start < end <= canvas.shape[1] and 0 <= layer.channel < channels):
            raise InvalidCallError(
                f"Nothing can sound on channel {layer.channel} from {layer.start} to {layer.end} s "
                f"in a call of {seconds} s with {channels} channels."
            )
        dice = np.random.default_rng([seed, number])
        canvas[layer.channel, start:end] += layer.sound(dice, end - start, sample_rate)
    return np.ascontiguousarray(np.clip(np.rint(canvas * 32768), -32768, 32767).astype(np.int16).T)


def _frame(time: float, sample_rate: int) -> int:
    return round(round(time * TICKS) * sample_rate / TICKS)


def _parties(turns: Sequence[Turn], channels: int) -> tuple[tuple[Interval, ...], ...]:
    """For each party when it speaks: two at least, mixed or not."""
    number = max([channels if channels > 1 else 2, *(party + 1 for party, _, _ in turns)])
    spoken: list[list[Interval]] = [[] for _ in range(number)]
    for party, start, end in turns:
        if party < 0:
            raise InvalidCallError(f"There is no party {party}: the first is 0.")
        spoken[party].append((round(start * TICKS) / TICKS, round(end * TICKS) / TICKS))
    return tuple(spoken_by_at_least(1, [intervals]) for intervals in spoken)


def _total(intervals: Iterable[Interval]) -> float:
    return round(sum(end - start for start, end in intervals), 2)
