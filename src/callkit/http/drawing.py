"""The waveform as a page draws it: few numbers, however long the recording is."""

import numpy as np
from attrs import frozen

from callkit.audio.peaks import Peaks

__all__ = ["Waveform", "waveform"]

_FULL = 255
_LARGEST = 32768


@frozen
class Waveform:
    """The largest samples, on one scale for all channels: who is quiet looks quiet.

    Attributes:
        duration: seconds, of the recording.
        peak: 0 to 1 of full scale: what 255 stands for.
        channels: of each, maxima from 0 to 255 of stretches of the same length.
    """

    duration: float
    peak: float
    channels: tuple[tuple[int, ...], ...]


def waveform(peaks: Peaks, duration: float, points: int) -> Waveform:
    """At most so many points for each channel; fewer if the recording is short."""
    loudest = np.abs(peaks.rows.astype(np.int32)).max(axis=2)  # (rows, channels)
    rows = len(loudest)
    if not rows:
        return Waveform(duration, 0.0, tuple(() for _ in range(loudest.shape[1])))
    starts = np.unique(np.arange(min(points, rows)) * rows // min(points, rows))
    maxima = np.maximum.reduceat(loudest, starts)
    peak = int(maxima.max())
    scaled = maxima * _FULL // max(peak, 1)
    return Waveform(duration, peak / _LARGEST, tuple(tuple(channel) for channel in scaled.T.tolist()))
