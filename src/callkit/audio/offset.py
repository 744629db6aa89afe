"""What a channel is offset by (DC), and its samples without that.

Levels, spectra, tones and speech are measured without it; peaks, clipping, digital silence and pydub's marks are about
the samples as they are.
"""

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import Floats
from callkit.audio.reader import Block

__all__ = ["Offsets", "energies_about", "offsets_of", "without_offset"]

Offsets = NDArray[np.int64]
"""Of each second, in whole numbers, so that a channel without an offset stays as it is."""

_LEAST_VARIANCE = 100.0  # -70 dBFS: a single frame, stuck at a rail, must not outweigh all others


def offsets_of(sums: Floats, squares: Floats, sizes: NDArray[np.int64]) -> Offsets:
    """What each second lies around: the median of its frames' means, of which those of quiet frames tell most.

    A plain mean would be as far off as the loudest frames are uneven, and would make a sound of the silence beside
    them. Frames of zeros tell nothing: what is silent in digits was never offset.

    Args:
        sums: of the samples of each frame, shape (seconds, frames).
        squares: sums of their squares, the same shape.
        sizes: samples in each frame, shape (frames,).

    Source: weights of means are the inverses of their variances, which makes the error least.
    """
    counts = np.maximum(sizes, 1)
    means = sums / counts
    spread = np.maximum(squares / counts - means**2, _LEAST_VARIANCE)
    weights = np.where(squares > 0, sizes / spread, 0.0)
    order = np.argsort(means, axis=1)
    order += np.arange(0, means.size, means.shape[1])[:, None]  # places in all rows: faster than take_along_axis
    upto = np.cumsum(weights.take(order), axis=1)
    middle = np.count_nonzero(upto < upto[:, -1:] / 2, axis=1)
    medians = means.take(order[np.arange(len(order)), middle])
    return np.asarray(np.floor(medians + 0.5), np.int64)  # not to even: a constant moves it by as much


def energies_about(offsets: Offsets, sums: Floats, squares: Floats, sizes: NDArray[np.int64]) -> Floats:
    """The sums of squares as they are without the offset of each second; exact, and of the same shape.

    Args:
        offsets: of each second.
        sums: of the samples of each frame, shape (seconds, frames).
        squares: sums of their squares, the same shape.
        sizes: samples in each frame, shape (frames,).
    """
    if not offsets.any():
        return squares
    about = offsets[:, None]
    return np.where(squares > 0, squares - 2.0 * about * sums + about * about * sizes, 0.0)


def without_offset(samples: Block, offsets: Offsets, squares: Floats, sizes: NDArray[np.int64], out: Block) -> Block:
    """Samples without the offset of their second; frames of zeros stay such, and what leaves 16 bits is clipped.

    Args:
        samples: of whole seconds, or of a part of one.
        offsets: of each second.
        squares: sums of squares of each frame, shape (seconds, frames).
        sizes: samples in each frame, shape (frames,).
        out: as many as there are samples, to be overwritten.

    Returns:
        `out`, or the samples themselves if there is no offset.
    """
    if not offsets.any():
        return samples
    _move(samples.reshape(len(offsets), -1), offsets[:, None], out.reshape(len(offsets), -1))
    silent = (squares == 0) & (offsets[:, None] != 0)
    if silent.any():
        out[np.repeat(silent, np.tile(sizes, len(offsets)))] = 0
    return out


def _move(seconds: Block, offsets: Offsets, out: Block) -> None:
    least, most = int(seconds.min()) - int(offsets.max()), int(seconds.max()) - int(offsets.min())
    if least >= -32_768 and most <= 32_767:
        np.subtract(seconds, offsets.astype(np.int16), out=out)  # thirty times as fast
    else:
        out[:] = np.clip(seconds - offsets, -32_768, 32_767)
