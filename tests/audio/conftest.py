"""Makers of small recordings, and one way to decode them: no recording is kept in the repository for these tests."""

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from attrs import frozen
from numpy.typing import NDArray

from callkit.audio.reader import AudioFormat
from callkit.audio.source import open_audio


@frozen
class Decoded:
    """What came out of a recording: int16 of shape (frames, channels), and what the reader said of it."""

    samples: NDArray[np.int16]
    format: AudioFormat
    warnings: list[str]

    @property
    def duration(self) -> float:
        return len(self.samples) / self.format.sample_rate


def _tone(seconds: float, rate: int = 8000, channels: int = 1) -> NDArray[np.int16]:
    """A sine per channel (300 Hz, 350 Hz, …) with a little noise; shape (frames, channels)."""
    noise = np.random.default_rng(4).normal(0, 200, (round(seconds * rate), channels))
    time = np.arange(len(noise))[:, None] / rate
    return (8000 * np.sin(2 * np.pi * (300 + 50 * np.arange(channels)) * time) + noise).astype(np.int16)


def _chunk(name: bytes, body: bytes, size: int | None = None, pad: bool = True) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (pad and len(body) % 2)


def _wav(
    data: bytes,
    *,
    tag: int = 1,
    channels: int = 1,
    rate: int = 8000,
    bits: int = 16,
    align: int | None = None,
    extra: bytes = b"",
    size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    riff: bytes = b"RIFF",
) -> bytes:
    """A WAVE file, right unless told otherwise; `before` and `after` are whole chunks around the data chunk."""
    frame = channels * bits // 8 if align is None else align
    fmt = _chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits) + extra)
    body = b"WAVE" + fmt + before + _chunk(b"data", data, size, pad=bool(after)) + after
    return riff + struct.pack("<I", len(body)) + body


def _encoded(samples: NDArray[Any], container: str, subtype: str, rate: int = 8000, **options: Any) -> bytes:
    """The samples as a file that libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype, **options)
    return file.getvalue()


def _decoded(source: Any, name: str | None = None) -> Decoded:
    with open_audio(source, name=name) as reader:
        blocks = [block.copy() for block in reader.blocks()]
        samples = np.concatenate([np.empty(0, np.int16), *blocks]).reshape(-1, reader.format.channels)
        return Decoded(samples, reader.format, reader.warnings)


def _native(source: Any) -> NDArray[Any]:
    with open_audio(source) as reader:
        return np.concatenate([block.copy() for block in reader.native()])


@pytest.fixture(scope="session")
def tone() -> Callable[..., NDArray[np.int16]]:
    return _tone


@pytest.fixture(scope="session")
def chunk() -> Callable[..., bytes]:
    return _chunk


@pytest.fixture(scope="session")
def wav() -> Callable[..., bytes]:
    return _wav


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    return _encoded


@pytest.fixture(scope="session")
def decoded() -> Callable[..., Any]:
    return _decoded


@pytest.fixture(scope="session")
def native() -> Callable[..., NDArray[Any]]:
    return _native
