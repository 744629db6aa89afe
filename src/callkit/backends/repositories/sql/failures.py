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

_AGAIN = "try again"
_POSTGRES: Mapping[str, str] = {
    "08": f"the connection broke; {_AGAIN}",
    "25006": "the server is a standby that can't be written; use the address of the primary",
    "28": "the server refused the user or the password; check the URL",
    "3D000": "there is no such database; create it, or check the URL",
    "40": f"others changed the same rows; {_AGAIN}",
    "42501": "the user may not do that; grant it the rights on callkit's tables, and CREATE to upgrade",
    "42P01": "callkit's tables are not there; run `callkit db upgrade`",
    "42P05": "a pooling proxy mixes sessions; connect to the server itself",
    "53100": "the server's disk is full; make room",
    "53300": "the server has no connection left; raise its max_connections, or run fewer workers",
    "53": "the server is out of memory or of other resources",
    "54": "a text is longer than PostgreSQL can keep; shorten the metadata",
    "55P03": f"another program has locked the tables for long; {_AGAIN}",
    "57014": "a statement took too long; raise the server's statement_timeout",
    "57P": f"the server is starting or stopping; {_AGAIN}",
    "58": "the server's disk failed, or its extension pg_trgm is not installed; install PostgreSQL's contrib modules",
    "0A000": "the server lacks the extension pg_trgm; install PostgreSQL's contrib modules",
    "XX": "the server's files are damaged; put back a copy",
}
"""By PostgreSQL's SQLSTATE, or how it begins."""
_UNCONNECTED: Mapping[str, str] = {
    "authentication failed": _POSTGRES["28"],
    "no password supplied": "the server asks for a password; put it into the URL, or into PGPASSWORD",
    "role": _POSTGRES["28"],
    "database": _POSTGRES["3D000"],
    "too many clients": _POSTGRES["53300"],
    "starting up": _POSTGRES["57P"],
    "shutting down": _POSTGRES["57P"],
    "resolve": "the host's name is unknown; check the URL",
    "translate host name": "the host's name is unknown; check the URL",
    "refused": "nobody answers at that address; start PostgreSQL, or check host and port in the URL",
    "timeout": "the server does not answer; check host and port in the URL, and the network",
}
"""By what the client library says when there is no connection yet, and so no SQLSTATE."""


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
    except TimeoutError as error:
        raise RepositoryError(place, str(error)) from error
    except OSError as error:
        raise RepositoryError(place, error.strerror or type(error).__name__) from error


def _why(error: DBAPIError) -> str:
    """A sentence for what can happen; else what kind of error it is."""
    if hasattr(error.orig, "sqlite_errorname"):
        return _of_sqlite(error)
    if hasattr(error.orig, "sqlstate"):
        return _of_postgres(error)
    return f"{error.orig}"  # SQLAlchemy's own; it holds no values


def _of_sqlite(error: DBAPIError) -> str:
    """Else the driver's own words, which hold no values in SQLite."""
    code = str(getattr(error.orig, "sqlite_errorname", ""))  # SQLITE_IOERR_WRITE, …
    if str(error.orig) == "no such tokenizer: trigram":
        return "this Python's SQLite lacks full-text search by trigrams; it takes SQLite 3.40 with FTS5"
    return _SQLITE.get(code.split("_")[1] if "_" in code else "", f"{error.orig}")


def _of_postgres(error: DBAPIError) -> str:
    """Else the error's name: what the server says may hold values."""
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        said = str(error.orig)
        known = (why for words, why in _UNCONNECTED.items() if words in said)
        return next(known, f"the connection broke or can't be made; {_AGAIN}, or check the URL")
    names = (state, state[:3], state[:2])
    return next((_POSTGRES[name] for name in names if name in _POSTGRES), f"{type(error.orig).__name__} ({state})")
