"""Whether the files of a model are all there and whole, before anything heavy is loaded; and their digest."""

import hashlib
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

__all__ = ["Tensor", "digest", "fault_of_ctranslate2", "fault_of_ggml", "tensors"]

_NEEDED = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
_CUT_OFF = "is cut off: copy or download it again"
_KNOWN_VERSION = 6  # of the format; older ones are not walked through
_GGML = b"lmgg"


@frozen
class Tensor:
    """A named array in a file: `kind` is CTranslate2's number of its type, `offset` and `size` are in bytes."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int
    size: int


def fault_of_ctranslate2(folder: Path) -> str | None:
    """What is wrong with the folder of a CTranslate2 model, as a text; None if nothing is."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        missing.append(" or ".join(_VOCABULARIES))
    if missing:
        return f"{folder} lacks {', '.join(missing)}"
    try:
        for _ in tensors(folder / "model.bin"):
            pass
    except EOFError:
        return f"{folder / 'model.bin'} {_CUT_OFF}"
    return None


def fault_of_ggml(path: Path) -> str | None:
    """What is wrong with the file of a ggml model, as a text; None if nothing is."""
    if not path.is_file():
        return f"{path} is no file"
    with path.open("rb") as file:
        return None if file.read(4) == _GGML else f"{path} is no ggml model"


def tensors(path: Path) -> Iterator[Tensor]:
    """The arrays of a CTranslate2 file, none of which is read; nothing for versions of the format that are not known.

    Raises:
        EOFError: the file ends before they do.

    Source: `ModelSpec._serialize` of CTranslate2: version, name of the architecture, revision, number of arrays; of
    each its name, number of dimensions, dimensions, type, number of bytes, bytes. All little-endian.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        if _whole(file, "I") != _KNOWN_VERSION:
            return
        _text(file)
        _whole(file, "I")
        for _ in range(_whole(file, "I")):
            name = _text(file)
            shape = tuple(_whole(file, "I") for _ in range(_whole(file, "B")))
            kind, size = _whole(file, "B"), _whole(file, "I")
            if file.tell() + size > end:
                raise EOFError
            yield Tensor(name, shape, kind, file.tell(), size)
            file.seek(size, 1)


def _whole(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(f"<{form}", _exactly(file, struct.calcsize(f"<{form}")))[0])


def _text(file: BinaryIO) -> str:
    return _exactly(file, _whole(file, "H")).rstrip(b"\0").decode("utf-8", "replace")


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


def digest(path: Path) -> str:
    """The sha-256 of a file in hexadecimal digits; of an unchanged file it is computed once in a process."""
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=16)
def _digest(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - what tells that it has changed
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
