"""Words to regions: what one party says without a pause is one segment, whatever the engine's segments are.

An engine's segments may span several turns, and its words may be half a second off; the edges of regions are not. So
each word goes to the region that holds its middle, else to the nearest one. Whole segments, merged by their start,
would give a dialogue in which every word is right and the order is wrong.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import isfinite

from attrs import define, evolve, field, frozen

from callkit.backends.transcribers.pieces import Piece
from callkit.backends.transcribers.regions import TICKS, Span
from callkit.core.transcript import Segment, Transcript, Word

__all__ = ["Found", "in_regions", "of_region"]

_FARTHEST = 1.0  # seconds from any speech: beyond, the engine dreams
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]$"
)


@frozen
class Found:
    """What an engine made of a piece.

    Attributes:
        segments: one for each region in which something was said, in order, with times from the recording's start.
        dropped: words that were far from any speech.
    """

    segments: tuple[Segment, ...] = ()
    dropped: int = 0


def in_regions(piece: Piece, said: Transcript) -> Found:
    """What an engine with words said of a piece's clip, region by region.

    A segment without words counts as one word: it can't be told where in it what is said.
    """
    places = _Places(piece)
    regions = [_Region(span) for span in piece.regions]
    dropped = 0
    for segment in said.segments:
        for word, text in _spelled(segment):
            number = places.of(word)
            if number is None:
                dropped += 1
                continue
            own = places.moved(word, number) if segment.words else None
            regions[number].add(own, text, segment)
    return Found(tuple(region.segment(said.language) for region in regions if region.text), dropped)


def of_region(span: Span, said: Transcript) -> Found:
    """What an engine without words said of one region's clip."""
    region = _Region(span)
    for segment in said.segments:
        region.add(None, _ended(segment.text.strip()), segment)
    return Found((region.segment(said.language),) if region.text else ())


@define
class _Region:
    """Collects what is said in a region."""

    span: Span
    words: list[Word] = field(factory=list)
    texts: list[str] = field(factory=list)
    sources: list[Segment] = field(factory=list)

    def add(self, word: Word | None, text: str, source: Segment) -> None:
        """The next word; None if there is only its text."""
        self.words += [word] if word else []
        self.texts.append(text)
        self.sources.append(source)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()

    def segment(self, language: str | None) -> Segment:
        """All of it."""
        start, end = (edge / TICKS for edge in self.span)
        sure = _mean(word.confidence for word in self.words)
        if sure is None:
            sure = _mean(source.confidence for source in self.sources)
        spoken = next((source.language for source in self.sources if source.language), language)
        return Segment(start, end, self.text, language=spoken, confidence=sure, words=tuple(self.words))


class _Places:
    """Which region a word of a clip belongs to, and when it was said in the recording."""

    def __init__(self, piece: Piece) -> None:
        self._regions = piece.regions
        self._starts = [start / TICKS for start in piece.starts]
        lengths = [(end - begin) / TICKS for begin, end in piece.regions]
        self._ends = [start + length for start, length in zip(self._starts, lengths, strict=True)]

    def of(self, word: Word) -> int | None:
        """The region that holds its middle, or the nearest; None if all are far."""
        middle = (word.start + word.end) / 2
        if not isfinite(middle):
            return None
        after = bisect_right(self._starts, middle)
        near = [number for number in (after - 1, after) if 0 <= number < len(self._starts)]
        away = {number: max(self._starts[number] - middle, middle - self._ends[number], 0.0) for number in near}
        nearest = min(near, key=away.__getitem__)
        return nearest if away[nearest] <= _FARTHEST else None

    def moved(self, word: Word, number: int) -> Word:
        """The word at its time in the recording, within its region, whose edges are better than the engine's."""
        begin, end = (edge / TICKS for edge in self._regions[number])
        start, stop = (
            round(min(max(time - self._starts[number] + begin, begin), end), 3) for time in (word.start, word.end)
        )
        return evolve(
            word, start=start, end=max(start, stop), text=word.text.strip(), confidence=_sure(word.confidence)
        )


def _spelled(segment: Segment) -> Iterator[tuple[Word, str]]:
    """Each word, with its part of the segment's text: engines leave out of words what stands between them."""
    text = segment.text.strip()
    words = [word for word in segment.words if word.text.strip()]
    if not words:
        if text:
            yield Word(segment.start, segment.end, text, segment.confidence), _ended(text)
        return
    parts = _parts(text, words) or [_ended(word.text.strip()) for word in words]
    yield from zip(words, [*parts[:-1], _ended(parts[-1])], strict=True)


def _parts(text: str, words: Iterable[Word]) -> list[str]:
    """The text, cut where words begin; nothing if it does not have them all."""
    starts, position = list[int](), 0
    for word in words:
        at = text.find(word.text.strip(), position)
        if at < 0:
            return []
        starts.append(at)
        position = at + len(word.text.strip())
    return [text[begin:end] for begin, end in pairwise([0, *starts[1:], len(text)])]


def _ended(text: str) -> str:
    """With a space behind it, where the script has some between words."""
    return text if _UNSPACED.search(text) else f"{text} "


def _mean(values: Iterable[float | None]) -> float | None:
    told = [value for value in map(_sure, values) if value is not None]
    return round(sum(told) / len(told), 4) if told else None


def _sure(value: float | None) -> float | None:
    """A confidence, if it is one: NaN is none."""
    return float(value) if value is not None and 0.0 <= value <= 1.0 else None
