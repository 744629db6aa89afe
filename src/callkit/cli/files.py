"""Files that commands write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["whole"]


@contextmanager
def whole(place: str) -> Iterator[Path]:
    """Where to write a file that is seen under its name only once it is complete; devices and pipes are written to.

    Raises:
        OSError: it can't be written.
    """
    path = Path(place)
    part = path.with_name(f"{path.name}.part") if path.is_file() or not path.exists() else path
    try:
        yield part
        if part != path:
            part.replace(path)
    except OSError as error:
        error.filename = place
        raise
    finally:
        if part != path:
            part.unlink(missing_ok=True)
