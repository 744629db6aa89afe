"""Blobs on other stores of objects, as far as fsspec knows them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from attrs import frozen

from callkit.backends.storages.failures import MISSING
from callkit.backends.storages.keys import is_key, may_begin_key
from callkit.errors import BlobNotFoundError, CallKitError, SettingsError, StorageError
from callkit.protocols import Blob, Readable

__all__ = ["SCHEMES", "RemoteFiles"]

SCHEMES = {"memory": "fsspec", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}
"""Where a file that is written in one go appears whole or not at all, and the package that knows it. (Of what is given
to `fsspec.open(…, "wb")` a half is published, if there is an error midway.)"""

_CHUNK = 1 << 20


@frozen
class RemoteFiles:
    """The recipe for stores where a file written in one go appears whole or not at all.

    Attributes:
        url: scheme and folder, without "/" at its end.
    """

    url: str

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`; the blob is held in memory meanwhile."""
        data = BytesIO()
        while chunk := source.read(_CHUNK):
            data.write(chunk)
        with self._guard(key):
            self._files.pipe_file(self._path(key), data.getvalue())

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`. A copy: readers of fsspec's own object would share one position."""
        with self._guard(key):
            try:
                return BytesIO(self._files.cat_file(self._path(key)))
            except MISSING:
                raise BlobNotFoundError(key) from None

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`."""
        with self._guard(key), suppress(*MISSING):
            self._files.rm_file(self._path(key))

    def list(self, prefix: str) -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`."""
        if not may_begin_key(prefix):
            return
        with self._guard(prefix):
            start = len(self._path(""))
            found = {path[start:]: path for path in self._files.find(self._path(""))}
        for key, path in found.items():
            if key.startswith(prefix) and is_key(key) and (blob := self._blob(key, path)):
                yield blob

    def tidy(self, before: datetime) -> int:  # noqa: ARG002 - nothing is ever left over
        """See `callkit.protocols.TidiesUp.tidy`."""
        return 0

    def _blob(self, key: str, path: str) -> Blob | None:
        with self._guard(key), suppress(*MISSING):
            return Blob(key, self._files.size(path), self._files.modified(path))
        return None

    def _path(self, key: str) -> str:
        stripped: str = self._files._strip_protocol(f"{self.url}/")
        return f"{stripped.rstrip('/')}/{key}"

    @contextmanager
    def _guard(self, key: str) -> Iterator[None]:
        """Where the errors of all those packages become those of storages: they have no common ancestor."""
        try:
            yield
        except CallKitError:
            raise
        except Exception as error:
            why = getattr(error, "strerror", None) or f"{type(error).__name__}: check the credentials and the URL"
            raise StorageError(self.url, key, why) from error

    @property
    def _files(self) -> Any:
        """Looked up each time: fsspec has one for each process and place, so a forked worker gets its own."""
        from fsspec.core import url_to_fs  # noqa: PLC0415 - 60 ms that a folder does not need

        try:
            return url_to_fs(self.url, use_listings_cache=False)[0]  # other processes write, too
        except ImportError:
            scheme = self.url.partition(":")[0]
            raise SettingsError(f"{scheme}:// URLs need another package: pip install {SCHEMES[scheme]}.") from None
