"""Whatever a recording comes as, and telling from its content what it is."""

import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callkit.audio import sniff
from callkit.audio.source import open_audio, suffix_of
from callkit.errors import UnsupportedFormatError

Make = Callable[..., Any]


@pytest.fixture
def call(tone: Make, wav: Make, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "call-1.mp3"  # the extension lies
    path.write_bytes(wav(tone(1).tobytes()))
    yield path
    path.unlink()  # fails on Windows if somebody left it open


def test_paths(call: Path, tone: Make, decoded: Make) -> None:
    for source in (call, str(call)):
        assert (decoded(source).samples == tone(1)).all()
        assert decoded(source).format.container == "wav"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes(kind: Callable[[bytes], Any], call: Path, decoded: Make) -> None:
    assert decoded(kind(call.read_bytes())).duration == 1


def test_file_objects_are_read_from_their_start_and_left_open(call: Path, decoded: Make) -> None:
    with call.open("rb") as buffered, call.open("rb", buffering=0) as raw, tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(call.read_bytes())
        for file in (buffered, raw, spooled):
            file.seek(100)
            assert decoded(file).duration == 1
            assert not file.closed


def test_a_file_that_can_not_seek_is_copied(call: Path, decoded: Make) -> None:
    end, start = os.pipe()

    def write() -> None:
        with os.fdopen(start, "wb") as pipe:
            pipe.write(call.read_bytes())

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(end, "rb") as pipe:
        assert decoded(pipe).duration == 1
        assert not pipe.closed
    writer.join()


def test_what_was_opened_is_closed(call: Path) -> None:
    reader = open_audio(call)
    handle = reader._reader._handle  # type: ignore[attr-defined]  # the WAV reader's
    with reader:
        assert not handle.closed
    assert handle.closed
    reader.close()


def test_a_refused_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not sound")
    with pytest.raises(UnsupportedFormatError):
        open_audio(path)  # a file left open is a ResourceWarning, and warnings are errors


@pytest.mark.parametrize(
    ("name", "expected"), [(None, "the recording"), ("upload 7", "upload 7")], ids=["default", "given"]
)
def test_what_errors_call_it(name: str | None, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not sound")
    with pytest.raises(UnsupportedFormatError) as caught:
        open_audio(b"not sound", name=name)
    assert caught.value.name == expected
    with pytest.raises(UnsupportedFormatError) as caught:
        open_audio(path, name=name)
    assert caught.value.name == (name or "notes.txt")
    with path.open("rb") as file, pytest.raises(UnsupportedFormatError) as caught:
        open_audio(file, name=name)
    assert caught.value.name == (name or "notes.txt")


@pytest.mark.parametrize("source", [7, None, io.StringIO("RIFF")])
def test_what_is_no_recording_at_all(source: Any) -> None:
    with pytest.raises(TypeError, match="a path, bytes, a binary file or an AudioSegment"):
        open_audio(source)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_audio(tmp_path / "nowhere.wav")
    with pytest.raises(OSError, match=tmp_path.name):
        open_audio(tmp_path)


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"ID3\4\0\0\0\0\0\0", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xe3\x48\xc4", "mp3"),
        (b"\xff\xfd\x90\x64", "mp2"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"fLaC", "flac"),
        (b"OggS", "ogg"),
        (b"FORM\0\0\0\0AIFC", "aiff"),
        (b"\0\0\0\x20ftypM4A ", "mp4"),
        (b"#!AMR-WB\n", "amr"),
        (b"\x1a\x45\xdf\xa3", "matroska"),
        (b"\xff\xfe<\0h\0", None),  # UTF-16
    ],
)
def test_sniff(head: bytes, container: str | None) -> None:
    assert sniff.sniff(head) == container


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "nothing: the file is empty"),
        (b"PK\3\4rest", "a ZIP archive"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\n<!DOCTYPE html><html>", "an HTML page (a log-in or an error page, perhaps)"),
        ("время,номер\n10:00,101\n".encode(), "text"),
        (b'{"error": "not found"}', "text"),
        (bytes(10), "zeros only"),
        (b"\x01\x02\x03\x80\x81", "bytes of no known audio format"),
    ],
)
def test_describe(head: bytes, words: str) -> None:
    assert sniff.describe(head) == words


def test_flac_behind_an_id3_tag_is_flac(tone: Make, encoded: Make, decoded: Make) -> None:
    found = decoded(b"ID3\4\0\0\0\0\x27\x10" + bytes(39 * 128 + 16) + encoded(tone(1), "FLAC", "PCM_16"))
    assert (found.duration, found.format.container) == (1, "flac")


def test_suffixes() -> None:
    assert [suffix_of(name) for name in ("wav", "mp3", "flac", "ogg", "mp4", "amr", "asf", "samples")] == [
        ".wav",
        ".mp3",
        ".flac",
        ".ogg",
        ".m4a",
        ".amr",
        ".wma",
        ".wav",
    ]


class Breaking(io.BytesIO):
    """A file on a disk or a server that fails in the middle."""

    whole = True

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        if not self.whole and self.tell() > len(self.getvalue()) // 2:
            raise OSError("the line broke")
        return super().read(size)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "GSM610"), ("WAV", "IMA_ADPCM"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")],
)
@pytest.mark.parametrize("decoder", ["miniaudio", "libsndfile"])
def test_a_file_that_fails_midway_is_no_shorter_recording(
    monkeypatch: pytest.MonkeyPatch, tone: Make, encoded: Make, container: str, subtype: str, decoder: str
) -> None:
    if decoder == "libsndfile":
        monkeypatch.setitem(sys.modules, "miniaudio", None)
    file = Breaking(encoded(tone(120), container, subtype))
    with open_audio(file) as reader:
        file.whole = False
        with pytest.raises(OSError, match="the line broke"):
            list(reader.blocks())
