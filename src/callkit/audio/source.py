"""Open a recording, whatever it comes as and whatever it holds: `open_audio()` picks the reader by content."""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeVar

from attrs import evolve

from callkit.audio import mp3_frames, pcm, riff
from callkit.audio.ffmpeg import FfmpegReader, find_program
from callkit.audio.mp3 import Mp3Reader
from callkit.audio.reader import AudioFormat, AudioReader, Block
from callkit.audio.segment import Samples, SegmentReader
from callkit.audio.sniff import HEAD_BYTES, UNKNOWN, ZEROS, describe, sniff, suffix_of
from callkit.audio.window import Window
from callkit.errors import DamagedAudioError, UnsupportedFormatError

if TYPE_CHECKING:
    from callkit.audio.sndfile import SndfileReader

__all__ = ["AudioSource", "OpenAudio", "as_file", "name_of", "open_audio", "suffix_of"]

AudioSource = str | os.PathLike[str] | bytes | BinaryIO | Samples
"""A path, a file's bytes, a binary file object, or a `pydub.AudioSegment`."""

_MOST_CHANNELS = 64
_HIGHEST_RATE = 1_000_000  # hertz
_SEARCHED = 1 << 20  # bytes of garbage in which MP3 frames are looked for
_TOLERANCE = 0.25  # seconds between declared and decoded that encoders' own paddings make
_LIBSNDFILE = ("wav", "mp2", "flac", "ogg", "aiff", "au", "caf", "w64", "voc", "nist")
_T = TypeVar("_T", Block, pcm.Native)


def open_audio(source: AudioSource, *, name: str | None = None) -> "OpenAudio":
    """Open a recording for reading it once. Content decides how, never the file's extension.

    Args:
        source: a path, the bytes of a file, a binary file object (read from its start, wherever it stands, and left
            open; if it can't seek, it is copied to a temporary file), or a `pydub.AudioSegment`.
        name: what errors call it; by default the file's name, or "the recording".

    Returns:
        An `AudioReader` that is a context manager too.

    Raises:
        UnsupportedFormatError: no reader knows the content, or it takes ffmpeg and that is not on PATH.
        DamagedAudioError: the format is known, but nothing can be decoded.
        OSError: the file can't be read.
        TypeError: the source is none of the above.
    """
    name = name or name_of(source)
    with contextlib.ExitStack() as resources:
        if isinstance(source, Samples):
            reader: AudioReader = SegmentReader(source, name)
        else:
            handle = as_file(source, resources)
            reader = _reader(handle, name)
        resources.callback(reader.close)
        _refuse_absurd(reader.format, name)
        return OpenAudio(reader, resources.pop_all())


class OpenAudio:
    """An open recording (see `AudioReader`) that lets go of whatever was opened for it when it is closed."""

    def __init__(self, reader: AudioReader, resources: contextlib.ExitStack) -> None:
        self._reader = reader
        self._resources = resources
        self._remarks: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def format(self) -> AudioFormat:
        """See `AudioReader`."""
        return self._reader.format

    @property
    def warnings(self) -> list[str]:
        """See `AudioReader`."""
        return [*self._reader.warnings, *self._remarks]

    def blocks(self) -> Iterator[Block]:
        """See `AudioReader`."""
        return self._counted(self._reader.blocks())

    def native(self) -> Iterator[pcm.Native]:
        """See `AudioReader`."""
        return self._counted(self._reader.native())

    def close(self) -> None:
        """See `AudioReader`."""
        self._resources.close()

    def _counted(self, arrays: Iterator[_T]) -> Iterator[_T]:
        """Hold the end against what the container declared."""
        samples = 0
        for array in arrays:
            samples += len(array)
            yield array
        declared = self.format.declared_duration
        duration = samples / self.format.channels / self.format.sample_rate
        if self.format.declared_kind == "count" and declared and abs(duration - declared) > _TOLERANCE:
            self._remarks.append(f"The file declares {declared:.3f} s and holds {duration:.3f} s.")


