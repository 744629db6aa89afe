"""Samples that are in memory already: a pydub.AudioSegment, or anything with its four attributes."""

import io
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from callkit.audio import pcm
from callkit.audio.reader import AudioFormat, Block
from callkit.errors import DamagedAudioError

__all__ = ["Samples", "SegmentReader"]

_CODECS = {1: "pcm_s8", 2: "pcm_s16le", 3: "pcm_s24le", 4: "pcm_s32le"}


@runtime_checkable
class Samples(Protocol):
    """What `pydub.AudioSegment` has, without importing it.

    Attributes:
        raw_data: interleaved samples, signed, little-endian.
        sample_width: bytes of a sample, 1 to 4.
        frame_rate: hertz.
        channels: at least 1.
    """

    @property
    def raw_data(self) -> bytes: ...
    @property
    def sample_width(self) -> int: ...
    @property
    def frame_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...


class SegmentReader:
    """Reads a segment's samples where they are."""

    def __init__(self, segment: Samples, name: str) -> None:
        width, rate, channels = segment.sample_width, segment.frame_rate, segment.channels
        if width not in _CODECS or rate < 1 or channels < 1:
            raise DamagedAudioError(name, f"{channels} channels of {width}-byte samples at {rate} Hz are no sound")
        self._codec = pcm.CODECS[_CODECS[width]]
        self._data = segment.raw_data
        self._frames = len(self._data) // (width * channels)
        self.warnings: list[str] = []
        self.format = AudioFormat(
            "samples",
            self._codec.name,
            rate,
            channels,
            self._frames / rate,
            "count",
            self._codec.rails,
            self._codec.native_width,
        )

    def blocks(self) -> Iterator[Block]:
        """See `AudioReader`."""
        return pcm.blocks(io.BytesIO(self._data), self._codec, self.format.channels, self._frames)

    def native(self) -> Iterator[pcm.Native]:
        """See `AudioReader`."""
        return pcm.native(io.BytesIO(self._data), self._codec, self.format.channels, self._frames)

    def close(self) -> None:
        """Nothing to let go of."""
