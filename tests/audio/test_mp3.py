"""MP3: lengths to the sample, with either decoder, in bounded memory."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.audio import ffmpeg, mp3, mp3_frames
from callkit.audio.mp3_frames import FrameSource
from callkit.audio.reader import BLOCK_FRAMES
from callkit.audio.source import open_audio
from callkit.errors import DamagedAudioError

Make = Callable[..., Any]


@pytest.fixture(params=["miniaudio", "libsndfile"])
def _decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each decoder in turn: miniaudio has no wheel for every platform."""
    if request.param == "libsndfile":
        monkeypatch.setitem(sys.modules, "miniaudio", None)


def _mp3(tone: Make, encoded: Make, seconds: float = 3, rate: int = 8000, channels: int = 1, **options: Any) -> bytes:
    return bytes(encoded(tone(seconds, rate, channels), "MP3", "MPEG_LAYER_III", rate, **options))


@pytest.mark.usefixtures("_decoder")
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (8000, 2), (16000, 1), (44100, 2)])
def test_length_and_sound_are_those_that_were_encoded(
    rate: int, channels: int, tone: Make, encoded: Make, decoded: Make
) -> None:
    found = decoded(_mp3(tone, encoded, 3, rate, channels))
    assert found.samples.shape == (3 * rate, channels)
    assert (found.format.declared_duration, found.format.declared_kind, found.warnings) == (3, "count", [])
    original = tone(3, rate, channels)[100:-100, 0]
    alike = [np.corrcoef(original, found.samples[100 + lag : len(original) + 100 + lag, 0])[0, 1] for lag in (-1, 0, 1)]
    assert np.argmax(alike) == 1  # not a sample too early or too late


@pytest.mark.usefixtures("_decoder")
def test_several_joined_keep_the_first_ones_channels(tone: Make, encoded: Make, decoded: Make) -> None:
    mono, stereo = _mp3(tone, encoded), _mp3(tone, encoded, channels=2)
    first = decoded(mono + stereo + mono)
    assert first.samples.shape == (72000, 1)
    assert (first.samples[48000:] == decoded(mono).samples).all()
    assert decoded(mono + mono).samples.shape == (48000, 1)  # the second Info frame is no sound either
    both = decoded(stereo + mono).samples
    assert both.shape == (48000, 2)
    assert (both[24000:, 0] == both[24000:, 1]).all()


def test_a_part_with_another_rate_is_resampled(tone: Make, encoded: Make, decoded: Make) -> None:
    found = decoded(_mp3(tone, encoded) + _mp3(tone, encoded, rate=44100))
    assert found.duration == pytest.approx(6, abs=0.01)


def test_a_part_with_another_rate_is_left_out_without_miniaudio(
    tone: Make, encoded: Make, decoded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "miniaudio", None)
    found = decoded(_mp3(tone, encoded) + _mp3(tone, encoded, rate=44100))
    assert found.duration == 3
    assert found.warnings == ["A part of the file at 44100 Hz instead of 8000 Hz was left out."]


@pytest.mark.usefixtures("_decoder")
def test_without_an_info_frame_nothing_is_trimmed(tone: Make, encoded: Make, decoded: Make) -> None:
    file = _mp3(tone, encoded)
    first = mp3_frames.parse(file, 0)
    assert first is not None
    found = decoded(file[first.size :])
    assert len(found.samples) % 576 == 0
    assert 24000 + 529 < len(found.samples) < 24000 + 4 * 576
    assert found.format.declared_kind == "estimate"


@pytest.mark.usefixtures("_decoder")
def test_stopping_early_leaves_nothing_behind(tone: Make, encoded: Make) -> None:
    file = _mp3(tone, encoded, 30, 16000)
    with open_audio(file) as reader:
        block = next(blocks := reader.blocks())
        assert 0 < len(block) <= BLOCK_FRAMES
        blocks.close()  # type: ignore[attr-defined]  # a generator


def test_the_file_is_never_held_whole(tone: Make, encoded: Make) -> None:
    class Counting(io.BytesIO):
        most = 0

        def readinto(self, buffer: Any) -> int:
            self.most = max(self.most, len(buffer))
            return super().readinto(buffer)

    file = Counting(_mp3(tone, encoded, 60))
    with open_audio(file) as reader:
        first = next(iter(reader.blocks()))
        assert len(first) > 0
        assert file.tell() <= 3 << 16
    assert file.most <= 1 << 16


def test_samples_are_ffmpegs(tone: Make, encoded: Make, decoded: Make, tmp_path: Path) -> None:
    file = tmp_path / "call.mp3"
    file.write_bytes(_mp3(tone, encoded, 5, channels=2))
    found = decoded(file).samples
    program = ffmpeg.find_program()
    if program is None:  # the length is known without it
        assert len(found) == 40000
        return
    command = [program, "-v", "error", "-i", str(file), "-f", "s16le", "pipe:1"]
    peer = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16)
    assert abs(found.astype(int) - peer.reshape(-1, 2)).max() <= 1


