"""Blobs as files in a folder of this machine. Whoever looks sees the whole file or none."""

import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import BinaryIO

from attrs import frozen

from callkit.backends.storages.failures import MISSING, translated
from callkit.backends.storages.keys import is_key
from callkit.errors import BlobNotFoundError, StorageError
from callkit.protocols import Blob, Readable

__all__ = ["LocalFiles"]

_CHUNK = 1 << 20
_LEFT_OVER = re.compile(r".+\.[0-9a-f]{8}\.part")
_RETRIES = 99
# Windows refuses to replace or remove a file while anybody reads it, a virus scanner for instance: seconds to wait
_PATIENCE = (0.01, 0.05, 0.2, 0.8) if os.name == "nt" else ()


@frozen
class LocalFiles:
    """The recipe for a folder of this machine.

    A blob is written beside its place as `key.<random>.part`, and moved there when it is whole and on the disk.

    Attributes:
        root: absolute.
        durable: wait until the disk has it.
    """

    root: Path
    durable: bool

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`."""
        target = self._path(key)
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        try:
            with self._guard(key):
                file = self._create(part)
            try:
                self._fill(file, key, source)
            finally:
                with self._guard(key):  # closing writes, too
                    file.close()
            with self._guard(key):
                _patiently(lambda: part.replace(target))
            self._sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`; a real file, with its path as `name`."""
        path = self._path(key)
        self._check_inside(key, path)
        with self._guard(key):
            try:
                return _open_file(path)
            except MISSING:
                raise BlobNotFoundError(key) from None

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`; folders left empty go, too."""
        path = self._path(key)
        with self._guard(key), suppress(*MISSING):
            if not path.is_dir():  # macOS would say "operation not permitted"
                _patiently(path.unlink)
        with suppress(OSError):  # the first that is not empty
            for folder in path.parents[: len(path.parts) - len(self.root.parts) - 1]:
                folder.rmdir()

    def list(self, prefix: str) -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`. What lies there by a name that is no key is not ours."""
        for entry, key in self._files(prefix):
            if is_key(key) and (stat := self._stat(entry, key)) is not None:
                yield Blob(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def tidy(self, before: datetime) -> int:
        """See `callkit.protocols.TidiesUp.tidy`; empty folders go, too."""
        count = 0
        for entry, key in self._files(""):
            stat = self._stat(entry, key) if _LEFT_OVER.fullmatch(entry.name) else None
            if stat is not None and stat.st_mtime < before.timestamp():
                with self._guard(key):
                    Path(entry).unlink(missing_ok=True)
                count += 1
        for folder, _, files in os.walk(self.root, topdown=False):
            if not files and Path(folder) != self.root:
                with suppress(OSError):  # it is not empty
                    Path(folder).rmdir()
        return count

    # ---- writing

    def _create(self, part: Path) -> BinaryIO:
        """A new file in a folder that somebody who deletes may remove at the same time."""
        for _ in range(_RETRIES):
            with suppress(FileNotFoundError):
                return part.open("xb")
            with suppress(FileNotFoundError, FileExistsError):  # it exists, says mkdir, but by now it doesn't
                self._make_folder(part.parent)
        return part.open("xb")

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(exist_ok=True)
        except FileNotFoundError:
            if folder == folder.parent:  # a drive that does not exist
                raise
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
        self._sync_folder(folder.parent)

    def _fill(self, file: BinaryIO, key: str, source: Readable) -> None:
        while chunk := source.read(_CHUNK):
            with self._guard(key):
                file.write(chunk)
        with self._guard(key):
            file.flush()
            if self.durable:
                os.fsync(file.fileno())

    def _sync_folder(self, folder: Path) -> None:
        """Make sure that a new name survives a power cut. Windows can't, nor can some network file systems."""
        if self.durable and os.name != "nt":
            with suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    # ---- looking

    def _path(self, key: str) -> Path:
        path = self.root / key
        self._check_inside(key, path.parent)
        return path

    def _check_inside(self, key: str, path: Path) -> None:
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.root)):
            raise StorageError(str(self.root), key, "a symbolic link leads out of the storage")

    def _files(self, prefix: str, folder: str = "") -> Iterator[tuple[os.DirEntry[str], str]]:
        """The files below a folder, whose path from the root begins with the prefix. Links are not followed."""
        for entry in self._entries(folder):
            key = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/"):
                    yield from self._files(prefix, key)
            elif entry.is_file(follow_symlinks=False) and key.startswith(prefix):
                yield entry, key

    def _entries(self, folder: str) -> Sequence[os.DirEntry[str]]:
        with self._guard(folder), suppress(*MISSING), os.scandir(self.root / folder) as entries:
            return tuple(entries)
        return ()

    def _stat(self, entry: os.DirEntry[str], key: str) -> os.stat_result | None:
        with self._guard(key), suppress(FileNotFoundError):
            return entry.stat(follow_symlinks=False)
        return None

    def _guard(self, key: str) -> AbstractContextManager[None]:
        return translated(str(self.root), key)


def _open_file(path: Path) -> BinaryIO:
    if path.is_dir():  # Windows would say "permission denied"
        raise IsADirectoryError
    return path.open("rb")


def _patiently(action: Callable[[], object]) -> None:
    for seconds in _PATIENCE:
        try:
            action()
        except PermissionError:
            sleep(seconds)
        else:
            return
    action()
