"""Whatever a recording is handed over as, becomes a `Sound`: bytes that can be read twice, looked at and counted."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO, cast

from attrs import frozen

from callkit.audio.segment import Samples
from callkit.audio.source import AudioSource, as_file, name_of, open_audio, suffix_of
from callkit.errors import RecordingChangedError

__all__ = ["CheckedFile", "Sound", "opened"]


@frozen
class Sound:
    """A recording that came in: its bytes, and what was seen on the first look."""

    file: BinaryIO
    name: str
    container: str
    suffix: str
    size: int
    sha256: str

    def again(self) -> "CheckedFile":
        """The bytes once more, from the start."""
        self.file.seek(0)
        return CheckedFile(self)


class CheckedFile:
    """Notices, at the end, that the bytes are not those that were looked at before."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            RecordingChangedError: the file is not what was looked at; somebody may still be writing it.
        """
        data = self._sound.file.read(size)
        self._digest.update(data)
        if (not data or size < 0) and self._digest.hexdigest() != self._sound.sha256:
            raise RecordingChangedError(self._sound.name)
        return data


@contextmanager
def opened(source: AudioSource, name: str | None = None) -> Iterator[Sound]:
    """Open any form of recording and look at it: content that can't be read as audio is refused here.

    Args:
        source: a path, the bytes of a file, a binary file (read from its start if it can seek; it stays open), or a
            `pydub.AudioSegment`, which is stored as WAV.
        name: what errors and the stored recording call it; the file's own name by default.

    Raises:
        AudioError: no reader can read it.
        OSError: the file can't be opened.
    """
    name = name or name_of(source)
    with ExitStack() as resources:
        file = as_file(_exported(source) if isinstance(source, Samples) else source, resources)
        with open_audio(file, name=name) as reader:
            container = reader.format.container
        file.seek(0)
        digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
        size = file.seek(0, SEEK_END)  # of bytes in memory the digest is made without reading them
        yield Sound(file, name, container, suffix_of(container), size, digest)


def _exported(segment: Any) -> bytes:
    file = BytesIO()
    segment.export(file, format="wav")
    return file.getvalue()
