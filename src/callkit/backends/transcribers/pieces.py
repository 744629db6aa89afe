"""What an engine gets at once: the speech of one channel, some minutes of it, without the long silence between.

An engine's time is spent on speech only, so a channel that listens costs nothing. Where in a piece a region lies, and
where in the recording, is known to the tick; so words find their way back.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from callkit.audio.reader import AudioReader, Block
from callkit.backends.transcribers.regions import TICKS, Span

__all__ = ["GAP", "Piece", "clips", "pieces_of"]

GAP = 40
"""Ticks between two regions of a piece, at most; shorter pauses stay as they are."""


@frozen
class Piece:
    """Some regions of one channel, which are transcribed together.

    Attributes:
        channel: which one.
        regions: in order.
    """

    channel: int
    regions: tuple[Span, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each region begins in the clip, in ticks."""
        starts, position, before = list[int](), 0, self.regions[0][0]
        for begin, end in self.regions:
            position += min(begin - before, GAP)
            starts.append(position)
            position, before = position + end - begin, end
        return tuple(starts)

    @property
    def length(self) -> int:
        """Ticks of the clip."""
        begin, end = self.regions[-1]
        return self.starts[-1] + end - begin

    @property
    def speech(self) -> float:
        """Seconds."""
        return sum(end - begin for begin, end in self.regions) / TICKS


def pieces_of(channel: int, regions: Iterable[Span], longest: int) -> Iterator[Piece]:
    """The regions of a channel, as few pieces as need be.

    Args:
        channel: which one.
        regions: in order, none longer than `longest`.
        longest: ticks that the clip of a piece may have.
    """
    some, length = list[Span](), 0
    for begin, end in regions:
        gap = min(begin - some[-1][1], GAP) if some else 0
        if some and length + gap + end - begin > longest:
            yield Piece(channel, tuple(some))
            some, length, gap = [], 0, 0
        some.append((begin, end))
        length += gap + end - begin
    if some:
        yield Piece(channel, tuple(some))


def clips(reader: AudioReader, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, NDArray[np.float32]]]:
    """The sound of each piece at the recording's rate, as soon as it was read; -1 to 1.

    At most one piece of each channel is held at a time, and nothing after the last one is read.

    Args:
        reader: just opened.
        pieces: each channel's in order.
    """
    rate, channels = reader.format.sample_rate, reader.format.channels
    cuts = [_Cuts(rate, [piece for piece in pieces if piece.channel == number]) for number in range(channels)]
    position = 0
    for block in reader.blocks():
        frames = block.reshape(-1, channels)
        for number, cut in enumerate(cuts):
            yield from cut.feed(frames[:, number], position)
        position += len(frames)
        if not any(cut.left for cut in cuts):
            return
    for cut in cuts:
        yield from cut.finish()


@define
class _Cuts:
    """Cuts the pieces of one channel out of what is read."""

    rate: int
    left: list[Piece]
    _clip: NDArray[np.int16] | None = field(default=None, init=False)

    def feed(self, samples: Block, position: int) -> Iterator[tuple[Piece, NDArray[np.float32]]]:
        """The next samples, the first of which is frame number `position`."""
        while self.left and self._frame(self.left[0].regions[0][0]) < position + len(samples):
            piece = self.left[0]
            self._copy(piece, samples, position)
            if self._frame(piece.regions[-1][1]) > position + len(samples):
                return
            yield self._taken()

    def finish(self) -> Iterator[tuple[Piece, NDArray[np.float32]]]:
        """There is nothing more to read: the last tick may not be full."""
        while self.left:
            yield self._taken()

    def _frame(self, tick: int) -> int:
        return tick * self.rate // TICKS

    def _copy(self, piece: Piece, samples: Block, position: int) -> None:
        if self._clip is None:
            self._clip = np.zeros(self._frame(piece.length), np.int16)
        for (begin, end), start in zip(piece.regions, piece.starts, strict=True):
            first, last = max(self._frame(begin), position), min(self._frame(end), position + len(samples))
            if first < last:
                at = self._frame(start) + first - self._frame(begin)
                last = min(last, first + len(self._clip) - at)  # a frame too many, where rates are odd
                self._clip[at : at + last - first] = samples[first - position : last - position]

    def _taken(self) -> tuple[Piece, NDArray[np.float32]]:
        piece, clip = self.left.pop(0), self._clip
        self._clip = None
        sound = np.zeros(self._frame(piece.length), np.int16) if clip is None else clip
        return piece, sound.astype(np.float32) / np.float32(32768)
