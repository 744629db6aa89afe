"""The reader of last resort: with ffmpeg on PATH it reads, without it the error says so."""

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from callkit.audio import ffmpeg
from callkit.audio.source import open_audio
from callkit.errors import DamagedAudioError, UnsupportedFormatError

Make = Callable[..., Any]
FFMPEG = shutil.which("ffmpeg")


def _made(folder: Path, samples: bytes, name: str, *options: str) -> bytes:
    """The samples as ffmpeg encodes them, or a file that starts like it where there is no ffmpeg."""
    if FFMPEG is None:
        return b"\0\0\0\x18ftypM4A " + bytes(100)
    path = folder / name
    raw = ["-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "pipe:0"]
    subprocess.run([FFMPEG, "-v", "error", *raw, *options, str(path)], input=samples, check=True)
    return path.read_bytes()


def _check(source: Any, decoded: Make, codec: str, container: str, seconds: float) -> None:
    if FFMPEG is None:
        with pytest.raises(UnsupportedFormatError, match="ffmpeg is not on PATH"):
            decoded(source)
        return
    found = decoded(source)
    assert (found.format.codec, found.format.container) == (codec, container)
    assert found.duration == pytest.approx(seconds, abs=0.3)  # frames of 1024 samples, some of them the encoder's delay
    assert found.format.declared_duration == pytest.approx(seconds, abs=0.5)
    assert found.warnings == []


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.m4a", "aac", "mp4"), ("a.wma", "wmav2", "asf"), ("a.mka", "ac3", "matroska"), ("a.aac", "aac", "aac")],
)
def test_formats(name: str, codec: str, container: str, *, tone: Make, decoded: Make, tmp_path: Path) -> None:
    rate = ["-ar", "32000", "-c:a", "ac3"] if codec == "ac3" else []
    _check(_made(tmp_path, tone(4).tobytes(), name, *rate), decoded, codec, container, 4)


@pytest.mark.parametrize("name", ["-call.m4a", "разговор с клиентом.m4a", "a%d.m4a"])
def test_odd_file_names(name: str, tone: Make, decoded: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(_made(tmp_path, tone(2).tobytes(), "made.m4a"))
    monkeypatch.chdir(tmp_path)
    _check(name, decoded, "aac", "mp4", 2)


def test_a_name_with_a_colon_is_no_protocol() -> None:
    assert ffmpeg._input(Path("http:call.m4a"), "mp4")[-1] == "file:http:call.m4a"


def test_a_process_that_hangs_is_ended() -> None:
    with tempfile.TemporaryFile() as errors:
        with ffmpeg._running([sys.executable, "-c", "import time; time.sleep(5)"], errors) as process:
            assert process.poll() is None
        assert process.returncode != 0  # it did not come to its own end


def test_a_file_object_without_a_path(tone: Make, decoded: Make, tmp_path: Path) -> None:
    file = io.BytesIO(_made(tmp_path, tone(2).tobytes(), "made.m4a"))
    file.seek(0, io.SEEK_END)
    _check(file, decoded, "aac", "mp4", 2)
    assert not file.closed


def test_a_wav_with_a_codec_that_no_library_knows(tone: Make, wav: Make, decoded: Make, tmp_path: Path) -> None:
    if FFMPEG is None:
        with pytest.raises((DamagedAudioError, UnsupportedFormatError)):
            decoded(wav(bytes(100), tag=0x161))
        return
    found = decoded(_made(tmp_path, tone(2).tobytes(), "made.wav", "-c:a", "wmav2"))
    assert (found.format.codec, found.format.container, found.format.declared_kind) == ("wmav2", "wav", "none")
    assert found.duration == pytest.approx(2, abs=0.3)


def test_without_ffmpeg_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_: None)
    with pytest.raises(UnsupportedFormatError) as caught:
        open_audio(b"#!AMR\n" + bytes(100), name="call.amr")
    assert caught.value.saw == "an AMR recording, and ffmpeg is not on PATH"


def test_the_process_and_the_copy_go_when_the_reader_is_closed(tone: Make, tmp_path: Path) -> None:
    content = _made(tmp_path, tone(60).tobytes(), "made.m4a")
    if FFMPEG is None:
        with pytest.raises(UnsupportedFormatError):
            ffmpeg.FfmpegReader(io.BytesIO(content), "x", "mp4")
        return
    reader = ffmpeg.FfmpegReader(io.BytesIO(content), "x", "mp4")
    process = reader._process
    assert isinstance(process.args, list)
    copied = Path(process.args[process.args.index("-i") + 1].removeprefix("file:"))
    next(iter(reader.blocks()))
    assert copied.exists()
    assert process.poll() is None
    reader.close()
    reader.close()
    assert process.poll() is not None
    assert not copied.exists()


def test_a_video_without_sound_is_an_error(tmp_path: Path) -> None:
    if FFMPEG is None:
        content = _made(tmp_path, b"", "")
    else:
        path = tmp_path / "silent.mp4"
        picture = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", "16x16", "-i", "pipe:0", "-c:v", "mpeg4", str(path)]
        subprocess.run([FFMPEG, "-v", "error", *picture], input=bytes(2560), check=True)
        content = path.read_bytes()
    with pytest.raises(DamagedAudioError if FFMPEG else UnsupportedFormatError):
        open_audio(content)


def test_a_playlist_is_text_and_never_reaches_ffmpeg(tmp_path: Path) -> None:
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:/etc/hostname\n"
    with pytest.raises(UnsupportedFormatError, match="it holds text"):
        open_audio(playlist)


def test_more_than_two_channels(tmp_path: Path, decoded: Make) -> None:
    samples = np.zeros((8000, 1), np.int16)
    content = _made(tmp_path, samples.tobytes(), "made.m4a", "-af", "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0")
    if FFMPEG is None:
        with pytest.raises(UnsupportedFormatError):
            decoded(content)
        return
    assert decoded(content).format.channels == 6


def test_pydubs_setting_tells_where_ffmpeg_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suffix = ".exe" if sys.platform == "win32" else ""
    for name in ("ffmpeg", "ffprobe"):
        program = tmp_path / f"{name}{suffix}"
        program.write_bytes(b"")
        program.chmod(0o755)
    told = SimpleNamespace(AudioSegment=SimpleNamespace(converter=str(tmp_path / f"ffmpeg{suffix}")))
    monkeypatch.setitem(sys.modules, "pydub", told)
    assert ffmpeg.find_program() == str(tmp_path / f"ffmpeg{suffix}")
    assert ffmpeg.find_program("ffprobe") == str(tmp_path / f"ffprobe{suffix}")