def test_no_frames_at_all() -> None:
    with pytest.raises(DamagedAudioError, match="it has no MP3 frames"):
        mp3.Mp3Reader(io.BytesIO(b"ID3\4\0\0\0\0\0\0" + bytes(1000)), "x.mp3")


# ---- the walk over the frames


def _frames(count: int, second: int = 0xFB, third: int = 0x90, fourth: int = 0xC4) -> bytes:
    """Frames of zeros with real headers: MPEG 1, 128 kbit/s, 44.1 kHz, mono unless told otherwise."""
    header = bytes([0xFF, second, third, fourth])
    frame = mp3_frames.parse(header, 0)
    assert frame is not None
    return (header + bytes(frame.size - 4)) * count


def _walk(content: bytes) -> tuple[list[tuple[int, int, int]], FrameSource]:
    """(rate, channels, bytes) of each stretch."""
    source = FrameSource(io.BytesIO(content))
    found = []
    while source.next_stretch():
        size = 0
        while data := source.read():
            size += len(data)
        found.append((source.first.sample_rate, source.channels, size))
    return found, source


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("fffb90c4", (417, 1152, 44100, 128)),
        ("fffb92c4", (418, 1152, 44100, 128)),
        ("fff344c4", (96, 576, 24000, 32)),
        ("ffe348c4", (288, 576, 8000, 32)),
        ("fffbf0c4", None),  # bit rate 15 is forbidden
        ("fffb9cc4", None),  # so is rate 3
        ("fffd90c4", None),  # layer II
        ("fffb00c4", None),  # free format
    ],
)
def test_headers(header: str, expected: tuple[int, int, int, int] | None) -> None:
    frame = mp3_frames.parse(bytes.fromhex(header), 0)
    assert (frame and (frame.size, frame.samples, frame.sample_rate, frame.kbps)) == expected


_JUNK = st.binary(max_size=3000).map(lambda junk: bytes(byte & 0x3F for byte in junk))  # no header, no letters of a tag


@given(st.lists(_JUNK, min_size=1, max_size=4))
def test_whatever_stands_between_frames_is_counted_and_left_out(junk: list[bytes]) -> None:
    found, source = _walk(b"".join(piece + _frames(300) for piece in junk))
    assert sum(size for _, _, size in found) == len(junk) * len(_frames(300))
    assert source.skipped == sum(map(len, junk))
    assert not source.cut


@pytest.mark.parametrize("size", range((1 << 16) - 1500, (1 << 16) + 20, 19))
def test_the_first_frame_may_stand_anywhere_in_what_is_read_at_once(size: int) -> None:
    found, source = _walk(bytes(size) + _frames(3) + _frames(1)[:100])
    assert (found, source.skipped, source.start) == ([(44100, 1, len(_frames(3)))], size, size)


def test_a_stretch_ends_where_rate_or_channels_change() -> None:
    mono, stereo, slow = _frames(10), _frames(10, fourth=0x44), _frames(10, 0xF3, 0x44)
    found, source = _walk(mono + stereo + stereo + slow + mono)
    assert found == [
        (44100, 1, len(mono)),
        (44100, 2, 2 * len(stereo)),
        (24000, 1, len(slow)),
        (44100, 1, len(mono)),
    ]
    assert source.skipped == 0


def test_a_single_damaged_header_does_not_start_a_stretch() -> None:
    found, source = _walk(_frames(5) + _frames(1, 0xF3, 0x44) + _frames(5))
    assert found == [(44100, 1, len(_frames(10)))]
    assert source.skipped == 96


def test_tags_between_files_are_no_damage() -> None:
    tag = b"ID3\4\0\0\0\0\x01\0" + bytes(128)
    found, source = _walk(tag + _frames(5) + b"TAG" + bytes(125) + tag + tag + _frames(5))
    assert (found, source.skipped) == ([(44100, 1, len(_frames(10)))], 0)


def test_an_id3_tag_that_claims_more_than_the_file_is_no_tag() -> None:
    found, source = _walk(b"ID3\4\0\0\x7f\x7f\x7f\x7f" + _frames(5))
    assert (found, source.skipped) == ([(44100, 1, len(_frames(5)))], 10)


def test_a_file_that_ends_inside_a_frame() -> None:
    found, source = _walk(_frames(5) + _frames(1)[:200])
    assert (found, source.cut) == ([(44100, 1, len(_frames(5)))], True)


def test_vbri_counts_frames() -> None:
    header = bytearray(_frames(1))
    header[36:40] = b"VBRI"
    header[50:54] = (100).to_bytes(4, "big")
    source = FrameSource(io.BytesIO(bytes(header) + _frames(5)))
    assert source.next_stretch()
    assert source.encoder == mp3_frames.Encoder(100)
