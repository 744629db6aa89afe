"""`Uploads`: recordings that arrive as a stream, which is read once, written once, and never held.

The blob comes first, then the row that promises the work, then the hint that there is work: what fails before the row
is saved leaves nothing behind but, at worst, a blob that `sweep` removes.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from attrs import frozen

from callkit.audio.sniff import HEAD_BYTES, UNKNOWN, ZEROS, describe, sniff, suffix_of
from callkit.audio.source import open_audio
from callkit.core.call import Call, Recording, Status
from callkit.errors import (
    BlobNotFoundError,
    CallErasedError,
    CallKitError,
    RecordingExistsError,
    SettingsError,
    StaleCallError,
    UnsupportedFormatError,
)
from callkit.protocols import Readable, Repository, SignsUrls, Storage
from callkit.stream import Stream
from callkit.work import Clock

__all__ = ["UploadLink", "Uploads", "admit"]

_CHUNK = 1 << 20
_TOKEN = re.compile(r"[0-9a-f]{32}")
_UNNAMED = "the recording"


@frozen
class UploadLink:
    """Where a client may put a recording by itself.

    Attributes:
        id: what `CallKit.finish_upload` wants to be told.
        url: for one PUT of the whole file.
        expires_at: aware.
    """

    id: str
    url: str
    expires_at: datetime


def admit(call: Call) -> None:
    """Whether a recording of a call may come.

    Raises:
        RecordingExistsError: it has one.
        CallErasedError: it was erased.
    """
    if call.status is Status.ERASED:
        raise CallErasedError(_UNNAMED, str(call.id))
    if call.recording is not None:
        raise RecordingExistsError(str(call.id))


@frozen
class Uploads:
    """Takes what arrives into the storage and attaches it to its call."""

    repository: Repository
    storage: Storage
    submit: Callable[[Call], None]
    now: Clock

    def take(self, call_id: UUID, source: Readable, name: str) -> Call:
        """Store all that can be read, look at it, and attach it."""
        call = self.repository.get(call_id)
        admit(call)
        counted = _Counted(source, name)
        key = f"{_folder(call_id)}/{secrets.token_hex(4)}{counted.suffix}"
        self.storage.put(key, counted)
        return self._attach(call_id, key, name, counted.size, counted.sha256)

    def link(self, call_id: UUID, expires: timedelta) -> UploadLink:
        """A URL under which the client stores it, without us in between."""
        admit(self.repository.get(call_id))
        if not isinstance(self.storage, SignsUrls):
            raise SettingsError("This storage can't sign URLs, so a recording can't be put there directly: upload it.")
        token = secrets.token_hex(16)
        url = self.storage.sign(_direct_key(call_id, token), "PUT", expires=expires)
        return UploadLink(token, url, self.now() + expires)

    def finish(self, call_id: UUID, token: str, name: str, accept: Callable[[int], object] | None) -> Call:
        """Attach what the client has stored under a link, unless `accept` raises when told the size."""
        if not _TOKEN.fullmatch(token):
            raise BlobNotFoundError(token)
        call, key = self.repository.get(call_id), _direct_key(call_id, token)
        if call.recording is not None and call.recording.key == key:
            return call  # told again
        admit(call)
        with self.storage.open(key) as file:
            try:
                if accept is not None:
                    accept(file.seek(0, 2))
                counted = _read_through(file, name)
            except CallKitError:
                self.storage.delete(key)
                raise
        return self._attach(call_id, key, name, counted.size, counted.sha256)

    def _attach(self, call_id: UUID, key: str, name: str, size: int, sha256: str) -> Call:
        """The blob is there; if it can't become the recording, it goes again."""
        try:
            with self.storage.open(key) as file, open_audio(file, name=name or _UNNAMED) as reader:
                container = reader.format.container
            recording = Recording(key, name, size, sha256, container, self.now())
            call = self._save(call_id, recording)
        except CallKitError:
            self.storage.delete(key)
            raise
        self.submit(call)
        return call

    def _save(self, call_id: UUID, recording: Recording) -> Call:
        """Whatever else happens to the call meanwhile: tags may come, or somebody faster with another recording."""
        while True:
            call = self.repository.get(call_id)
            if call.recording is not None and call.recording.key == recording.key:
                return call  # somebody else finished the same upload
            admit(call)
            try:
                self.repository.save(call := call.attach(recording, self.now()))
            except StaleCallError:
                continue
            return call


class _Counted:
    """Passes on what it reads, counted; what is no audio by its first bytes is refused before anything is written."""

    def __init__(self, source: Readable | BinaryIO, name: str) -> None:
        self._stream = Stream(source.read)
        self._digest = hashlib.sha256()
        self.size = 0
        head = self._stream.peek(HEAD_BYTES)[:HEAD_BYTES]
        container = sniff(head)
        if container is None and (saw := describe(head)) not in (UNKNOWN, ZEROS):
            raise UnsupportedFormatError(name or _UNNAMED, saw)
        self.suffix = suffix_of(container) if container else ".bin"

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data


def _read_through(file: BinaryIO, name: str) -> "_Counted":
    file.seek(0)
    counted = _Counted(file, name)
    while counted.read(_CHUNK):
        pass
    return counted


def _folder(call_id: UUID) -> str:
    """As in callkit.intake: so `sweep` knows whose it is."""
    return f"{call_id.hex[-2:]}/{call_id}"


def _direct_key(call_id: UUID, token: str) -> str:
    return f"{_folder(call_id)}/{token}.upload"
