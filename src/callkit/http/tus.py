"""Uploads that go on where they stopped: what has come so far, kept as pieces in the storage.

A piece is a blob like any other, so this works with every storage, across servers and restarts. What came of a piece
whose connection broke is kept, up to the byte; if the server itself dies, what came since the last `_PIECE` is sent
again.
"""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, BinaryIO, Self
from uuid import UUID

from attrs import field, frozen

from callkit.errors import BlobNotFoundError, NotFoundError
from callkit.protocols import Blob, Storage
from callkit.stream import Stream

__all__ = ["LIFETIME", "Pieces", "Resumable", "UploadGoneError", "remove_uploads", "sweep_uploads"]

LIFETIME = timedelta(hours=24)
"""How long an upload waits for its next piece."""

_FOLDER = "uploads"
_PIECE = 64 << 20
_NAME = re.compile(r"(\d{15})\.piece", re.ASCII)


class UploadGoneError(NotFoundError):
    """There is no such upload: it is complete, was given up, or waited too long."""

    code = "upload_not_found"
    sentence = "There is no such upload: it is complete, was given up, or waited too long. Begin it anew."


@frozen
class Resumable:
    """An upload that was begun.

    Attributes:
        call_id: whose recording it will be.
        token: its name, which nobody can guess.
        length: bytes of the whole.
        name: of the recording.
        metadata: as the client sent it.
        begun_at: aware.
    """

    call_id: UUID
    token: str
    length: int
    name: str
    metadata: str
    begun_at: datetime

    @classmethod
    def new(cls, call_id: UUID, length: int, name: str, metadata: str) -> Self:
        """One that is begun now."""
        return cls(call_id, secrets.token_hex(16), length, name, metadata, datetime.now(UTC))


@frozen
class Pieces:
    """What has come of one upload."""

    storage: Storage
    call_id: UUID
    token: str
    _folder: str = field(init=False)

    @_folder.default
    def _own(self) -> str:
        return f"{_FOLDER}/{self.call_id}/{self.token}"

    def begin(self, upload: Resumable) -> None:
        """Keep what is known of it."""
        known = {"length": upload.length, "name": upload.name, "metadata": upload.metadata}
        text = json.dumps(known | {"begun_at": upload.begun_at.isoformat()})
        self.storage.put(f"{self._folder}/about.json", BytesIO(text.encode()))

    def about(self) -> Resumable:
        """What is known of it.

        Raises:
            UploadGoneError: nothing.
        """
        try:
            with self.storage.open(f"{self._folder}/about.json") as file:
                known: Mapping[str, Any] = json.loads(file.read())
        except BlobNotFoundError:
            raise UploadGoneError from None
        begun_at = datetime.fromisoformat(known["begun_at"])
        return Resumable(self.call_id, self.token, known["length"], known["name"], known["metadata"], begun_at)

    def offset(self) -> int:
        """How many bytes have come, without a gap."""
        found = self._found()
        return _start(found[-1]) + found[-1].size if found else 0

    def append(self, offset: int, source: Stream) -> int:
        """Keep what can be read; the new offset."""
        while source.peek(1):
            piece = _Piece(source, _PIECE)
            self.storage.put(f"{self._folder}/{offset:015}.piece", piece)
            offset += piece.size
        return offset

    def open(self) -> "_Whole":
        """All pieces as one file, to be read once."""
        return _Whole(self.storage, [blob.key for blob in self._found()])

    def remove(self) -> None:
        """Forget it. What is known of it goes last: while that is there, a removal can be repeated."""
        blobs = sorted(self.storage.list(f"{self._folder}/"), key=lambda blob: blob.key.endswith(".json"))
        for blob in blobs:
            self.storage.delete(blob.key)

    def _found(self) -> Sequence[Blob]:
        """The pieces that follow each other from the start."""
        blobs = sorted(
            (blob for blob in self.storage.list(f"{self._folder}/") if _NAME.fullmatch(blob.key.rpartition("/")[2])),
            key=lambda blob: blob.key,
        )
        found: list[Blob] = []
        end = 0
        for blob in blobs:
            if _start(blob) == end:
                found.append(blob)
                end += blob.size
        return found


def _start(blob: Blob) -> int:
    return int(blob.key.rpartition("/")[2].partition(".")[0])


class _Piece:
    """So much of a source, at most."""

    def __init__(self, source: Stream, most: int) -> None:
        self._source = source
        self._left = most
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(self._left if size < 0 else min(size, self._left)) if self._left else b""
        self._left -= len(data)
        self.size += len(data)
        return data


class _Whole:
    """Blobs, one behind the other."""

    def __init__(self, storage: Storage, keys: Sequence[str]) -> None:
        self._resources = ExitStack()
        self._files = self._opened(storage, keys)
        self._file: BinaryIO | None = next(self._files, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def read(self, size: int = -1, /) -> bytes:
        while self._file is not None:
            if data := self._file.read(size):
                return data
            self._file = next(self._files, None)
        return b""

    def _opened(self, storage: Storage, keys: Sequence[str]) -> Iterator[BinaryIO]:
        for key in keys:
            self._resources.close()
            yield self._resources.enter_context(storage.open(key))


def remove_uploads(storage: Storage, call_id: UUID) -> None:
    """Remove what came of all uploads of a call."""
    for blob in list(storage.list(f"{_FOLDER}/{call_id}/")):
        storage.delete(blob.key)


def sweep_uploads(storage: Storage, now: datetime) -> int:
    """Remove what waited too long for its next piece; how many uploads that were."""
    latest: dict[str, datetime] = {}
    keys: dict[str, list[str]] = {}
    for blob in storage.list(f"{_FOLDER}/"):
        folder = blob.key.rpartition("/")[0]
        keys.setdefault(folder, []).append(blob.key)
        latest[folder] = max(blob.modified_at, latest.get(folder, blob.modified_at))
    old = [folder for folder, moment in latest.items() if moment < now - LIFETIME]
    for folder in old:
        for key in keys[folder]:
            storage.delete(key)
    return len(old)
