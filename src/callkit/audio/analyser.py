"""The one pass over a recording that feeds every measurement, in bounded memory."""

import sys
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from attrs import Attribute, field, frozen
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND, Cells, boundaries
from callkit.audio.levels import ChannelLevels, dbfs
from callkit.audio.peaks import PEAKS_PER_SECOND, Peaks
from callkit.audio.reader import BLOCK_FRAMES, AudioFormat, AudioReader, Block
from callkit.audio.silence import SilenceDetector
from callkit.audio.source import AudioSource, name_of, open_audio
from callkit.audio.speech import Runs, covered, seconds, speech_runs
from callkit.core.analysis import Analysis, Interval, Party, SilenceMark, gaps
from callkit.errors import AudioTooLongError, SettingsError

__all__ = ["Measured", "Options", "analyse", "measure"]

VERSION = 1
"""Of the analyser: one more whenever a figure may come out differently."""


@frozen
class Options:
    """What is measured, and how.

    Attributes:
        min_silence: seconds; shorter pauses are no mark.
        compat: "pydub" makes the silence marks exactly pydub's; None lets them follow the noise floor.
        min_silence_len: milliseconds, for pydub's marks.
        silence_thresh: dBFS, for pydub's marks.
        seek_step: milliseconds, for pydub's marks.
        max_duration: seconds; a recording that decodes to more is refused.
    """

    min_silence: float = field(default=1.0)
    compat: Literal["pydub"] | None = None
    min_silence_len: int = 1000
    silence_thresh: float = -16.0
    seek_step: int = 1
    max_duration: float = 86_400.0

    @min_silence.validator
    def _check(self, _: "Attribute[float]", min_silence: float) -> None:
        if not min_silence >= 0 or not self.max_duration > 0 or self.compat not in {None, "pydub"}:
            raise SettingsError("min_silence must be 0 or more, max_duration more than 0, and compat None or 'pydub'.")
        self.detector(AudioFormat("", "", 8000, 1))

    def detector(self, kind: AudioFormat) -> SilenceDetector:
        """What finds pydub's marks in such a recording.

        Raises:
            SettingsError: a parameter is out of range.
        """
        question = (self.min_silence_len, self.silence_thresh, self.seek_step)
        return SilenceDetector(kind.sample_rate, kind.channels, kind.width, *question)

    @property
    def method(self) -> str:
        """What makes the silence marks: "adaptive" or "pydub"."""
        return self.compat or "adaptive"

    @property
    def parameters(self) -> dict[str, float | int | str | None]:
        """What the silence marks are made with."""
        if self.compat is None:
            return {"min_silence": float(self.min_silence)}
        return {
            "min_silence_len": self.min_silence_len,
            "silence_thresh": float(self.silence_thresh),
            "seek_step": self.seek_step,
        }

    @property
    def fingerprint(self) -> str:
        """Analyser, version and parameters: equal fingerprints give equal results."""
        made_with = " ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"callkit-audio/{VERSION} {self.method} {made_with}"


@frozen
class Measured:
    """All that one pass gives."""

    analysis: Analysis
    peaks: Peaks


def analyse(
    source: AudioSource,
    *,
    name: str | None = None,
    min_silence: float = 1.0,
    compat: Literal["pydub"] | None = None,
    min_silence_len: int = 1000,
    silence_thresh: float = -16.0,
    seek_step: int = 1,
    max_duration: float = 86_400.0,
) -> Analysis:
    """Measure a recording: duration, silence, who spoke when, levels. No database, no set-up.

    Args:
        source: a path, the bytes of a file, a binary file object, or a pydub.AudioSegment.
        name: what errors call it; by default the file's name.
        min_silence: seconds; shorter pauses are no silence mark.
        compat: "pydub" makes the marks exactly those of `pydub.silence.detect_silence`.
        min_silence_len: milliseconds, with `compat="pydub"`.
        silence_thresh: dBFS, with `compat="pydub"`.
        seek_step: milliseconds, with `compat="pydub"`.
        max_duration: seconds; what decodes to more is refused.

    Raises:
        UnsupportedFormatError: no reader knows the content.
        DamagedAudioError: nothing can be decoded.
        AudioTooLongError: it decodes to more than `max_duration`.
        SettingsError: a parameter is out of range.
        OSError: the file can't be read.
    """
    options = Options(min_silence, compat, min_silence_len, silence_thresh, seek_step, max_duration)
    name = name or name_of(source)
    with open_audio(source, name=name) as reader:
        return measure(reader, options, name=name).analysis


def measure(
    reader: AudioReader,
    options: Options | None = None,
    *,
    name: str = "the recording",
    on_progress: Callable[[float], None] | None = None,
) -> Measured:
    """Read a recording to its end and measure it.

    Args:
        reader: just opened.
        options: of the analysis.
        name: what errors call it.
        on_progress: called after each block with the seconds decoded so far.

    Raises:
        AudioTooLongError: it decodes to more than `options.max_duration`.
    """
    options = options or Options()
    kind, marks = reader.format, options.detector(reader.format) if options.compat else None
    board = _Board(kind)
    for block in _blocks(reader, marks):
        board.feed(block)
        if board.duration > options.max_duration:
            raise AudioTooLongError(name, options.max_duration)
        if on_progress:
            on_progress(board.duration)
    return board.finish(options, reader.warnings, marks)


