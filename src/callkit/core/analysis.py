"""What was measured in a recording: `Analysis` and its parts.

Times are float seconds from the first decoded frame, intervals are half-open `[start, end)`, levels are dBFS
(0 dBFS = full scale of 16 bits; digital silence is given as -120.0). What can't be measured is None, never 0.
"""

from collections.abc import Iterable, Mapping

from attrs import field, frozen

__all__ = ["Analysis", "Interval", "Party", "Results", "SilenceMark", "gaps"]

Interval = tuple[float, float]
"""Seconds from the recording's start: `(start, end)`, half-open."""


@frozen
class SilenceMark:
    """A stretch in which nobody speaks (`channel=None`), or nobody on one channel."""

    start: float
    end: float
    channel: int | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


@frozen
class Party:
    """What was measured on one channel. Of a mono recording there is one, and everybody is on it.

    Attributes:
        channel: 0 for the first channel of the file.
        speech: the stretches with speech, in order, apart from each other.
        talk_time: seconds of speech.
        rms_dbfs: level of the whole channel, -120.0 to 0.0.
        peak_dbfs: the largest sample, -120.0 to 0.0.
        clipping_percent: 0 to 100, the share of samples at the largest value that the codec can hold.
    """

    channel: int
    speech: tuple[Interval, ...]
    talk_time: float
    rms_dbfs: float
    peak_dbfs: float
    clipping_percent: float


@frozen
class Analysis:
    """What one pass over a recording measured.

    Attributes:
        duration: seconds, decoded frames / sample rate.
        sample_rate: hertz.
        channels: how many; `parties` has as many.
        frames: decoded frames.
        container: "wav", "mp3", "flac", "ogg", …
        codec: in ffmpeg's names: "pcm_s16le", "pcm_mulaw", "gsm_ms", "mp3", …
        declared_duration: seconds that the file claims, None if it claims nothing.
        truncated: the file promises clearly more than could be decoded (by more than 0.5 s and 1 %).
        warnings: what was odd about the file, a sentence each.
        silence: the marks, in order; `channel` is None: everybody is silent.
        silence_time: seconds in which nobody speaks, short pauses included.
        parties: one for each channel.
        overlap_time: seconds in which two or more channels speak; None for a mono recording.
        method: what made the silence marks: "adaptive" or "pydub".
        parameters: what they were made with.
        fingerprint: analyser, version and parameters; equal fingerprints give equal results.
    """

    duration: float
    sample_rate: int
    channels: int
    frames: int
    container: str
    codec: str
    declared_duration: float | None
    truncated: bool
    warnings: tuple[str, ...]
    silence: tuple[SilenceMark, ...]
    silence_time: float
    parties: tuple[Party, ...]
    overlap_time: float | None
    method: str
    parameters: Mapping[str, float | int | str | None] = field(hash=False)
    fingerprint: str

    @property
    def silence_share(self) -> float | None:
        """0 to 1: `silence_time / duration`; None for an empty recording."""
        return self.silence_time / self.duration if self.duration else None

    def silence_of(self, channel: int, min_silence: float = 1.0) -> tuple[SilenceMark, ...]:
        """The stretches of at least `min_silence` seconds without speech on one channel.

        Raises:
            IndexError: the recording has no such channel.
        """
        quiet = gaps(self.parties[channel].speech, self.duration)
        return tuple(SilenceMark(start, end, channel) for start, end in quiet if end - start >= min_silence)


@frozen
class Results:
    """Everything that processing a call gave; saved in one transaction with the call."""

    analysis: Analysis


def gaps(intervals: Iterable[Interval], duration: float) -> tuple[Interval, ...]:
    """What ordered, separate intervals leave free of `[0, duration)`.

    >>> gaps([(1.0, 2.0), (3.0, 4.0)], 5.0)
    ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0))
    """
    edges = [0.0, *(edge for interval in intervals for edge in interval), duration]
    return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start)
