"""What was said, as it is searched: `Said`, and the `Phrase`s that are sought in it."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from math import log2
from typing import Literal, Self

from attrs import Attribute, field, frozen

from callkit.core.analysis import Results
from callkit.core.transcript import Segment
from callkit.core.words import stems
from callkit.errors import InvalidQueryError

__all__ = ["SIDES", "Layout", "Phrase", "Said", "said_in"]

SIDES = ("agent", "customer", "others")
"""Whose words are kept apart; the last: everybody of whom it is not known."""

Layout = tuple[tuple[int, int], ...]
"""Segments in the order in which their words stand in a text: the segment's number, and how many words it has."""

_BETWEEN = "·"  # stands between two parties: no stem has it, so no phrase reaches over it
_NOBODY = -1  # the number of its segment


def _to_words(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


def _check_words(_: "Phrase", __: "Attribute[tuple[str, ...]]", words: tuple[str, ...]) -> None:
    if not words or not all(map(str.isalnum, words)):
        raise InvalidQueryError(" ".join(words), "a phrase is made of stems: Phrase.of makes one from text")


def _check_side(_: "Phrase", __: "Attribute[str | None]", side: str | None) -> None:
    if side not in {"agent", "customer", None}:
        raise InvalidQueryError(str(side), "a phrase is said by agent, customer, or None for anybody")


@frozen
class Phrase:
    """Words that one party says one after the other; a single word is the shortest phrase.

    Attributes:
        words: their stems.
        side: who says it; None: anybody.
    """

    words: tuple[str, ...] = field(converter=_to_words, validator=_check_words)
    side: Literal["agent", "customer"] | None = field(default=None, validator=_check_side)

    @classmethod
    def of(cls, text: str, side: Literal["agent", "customer"] | None = None) -> Self:
        """The phrase that a text is.

        Raises:
            InvalidQueryError: there is no word in it.
        """
        return cls(stems(text), side)

    @cached_property
    def pattern(self) -> str:
        """What is to be found in the texts of `Said`."""
        return f" {' '.join(self.words)} "


@frozen
class Said:
    """The stems of all that was said, side by side.

    A text is empty, or the stems with a space around each; what one party says stands together, in the order spoken.

    Attributes:
        agent, customer, others: the text of each of `SIDES`.
        layouts: of each text.
    """

    agent: str = ""
    customer: str = ""
    others: str = ""
    layouts: tuple[Layout, Layout, Layout] = ((), (), ())

    def holds(self, phrase: Phrase) -> bool:
        """Whether it was said, by whom it should be."""
        return any(phrase.pattern in text for side, text, _ in self._texts if phrase.side in {None, side})

    def score(self, phrases: Iterable[Phrase]) -> float:
        """How well a call answers: each phrase counts, and again, but less and less, each time that it is said."""
        return sum(log2(1 + sum(1 for _ in self._finds(phrase))) for phrase in phrases)

    def _finds(self, phrase: Phrase) -> Iterator[int]:
        for side, text, _ in self._texts:
            if phrase.side in {None, side}:
                yield from _found(phrase.pattern, text)

    @property
    def _texts(self) -> Iterator[tuple[str, str, Layout]]:
        return zip(SIDES, (self.agent, self.customer, self.others), self.layouts, strict=True)

    def places(self, phrase: Phrase, most: int | None = None) -> Iterator[tuple[str, int, int, int]]:
        """Where it was said: side, segment, and there its first and last word.

        What is spread over two segments has a place in each. Of the first `most` segments of a side all are given.
        """
        for side, text, layout in self._texts:
            if phrase.pattern in text and phrase.side in {None, side}:
                for number, first, last in _places(phrase, text, layout, most):
                    yield side, number, first, last


def _places(phrase: Phrase, text: str, layout: Layout, most: int | None) -> list[tuple[int, int, int]]:
    """Segments, and their first and last word, of each find: words of a text become words of its parts."""
    starts = [0, *accumulate([words for _, words in layout])]
    numbers = [number for number, _ in layout]
    enough = most if most is not None and _NOBODY not in numbers else len(text)  # one party speaks in order
    found: list[tuple[int, int, int]] = []
    begun = -1
    for begin in _found(phrase.pattern, text):
        part, end = bisect_right(starts, begin) - 1, begin + len(phrase.words)
        if begun >= 0 and part != begun and len({number for number, *_ in found}) > enough:
            break
        begun = part
        while begin < end:
            last = min(end, starts[part + 1])
            found.append((numbers[part], begin - starts[part], last - starts[part] - 1))
            begin, part = last, part + 1  # noqa: PLW2901 - what is left of it
    return found


def _found(pattern: str, text: str) -> Iterator[int]:
    """The number of the word at which each find begins."""
    place = text.find(pattern)
    word = 0
    counted = 0
    while place >= 0:
        word += text.count(" ", counted, place)
        counted = place
        yield word
        place = text.find(pattern, place + 1)


def said_in(results: Results) -> Said | None:
    """What can be searched of a transcript; None if there is nothing, or nothing of it was said."""
    transcript = results.transcript
    if transcript is None or transcript.synthetic:
        return None
    parties: dict[tuple[int | None, str | None], list[tuple[int, tuple[str, ...]]]] = {}
    for number, segment in enumerate(transcript.segments):
        if found := stems(segment.text):
            parties.setdefault(_party(segment), []).append((number, found))
    sides: dict[str, list[list[tuple[int, tuple[str, ...]]]]] = {side: [] for side in SIDES}
    for (channel, _), own in parties.items():
        sides[_side(channel, results.sides)].append(own)
    return _joined(sides) if parties else None


def _party(segment: Segment) -> tuple[int | None, str | None]:
    return (segment.channel, None if segment.channel is not None else segment.speaker)


def _side(channel: int | None, sides: Sequence[str | None]) -> str:
    known = sides[channel] if channel is not None and 0 <= channel < len(sides) else None
    return known or SIDES[-1]


def _joined(sides: Mapping[str, Sequence[Sequence[tuple[int, tuple[str, ...]]]]]) -> Said:
    texts: dict[str, str] = {}
    layouts: list[Layout] = []
    for side, parties in sides.items():
        parts = [part for party in parties for part in (*party, (_NOBODY, (_BETWEEN,)))][:-1]
        texts[side] = f" {' '.join(word for _, words in parts for word in words)} " if parts else ""
        layouts.append(tuple((number, len(words)) for number, words in parts))
    return Said(layouts=(layouts[0], layouts[1], layouts[2]), **texts)
