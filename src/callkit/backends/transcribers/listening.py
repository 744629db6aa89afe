"""The first pass over a recording: who speaks when, on each channel, and whether all channels are one line."""

from collections.abc import Iterable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from callkit.audio.detectors import Silero, SpeechDetector
from callkit.audio.reader import AudioReader, Block
from callkit.audio.speech import stretches
from callkit.backends.transcribers.dual import SameLine
from callkit.backends.transcribers.regions import TICKS, Span
from callkit.core.analysis import Analysis
from callkit.core.intervals import united
from callkit.errors import MissingExtraError

__all__ = ["Heard", "listen", "silero", "told_by"]

_LEAD_IN = 1  # seconds that a detector hears first, to get used to the sound
_TOGETHER = 30  # seconds that are judged at once
_AHEAD = 1  # seconds after them: a detector can't tell a word from a click at the end of what it hears
_FAINT = 58  # -55 dBFS: a second without any louder sample holds nothing that could be understood


@frozen
class Heard:
    """What is heard in a recording.

    Attributes:
        rate: hertz.
        frames: of all of it.
        speech: for each channel the stretches of speech, in ticks, in order and apart from each other.
        one_line: there is one line only, whatever the number of channels.
    """

    rate: int
    frames: int
    speech: tuple[tuple[Span, ...], ...]
    one_line: bool

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate

    @property
    def ticks(self) -> int:
        """Whole ticks, the last one perhaps not full."""
        return -(-self.frames * TICKS // self.rate)


def silero() -> SpeechDetector | None:
    """The detector that tells speech from music; None where it is not installed."""
    try:
        return Silero()
    except MissingExtraError:
        return None


def told_by(analysis: Analysis) -> Heard:
    """What the analysis heard: its levels and spectra tell talk from tones, but not always from music."""
    speech = tuple(
        tuple(
            united(
                (round(start * TICKS), round(end * TICKS))
                for party in analysis.parties
                if party.channel == channel
                for start, end in party.speech
            )
        )
        for channel in range(analysis.channels)
    )
    one_line = analysis.channels == 1 or bool(analysis.health and analysis.health.dual_mono)
    return Heard(analysis.sample_rate, analysis.frames, speech, one_line)


def listen(reader: AudioReader, detector: SpeechDetector) -> Heard:
    """Ask a detector about all of a recording, in bounded memory.

    Args:
        reader: just opened.
        detector: hears speech.
    """
    listener = _Listener(reader.format.sample_rate, reader.format.channels, detector)
    for block in reader.blocks():
        listener.feed(block)
    return listener.finish()


class _Listener:
    """Collects blocks until there is enough for a detector to judge."""

    def __init__(self, rate: int, channels: int, detector: SpeechDetector) -> None:
        self._rate, self._channels, self._detector = rate, channels, detector
        self._waiting: list[Block] = []
        self._size = 0
        self._lead_in = 0  # seconds at the beginning of what waits that were judged before
        self._answers: list[list[NDArray[np.bool_]]] = [[] for _ in range(channels)]
        self._line = SameLine(rate) if channels == 2 else None
        self._frames = 0

    def feed(self, block: Block) -> None:
        self._waiting.append(block.copy())
        self._size += len(block)
        self._frames += len(block) // self._channels
        if self._size >= (self._lead_in + _TOGETHER + _AHEAD) * self._rate * self._channels:
            self._judge_all(_AHEAD)

    def finish(self) -> Heard:
        """There is no other block."""
        missing = -self._frames % self._rate
        self._waiting.append(np.zeros(missing * self._channels, np.int16))
        self._judge_all(0)
        ticks = -(-self._frames * TICKS // self._rate)
        speech = tuple(_spans(answers, ticks) for answers in self._answers)
        return Heard(self._rate, self._frames, speech, self._channels == 1 or bool(self._line and self._line.same))

    def _judge_all(self, ahead: int) -> None:
        """What waits, but for the last seconds; some of it is kept for next time."""
        frames = np.concatenate(self._waiting).reshape(-1, self._channels)
        while (seconds := len(frames) // self._rate - self._lead_in - ahead) > 0:
            now = min(seconds, _TOGETHER)
            self._judge(frames[: (self._lead_in + now + _AHEAD) * self._rate], now)
            done = self._lead_in + now - _LEAD_IN
            frames, self._lead_in = frames[done * self._rate :], _LEAD_IN
        self._waiting, self._size = [frames.reshape(-1)], frames.size

    def _judge(self, frames: NDArray[np.int16], seconds: int) -> None:
        """So many seconds after the lead-in; the rest is there to be heard before and after."""
        channels = [np.ascontiguousarray(frames[:, number]) for number in range(self._channels)]
        first, last = self._lead_in * TICKS, (self._lead_in + seconds) * TICKS
        heard = [self._hear(samples)[first:last] for samples in channels]
        for answers, found in zip(self._answers, heard, strict=True):
            answers.append(found)
        if self._line:
            one, other = (samples[self._lead_in * self._rate :] for samples in channels)
            self._line.feed(one, other, heard[0] | heard[1])

    def _hear(self, samples: Block) -> NDArray[np.bool_]:
        """For each tick; nobody is asked about faint seconds, but for those beside others."""
        seconds = samples[: len(samples) // self._rate * self._rate].reshape(-1, self._rate)
        heard = np.zeros(len(seconds) * TICKS, np.bool_)
        loud = (seconds.max(axis=1) > _FAINT) | (seconds.min(axis=1) < -_FAINT)
        near = np.pad(loud, 1)
        for begin, end in stretches(near[:-2] | loud | near[2:]):
            heard[begin * TICKS : end * TICKS] = self._detector.hear(seconds[begin:end].reshape(-1), self._rate)
        return heard


def _spans(answers: Iterable[NDArray[np.bool_]], ticks: int) -> tuple[Span, ...]:
    speech = np.concatenate([np.zeros(0, np.bool_), *answers])[:ticks]
    return tuple((int(begin), int(end)) for begin, end in stretches(speech))
