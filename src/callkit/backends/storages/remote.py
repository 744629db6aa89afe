"""Blobs on file systems that fsspec knows by URL."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from attrs import frozen

from callkit.backends.storages.failures import MISSING, translated
from callkit.errors import BlobNotFoundError
from callkit.protocols import Blob, Readable

__all__ = ["PROVEN", "RemoteFiles"]

PROVEN = frozenset({"memory"})
"""Schemes whose `pipe_file` was seen to be atomic: `fsspec.open(…, "wb")` publishes half of what it was given."""

_CHUNK = 1 << 20


@frozen
class RemoteFiles:
    """The recipe for file systems where a file written in one go appears whole or not at all.

    Attributes:
        url: scheme and folder, without "/" at its end.
    """

    url: str

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`; the blob is held in memory meanwhile."""
        data = BytesIO()
        while chunk := source.read(_CHUNK):
            data.write(chunk)
        with translated(self.url, key):
            self._files.pipe_file(self._path(key), data.getvalue())

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`. A copy: readers of fsspec's own object would share one position."""
        with translated(self.url, key):
            try:
                return BytesIO(self._files.cat_file(self._path(key)))
            except MISSING:
                raise BlobNotFoundError(key) from None

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`."""
        with translated(self.url, key), suppress(*MISSING):
            self._files.rm_file(self._path(key))

    def list(self, prefix: str) -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`."""
        with translated(self.url, prefix):
            start = len(self._path(""))
            found = {path[start:]: path for path in self._files.find(self._path(""))}
        for key, path in found.items():
            if key.startswith(prefix) and (blob := self._blob(key, path)):
                yield blob

    def tidy(self, before: datetime) -> int:  # noqa: ARG002 - nothing is ever left over
        """See `callkit.protocols.TidiesUp.tidy`."""
        return 0

    def _blob(self, key: str, path: str) -> Blob | None:
        with translated(self.url, key), suppress(*MISSING):
            return Blob(key, self._files.size(path), self._files.modified(path))
        return None

    def _path(self, key: str) -> str:
        stripped: str = self._files._strip_protocol(f"{self.url}/")
        return f"{stripped.rstrip('/')}/{key}"

    @property
    def _files(self) -> Any:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - 60 ms that a folder does not need

        return url_to_fs(self.url)[0]
