"""`ScriptedTranscriber`: an engine that says what it is told to, when it is told to, in any process."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from time import sleep

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from callkit.core.transcript import Segment, Transcript, Word
from callkit.errors import CallKitError
from callkit.protocols import TranscriberCapabilities

__all__ = ["ScriptedTranscriber", "sounds"]

_LOUD = 10**-2.5  # of full scale: -50 dBFS
_QUIET = 0.2  # seconds that end a sound


@frozen(kw_only=True)
class ScriptedTranscriber:
    """Needs no model, and takes no time unless it is told to. A value: it travels to workers.

    Attributes:
        words: what it says, with times from the first sample it is given: those that begin in it, whatever it holds.
            None: one word for each sound, at its time; sounds are what is louder than -50 dBFS, 0.2 s apart.
        late: seconds by which all its words are too late; below 0 they are too early.
        word: what it says for a sound.
        together: all words are in one segment, from the first to the last, as of engines that glue turns together;
            else each is one by its own.
        language: that it finds, unless it is told.
        confidence: of each word.
        capabilities: what it says it can do. Without words it gives segments only.
        model: its name.
        version: another one is another fingerprint.
        seconds: that it sleeps for each second of sound.
        error: raised in place of an answer.
        diary: path of a file in which each request leaves a line with its seconds of sound.
    """

    words: tuple[Word, ...] | None = field(default=None)
    late: float = 0.0
    word: str = "sound"
    together: bool = True
    language: str = "en"
    confidence: float | None = 0.9
    capabilities: TranscriberCapabilities = field(factory=TranscriberCapabilities)
    model: str = "script"
    version: int = 1
    seconds: float = 0.0
    error: CallKitError | None = field(default=None, eq=False)
    diary: str | None = field(default=None, eq=False)

    @property
    def name(self) -> str:
        """Always "scripted"."""
        return "scripted"

    @property
    def fingerprint(self) -> str:
        """Changes with what it would say."""
        told = (self.words, self.late, self.word, self.together, self.language, self.confidence, self.capabilities)
        return f"scripted/{self.version} {self.model} {sha256(repr(told).encode()).hexdigest()[:16]}"

    def transcribe(
        self,
        samples: NDArray[np.float32],
        rate: int,
        *,
        language: str | None = None,
        hints: Sequence[str] = (),  # noqa: ARG002 - it knows what to say
    ) -> Transcript:
        """See `callkit.protocols.Transcriber.transcribe`."""
        duration = len(samples) / rate
        self._note(duration)
        sleep(self.seconds * duration)
        if self.error:
            raise self.error
        said = [word for word in self._said(samples, rate) if 0.0 <= word.start < duration]
        words = tuple(evolve(word, start=word.start + self.late, end=word.end + self.late) for word in said)
        spoken = (language or self.language) if words else None
        groups = [words] if self.together and words else [(word,) for word in words]
        segments = tuple(self._segment(group, spoken) for group in groups)
        synthetic = self.capabilities.synthetic
        return Transcript(segments, spoken, duration, self.name, self.model, synthetic, fingerprint=self.fingerprint)

    def _note(self, duration: float) -> None:
        if self.diary:
            with Path(self.diary).open("a", encoding="utf-8") as file:
                file.write(f"{duration:.3f}\n")

    def _said(self, samples: NDArray[np.float32], rate: int) -> Iterator[Word]:
        if self.words is not None:
            yield from self.words
            return
        for start, end in sounds(samples, rate):
            yield Word(start, end, self.word, self.confidence)

    def _segment(self, words: tuple[Word, ...], language: str | None) -> Segment:
        own = words if self.capabilities.words else ()
        text = " ".join(word.text for word in words)
        return Segment(words[0].start, words[-1].end, text, language=language, confidence=self.confidence, words=own)


def sounds(samples: NDArray[np.float32], rate: int) -> list[tuple[float, float]]:
    """When it is louder than -50 dBFS, in seconds; shorter pauses than 0.2 s are part of a sound."""
    loud = np.flatnonzero(np.abs(samples) > _LOUD)
    if not len(loud):
        return []
    ends = np.flatnonzero(np.diff(loud) > _QUIET * rate)
    first, last = loud[np.append(0, ends + 1)], loud[np.append(ends, len(loud) - 1)] + 1
    return [(float(begin / rate), float(end / rate)) for begin, end in zip(first, last, strict=True)]
