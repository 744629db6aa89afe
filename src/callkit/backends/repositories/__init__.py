"""Where calls are kept. `open_repository` knows them by URL."""

from importlib.metadata import entry_points
from typing import cast

from callkit.errors import SettingsError
from callkit.protocols import Repository

__all__ = ["open_repository"]


def open_repository(place: str) -> Repository:
    """The repository at a URL (sqlite:///…, postgresql://…), or the SQLite database in a file.

    "memory:" is a new empty one in this process. Other schemes are looked up among the entry points
    `callkit.repositories`, whose values are called with the URL.

    Raises:
        SettingsError: nobody knows the scheme.
    """
    scheme = place.partition(":")[0] if "://" in place or place == "memory:" else "sqlite"
    if scheme == "memory":
        from callkit.backends.repositories.memory import MemoryRepository  # noqa: PLC0415 - only what is asked for

        return MemoryRepository()
    if scheme.partition("+")[0] in {"sqlite", "postgresql", "postgres"}:
        from callkit.backends.repositories.sql import SqlRepository  # noqa: PLC0415 - SQLAlchemy takes half a second

        return SqlRepository.open(place)
    for found in entry_points(group="callkit.repositories", name=scheme):
        return cast(Repository, found.load()(place))
    raise SettingsError(
        f"No repository is known for {scheme}:// URLs: use a path, sqlite:///…, postgresql://… or memory:."
    )
