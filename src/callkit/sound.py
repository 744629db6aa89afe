"""Whatever a recording is handed over as, becomes a `Sound`: bytes that can be read twice, looked at and counted."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from attrs import frozen

from callkit.audio.source import open_audio, suffix_of
from callkit.errors import DamagedAudioError

if TYPE_CHECKING:
    pass

__all__ = ["Sound", "Source", "opened"]

Source = "str | os.PathLike[str] | bytes | BinaryIO | AudioSegment"
"""A path, the bytes of a file, a binary file (seekable or not), or a pydub.AudioSegment."""

_IN_MEMORY = 1 << 20


@frozen
class Sound:
    """A recording that came in: its bytes, and what was seen on the first look."""

    file: BinaryIO
    name: str
    container: str
    suffix: str
    size: int
    sha256: str

    def copied(self) -> "CheckedFile":
        """The bytes from the start, to be stored."""
        self.file.seek(0)
        return CheckedFile(self.file, self)


class CheckedFile:
    """A file that notices, at its end, that it is not what was looked at before."""

    def __init__(self, file: BinaryIO, sound: Sound) -> None:
        self._file = file
        self._sound = sound
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            DamagedAudioError: the file changed since it was looked at; somebody may still be writing it.
        """
        data = self._file.read(size)
        self._digest.update(data)
        if (not data or size < 0) and self._digest.hexdigest() != self._sound.sha256:
            raise DamagedAudioError(self._sound.name, "it changed while it was read, so it may still be being written")
        return data


@contextmanager
def opened(source: Any, name: str | None = None) -> Iterator[Sound]:
    """Open any form of recording, and look at it: content that can't be read as audio is refused here.

    Args:
        source: see `Source`. A file object is read from its start if it can seek, and stays open.
        name: what errors and the stored recording call it; the file's own name by default.

    Raises:
        AudioError: no reader can read it.
        OSError: the file can't be opened.
    """
    with _as_file(source) as file:
        name = name or _name_of(source)
        with open_audio(file, name=name) as reader:
            container = reader.format.container
        file.seek(0)
        digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
        yield Sound(file, name, container, suffix_of(container), file.tell(), digest)


@contextmanager
def _as_file(source: Any) -> Iterator[BinaryIO]:
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield file
    elif isinstance(source, bytes | bytearray | memoryview):
        yield BytesIO(source)
    elif hasattr(source, "raw_data"):
        exported = BytesIO()
        source.export(exported, format="wav")
        yield exported
    elif source.seekable():
        yield source
    else:
        with SpooledTemporaryFile(_IN_MEMORY) as spooled:
            shutil.copyfileobj(source, cast(IO[bytes], spooled))
            yield cast(BinaryIO, spooled)


def _name_of(source: Any) -> str:
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return Path(path).name if isinstance(path, str | os.PathLike) else "the recording"
