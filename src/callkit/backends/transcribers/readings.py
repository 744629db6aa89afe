"""What engines give, as what callkit keeps: plain floats, and no confidence where none was measured."""

import math
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from callkit.core.transcript import Segment, Word

__all__ = ["confidence", "likelihood", "mean_confidence", "seconds", "within", "word"]


def confidence(told: Any) -> float | None:
    """A number from 0 to 1 that an engine gave; None for NaN, what is outside, and what is no number."""
    if isinstance(told, bool | str) or told is None:
        return None
    value = float(told)
    return value if 0.0 <= value <= 1.0 else None  # NaN compares false


def likelihood(mean_logarithm: Any) -> float | None:
    """The mean likelihood of a token, from the mean of their natural logarithms, as Whisper gives it.

    Source: Whisper's `avg_logprob`; exp of it is the geometric mean of the tokens' probabilities.
    """
    if isinstance(mean_logarithm, bool | str) or mean_logarithm is None:
        return None
    value = float(mean_logarithm)
    return math.exp(value) if value <= 0.0 else None


def mean_confidence(words: tuple[Word, ...]) -> float | None:
    """Of those words that have one."""
    told = [one.confidence for one in words if one.confidence is not None]
    return sum(told) / len(told) if told else None


def seconds(told: Any) -> float:
    """A time, 0 or later.

    Raises:
        ValueError: it is none.
        TypeError: it is no number.
    """
    value = float(told)
    if isinstance(told, bool | str) or not math.isfinite(value):
        raise ValueError("a time is not a number")
    return max(value, 0.0)


def word(start: Any, end: Any, text: Any, chance: Any = None) -> Word:
    """A word; one that ends before it starts has no length.

    Raises:
        ValueError: a time is none.
        TypeError: the text is none.
    """
    if not isinstance(text, str):
        raise TypeError("the text of a word is not a text")
    begin = seconds(start)
    return Word(begin, max(seconds(end), begin), text.strip(), confidence(chance))


def within(segments: Iterable[Segment], duration: float) -> tuple[Segment, ...]:
    """Segments that say something, by start, and their words, with no time after the end: engines hear sound padded."""
    told = [_within(one, duration) for one in segments if one.text]
    return tuple(sorted(told, key=lambda one: one.start))


def _within(segment: Segment, duration: float) -> Segment:
    words = (one for one in segment.words if one.text)
    cut = [evolve(one, start=min(one.start, duration), end=min(one.end, duration)) for one in words]
    ordered = tuple(sorted(cut, key=lambda one: one.start))
    return evolve(segment, start=min(segment.start, duration), end=min(segment.end, duration), words=ordered)
