"""What engines have in common with the libraries below them: whether those are there, their threads and errors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from callkit.errors import CallKitError, MissingExtraError, TranscriptionError

__all__ = ["check_there", "threads_of", "translated"]

_MOST_THREADS = 4  # beyond, threads wait for each other


def check_there(engine: str, package: str, extra: str) -> None:
    """Whether the package that an engine stands on is installed.

    Raises:
        MissingExtraError: it is not.
    """
    if find_spec(package) is None:
        raise MissingExtraError(f"The transcriber {engine}", extra)


def threads_of(asked: int | None) -> int:
    """How many threads an engine gets."""
    return asked or min(os.cpu_count() or 1, _MOST_THREADS)


@contextmanager
def translated(engine: str) -> Iterator[None]:
    """Where the errors of an engine's library become callkit's: they have no common ancestor."""
    try:
        yield
    except CallKitError:
        raise
    except Exception as error:
        raise TranscriptionError(engine, f"{type(error).__name__}: {error}") from error
