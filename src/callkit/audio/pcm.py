"""Samples as files store them, turned into 16 bits for the analysis and into what pydub would hold."""

import io
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from callkit.audio.g711 import A_LAW, MU_LAW
from callkit.audio.reader import BLOCK_FRAMES, Block

__all__ = [
    "CODECS",
    "FULL_SCALE",
    "Codec",
    "File",
    "Native",
    "blocks",
    "cut_out",
    "fill",
    "float_to_int16",
    "native",
    "read",
]

File = IO[bytes] | io.RawIOBase
"""What is read from: the files that Python opens, and our own windows on them."""

Bytes = NDArray[np.uint8]
Native = NDArray[np.signedinteger]
Floats = NDArray[np.floating]

FULL_SCALE = (-32768, 32767)


@frozen
class Codec:
    """How one sample is stored.

    Attributes:
        name: ffmpeg's.
        width: bytes that a sample takes in the file.
        decode: (bytes, scratch of as many int16 as there are samples) → int16, a view of either.
        native: bytes → samples as pydub holds them; None if pydub's are the 16-bit ones.
        native_width: bytes of a sample of `native`.
        rails: the smallest and the largest sample that can be stored, as 16-bit values.
    """

    name: str
    width: int
    decode: Callable[[Bytes, Block], Block]
    native: Callable[[Bytes], Native] | None = None
    native_width: int = 2
    rails: tuple[int, int] = FULL_SCALE


def read(handle: File, count: int) -> bytes:
    """Read `count` bytes, fewer only at the end: a raw file or a pipe may give less at a time. For small counts."""
    found = bytearray(count)
    return bytes(found[: fill(handle, memoryview(found))])


def fill(handle: File, view: memoryview) -> int:
    """Read into `view` until it is full or the data ends; return the number of bytes."""
    got = 0
    while got < len(view):
        count = _read_into(handle, view[got:])
        if not count:
            break
        got += count
    return got


def _read_into(handle: File, view: memoryview) -> int:
    if hasattr(handle, "readinto"):
        return int(handle.readinto(view) or 0)
    data = handle.read(len(view)) or b""
    view[: len(data)] = data
    return len(data)


def blocks(handle: File, codec: Codec, channels: int, frames: int | None = None) -> Iterator[Block]:
    """Samples from where `handle` stands, as interleaved int16.

    Args:
        handle: read forward only.
        codec: of the samples.
        channels: at least 1.
        frames: how many to read; None reads to the end.

    Yields:
        Arrays of at most `BLOCK_FRAMES` frames; the next one overwrites them.
    """
    scratch = np.empty(_most(frames) * channels, np.int16)
    for raw in _stored(handle, codec.width * channels, frames):
        yield codec.decode(raw, scratch[: len(raw) // codec.width])


def native(handle: File, codec: Codec, channels: int, frames: int | None = None) -> Iterator[Native]:
    """Like `blocks()`, but int8, int16 or int32 as pydub would hold them."""
    if codec.native is None:
        yield from blocks(handle, codec, channels, frames)
        return
    for raw in _stored(handle, codec.width * channels, frames):
        yield codec.native(raw)


def _most(frames: int | None) -> int:
    return BLOCK_FRAMES if frames is None else min(frames, BLOCK_FRAMES)


def _stored(handle: File, frame_bytes: int, frames: int | None) -> Iterator[Bytes]:
    """Whole frames as bytes, in one reused buffer that is never larger than what there is to read."""
    raw = np.empty(_most(frames) * frame_bytes, np.uint8)
    view = memoryview(raw)  # type: ignore[arg-type]  # numpy says so for Python 3.12 and later only
    left = float("inf") if frames is None else frames * frame_bytes
    while left > 0:
        want = int(min(left, len(raw)))
        got = fill(handle, view[:want])
        left -= got
        if whole := got // frame_bytes * frame_bytes:
            yield raw[:whole]
        if got < want:
            return


def float_to_int16(samples: Floats, out: Block) -> Block:
    """Scale by 32768, round half to even, limit to 16 bits; what is not a number becomes 0.

    Args:
        samples: 1.0 is full scale; overwritten.
        out: as many int16.

    Source:
        libswresample of ffmpeg converts floats to 16 bits in the same way.
    """
    if len(samples) and np.isnan(samples.min()):
        samples[np.isnan(samples)] = 0
    np.multiply(samples, 32768, out=samples)
    np.rint(samples, out=samples)
    np.clip(samples, *FULL_SCALE, out=samples)
    out[:] = samples
    return out


def cut_out(blocks: Iterator[Block], skip: int, keep: int | None) -> Iterator[Block]:
    """Leave out the first `skip` samples and whatever comes more than `keep` samples after them."""
    position = -skip
    for block in blocks:
        first, last = max(0, -position), len(block) if keep is None else min(len(block), keep - position)
        if first < last:
            yield block[first:last]
        position += len(block)
        if keep is not None and position >= keep:
            return


def _table(name: str, table: Block, native: Callable[[Bytes], Native] | None = None, native_width: int = 2) -> Codec:
    """One byte a sample: a look-up decodes it."""

    def decode(raw: Bytes, out: Block) -> Block:
        return np.take(table, raw, out=out, mode="clip")  # "clip" spares numpy a buffered copy of `out`

    return Codec(name, 1, decode, native, native_width, (int(table.min()), int(table.max())))


def _as_stored(raw: Bytes, _out: Block) -> Block:
    return raw.view("<i2")


def _top_of_24(raw: Bytes, out: Block) -> Block:
    out.view(np.uint8).reshape(-1, 2)[:] = raw.reshape(-1, 3)[:, 1:]
    return out


def _top_of_32(raw: Bytes, out: Block) -> Block:
    out[:] = raw.view("<i2")[1::2]
    return out


def _floats(dtype: str) -> Callable[[Bytes, Block], Block]:
    def decode(raw: Bytes, out: Block) -> Block:
        return float_to_int16(raw.view(dtype), out)

    return decode


def _widened(raw: Bytes) -> Native:
    """24 bits in 32 with pydub's low byte: 0x00 for v >= 0, 0xFF below."""
    wide = np.empty((len(raw) // 3, 4), np.uint8)
    wide[:, 1:] = raw.reshape(-1, 3)
    wide[:, 0] = np.where(wide[:, 3] > 0x7F, 0xFF, 0x00)
    return wide.reshape(-1).view("<i4")


_UNSIGNED = ((np.arange(256) - 128) << 8).astype(np.int16)

CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        _table("pcm_u8", _UNSIGNED, lambda raw: (raw ^ 0x80).view(np.int8), 1),
        _table("pcm_s8", np.roll(_UNSIGNED, 128), lambda raw: raw.view(np.int8), 1),
        _table("pcm_mulaw", MU_LAW),
        _table("pcm_alaw", A_LAW),
        Codec("pcm_s16le", 2, _as_stored),
        Codec("pcm_s24le", 3, _top_of_24, _widened, 4),
        Codec("pcm_s32le", 4, _top_of_32, lambda raw: raw.view("<i4"), 4),
        Codec("pcm_f32le", 4, _floats("<f4")),
        Codec("pcm_f64le", 8, _floats("<f8")),
    )
}
"""Every codec that needs no decoder library, by ffmpeg's name."""
