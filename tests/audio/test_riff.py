"""Every way in which WAVE files store samples, and what 16 bits and pydub make of them."""

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.audio import riff
from callkit.audio.reader import BLOCK_FRAMES
from callkit.audio.source import open_audio
from callkit.errors import DamagedAudioError

Make = Callable[..., Any]


def _int24(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(3, "little", signed=True) for value in values)


CASES = [
    ("pcm_u8", {"bits": 8}, bytes([0, 127, 128, 255]), [-32768, -256, 0, 32512], [-128, -1, 0, 127]),
    ("pcm_s16le", {"bits": 16}, struct.pack("<3h", -32768, -1, 32767), [-32768, -1, 32767], [-32768, -1, 32767]),
    (
        "pcm_s24le",
        {"bits": 24},
        _int24([-(1 << 23), -1, 0, 1, 0x123456]),
        [-32768, -1, 0, 0, 0x1234],
        [-(1 << 31) + 0xFF, -1, 0, 0x100, 0x12345600],
    ),
    ("pcm_s32le", {"bits": 32}, struct.pack("<3i", -(1 << 31), -1, 0x12345678), [-32768, -1, 0x1234], None),
    ("pcm_s32le", {"bits": 24, "align": 4}, struct.pack("<2i", -256, 0x12345600), [-1, 0x1234], [-256, 0x12345600]),
    (
        "pcm_f32le",
        {"bits": 32, "tag": 3},
        struct.pack("<6f", 0.5, -1, 1, 7, float("nan"), float("-inf")),
        [16384, -32768, 32767, 32767, 0, -32768],
        [16384, -32768, 32767, 32767, 0, -32768],
    ),
    ("pcm_f64le", {"bits": 64, "tag": 3}, struct.pack("<3d", 0.25, -0.5, 1.6 / 32768), [8192, -16384, 2], None),
]


@pytest.mark.parametrize(("codec", "fields", "data", "expected", "native_expected"), CASES)
def test_samples(
    *,
    codec: str,
    fields: dict[str, int],
    data: bytes,
    expected: list[int],
    native_expected: list[int] | None,
    wav: Make,
    decoded: Make,
    native: Make,
) -> None:
    found = decoded(wav(data, **fields))
    assert found.format.codec == codec
    assert found.samples[:, 0].tolist() == expected
    held = native(wav(data, **fields))
    assert held.dtype.itemsize == found.format.width
    if native_expected is not None:
        assert held.tolist() == native_expected


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_native_is_what_pydub_holds(width: int, channels: int, wav: Make, native: Make, decoded: Make) -> None:
    import pydub  # noqa: PLC0415  # nothing but this test needs it

    data = np.random.default_rng(width).bytes(width * channels * 500)
    file = wav(data, bits=8 * width, channels=channels)
    segment = pydub.AudioSegment.from_file(io.BytesIO(file), format="wav")
    assert native(file).tobytes() == segment.raw_data
    assert decoded(file).format.width == segment.sample_width


def test_rails_are_what_the_codec_can_hold(wav: Make, decoded: Make) -> None:
    assert decoded(wav(bytes(4), bits=8)).format.rails == (-32768, 32512)
    assert decoded(wav(bytes(4))).format.rails == (-32768, 32767)
    assert decoded(wav(bytes(4), bits=8, tag=7)).format.rails == (-32124, 32124)
    assert decoded(wav(bytes(4), bits=8, tag=6)).format.rails == (-32256, 32256)


def test_blocks_are_whole_and_cover_everything(wav: Make) -> None:
    samples = np.arange(2 * (2 * BLOCK_FRAMES + 7)).astype(np.int16)
    with open_audio(wav(samples.tobytes(), channels=2)) as reader:
        blocks = [block.copy() for block in reader.blocks()]
    assert [len(block) for block in blocks] == [2 * BLOCK_FRAMES, 2 * BLOCK_FRAMES, 14]
    assert (np.concatenate(blocks) == samples).all()


