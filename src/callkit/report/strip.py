"""A heat strip: how much of each stretch of a call is speech, as a row of characters.

>>> blocks(shares([(0.0, 2.0), (3.0, 4.0)], 8.0, 4))
'█▅▁▁'
"""

from collections.abc import Iterable, Sequence

from callkit.core.analysis import Interval

__all__ = ["ASCII", "BLOCKS", "blocks", "glyphs_for", "loudest", "merged", "shares"]

BLOCKS = "▁▂▃▄▅▆▇█"
"""From no speech at all to nothing else."""

ASCII = "_.:-=+*#"
"""The same where a terminal can't show blocks."""


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The union of intervals: in order, apart from each other. Of two channels: when anybody speaks.

    >>> merged([(3.0, 5.0), (0.0, 1.0), (4.0, 6.0)])
    ((0.0, 1.0), (3.0, 6.0))
    """
    apart: list[Interval] = []
    for start, end in sorted(intervals):
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return tuple(apart)


def shares(speech: Iterable[Interval], duration: float, cells: int) -> tuple[float, ...]:
    """The share of speech, 0 to 1, in each of `cells` equal stretches of a recording.

    Args:
        speech: intervals apart from each other, in seconds; what lies outside the recording does not count.
        duration: seconds; of an empty recording every share is 0.
        cells: at least 1.
    """
    filled = [0.0] * cells
    width = duration / cells
    if width <= 0:
        return tuple(filled)
    for start, end in speech:
        first, last = max(0, int(start / width)), min(cells - 1, int(end / width))
        for cell in range(first, last + 1):
            filled[cell] += max(0.0, min(end, (cell + 1) * width) - max(start, cell * width))
    return tuple(min(1.0, seconds / width) for seconds in filled)


def blocks(cells: Sequence[float], glyphs: str = BLOCKS) -> str:
    """One character for each share; only a cell without any speech gets the lowest."""
    top = len(glyphs) - 1
    return "".join(glyphs[0 if share <= 0 else max(1, round(share * top))] for share in cells)


def loudest(channels: Sequence[Sequence[float]]) -> tuple[int | None, ...]:
    """Per cell the channel that speaks most, the first of equals; None where nobody does.

    Args:
        channels: shares of each channel, all of one length.
    """
    return tuple(
        max(range(len(cell)), key=cell.__getitem__) if any(cell) else None for cell in zip(*channels, strict=True)
    )


def glyphs_for(encoding: str | None) -> str:
    """`BLOCKS`, or `ASCII` if the encoding of an output can't show them."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS
