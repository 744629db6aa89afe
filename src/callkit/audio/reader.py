"""The wall between bytes and facts: what every reader of a recording gives."""

from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["BLOCK_FRAMES", "AudioFormat", "AudioReader", "Block"]

Block = NDArray[np.int16]
"""One-dimensional, interleaved, whole frames; a view of a buffer that the next block overwrites."""

BLOCK_FRAMES = 128_000
"""Frames in a block, at most: 16 s of a telephone call. Fewer cost more calls into numpy, more cost page faults."""


@frozen
class AudioFormat:
    """What a recording says of itself.

    Attributes:
        container: "wav", "mp3", "flac", "ogg", … or "samples" for audio handed over in memory.
        codec: in ffmpeg's names.
        sample_rate: hertz, at least 1.
        channels: at least 1.
        declared_duration: seconds that the container claims, or None.
        declared_kind: "count" if the claim is a count of frames or bytes, "estimate" if guessed from a bit rate.
        rails: the smallest and the largest sample that the codec can hold, as 16-bit values.
        width: bytes of a sample of `AudioReader.native()`: 1, 2 or 4.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    declared_duration: float | None = None
    declared_kind: Literal["count", "estimate", "none"] = "none"
    rails: tuple[int, int] = (-32768, 32767)
    width: int = 2


class AudioReader(Protocol):
    """An open recording, read once from start to end in bounded memory.

    A decoder that fails midway ends the data and adds a warning: what was decoded before it is kept.
    """

    @property
    def format(self) -> AudioFormat:
        """Known as soon as the reader is open."""

    @property
    def warnings(self) -> list[str]:
        """What is odd about the file, a sentence each; complete after the last block."""

    def blocks(self) -> Iterator[Block]:
        """The samples as 16 bits, at most `BLOCK_FRAMES` frames at a time."""

    def native(self) -> Iterator[NDArray[np.signedinteger]]:
        """The samples as pydub would hold them: int8, int16 or int32 (24 bits widened), interleaved."""

    def close(self) -> None:
        """Let go of files and processes. Twice is fine."""