class Dribble(io.BytesIO):
    """A file that gives a few bytes at a time, as sockets and raw files may."""

    def readinto(self, buffer: Any) -> int:
        return super().readinto(memoryview(buffer)[:7])


class OnlyRead:
    """The least that a binary file has."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def read(self, count: int = -1) -> bytes:
        return self._file.read(min(count, 11) if count >= 0 else -1)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


@pytest.mark.parametrize("kind", [Dribble, OnlyRead])
def test_short_reads_are_not_the_end(kind: Callable[[bytes], Any], wav: Make, decoded: Make) -> None:
    samples = np.arange(1000, dtype=np.int16)
    assert decoded(kind(wav(samples.tobytes()))).samples[:, 0].tolist() == samples.tolist()


@given(data=st.binary(max_size=40), channels=st.integers(1, 3), bits=st.sampled_from([8, 16, 24, 32]))
def test_frames_are_whole_whatever_the_size(wav: Make, decoded: Make, data: bytes, channels: int, bits: int) -> None:
    found = decoded(wav(data, channels=channels, bits=bits))
    assert len(found.samples) == len(data) // (channels * bits // 8)


def test_gsm_and_adpcm_go_to_libsndfile_with_their_count(tone: Make, encoded: Make, decoded: Make) -> None:
    for subtype, codec in (("GSM610", "gsm_ms"), ("IMA_ADPCM", "adpcm_ima_wav"), ("MS_ADPCM", "adpcm_ms")):
        found = decoded(encoded(tone(2), "WAV", subtype))
        assert found.format.codec == codec
        assert found.duration == found.format.declared_duration == pytest.approx(2, abs=0.1)
        assert found.warnings == []


def test_a_gsm_file_with_an_odd_size_and_a_pad_byte_gets_no_block_more(
    tone: Make, encoded: Make, wav: Make, decoded: Make
) -> None:
    file = encoded(tone(0.2), "WAV", "GSM610")
    blocks = file[file.index(b"data") + 8 :][: 65 * 5]
    odd = wav(blocks, tag=0x31, bits=0, align=65, extra=struct.pack("<HH", 2, 320)) + b"\0"
    assert len(decoded(odd).samples) == 5 * 320


def test_rifx_is_big_endian(tone: Make, encoded: Make, decoded: Make) -> None:
    file = encoded(tone(1), "WAV", "PCM_16", endian="BIG")
    assert file[:4] == b"RIFX"
    assert (decoded(file).samples == tone(1)).all()
    assert decoded(file).format.codec == "pcm_s16be"


def test_mp3_in_wav(tone: Make, encoded: Make, wav: Make, decoded: Make) -> None:
    mp3 = encoded(tone(2), "MP3", "MPEG_LAYER_III")
    inside = decoded(wav(mp3, tag=0x55, bits=0, align=1, extra=bytes(14)))
    assert (inside.format.container, inside.format.codec) == ("wav", "mp3")
    assert (inside.samples == decoded(mp3).samples).all()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"RIFF\0\0\0\0WAVEfmt \x08\0\0\0" + bytes(40), "fmt chunk is too short"),
        (b"RIFF\0\0\0\0WAVEdata\x08\0\0\0" + bytes(8), "no fmt chunk"),
        (b"RIFF\0\0\0\0WAVE" + bytes(40), "no fmt chunk where one should be, at byte 12"),
    ],
)
def test_chunks_that_lead_nowhere(content: bytes, says: str) -> None:
    with pytest.raises(DamagedAudioError, match=says):
        open_audio(content)


def test_a_header_without_data(wav: Make) -> None:
    with pytest.raises(DamagedAudioError, match="ends before its data chunk"):
        open_audio(wav(b"")[:36])


def test_the_declared_size_of_a_repaired_file_is_right(wav: Make) -> None:
    file = io.BytesIO(wav(bytes(100), size=0xFFFFFFFF))
    header = riff.read_header(file, "x")
    repaired = riff.repaired(file, header).read()
    assert riff.read_header(io.BytesIO(repaired), "x").declared_bytes == 100
