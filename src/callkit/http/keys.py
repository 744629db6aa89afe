"""API keys: 32 random bytes that are shown once, and kept as their SHA-256 with what they allow."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, Self

from attrs import define, field, frozen

from callkit.errors import SettingsError

__all__ = ["Key", "KeyRing", "Scope", "add_key", "read_keys", "revoke_key"]

_FORMAT = 1
_LOOK_EVERY = 1.0  # seconds between two looks whether the file has changed


class Scope(StrEnum):
    """What a key allows; each only itself, but `admin` everything."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@frozen
class Key:
    """A key as it is kept.

    Attributes:
        id: its part that may be shown.
        name: whose it is.
        digest: SHA-256 of the whole, hexadecimal: a secret of 32 random bytes needs no slow hash.
        scopes: what it allows.
        created_at: aware.
        expires_at: aware; None: never.
    """

    id: str
    name: str
    digest: str = field(repr=False)
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None

    @classmethod
    def new(
        cls, name: str, scopes: Iterable[Scope], now: datetime, expires_at: datetime | None = None
    ) -> tuple[Self, str]:
        """A new key, and its text, which nobody can find out later."""
        key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        text = f"ck_{key_id}_{secret}"
        return cls(key_id, name, digest_of(text), frozenset(scopes), now, expires_at), text

    def allows(self, scope: Scope) -> bool:
        """Whether it is enough for something that needs a scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_valid(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


def digest_of(text: str) -> str:
    """What is kept of a key's text."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def read_keys(file: Path) -> tuple[Key, ...]:
    """The keys in a file; none if there is no file.

    Raises:
        SettingsError: it can't be read.
    """
    try:
        document = json.loads(file.read_text("utf-8"))
        if document["format"] > _FORMAT:
            raise SettingsError(f"{file} was written by a newer callkit: upgrade callkit.")
        return tuple(map(_to_key, document["keys"]))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(
            f"{file} holds no API keys: move it away, and make new ones with `callkit keys add`."
        ) from None


def add_key(file: Path, key: Key) -> None:
    """Put a key into a file, which is made if it is not there; nobody but its owner may read it.

    Raises:
        SettingsError: it can't be read or written.
    """
    _write(file, (*read_keys(file), key))


def revoke_key(file: Path, key_id: str) -> bool:
    """Make a key void at once; false if the file has none with this id. The file stays: keys are needed as before.

    Raises:
        SettingsError: it can't be read or written.
    """
    keys = read_keys(file)
    left = tuple(key for key in keys if key.id != key_id)
    if len(left) < len(keys):
        _write(file, left)
    return len(left) < len(keys)


def _write(file: Path, keys: Iterable[Key]) -> None:
    """Readers see the old file or the new one."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    text = json.dumps({"format": _FORMAT, "keys": [_to_values(key) for key in keys]}, indent=1)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SettingsError(f"{file} can't be written: {error.strerror or error}.") from None


def _to_values(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "digest": key.digest,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at and key.expires_at.isoformat(),
    }


def _to_key(values: Mapping[str, Any]) -> Key:
    expires_at = values["expires_at"]
    return Key(
        str(values["id"]),
        str(values["name"]),
        str(values["digest"]),
        frozenset(map(Scope, values["scopes"])),
        datetime.fromisoformat(values["created_at"]),
        expires_at and datetime.fromisoformat(expires_at),
    )


@define(eq=False)
class KeyRing:
    """The keys of a file as it is now. Once it has been there, keys are needed, even if it goes away.

    Attributes:
        file: None: there are never keys.
    """

    file: Path | None
    _keys: tuple[Key, ...] = ()
    _stamp: tuple[int, int, int] | None = None
    _next_look: float = 0.0
    locked: bool = False

    def keys(self) -> tuple[Key, ...]:
        """All keys.

        Raises:
            SettingsError: the file can't be read.
        """
        if self.file is not None and monotonic() >= self._next_look:
            self._look(self.file)
            self._next_look = monotonic() + _LOOK_EVERY
        return self._keys

    def is_locked(self) -> bool:
        """Whether keys are needed."""
        self.keys()
        return self.locked

    def find(self, text: str, now: datetime) -> Key | None:
        """The valid key with this text. It takes as long whichever it is, or none."""
        wanted, found = digest_of(text).encode(), None
        for key in self.keys():
            if secrets.compare_digest(key.digest.encode(), wanted):
                found = key
        return found if found and found.is_valid(now) else None

    def get(self, key_id: str, now: datetime) -> Key | None:
        """The valid key with this id."""
        return next((key for key in self.keys() if key.id == key_id and key.is_valid(now)), None)

    def _look(self, file: Path) -> None:
        try:
            stat = file.stat()
        except FileNotFoundError:
            self._keys, self._stamp = (), None
            return
        except OSError as error:
            raise SettingsError(f"{file} can't be read: {error.strerror or error}.") from None
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp != self._stamp:
            self._keys = read_keys(file)
            self._stamp = stamp
        self.locked = True
