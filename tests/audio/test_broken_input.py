"""What must come out of broken recordings; every row is a mistake that some other reader makes."""

import shutil
import struct
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callkit.audio import ffmpeg, mp3_frames
from callkit.audio.source import open_audio
from callkit.errors import AudioError, DamagedAudioError, UnsupportedFormatError

Make = Callable[..., Any]
SECONDS = 6
BYTES = 16000  # a second of 8 kHz 16-bit mono


@pytest.fixture(scope="module")
def pcm(tone: Make) -> bytes:
    return bytes(tone(SECONDS).tobytes())


@pytest.fixture(scope="module")
def mp3(tone: Make, encoded: Make) -> bytes:
    return bytes(encoded(tone(20), "MP3", "MPEG_LAYER_III"))


# ---- WAV


def test_a_wav_that_declares_more_than_it_holds(pcm: bytes, wav: Make, decoded: Make) -> None:
    found = decoded(wav(pcm, size=2 * len(pcm)))
    assert found.duration == SECONDS
    assert (found.format.declared_duration, found.format.declared_kind) == (2 * SECONDS, "count")
    assert found.warnings == ["The file declares 12.000 s and holds 6.000 s."]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 36])
def test_a_wav_whose_size_was_never_written(size: int, pcm: bytes, wav: Make, decoded: Make) -> None:
    found = decoded(wav(pcm, size=size))
    assert found.duration == SECONDS
    assert (found.format.declared_duration, found.format.declared_kind) == (None, "none")
    assert "never written" in found.warnings[0]


def test_a_wav_that_holds_more_than_it_declares(pcm: bytes, wav: Make, decoded: Make) -> None:
    found = decoded(wav(pcm, size=len(pcm) // 2))
    assert found.duration == found.format.declared_duration == SECONDS / 2
    assert found.warnings == ["48000 bytes after the data chunk are no chunk and were left out."]


@pytest.mark.parametrize("pad", [True, False])
def test_an_odd_chunk_with_and_without_a_pad_byte(pad: bool, pcm: bytes, wav: Make, chunk: Make, decoded: Make) -> None:
    found = decoded(wav(pcm, before=chunk(b"LIST", b"INFOISFT\3\0\0\0abc", pad=pad)))
    assert (found.duration, found.warnings) == (SECONDS, [])


def test_chunks_around_the_data_and_an_odd_trailing_byte(pcm: bytes, wav: Make, chunk: Make, decoded: Make) -> None:
    around = wav(pcm, before=chunk(b"LIST", b"INFO") + chunk(b"bext", bytes(602)), after=chunk(b"id3 ", b"ID3"))
    assert (decoded(around).duration, decoded(around).warnings) == (SECONDS, [])
    odd = decoded(wav(pcm + b"\1"))
    assert (odd.duration, odd.warnings) == (SECONDS, [])


def test_an_odd_data_chunk_without_a_pad_byte_before_another(pcm: bytes, wav: Make, chunk: Make, decoded: Make) -> None:
    file = wav(pcm + b"\1") + chunk(b"LIST", b"INFO")
    assert (decoded(file).duration, decoded(file).warnings) == (SECONDS, [])


@pytest.mark.parametrize(("tag", "bits", "width", "codec"), [(1, 24, 4, "pcm_s24le"), (7, 8, 2, "pcm_mulaw")])
def test_wave_format_extensible(
    *, tag: int, bits: int, width: int, codec: str, pcm: bytes, wav: Make, decoded: Make
) -> None:
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    found = decoded(wav(pcm, tag=0xFFFE, bits=bits, extra=struct.pack("<HHI", 22, bits, 4) + guid))
    assert found.duration == SECONDS * 16 / bits
    assert (found.format.codec, found.format.width) == (codec, width)


def test_rf64_with_its_size_in_ds64(pcm: bytes, wav: Make, chunk: Make, decoded: Make) -> None:
    def rf64(size: int) -> bytes:
        plain = wav(pcm, size=0xFFFFFFFF, riff=b"RF64")
        return bytes(plain[:12] + chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0)) + plain[12:])

    whole, cut = decoded(rf64(len(pcm))), decoded(rf64(2 * len(pcm)))
    assert (whole.duration, whole.format.declared_duration, whole.warnings) == (SECONDS, SECONDS, [])
    assert (cut.duration, cut.format.declared_duration) == (SECONDS, 2 * SECONDS)


