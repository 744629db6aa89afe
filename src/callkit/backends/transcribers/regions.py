"""Stretches of speech as regions: what one party says without a pause. All in whole ticks, so that sums are exact."""

from collections.abc import Iterable, Iterator, Sequence

from callkit.audio.energy import FRAMES_PER_SECOND

__all__ = ["TICKS", "Span", "regions_of"]

TICKS = FRAMES_PER_SECOND
"""Ticks in a second: what detectors see."""

Span = tuple[int, int]
"""Ticks from the recording's start: `(begin, end)`, half-open."""

_PAUSE = 30  # ticks of silence that end a region
_SHORTEST = 20  # ticks of a region: what is shorter, between pauses, is a beat of music or a click
_PAD = 3  # ticks of sound around a region: consonants are quieter than what a detector hears


def regions_of(speech: Iterable[Span], total: int, longest: int) -> tuple[Span, ...]:
    """The regions of one channel, in order and apart from each other or touching.

    Shorter pauses are part of a region, unless it would become longer than `longest`: then it ends at the last pause
    before that, and without any at `longest`. Less than 0.2 s between longer pauses is nobody's word.

    Args:
        speech: what a detector heard, in order and apart from each other.
        total: ticks of the recording.
        longest: ticks that a region may have.

    >>> regions_of([(10, 50), (70, 90), (120, 145)], 200, 1000)
    ((7, 93), (117, 148))
    """
    most = longest - 2 * _PAD
    joined = list[Span]()
    for begin, end in _cut(speech, most):
        if joined and begin - joined[-1][1] < _PAUSE and end - joined[-1][0] <= most:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return tuple(_padded([(begin, end) for begin, end in joined if end - begin >= _SHORTEST], total))


def _cut(speech: Iterable[Span], most: int) -> Iterator[Span]:
    for begin, end in speech:
        for start in range(begin, end, most):
            yield start, min(start + most, end)


def _padded(spans: Sequence[Span], total: int) -> Iterator[Span]:
    """With sound around them, but no tick twice."""
    reach = [-2 * _PAD, *(end for _, end in spans)]
    until = [*(begin for begin, _ in spans[1:]), total + 2 * _PAD]
    for (begin, end), before, after in zip(spans, reach, until, strict=False):
        first, last = begin - min(_PAD, (begin - before) // 2), end + min(_PAD, (after - end) // 2)
        yield max(first, 0), min(last, total)
