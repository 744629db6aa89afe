"""What a storage key may look like, so that no key leaves its storage, on any file system."""

import re

from callkit.errors import InvalidKeyError

__all__ = ["check_key", "is_key", "may_begin_key"]

_LONGEST_KEY = 512
_LONGEST_PART = 240  # file systems take 255, and a file that is still being written has a longer name
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\\<>:"|?*]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)


def check_key(key: str) -> None:
    r"""Refuse a key that is not a plain relative path, valid and the same place on Linux, macOS and Windows.

    Parts are joined by "/"; none is empty, ".", "..", a Windows device such as "NUL", or ends in a dot, a space or
    ".part"; none holds control characters or one of ``\ < > : " | ? *``. A part has at most 240 bytes of UTF-8, the
    whole at most 512. Keys that differ in case only may be one and the same on Windows and macOS: use lower case.

    Raises:
        InvalidKeyError: the key is none of these; it says why.
    """
    if why := _fault(key):
        raise InvalidKeyError(key, why)


def is_key(key: str) -> bool:
    """Whether `check_key` lets it pass."""
    return _fault(key) is None


def may_begin_key(prefix: str) -> bool:
    """Whether there are keys that begin so: a server that tidies up paths is never asked for "../"."""
    return is_key(prefix) or is_key(f"{prefix}a")


def _fault(key: str) -> str | None:
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if size > _LONGEST_KEY:
        return f"it has more than {_LONGEST_KEY} bytes"
    if found := _FORBIDDEN.search(key):
        return f"it holds {found[0]!r}"
    return next(filter(None, map(_fault_of_part, key.split("/"))), None)


def _fault_of_part(part: str) -> str | None:
    if part in {"", ".", ".."}:
        return f"a part of it is {part!r}"
    if part[-1] in ". ":
        return f"{part!r} ends in {part[-1]!r}"
    if part.lower().endswith(".part"):
        return "'.part' marks files that are still being written"
    if _DEVICES.match(part):
        return f"{part!r} is a device on Windows"
    return f"a part of it has more than {_LONGEST_PART} bytes" if len(part.encode()) > _LONGEST_PART else None
