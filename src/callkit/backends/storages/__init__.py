"""Where sound is kept. `open_storage` knows it by path or URL."""

import os
from importlib.metadata import entry_points
from typing import cast

from callkit.errors import SettingsError
from callkit.protocols import Storage

__all__ = ["open_storage"]


def open_storage(place: str | os.PathLike[str]) -> Storage:
    """The storage at a URL, or the one in a folder.

    "memory:" is a new empty one in this process. Other schemes are looked up among the entry points
    `callkit.storages`, whose values are called with the URL.

    Raises:
        SettingsError: nobody knows the scheme.
    """
    place = os.fspath(place)
    scheme = place.partition(":")[0] if "://" in place or place == "memory:" else "file"
    if scheme == "memory":
        from callkit.backends.storages.memory import MemoryStorage  # noqa: PLC0415 - only what is asked for

        return MemoryStorage()
    if scheme == "file":
        from callkit.backends.storages.files import FilesStorage  # noqa: PLC0415 - only what is asked for

        return FilesStorage(place)
    for found in entry_points(group="callkit.storages", name=scheme):
        return cast(Storage, found.load()(place))
    others = "".join(f", {name}://…" for name in sorted(entry_points(group="callkit.storages").names))
    raise SettingsError(f"No storage is known for {scheme}:// URLs: use a folder, file:///…{others} or memory:.")
