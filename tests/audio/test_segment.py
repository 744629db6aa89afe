"""Samples in memory: pydub's segments and what looks like one."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attrs import frozen

from callkit.audio.source import open_audio
from callkit.errors import DamagedAudioError


@frozen
class Segment:
    raw_data: bytes
    sample_width: int
    frame_rate: int = 8000
    channels: int = 1


@pytest.mark.parametrize(
    ("width", "data", "expected", "native_width"),
    [
        (1, bytes([0x80, 0xFF, 0, 0x7F]), [-32768, -256, 0, 32512], 1),
        (2, b"\0\x80\xff\x7f", [-32768, 32767], 2),
        (3, b"\xff\xff\xff\x56\x34\x12", [-1, 0x1234], 4),
        (4, b"\xff\xff\xff\xff\x78\x56\x34\x12", [-1, 0x1234], 4),
    ],
)
def test_widths(
    *,
    width: int,
    data: bytes,
    expected: list[int],
    native_width: int,
    decoded: Callable[..., Any],
    native: Callable[..., Any],
) -> None:
    found = decoded(Segment(data, width))
    assert found.samples[:, 0].tolist() == expected
    assert found.format.width == native_width == native(Segment(data, width)).dtype.itemsize
    assert (found.format.container, found.format.declared_kind) == ("samples", "count")


def test_a_pydub_segment(tone: Callable[..., Any], decoded: Callable[..., Any], native: Callable[..., Any]) -> None:
    import pydub  # noqa: PLC0415  # nothing but this test needs it

    samples = tone(1, channels=2)
    segment = pydub.AudioSegment(samples.tobytes(), sample_width=2, frame_rate=8000, channels=2)
    assert (decoded(segment).samples == samples).all()
    assert native(segment).tobytes() == segment.raw_data
    assert decoded(segment).duration == len(segment) / 1000


def test_a_segment_is_known_without_importing_pydub(
    monkeypatch: pytest.MonkeyPatch, decoded: Callable[..., Any]
) -> None:
    monkeypatch.setitem(sys.modules, "pydub", None)  # importing it would fail
    assert decoded(Segment(np.arange(8, dtype="<i2").tobytes(), 2)).samples[:, 0].tolist() == list(range(8))


@pytest.mark.parametrize("segment", [Segment(b"", 5), Segment(b"", 2, 0), Segment(b"", 2, 8000, 0)])
def test_no_sound(segment: Segment) -> None:
    with pytest.raises(DamagedAudioError, match="are no sound"):
        open_audio(segment)


def test_an_empty_segment_has_no_frames(decoded: Callable[..., Any]) -> None:
    assert decoded(Segment(b"", 2)).duration == 0
