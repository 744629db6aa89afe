"""From a recording to a transcript: what all engines need, done once.

Who speaks when is heard first, on each channel. An engine gets the speech alone, some minutes of one channel at a
time, and its words go back to the stretches of speech that they came from; those of all channels, by their start, are
the transcript. Memory does not grow with the recording, for pieces are read, transcribed and let go.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Protocol

import numpy as np
from attrs import define, evolve, frozen
from numpy.typing import NDArray

from callkit.audio.analyser import measure
from callkit.audio.detectors import SpeechDetector
from callkit.audio.segment import Samples
from callkit.audio.source import AudioSource, as_file, name_of, open_audio
from callkit.backends.transcribers import open_transcriber
from callkit.backends.transcribers.asking import TranscriptOptions, fingerprint_of
from callkit.backends.transcribers.listening import Heard, listen, silero, told_by
from callkit.backends.transcribers.pieces import Piece, clips, pieces_of
from callkit.backends.transcribers.regions import TICKS, regions_of
from callkit.backends.transcribers.resampling import resampled
from callkit.backends.transcribers.wording import Found, in_regions, of_region
from callkit.core.analysis import Analysis
from callkit.core.transcript import Segment, Transcript
from callkit.errors import SettingsError
from callkit.protocols import Transcriber

__all__ = ["KeepsPieces", "OnProgress", "transcribe", "wanted_fingerprint"]

OnProgress = Callable[[float, float], None]
"""Called with seconds of speech that are transcribed, and seconds that there are; after each piece."""


class KeepsPieces(Protocol):
    """Remembers what was made of pieces."""

    def get(self, piece: Piece, fingerprint: str) -> Found | None:
        """What was made of it, if it was."""

    def put(self, piece: Piece, fingerprint: str, found: Found) -> None:
        """Remember it."""


def wanted_fingerprint(transcriber: Transcriber, options: TranscriptOptions | None = None) -> str:
    """The fingerprint that a transcript would have if it were made here and now."""
    return fingerprint_of(transcriber, options or TranscriptOptions(), silero())


def transcribe(
    source: AudioSource,
    transcriber: Transcriber | str,
    *,
    name: str | None = None,
    options: TranscriptOptions | None = None,
    analysis: Analysis | None = None,
    kept: KeepsPieces | None = None,
    on_progress: OnProgress | None = None,
) -> Transcript:
    """Write down what is said in a recording, by whom, in the order in which it was said.

    Args:
        source: a path, the bytes of a file, a binary file, or a pydub.AudioSegment; it is read twice.
        transcriber: the engine, or a text that `callkit.backends.transcribers.open_transcriber` knows.
        name: what errors call the recording; by default the file's name.
        options: language, hints, memory.
        analysis: of the same recording, if there is one.
        kept: pieces that it has are not transcribed again, those that are go there at once.
        on_progress: called after each piece.

    Raises:
        SettingsError: there is no such transcriber.
        AudioError: it can't be read as audio.
        TranscriptionError: the engine failed; pieces that were done are kept.
        MissingExtraError: the engine is not installed.
        StorageError: `kept` failed.
    """
    options = options or TranscriptOptions()
    transcriber = _engine(transcriber, options)
    detector = None if transcriber.capabilities.synthetic else silero()
    with ExitStack() as resources:
        again = source if isinstance(source, Samples) else as_file(source, resources)
        recording = _Recording(again, name or name_of(source), analysis)
        fingerprint = fingerprint_of(transcriber, options, detector)
        task = _Task(transcriber, options, detector, fingerprint, kept, on_progress or _nobody)
        return task.invented(recording) if transcriber.capabilities.synthetic else task.transcript(recording)


def _engine(transcriber: Transcriber | str, options: TranscriptOptions) -> Transcriber:
    found = (
        open_transcriber(transcriber, small_memory=options.small_memory)
        if isinstance(transcriber, str)
        else transcriber
    )
    if found is None:
        raise SettingsError("Nobody can write down what is said: name a transcriber, such as 'whisper:base'.")
    return found


def _nobody(_: float, __: float) -> None:
    """Nobody wants to know."""


@frozen
class _Recording:
    source: AudioSource
    name: str
    analysis: Analysis | None

    def measured(self) -> Analysis:
        if self.analysis:
            return self.analysis
        with open_audio(self.source, name=self.name) as reader:
            return measure(reader, name=self.name).analysis

    def heard(self, detector: SpeechDetector | None) -> Heard:
        if detector is None:
            return told_by(self.measured())
        with open_audio(self.source, name=self.name) as reader:
            return listen(reader, detector)


@define
class _Task:
    """One recording, one engine."""

    transcriber: Transcriber
    options: TranscriptOptions
    detector: SpeechDetector | None
    fingerprint: str
    kept: KeepsPieces | None
    on_progress: OnProgress

    def invented(self, recording: _Recording) -> Transcript:
        """What an engine makes up needs no sound: it gets silence of the same length, which takes no memory."""
        analysis = recording.measured()
        silence = np.broadcast_to(np.float32(0), analysis.frames)
        made = self._ask(silence, analysis.sample_rate)
        return self._transcript(made.segments, analysis.duration, synthetic=True)

    def transcript(self, recording: _Recording) -> Transcript:
        """What is said."""
        heard = recording.heard(self.detector)
        found = self._found(recording, self._pieces(heard))
        segments = [
            evolve(segment, channel=None if heard.one_line else piece.channel)
            for piece, made in found.items()
            for segment in made.segments
        ]
        dropped = sum(made.dropped for made in found.values())
        return self._transcript(sorted(segments, key=_order), heard.duration, dropped=dropped)

    def _pieces(self, heard: Heard) -> list[Piece]:
        longest = int(self.options.longest(self.transcriber) * TICKS)
        channels = heard.speech[:1] if heard.one_line else heard.speech
        return [
            piece
            for channel, speech in enumerate(channels)
            for piece in pieces_of(channel, regions_of(speech, heard.ticks, longest), longest)
        ]

    def _found(self, recording: _Recording, pieces: Sequence[Piece]) -> dict[Piece, Found]:
        """What is said in each piece; those that are kept first."""
        known = ((piece, self.kept.get(piece, self.fingerprint)) for piece in pieces) if self.kept else ()
        found = {piece: made for piece, made in known if made is not None}
        missing = [piece for piece in pieces if piece not in found]
        self._tell(found, pieces)
        if missing:
            with open_audio(recording.source, name=recording.name) as reader:
                for piece, clip in clips(reader, missing):
                    found[piece] = self._made(piece, clip, reader.format.sample_rate)
                    self._tell(found, pieces)
        return found

    def _made(self, piece: Piece, clip: NDArray[np.float32], rate: int) -> Found:
        if self.transcriber.capabilities.words:
            made = in_regions(piece, self._ask(clip, rate))
        else:
            made = self._by_regions(piece, clip, rate)
        if self.kept:
            self.kept.put(piece, self.fingerprint, made)
        return made

    def _by_regions(self, piece: Piece, clip: NDArray[np.float32], rate: int) -> Found:
        """An engine that can't tell where words are gets one region at a time."""
        segments = list[Segment]()
        for (begin, end), start in zip(piece.regions, piece.starts, strict=True):
            first, last = (tick * rate // TICKS for tick in (start, start + end - begin))
            segments += of_region((begin, end), self._ask(clip[first:last], rate)).segments
        return Found(tuple(segments))

    def _ask(self, samples: NDArray[np.float32], rate: int) -> Transcript:
        wanted = self.transcriber.capabilities.sample_rate
        sound = resampled(samples, rate, wanted)
        options = self.options
        return self.transcriber.transcribe(sound, wanted or rate, language=options.language, hints=options.hints)

    def _tell(self, found: Iterable[Piece], pieces: Iterable[Piece]) -> None:
        self.on_progress(sum(piece.speech for piece in found), sum(piece.speech for piece in pieces))

    def _transcript(
        self, segments: Iterable[Segment], duration: float, *, synthetic: bool = False, dropped: int = 0
    ) -> Transcript:
        own = tuple(segments)
        return Transcript(
            own,
            _language(own) or (self.options.language if own else None),
            duration,
            self.transcriber.name,
            self.transcriber.model,
            synthetic,
            dropped,
            self.fingerprint,
        )


def _order(segment: Segment) -> tuple[float, int]:
    return segment.start, -1 if segment.channel is None else segment.channel


def _language(segments: Iterable[Segment]) -> str | None:
    """That of most of it."""
    seconds = Counter[str]()
    for segment in segments:
        if segment.language:
            seconds[segment.language] += segment.end - segment.start  # type: ignore[assignment]  # a Counter of seconds
    return seconds.most_common(1)[0][0] if seconds else None
