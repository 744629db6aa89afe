"""Sound in files: in a folder, or on a file system that fsspec knows."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from callkit.backends.storages.keys import check_key
from callkit.backends.storages.local import LocalFiles
from callkit.backends.storages.remote import SCHEMES, RemoteFiles
from callkit.errors import SettingsError
from callkit.protocols import Blob, Readable

__all__ = ["FilesStorage", "knows"]


def knows(scheme: str) -> bool:
    """Whether a `FilesStorage` can be at a URL with this scheme."""
    return scheme == "file" or scheme in SCHEMES


def _normal(place: str | os.PathLike[str]) -> str:
    """A folder as its absolute path, for a worker may have another working directory; anything else as its URL."""
    place = os.fspath(place)
    if not place:
        raise SettingsError("A storage needs a folder or a URL, such as 'callkit-data/recordings'.")
    if "://" not in place:
        return str(Path(place).absolute())
    url = urlsplit(place)
    if url.scheme == "file":
        return _path_of(place)
    if url.scheme not in SCHEMES:
        raise SettingsError(f"A FilesStorage does not know {url.scheme}:// URLs: use a folder or a file:/// URL.")
    is_box = url.scheme in ("abfs", "abfss") and url.password is None  # abfs://container@account
    if (url.username is not None and not is_box) or url.query:
        raise SettingsError(f"{url.scheme}:// URLs name a place only: put credentials into the environment.")
    return place.rstrip("/")


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path or parts.query or parts.fragment:
        raise SettingsError(f"{url!r} is no file URL: it has three slashes, as in 'file:///srv/recordings'.")
    return str(Path(path[1:] if re.match(r"/[A-Za-z]:", path) and os.name == "nt" else path).absolute())


@frozen
class FilesStorage:
    """Blobs as files: a value that names a place and can be sent to other processes.

    Attributes:
        place: a folder, or a URL: "file:///srv/recordings"; "memory://name" is fsspec's memory of this process; on
            "gs://bucket/prefix" or "az://container/prefix" (by gcsfs or adlfs) a blob is held in memory as a whole.
        durable: after `put` a power cut loses nothing. False spares some milliseconds: for tests, and for what can
            be fetched again.

    Raises:
        SettingsError: the place can't be used.
    """

    place: str = field(converter=_normal)
    durable: bool = field(default=True, kw_only=True)

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`."""
        check_key(key)
        self._files.put(key, source)

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`; in a folder it is a real file, with its path as `name`."""
        check_key(key)
        return self._files.open(key)

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`."""
        check_key(key)
        self._files.delete(key)

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`."""
        return self._files.list(prefix)

    def tidy(self, before: datetime) -> int:
        """See `callkit.protocols.TidiesUp.tidy`."""
        return self._files.tidy(before)

    @property
    def _files(self) -> LocalFiles | RemoteFiles:
        return _recipe(self.place, self.durable)

    def __reduce__(self) -> tuple[Any, ...]:
        """It travels as its place.

        Raises:
            SettingsError: the place is in this process.
        """
        if self.place.startswith("memory:"):
            raise SettingsError("Files in memory can't be reached from another process: use a folder.")
        return _again, (self.place, self.durable)


def _again(place: str, durable: bool) -> FilesStorage:
    return FilesStorage(place, durable=durable)


@cache
def _recipe(place: str, durable: bool) -> LocalFiles | RemoteFiles:
    """What is known of a file system, in one place."""
    return RemoteFiles(place) if "://" in place else LocalFiles(Path(place), durable)
