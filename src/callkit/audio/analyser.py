"""The one pass over a recording that feeds every measurement, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from callkit.audio.board import Board
from callkit.audio.detectors import Silero
from callkit.audio.diarizer import Diarizer
from callkit.audio.facts import Measured, facts
from callkit.audio.options import VERSION, Options
from callkit.audio.reader import AudioReader, Block
from callkit.audio.silence import SilenceDetector
from callkit.audio.source import AudioSource, name_of, open_audio
from callkit.core.analysis import Analysis
from callkit.core.conversation import Rules
from callkit.core.intervals import Interval
from callkit.errors import AudioTooLongError

__all__ = ["VERSION", "Measured", "Options", "analyse", "measure"]


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
    rules: Rules | None = None,
    detector: Literal["silero"] | None = None,
    show_keys: bool = False,
    speakers: Mapping[str, Iterable[Interval]] | Diarizer | None = None,
) -> Analysis:
    """Measure a recording: duration, silence, who spoke when, who interrupted, tones, loudness, health.

    No database, no set-up.

    Args:
        source: a path, the bytes of a file, a binary file object, or a pydub.AudioSegment.
        name: what errors call it; by default the file's name.
        min_silence: seconds; shorter pauses are no silence mark.
        compat: "pydub" makes the marks exactly those of `pydub.silence.detect_silence`.
        min_silence_len: milliseconds, with `compat="pydub"`.
        silence_thresh: dBFS, with `compat="pydub"`.
        seek_step: milliseconds, with `compat="pydub"`.
        max_duration: seconds; what decodes to more is refused.
        rules: where the lines are drawn between turns, interruptions and dead air.
        detector: "silero" is asked about what may be music or is noisy.
        show_keys: keep which keys were pressed (DTMF); they are masked otherwise.
        speakers: who spoke when, as an RTTM file has it (`callkit.interop.rttm.read_rttm`), or who tells it; then
            there is a party for each, in mono recordings, too.

    Raises:
        MissingExtraError: the detector is not installed.
        UnsupportedFormatError: no reader knows the content.
        DamagedAudioError: nothing can be decoded.
        AudioTooLongError: it decodes to more than `max_duration`.
        SettingsError: a parameter is out of range.
        OSError: the file can't be read.
    """
    options = Options(
        min_silence,
        compat,
        min_silence_len,
        silence_thresh,
        seek_step,
        max_duration,
        rules or Rules(),
        detector,
        show_keys,
    )
    name = name or name_of(source)
    with open_audio(source, name=name) as reader:
        analysis = measure(reader, options, name=name).analysis
    if speakers is None:
        return analysis
    return analysis.with_speakers(speakers.speakers(source) if isinstance(speakers, Diarizer) else speakers)


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
    marks = options.marks(reader.format) if options.compat else None
    board = Board(reader.format, Silero() if options.detector else None)
    for block in _blocks(reader, marks):
        board.feed(block)
        if board.duration > options.max_duration:
            raise AudioTooLongError(name, options.max_duration)
        if on_progress:
            on_progress(board.duration)
    board.finish()
    return facts(board, options, reader.warnings, marks)


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
