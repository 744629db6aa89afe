"""Where the errors of SQLAlchemy and its drivers become those of repositories."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from callkit.errors import RepositoryError

__all__ = ["translated"]

_SQLITE: Mapping[str, str] = {
    "NOTADB": "the file is no SQLite database; check the path",
    "CORRUPT": "the file is damaged; put back a copy",
    "CANTOPEN": "the file can't be opened; check that its folder may be read and written",
    "READONLY": "the file can't be written; check the permissions, of its folder too",
    "PERM": "the file can't be used; check the permissions, of its folder too",
    "AUTH": "the file can't be used; check the permissions, of its folder too",
    "BUSY": "another program has locked it for long; try again when that is done",
    "LOCKED": "another program has locked it for long; try again when that is done",
    "FULL": "the disk is full; make room",
    "TOOBIG": "a text is longer than SQLite can keep; shorten the metadata",
    "IOERR": "the disk failed, or the file system can't lock; use a local disk",
    "PROTOCOL": "the disk failed, or the file system can't lock; use a local disk",
    "NOMEM": "there is not enough memory",
}
"""By SQLite's primary result codes. Whatever else it says is a fault of callkit's."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """What fails inside, fails as a repository does.

    Raises:
        RepositoryError: the file is locked, damaged, not to be written …
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise RepositoryError(place, "too many threads use it at once; use fewer") from error
    except DBAPIError as error:
        raise RepositoryError(place, _why(error)) from error
    except SQLAlchemyError as error:
        raise RepositoryError(place, type(error).__name__) from error  # str(error) may hold numbers
    except OSError as error:
        raise RepositoryError(place, error.strerror or type(error).__name__) from error


def _why(error: DBAPIError) -> str:
    """A sentence for what can happen; else the driver's own words, which hold no values in SQLite."""
    code = str(getattr(error.orig, "sqlite_errorname", ""))  # SQLITE_IOERR_WRITE, …
    if str(error.orig) == "no such tokenizer: trigram":
        return "this Python's SQLite lacks full-text search by trigrams; it takes SQLite 3.40 with FTS5"
    return _SQLITE.get(code.split("_")[1] if "_" in code else "", f"{error.orig}")
