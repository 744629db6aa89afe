"""Sound in memory: the simplest storage, for tests and small scripts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from threading import Lock
from typing import BinaryIO, NoReturn

from callkit.backends.storages.keys import check_key
from callkit.errors import BlobNotFoundError, SettingsError
from callkit.protocols import Blob, Readable

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """Blobs in this process, forgotten when it ends."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._blobs: dict[str, tuple[bytes, datetime]] = {}

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`."""
        check_key(key)
        data = BytesIO()
        while chunk := source.read(1 << 20):
            data.write(chunk)
        with self._lock:
            self._blobs[key] = data.getvalue(), datetime.now(UTC)

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`."""
        check_key(key)
        try:
            return BytesIO(self._blobs[key][0])
        except KeyError:
            raise BlobNotFoundError(key) from None

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`."""
        check_key(key)
        with self._lock:
            self._blobs.pop(key, None)

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`."""
        with self._lock:
            blobs = [(key, *blob) for key, blob in self._blobs.items() if key.startswith(prefix)]
        return (Blob(key, len(data), modified_at) for key, data, modified_at in blobs)

    def __reduce__(self) -> NoReturn:
        """It can't travel."""
        raise SettingsError(
            "A MemoryStorage can't be sent to another process: use a FilesStorage, or a runner in this process."
        )
