"""Where sound is kept. `open_storage` knows it by path or URL."""

import os
import re
from importlib.metadata import entry_points
from typing import cast

from callkit.errors import SettingsError
from callkit.protocols import SignsUrls, Storage

__all__ = ["open_storage", "signing"]


def open_storage(place: str | os.PathLike[str]) -> Storage:
    """The storage at a URL, or the one in a folder.

    "memory:" is a new empty one in this process. Other schemes are looked up among the entry points
    `callkit.storages`, whose values are called with the URL.

    Raises:
        SettingsError: nobody knows the scheme.
    """
    place = os.fspath(place)
    scheme = place.partition(":")[0] if "://" in place or place == "memory:" else "file"
    if re.match(r"[a-z][a-z0-9+.-]+:/", place) and "://" not in place:  # a drive of Windows is one letter
        raise SettingsError(
            f"{place!r} is neither a folder nor a URL: a URL has two slashes, as in 's3://bucket/prefix'."
        )
    if scheme == "memory":
        from callkit.backends.storages.memory import MemoryStorage  # noqa: PLC0415 - only what is asked for

        return MemoryStorage()
    if scheme == "s3":
        from callkit.backends.storages.s3 import S3Storage  # noqa: PLC0415 - only what is asked for

        return S3Storage(place)
    from callkit.backends.storages.files import FilesStorage, knows  # noqa: PLC0415 - only what is asked for

    if knows(scheme):
        return FilesStorage(place)
    for found in entry_points(group="callkit.storages", name=scheme):
        return cast(Storage, found.load()(place))
    others = "".join(f", {name}://…" for name in sorted(entry_points(group="callkit.storages").names))
    raise SettingsError(
        f"No storage is known for {scheme}:// URLs: use a folder, file:///…, s3://…, gs://…, az://…{others} or memory:."
    )


def signing(storage: Storage, public_url: str | None, secret: str | None) -> Storage:
    """The storage itself if it signs URLs, or if there is nothing to sign with; else one that does.

    Raises:
        SettingsError: one of the two is missing, or can't be used.
    """
    if (public_url is None) != (secret is None):
        missing = "url_secret (CALLKIT_URL_SECRET)" if secret is None else "public_url (CALLKIT_PUBLIC_URL)"
        raise SettingsError(f"Signed URLs take two settings, and {missing} is missing: set it, or neither.")
    if public_url is None or secret is None or isinstance(storage, SignsUrls):
        return storage
    from callkit.backends.storages.signed import SignedStorage  # noqa: PLC0415 - only what is asked for

    return SignedStorage(storage, public_url, secret)