def name_of(source: object) -> str:
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return (Path(path).name if isinstance(path, str | os.PathLike) else "") or "the recording"


def as_file(source: Any, resources: contextlib.ExitStack) -> BinaryIO:
    """A seekable binary file; `resources` closes what is opened here."""
    if isinstance(source, str | os.PathLike):
        return resources.enter_context(Path(source).open("rb", buffering=0))
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if not hasattr(source, "read") or isinstance(source, io.TextIOBase):
        raise TypeError(f"A recording is a path, bytes, a binary file or an AudioSegment, not {type(source).__name__}.")
    if hasattr(source, "seek") and (not hasattr(source, "seekable") or source.seekable()):
        return source  # type: ignore[no-any-return]  # it was asked for all that a BinaryIO is used for
    copy = resources.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # `resources` closes it
    shutil.copyfileobj(source, copy)
    return copy


def _path_of(handle: BinaryIO) -> Path | None:
    """The path that leads to the same file, for programs that open it themselves; None if there is none."""
    name = getattr(handle, "name", None)
    if not isinstance(name, str):
        return None
    try:
        same = os.path.samestat(os.fstat(handle.fileno()), Path(name).stat())
    except (OSError, ValueError, AttributeError):  # no descriptor, or the file was renamed or removed
        return None
    return Path(name).absolute() if same else None


def _refuse_absurd(found: AudioFormat, name: str) -> None:
    """A header of nonsense must not make us reserve memory for it."""
    if not 1 <= found.channels <= _MOST_CHANNELS or not 1 <= found.sample_rate <= _HIGHEST_RATE:
        raise DamagedAudioError(name, f"its header says {found.channels} channels at {found.sample_rate} Hz")


def _reader(handle: BinaryIO, name: str) -> AudioReader:
    container, head = _container(handle)
    if container is None:
        raise UnsupportedFormatError(name, describe(head))
    if container == "mp3":
        return Mp3Reader(handle, name)
    if container == "wav" and head[:4] != b"RIFX":
        return _wav(handle, name)
    return _decoder(handle, handle, name, container)


def _container(handle: BinaryIO) -> tuple[str | None, bytes]:
    """What the file is, and its first bytes. FLAC and AAC may have ID3 tags in front, too."""
    at = handle.seek(0)
    first = head = pcm.read(handle, HEAD_BYTES)
    while size := mp3_frames.id3_size(head):
        at = handle.seek(at + size)
        head = pcm.read(handle, HEAD_BYTES)
    found = sniff(head) or ("mp3" if at or _is_mp3_in_garbage(handle, head) else None)
    return found, first


def _is_mp3_in_garbage(handle: BinaryIO, head: bytes) -> bool:
    if describe(head) not in (UNKNOWN, ZEROS):
        return False
    handle.seek(0)
    return mp3_frames.sync(pcm.read(handle, _SEARCHED), chain=4) is not None


def _wav(handle: BinaryIO, name: str) -> AudioReader:
    header = riff.read_header(handle, name)
    if header.tag == riff.MP3:
        return Mp3Reader(Window(handle, header.data_start, header.data_bytes), name, "wav")
    if header.codec is not None:
        return riff.WavReader(handle, header, header.codec)
    reader = _decoder(riff.repaired(handle, header), handle, name, "wav", header.frames)
    declared = header.declared_duration
    reader.format = evolve(reader.format, declared_duration=declared, declared_kind="count" if declared else "none")
    reader.warnings.extend(header.warnings)
    return reader


def _decoder(
    view: pcm.File, handle: BinaryIO, name: str, container: str, frames: int | None = None
) -> "SndfileReader | FfmpegReader":
    """Take libsndfile if it knows the format (it gets `view`), else ffmpeg (it gets the file as it is)."""
    if container in _LIBSNDFILE:
        from callkit.audio.sndfile import SndfileReader  # noqa: PLC0415  # loads libsndfile

        try:
            return SndfileReader(view, name, container, frames)
        except DamagedAudioError:
            if find_program() is None:
                raise
    return FfmpegReader(handle, name, container, _path_of(handle))
