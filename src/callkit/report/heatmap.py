"""A picture of who speaks when, and when nobody does: a PNG file made of numpy and zlib alone."""

import struct
import zlib

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from callkit.core.intervals import Interval
from callkit.report.lanes import clock
from callkit.report.lettering import HEIGHT, lettering, width_of
from callkit.report.strip import shares
from callkit.report.subject import Subject
from callkit.report.timeline import ticks

__all__ = ["heatmap", "png"]

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

_WIDTH, _ROW, _GAP, _MARGIN, _AXIS = 1200, 36, 8, 20, 34
_SCALE = 2  # of letters
_PAPER, _INK, _EMPTY = (255, 255, 255), (40, 46, 58), (240, 242, 246)
_PARTIES: tuple[Colour, ...] = ((37, 99, 235), (8, 120, 93), (160, 63, 176), (168, 91, 0))
_SILENCE, _HOLD, _OVERLAP = (194, 39, 48), (122, 91, 208), (168, 91, 0)


def heatmap(subject: Subject) -> bytes:
    """A row for each party, then overlap, hold and silence, over an axis of minutes and seconds, as a PNG file.

    The more of a moment a row fills, the stronger its colour. Nothing in it says who called.
    """
    rows, duration = _rows(subject), subject.analysis.duration
    left = _MARGIN + _SCALE * max(width_of(row.name) for row in rows) + _MARGIN // 2
    picture = np.full((2 * _MARGIN + len(rows) * (_ROW + _GAP) + _AXIS, _WIDTH, 3), _PAPER, np.uint8)
    cells = _WIDTH - _MARGIN - left
    for number, row in enumerate(rows):
        top = _MARGIN + number * (_ROW + _GAP)
        _write(picture, row.name, _MARGIN, top + (_ROW - _SCALE * HEIGHT) // 2)
        picture[top : top + _ROW, left : left + cells] = _shaded(row.filled(duration, cells), row.colour)
    _draw_axis(picture, left, cells, duration)
    return png(picture)


@frozen
class _Row:
    """What is drawn: intervals, or with `free` what they leave."""

    name: str
    colour: Colour
    intervals: tuple[Interval, ...]
    free: bool = False

    def filled(self, duration: float, cells: int) -> NDArray[np.float64]:
        """How much of each cell, 0 to 1."""
        found = np.array(shares(self.intervals, duration, cells))
        return 1 - found if self.free and duration > 0 else found


def _rows(subject: Subject) -> list[_Row]:
    """Overlap and hold only if they are known."""
    conversation = subject.analysis.conversation
    rows = [
        _Row(name, _PARTIES[number % len(_PARTIES)], speech)
        for number, (name, speech) in enumerate(zip(subject.names, subject.speech, strict=True))
    ]
    if conversation.overlaps is not None:
        rows.append(_Row("overlap", _OVERLAP, conversation.overlaps))
    if conversation.hold:
        rows.append(_Row("hold", _HOLD, conversation.hold))
    return [*rows, _Row("silence", _SILENCE, subject.together, free=True)]


def _shaded(filled: NDArray[np.float64], colour: Colour) -> Pixels:
    """From empty to the full colour, of shape (1, cells, 3)."""
    empty, full = np.array(_EMPTY), np.array(colour)
    shades: Pixels = np.rint(empty + filled[:, None] * (full - empty)).astype(np.uint8)
    return shades[None]


def _draw_axis(picture: Pixels, left: int, cells: int, duration: float) -> None:
    bottom = len(picture) - _MARGIN - _AXIS
    for second in ticks(duration):
        x = left + int(second / duration * (cells - 1))
        picture[bottom : bottom + 6, x] = _INK
        label = clock(second, 0)
        _write(picture, label, min(x, _WIDTH - _SCALE * width_of(label)), bottom + 12)


def _write(picture: Pixels, text: str, x: int, y: int) -> None:
    ink = lettering(text).repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
    picture[y : y + ink.shape[0], x : x + ink.shape[1]][ink] = _INK


def png(pixels: Pixels) -> bytes:
    """A picture as a PNG file.

    Args:
        pixels: red, green and blue, of shape (height, width, 3).

    Source: Portable Network Graphics, W3C Recommendation: sections 11.2 and 9 (filter 0, none, before each row).
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, colours without a palette
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