def test_a_header_only(wav: Make, chunk: Make, decoded: Make) -> None:
    found = decoded(wav(b""))
    assert (found.duration, found.format.declared_kind) == (0, "none")
    assert found.warnings == ["The file holds a header and no sound."]
    empty = decoded(wav(b"", after=chunk(b"LIST", b"INFO")))
    assert (empty.duration, empty.warnings) == (0, ["The data chunk is empty: there is no sound."])


def test_a_promise_of_four_gigabytes_reserves_nothing(wav: Make, decoded: Make) -> None:
    file = wav(bytes(1024), tag=3, bits=64, channels=64, size=0xFFFFEFFF)
    tracemalloc.start()
    found = decoded(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.samples) == 2
    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"channels": 0, "align": 2}, "0 channels"),
        ({"channels": 65}, "65 channels"),
        ({"rate": 0}, "0 Hz"),
        ({"rate": 1_000_001}, "1000001 Hz"),
    ],
)
def test_an_absurd_header(change: dict[str, int], says: str, wav: Make) -> None:
    with pytest.raises(DamagedAudioError, match=says):
        open_audio(wav(bytes(400), **change), name="odd.wav")


@pytest.mark.parametrize("kind", ["GSM610", "IMA_ADPCM"])
def test_a_block_codec_cut_to_a_quarter(kind: str, tone: Make, encoded: Make, decoded: Make) -> None:
    file = encoded(tone(12), "WAV", kind)
    found = decoded(file[: len(file) // 4])
    assert 2.9 < found.duration <= 3
    assert found.format.declared_duration == pytest.approx(12, abs=0.1)
    assert found.warnings[0].startswith("The file declares 12.")


def test_a_gsm_file_whose_size_was_never_written(tone: Make, encoded: Make, decoded: Make) -> None:
    file = bytearray(encoded(tone(12), "WAV", "GSM610"))
    at = file.index(b"data") + 4
    file[at : at + 4] = bytes(4)
    found = decoded(bytes(file))
    assert (found.duration, found.format.declared_duration) == (12, None)
    assert "never written" in found.warnings[0]


# ---- neither WAV nor MP3


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", UnsupportedFormatError, "nothing: the file is empty"),
        (b"RIFF", UnsupportedFormatError, "the start of a RIFF file"),
        (b"RIFF\0\0\0\0WAVE", DamagedAudioError, "ends before its fmt chunk"),
        (np.random.default_rng(1).bytes(50_000), UnsupportedFormatError, "bytes of no known audio format"),
        (bytes(50_000), UnsupportedFormatError, "zeros only"),
    ],
)
def test_no_recording_at_all_is_one_error_that_names_the_file(
    content: bytes, error: type[AudioError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        open_audio(content, name="call-7.wav")
    assert str(caught.value).startswith("call-7.wav ")


def test_an_opus_file_cut_to_a_quarter(tone: Make, encoded: Make, decoded: Make) -> None:
    file = encoded(tone(24, 16000), "OGG", "OPUS", 16000)
    found = decoded(file[: len(file) // 4])
    assert 4.5 < found.duration < 6.5  # whole pages of a second
    assert found.format.declared_duration == pytest.approx(found.duration)


def test_a_flac_file_that_ends_early(tone: Make, encoded: Make, decoded: Make) -> None:
    file = encoded(tone(12), "FLAC", "PCM_16")
    found = decoded(file[: len(file) // 4])
    assert 2 < found.duration <= 3.1
    assert (found.format.declared_duration, found.format.declared_kind) == (12, "count")
    assert found.warnings[-1].startswith("The file declares 12.000 s")


# ---- MP3


def _without_info(file: bytes) -> bytes:
    first = mp3_frames.parse(file, 0)
    assert first is not None
    return file[first.size :]


def test_a_vbr_mp3_without_xing(tone: Make, encoded: Make, decoded: Make) -> None:
    rise = tone(20) * np.linspace(0, 1, 160_000)[:, None] ** 2  # quiet first: a guess from the first frames goes wrong
    file = encoded(rise.astype(np.int16), "MP3", "MPEG_LAYER_III", bitrate_mode="VARIABLE")
    found = decoded(_without_info(file))
    assert found.duration == pytest.approx(20.1, abs=0.1)
    assert found.format.declared_kind == "estimate"


def test_an_mp3_cut_in_half(mp3: bytes, decoded: Make) -> None:
    found = decoded(mp3[: len(mp3) // 2])
    assert found.duration == pytest.approx(10, abs=0.35)
    assert (found.format.declared_duration, found.format.declared_kind) == (20, "count")
    assert found.warnings[0] == "The file ends in the middle of an MP3 frame."
    assert found.warnings[1].startswith("The file declares 20.000 s and holds 9.")


def test_zeros_inside_an_mp3(mp3: bytes, decoded: Make) -> None:
    found = decoded(mp3[:20000] + bytes(3000) + mp3[23000:])
    assert 18 < found.duration < 19.3
    assert "bytes are not MP3" in found.warnings[0]
    assert found.format.declared_duration == 20


@pytest.mark.parametrize("garbage", [np.random.default_rng(2).bytes(5000), bytes(5000)], ids=["random", "zeros"])
def test_an_mp3_after_garbage(garbage: bytes, mp3: bytes, decoded: Make) -> None:
    found = decoded(garbage + mp3)
    assert found.duration == found.format.declared_duration == 20
    assert found.warnings == ["5000 bytes are not MP3 and were left out."]


def test_a_short_mp3_after_a_little_garbage(tone: Make, encoded: Make, decoded: Make) -> None:
    found = decoded(b"\1\x80" * 50 + encoded(tone(0.5), "MP3", "MPEG_LAYER_III"))
    assert (found.duration, found.warnings) == (0.5, ["100 bytes are not MP3 and were left out."])


def test_an_mp3_after_a_large_id3_tag(mp3: bytes, decoded: Make) -> None:
    found = decoded(b"ID3\4\0\0\0\x40\0\0" + bytes(1 << 20) + mp3 + b"TAG" + bytes(125))
    assert (found.duration, found.warnings) == (20, [])


def test_an_mp3_named_wav(mp3: bytes, decoded: Make, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(mp3)
    assert (decoded(path).duration, decoded(path).format.container) == (20, "mp3")


@pytest.mark.parametrize("first_channels", [1, 2])
def test_two_mp3s_of_different_channel_count_joined(
    first_channels: int, mp3: bytes, tone: Make, encoded: Make, decoded: Make
) -> None:
    other = encoded(tone(20, channels=2), "MP3", "MPEG_LAYER_III")
    found = decoded(mp3 + other if first_channels == 1 else other + mp3)
    assert (found.duration, found.format.channels) == (40, first_channels)
    assert found.warnings == ["The file declares 20.000 s and holds 40.000 s."]


# ---- M4A: the files are made by ffmpeg; without it, the error says that it is missing


def _m4a(folder: Path, samples: bytes, *options: str) -> bytes:
    """An M4A, or what looks like the start of one where there is no ffmpeg to make it."""
    program = shutil.which("ffmpeg")
    if program is None:
        return b"\0\0\0\x18ftypM4A " + bytes(100)
    path = folder / "made.m4a"
    raw = ["-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "pipe:0"]
    subprocess.run([program, "-v", "error", *raw, "-c:a", "aac", *options, str(path)], input=samples, check=True)
    return path.read_bytes()


def test_an_m4a_without_moov(pcm: bytes, tmp_path: Path) -> None:
    file = _m4a(tmp_path, pcm)
    says = "moov atom not found" if ffmpeg.find_program() else "an MPEG-4 container, and ffmpeg is not on PATH"
    with pytest.raises(AudioError, match=says):
        open_audio(file[: len(file) // 2])


def test_a_fragmented_m4a_cut_in_half(pcm: bytes, tmp_path: Path, decoded: Make) -> None:
    fragments = ("-movflags", "frag_keyframe+dash+global_sidx", "-frag_duration", "500000")
    file = _m4a(tmp_path, pcm * 4, *fragments)
    if ffmpeg.find_program() is None:
        with pytest.raises(UnsupportedFormatError, match="an MPEG-4 container, and ffmpeg is not on PATH"):
            decoded(file)
        return
    found = decoded(file[: len(file) // 2])
    assert found.duration == pytest.approx(12, abs=0.6)
    assert found.format.declared_duration == pytest.approx(24, abs=0.3)
    assert any("declares 24." in warning for warning in found.warnings)