def _blocks(reader: AudioReader, marks: SilenceDetector | None) -> Iterator[Block]:
    """The 16-bit samples; pydub's detector hears them as pydub would hold them."""
    if marks is None:
        yield from reader.blocks()
        return
    for block in reader.native():
        marks.feed(block)
        yield _to_16_bits(block)


def _to_16_bits(block: NDArray[np.signedinteger]) -> Block:
    if block.dtype.itemsize == 1:
        return block.astype(np.int16) << 8
    return (block >> 16).astype(np.int16) if block.dtype.itemsize == 4 else block.astype(np.int16, copy=False)


class _Board:
    """Collects blocks into whole seconds, and hands each channel's samples to its meters."""

    def __init__(self, kind: AudioFormat) -> None:
        self._kind = kind
        self._second = kind.sample_rate * kind.channels
        self._rest: Block = np.empty(0, np.int16)
        self._waiting: list[Block] = []
        self._size = 0  # samples waiting
        self._samples = 0
        cells = Cells(kind.sample_rate, FRAMES_PER_SECOND)
        self._channels = [ChannelLevels(kind.sample_rate, kind.rails, cells) for _ in range(kind.channels)]

    @property
    def duration(self) -> float:
        """Seconds decoded so far."""
        return self._samples / self._second

    def feed(self, block: Block) -> None:
        self._samples += len(block)
        if not self._size and len(block) % self._second == 0:
            self._meter(block)  # the usual case: nothing to copy
            return
        self._waiting.append(block.copy())
        self._size += len(block)
        if self._size >= max(BLOCK_FRAMES * self._kind.channels, self._second):
            self._meter_whole_seconds()

    def _meter_whole_seconds(self) -> None:
        samples = np.concatenate(self._waiting)
        whole = len(samples) // self._second * self._second
        self._meter(samples[:whole])
        self._waiting, self._size = [samples[whole:]], len(samples) - whole

    def _meter(self, samples: Block) -> None:
        for channel, own in zip(self._channels, _split(samples, len(self._channels)), strict=True):
            channel.feed(own)

    def _meter_the_rest(self) -> None:
        if self._size:
            self._meter_whole_seconds()
        rest = np.concatenate([*self._waiting, np.empty(0, np.int16)])
        for number, channel in enumerate(self._channels):
            channel.finish(rest[number :: len(self._channels)])

    def finish(self, options: Options, warnings: list[str], marks: SilenceDetector | None) -> Measured:
        self._meter_the_rest()
        runs = [speech_runs(channel.levels()) for channel in self._channels]
        spoken = seconds(covered(runs, 1).tolist(), self.duration)
        silence = _pydubs(marks) if marks else _pauses(spoken, self.duration, options.min_silence)
        kind, frames = self._kind, self._samples // self._kind.channels
        analysis = Analysis(
            duration=self.duration,
            sample_rate=kind.sample_rate,
            channels=kind.channels,
            frames=frames,
            container=kind.container,
            codec=kind.codec,
            declared_duration=kind.declared_duration,
            truncated=_is_truncated(kind, self.duration),
            warnings=tuple(warnings),
            silence=silence,
            silence_time=_length(gaps(spoken, self.duration)),
            parties=tuple(self._party(number, part) for number, part in enumerate(runs)),
            overlap_time=_length(seconds(covered(runs, 2).tolist(), self.duration)) if kind.channels > 1 else None,
            method=options.method,
            parameters=options.parameters,
            fingerprint=options.fingerprint,
        )
        return Measured(analysis, self._peaks())

    def _party(self, number: int, runs: Runs) -> Party:
        speech, channel = seconds(runs.tolist(), self.duration), self._channels[number]
        frames = self._samples // self._kind.channels
        return Party(
            channel=number,
            speech=speech,
            talk_time=_length(speech),
            rms_dbfs=dbfs(channel.energy / frames if frames else 0.0),
            peak_dbfs=dbfs(float(channel.peak) ** 2),
            clipping_percent=100 * channel.clipped / frames if frames else 0.0,
        )

    def _peaks(self) -> Peaks:
        rows = np.stack([channel.peaks() for channel in self._channels], axis=1)
        return Peaks(self._kind.sample_rate, int(boundaries(self._kind.sample_rate, PEAKS_PER_SECOND)[1]), rows)


def _split(samples: Block, count: int) -> Iterator[Block]:
    """Each channel's samples, contiguous."""
    if count == 2 and sys.byteorder == "little":  # a pair as one number: half again as fast as every other sample
        pairs = samples.view(np.int32)
        yield pairs.astype(np.int16)
        yield (pairs >> 16).astype(np.int16)
        return
    for number in range(count):
        yield np.ascontiguousarray(samples[number::count])


def _pauses(spoken: tuple[Interval, ...], duration: float, shortest: float) -> tuple[SilenceMark, ...]:
    pauses = gaps(spoken, duration)
    return tuple(SilenceMark(start, end) for start, end in pauses if round(end - start, 6) >= shortest)


def _pydubs(marks: SilenceDetector) -> tuple[SilenceMark, ...]:
    return tuple(SilenceMark(start / 1000, end / 1000) for start, end in marks.finish())


def _length(intervals: tuple[Interval, ...]) -> float:
    return round(sum((end - start for start, end in intervals), 0.0), 6)


def _is_truncated(kind: AudioFormat, duration: float) -> bool:
    """A count was promised, and clearly less is there."""
    declared = kind.declared_duration
    return kind.declared_kind == "count" and declared is not None and duration < declared - max(0.5, declared / 100)
