"""What to show of a call that was found by what was said in it: `Passage`."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Literal, cast

from attrs import frozen

from callkit.core.said import Phrase, Said
from callkit.core.transcript import Segment
from callkit.core.words import spans

__all__ = ["MOST", "Hit", "Passage", "hits", "passage", "passages"]

MOST = 3
"""How many passages are shown of a call."""

_Side = Literal["agent", "customer"]


@frozen
class Passage:
    """A segment in which something was found.

    Attributes:
        start: the second to jump to: when the first marked word is said; the segment's, where words have no times.
        end: the segment's, seconds.
        channel: who is heard: its number; None if everybody is on one channel.
        side: who that is, as far as it was known when the call was processed.
        text: all of the segment; characters that no database keeps are "?".
        marks: what was found: first character, and the one after the last; in order, apart from each other.
    """

    start: float
    end: float
    channel: int | None
    side: _Side | None
    text: str
    marks: tuple[tuple[int, int], ...]


@frozen
class Hit:
    """A segment in which phrases were found.

    Attributes:
        segment: its number.
        side: who speaks.
        words: the first and the last word of each find.
    """

    segment: int
    side: str
    words: Sequence[tuple[int, int]]


def hits(said: Said, phrases: Iterable[Phrase]) -> tuple[Hit, ...]:
    """The segments to show, at most `MOST`, in the order of the call: the first of each phrase, then others."""
    found: dict[int, list[tuple[int, int]]] = {}
    sides: dict[int, str] = {}
    firsts: set[int] = set()
    for phrase in phrases:
        own = list(said.places(phrase, MOST))
        for side, segment, first, last in own:
            found.setdefault(segment, []).append((first, last))
            sides[segment] = side
        if own:
            firsts.add(min([segment for _, segment, *_ in own]))
    wanted = list(dict.fromkeys(chain(sorted(firsts), sorted(found))))[:MOST]
    return tuple([Hit(segment, sides[segment], found[segment]) for segment in sorted(wanted)])


def passage(segment: Segment, hit: Hit, timed: Iterable[tuple[float, str]]) -> Passage:
    """What is shown of a segment, given when its words begin; `segment.words` is not looked at."""
    text = segment.text.encode(errors="replace").decode().replace("\0", "?")
    words = spans(text)
    found = [(first, min(last, len(words) - 1)) for first, last in sorted(hit.words) if first < len(words)]
    marks = _apart([(words[first][0], words[last][1]) for first, last in found])
    start = _time_of(text, words, found[0][0], list(timed)) if found else None
    side = cast("_Side", hit.side) if hit.side in {"agent", "customer"} else None
    return Passage(segment.start if start is None else start, segment.end, segment.channel, side, text, marks)


def _apart(marks: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in marks:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _time_of(
    text: str, words: Sequence[tuple[int, int]], word: int, timed: Sequence[tuple[float, str]]
) -> float | None:
    """When a word of the text begins: an engine's words are its parts between spaces, or else as many words."""
    if len(timed) == len(text.split()):
        return timed[len(text[: words[word][1]].split()) - 1][0] if timed else None
    joined = "\n".join([one.replace("\n", " ") for _, one in timed])
    places = spans(joined)
    return timed[joined.count("\n", 0, places[word][0])][0] if len(places) == len(words) else None


def passages(said: Said, phrases: Iterable[Phrase], segments: Sequence[Segment]) -> tuple[Passage, ...]:
    """All that is shown of a call."""
    found = [(segments[hit.segment], hit) for hit in hits(said, phrases)]
    return tuple(passage(segment, hit, [(word.start, word.text) for word in segment.words]) for segment, hit in found)
