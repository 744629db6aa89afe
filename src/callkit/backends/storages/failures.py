"""Where the errors of file systems become those of storages."""

from collections.abc import Iterator
from contextlib import contextmanager

from callkit.errors import StorageError

__all__ = ["MISSING", "translated"]

MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""How file systems say that there is no such file (a folder is none)."""


@contextmanager
def translated(place: str, key: str) -> Iterator[None]:
    """What fails inside, fails as a storage does. Reading a source belongs outside: its errors are its own.

    Raises:
        StorageError: the disk is full, nobody may write there …
    """
    try:
        yield
    except OSError as error:
        # not str(error): it repeats the whole path
        raise StorageError(place, key, error.strerror or type(error).__name__) from error
