"""Recordings whose samples say where they are from, and an engine that reads it: what it says is exact, or off as told.

Each sample of a region holds the number of its tick, negative on the second channel; all others are 0. So the engine
knows, without any help of what it tests, which words of a script are in a clip, and where.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from callkit.backends.transcribers.pieces import Piece
from callkit.backends.transcribers.regions import Span
from callkit.backends.transcribers.wording import Found
from callkit.core.transcript import Segment, Transcript, Word
from callkit.protocols import TranscriberCapabilities
from callkit.testing.codecs import wav

__all__ = ["RATE", "Kept", "Line", "Stamped", "Stamps", "recording"]

RATE = 1000  # hertz: ten samples a tick
_FIRST = 100  # stamps are louder than what is too faint to be heard

Line = tuple[int, int, int, str]
"""A word: channel, first tick, last tick, text."""


def recording(regions: Sequence[Sequence[Span]], ticks: int, rate: int = RATE) -> bytes:
    """A WAV file with stamps in the regions of each channel."""
    samples = np.zeros((ticks * rate // 100, len(regions)), np.int16)
    stamps = np.arange(len(samples)) * 100 // rate + _FIRST
    for channel, spans in enumerate(regions):
        for begin, end in spans:
            first, last = begin * rate // 100, end * rate // 100
            samples[first:last, channel] = stamps[first:last] * (-1 if channel else 1)
    return wav(samples, rate, "pcm_s16le")


@define
class Stamps:
    """A speech detector: what has a stamp is speech."""

    name: str = "stamps/1"

    def hear(self, samples: NDArray[np.int16], rate: int) -> NDArray[np.bool_]:
        return np.asarray(samples.reshape(-1, rate // 100).any(axis=1))


@define
class Stamped:
    """Says those words of a script whose middle is in the clip; all in one segment, as engines do."""

    script: Sequence[Line]
    late: float = 0.0
    texts: bool = True
    capabilities: TranscriberCapabilities = field(factory=TranscriberCapabilities)
    asked: list[float] = field(factory=list)
    name: str = "stamped"
    model: str = ""
    fingerprint: str = "stamped/1"

    def transcribe(
        self, samples: NDArray[np.float32], rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        self.asked.append(len(samples) / rate)
        stamps = np.rint(samples * 32768).astype(int)
        words = sorted(self._words(stamps, rate), key=lambda word: word.start)
        segments: tuple[Segment, ...] = ()
        if words:
            text = " ".join(word.text for word in words)
            own = tuple(words) if self.capabilities.words else ()
            segments = (Segment(words[0].start, words[-1].end, text, words=own),)
        return Transcript(segments, "en", len(samples) / rate, self.name)

    def _words(self, stamps: NDArray[np.int_], rate: int) -> Iterable[Word]:
        for channel, begin, end, text in self.script:
            middle = (begin + end) // 2
            found = np.flatnonzero(stamps == (middle + _FIRST) * (-1 if channel else 1))
            if len(found):
                start = found[0] / rate - (middle - begin) / 100 + self.late
                yield Word(start, start + (end - begin) / 100, text, 0.5)


@define
class Kept:
    """Pieces, kept in memory."""

    found: dict[tuple[Piece, str], Found] = field(factory=dict)

    def get(self, piece: Piece, fingerprint: str) -> Found | None:
        return self.found.get((piece, fingerprint))

    def put(self, piece: Piece, fingerprint: str, found: Found) -> None:
        self.found[piece, fingerprint] = found
