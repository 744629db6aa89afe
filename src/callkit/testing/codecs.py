"""Samples → files: the WAVE codecs of telephony by hand, so that no decoder is held against its own encoder."""

import io
import struct
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from callkit.errors import InvalidCallError

__all__ = ["COMPRESSED", "WAV_CODECS", "compressed", "wav"]

_T = TypeVar("_T")

Samples = NDArray[np.int16]
"""Shape (frames, channels)."""


def _ulaw(samples: Samples) -> NDArray[np.uint8]:
    """Source: ITU-T G.711, table 2; the bias of 33 is 132 on 16 bits."""
    wide = samples.astype(np.int32)
    size = np.minimum(np.abs(wide), 32635) + 132
    segment = np.frexp(size.astype(np.float64))[1] - 8
    code = np.where(wide < 0, 0x80, 0) | segment << 4 | size >> (segment + 3) & 15
    return np.asarray(~code & 0xFF, np.uint8)


def _alaw(samples: Samples) -> NDArray[np.uint8]:
    """Source: ITU-T G.711, table 1; every other bit is inverted."""
    wide = samples.astype(np.int32) >> 3
    size = np.where(wide < 0, ~wide, wide)
    segment = np.maximum(np.frexp(size.astype(np.float64))[1] - 5, 0)
    code = segment << 4 | size >> np.maximum(segment, 1) & 15
    return np.asarray(code ^ np.where(wide < 0, 0x55, 0xD5), np.uint8)


def _unsigned(samples: Samples) -> NDArray[np.uint8]:
    return ((samples >> 8) + 128).astype(np.uint8)


def _bytes24(samples: Samples) -> NDArray[np.uint8]:
    wide = (samples.astype("<i4") << 8).reshape(-1, 1).view(np.uint8)
    return np.ascontiguousarray(wide[:, :3])


_PCM, _FLOAT, _ALAW, _ULAW = 1, 3, 6, 7  # WAVE format tags

WAV_CODECS = {
    "pcm_u8": (_PCM, 8, _unsigned),
    "pcm_s16le": (_PCM, 16, lambda samples: samples.astype("<i2")),
    "pcm_s24le": (_PCM, 24, _bytes24),
    "pcm_s32le": (_PCM, 32, lambda samples: samples.astype("<i4") << 16),
    "pcm_f32le": (_FLOAT, 32, lambda samples: (samples / 32768).astype("<f4")),
    "pcm_mulaw": (_ULAW, 8, _ulaw),
    "pcm_alaw": (_ALAW, 8, _alaw),
}
"""Codec, in ffmpeg's names: format tag, bits, and how samples become bytes."""

COMPRESSED = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "gsm": ("WAV", "GSM610"),
}
"""Name: format and subtype of libsndfile."""

_AT_ONCE = 1 << 16  # frames: libvorbis runs out of stack on much more


def wav(samples: Samples, sample_rate: int, codec: str = "pcm_s16le") -> bytes:
    """A WAVE file.

    Args:
        samples: int16 of shape (frames, channels).
        sample_rate: hertz.
        codec: a key of `WAV_CODECS`.

    Raises:
        InvalidCallError: no such codec.
    """
    tag, bits, encode = _known(WAV_CODECS, codec)
    data = encode(samples).tobytes()
    frames, channels = samples.shape
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, sample_rate, sample_rate * frame, frame, bits)
    head = _chunk(b"fmt ", fmt if tag == _PCM else fmt + b"\0\0")
    if tag != _PCM:
        head += _chunk(b"fact", struct.pack("<I", frames))
    body = b"WAVE" + head + _chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def compressed(samples: Samples, sample_rate: int, name: str) -> bytes:
    """A compressed file, by libsndfile. Twice the same samples give the same bytes, but for Ogg's serial number.

    Args:
        samples: int16 of shape (frames, channels); one channel for "gsm".
        sample_rate: hertz; 8000, 12000, 16000, 24000 or 48000 for "opus".
        name: a key of `COMPRESSED`.

    Raises:
        InvalidCallError: no such codec, or it can't do this rate or so many channels.
    """
    import soundfile  # noqa: PLC0415  # most calls are made as WAVE files, without libsndfile

    container, subtype = _known(COMPRESSED, name)
    file = io.BytesIO()
    try:
        with soundfile.SoundFile(file, "w", sample_rate, samples.shape[1], subtype, format=container) as writer:
            for start in range(0, len(samples), _AT_ONCE):
                writer.write(samples[start : start + _AT_ONCE])
    except soundfile.LibsndfileError as error:
        raise InvalidCallError(f"{name} can't hold {samples.shape[1]} channels at {sample_rate} Hz.") from error
    return file.getvalue()


def _known(codecs: dict[str, _T], name: str) -> _T:
    if name not in codecs:
        raise InvalidCallError(f"There is no codec {name!r}: choose one of {', '.join(codecs)}.")
    return codecs[name]
