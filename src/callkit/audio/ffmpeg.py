"""The reader of last resort: the ffmpeg program decodes M4A, AMR, WMA and whatever no library of ours knows."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

from callkit.audio import pcm
from callkit.audio.reader import AudioFormat, Block
from callkit.audio.riff import read_header
from callkit.errors import DamagedAudioError, UnsupportedFormatError

__all__ = ["FfmpegReader", "find_program"]

# The format is told, not guessed: a playlist could name other files. These are ffmpeg's names where they are not ours.
_DEMUXERS = {"mp2": "mp3", "mp4": "mov", "mpegps": "mpeg", "nist": "nistsphere", "wavpack": "wv"}
_KINDS = {"mp4": "an MPEG-4 container", "amr": "an AMR recording", "asf": "a Windows Media file"}
_COUNTING = ("mp4", "asf", "matroska", "avi", "flv", "wavpack", "ape", "tta")  # containers that state their length
_S16 = pcm.CODECS["pcm_s16le"]


class FfmpegReader:
    """A process that writes 16-bit samples into a pipe; it ends with the reader."""

    def __init__(self, handle: pcm.File, name: str, container: str, path: Path | None = None) -> None:
        program = find_program()
        if program is None:
            kind = _KINDS.get(container, f"{container.upper()} audio of a kind that needs ffmpeg")
            raise UnsupportedFormatError(name, f"{kind}, and ffmpeg is not on PATH")
        self._name = name
        self.warnings: list[str] = []
        with contextlib.ExitStack() as resources:
            file = resources.enter_context(_copy(handle)) if path is None else path
            self._errors = resources.enter_context(tempfile.TemporaryFile())
            self._process = resources.enter_context(_running(_command(program, file, container), self._errors))
            self.format = self._find_format(container, _probe(file, container))
            self._resources = resources.pop_all()

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None  # a pipe was asked for
        return self._process.stdout

    def _find_format(self, container: str, probe: dict[str, Any]) -> AudioFormat:
        """Read the header of the WAV that ffmpeg writes: up to and with the data chunk's own."""
        head = pcm.read(self._output, 20)
        head += pcm.read(self._output, int.from_bytes(head[16:20], "little") + 8) if len(head) == 20 else b""
        if head[-8:-4] != b"data":
            self._output.close()  # so that it can't wait for us
            self._process.wait()
            raise DamagedAudioError(self._name, self._complaint() or "ffmpeg finds no sound in it")
        header = read_header(io.BytesIO(head), self._name)
        codec = next((stream["codec_name"] for stream in probe.get("streams", ())), "unknown")
        duration = probe.get("format", {}).get("duration")
        if duration is None:
            return AudioFormat(container, codec, header.sample_rate, header.channels)
        kind: Literal["count", "estimate"] = "count" if container in _COUNTING else "estimate"
        return AudioFormat(container, codec, header.sample_rate, header.channels, float(duration), kind)

    def blocks(self) -> Iterator[Block]:
        """See `AudioReader`."""
        some = False
        for block in pcm.blocks(self._output, _S16, self.format.channels):
            some = True
            yield block
        self._process.wait()
        complaint = self._complaint()
        if complaint and not some:
            raise DamagedAudioError(self._name, complaint)
        if complaint:
            self.warnings.append(f"ffmpeg says: {complaint}.")

    def native(self) -> Iterator[Block]:
        """See `AudioReader`: pydub holds what ffmpeg decodes in 16 bits."""
        return self.blocks()

    def close(self) -> None:
        """End the process."""
        self._resources.close()

    def _complaint(self) -> str:
        """The first thing that ffmpeg wrote to stderr, without the address of its demuxer."""
        self._errors.seek(0)
        line = self._errors.readline().decode(errors="replace")
        return re.sub(r"^\[[^]]*\] ", "", line).strip().rstrip(".")


def find_program(name: str = "ffmpeg") -> str | None:
    """Path of ffmpeg or ffprobe; None if it is not there.

    If pydub is imported and was told where ffmpeg is (`AudioSegment.converter`), that one is taken.
    """
    told = getattr(getattr(sys.modules.get("pydub"), "AudioSegment", None), "converter", None)
    converter = shutil.which(told or "ffmpeg")
    if name == "ffmpeg" or converter is None:
        return converter or shutil.which(name)
    beside = Path(converter).with_name(Path(converter).name.replace("ffmpeg", name))
    return shutil.which(str(beside)) or shutil.which(name)


def _input(file: Path, container: str) -> list[str]:
    """Only local files, and `file:` lets their names start with a dash."""
    return ["-protocol_whitelist", "file,pipe", "-f", _DEMUXERS.get(container, container), "-i", f"file:{file}"]


def _command(program: str, file: Path, container: str) -> list[str]:
    only_sound = ["-vn", "-sn", "-dn", "-c:a", "pcm_s16le", "-bitexact", "-f", "wav", "pipe:1"]
    return [program, "-nostdin", "-v", "error", *_input(file, container), *only_sound]


def _probe(file: Path, container: str) -> dict[str, Any]:
    """What ffprobe says of codec and duration; nothing if it is not there or has nothing to say."""
    program = find_program("ffprobe")
    if program is None:
        return {}
    wanted = ["-select_streams", "a", "-show_entries", "format=duration:stream=codec_name", "-of", "json"]
    command = [program, "-v", "quiet", *_input(file, container), *wanted]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        found: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {}
    return found


@contextlib.contextmanager
def _running(command: list[str], errors: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, bufsize=0)
    try:
        yield process
    finally:
        process.kill()
        if process.stdout:
            process.stdout.close()
        process.wait()


@contextlib.contextmanager
def _copy(handle: pcm.File) -> Iterator[Path]:
    """For ffmpeg, which wants to seek: what is no file on disk becomes one for a while."""
    with tempfile.TemporaryDirectory(prefix="callkit-") as folder:
        path = Path(folder, "recording")
        handle.seek(0)
        with path.open("wb") as copy:
            shutil.copyfileobj(handle, copy)
        yield path
