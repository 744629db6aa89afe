"""The waveform: the smallest and the largest sample of each 100 ms, and the file in which it is stored."""

import struct
from typing import Self

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from callkit.errors import DamagedAudioError

__all__ = ["PEAKS_PER_SECOND", "Peaks"]

PEAKS_PER_SECOND = 10
"""Rows of 100 ms each."""

_HEADER = struct.Struct("<iIiiIi")  # version, flags, sample rate, samples per pixel, length, channels
_EIGHT_BITS = 1


@frozen(eq=False)
class Peaks:
    """What a waveform is drawn from, at any width.

    Attributes:
        sample_rate: hertz, of the recording.
        samples_per_row: frames that a row stands for.
        rows: int16, shape (rows, channels, 2): smallest and largest sample.
    """

    sample_rate: int
    samples_per_row: int
    rows: NDArray[np.int16] = field(repr=False)

    def to_dat(self) -> bytes:
        """As a file of audiowaveform, version 2, 16 bits.

        Source: the "data format" page of BBC's audiowaveform.
        """
        count, channels, _ = self.rows.shape
        header = _HEADER.pack(2, 0, self.sample_rate, self.samples_per_row, count, channels)
        return header + self.rows.astype("<i2").tobytes()

    @classmethod
    def from_dat(cls, data: bytes) -> Self:
        """The peaks in such a file, of 16 or 8 bits (8 are widened).

        Raises:
            DamagedAudioError: it is no audiowaveform file of version 2, or it is cut.
        """
        try:
            version, flags, rate, per_row, count, channels = _HEADER.unpack_from(data)
            kind = np.dtype("i1" if flags & _EIGHT_BITS else "<i2")
            values = np.frombuffer(data, kind, count * channels * 2, _HEADER.size)
        except (struct.error, ValueError):
            raise DamagedAudioError("The waveform", "it is cut") from None
        if version != 2:
            raise DamagedAudioError("The waveform", f"it is of version {version}, not 2")
        scale = 256 if flags & _EIGHT_BITS else 1
        return cls(rate, per_row, (values.astype(np.int16) * scale).reshape(count, channels, 2))
