"""Links for storages that can't sign by themselves: made with a secret, checked by whoever serves them over HTTP."""

import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from attrs import field, frozen

from callkit.backends.storages.keys import check_key
from callkit.backends.storages.links import check_terms, plain_name
from callkit.errors import AccessDeniedError, SettingsError
from callkit.protocols import Blob, Readable, Storage, TidiesUp

__all__ = ["Grant", "SignedStorage"]

_VERSION = "callkit-url-1"  # a signature of another kind, made with the same secret, must not pass
_SHORTEST_SECRET = 32
_URL = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?", re.IGNORECASE)
_PARAMETERS = frozenset({"expires", "filename", "type", "signature"})


@frozen
class Grant:
    """What a link that was checked allows.

    Attributes:
        key: of the blob.
        filename: a browser is to save it under this name (see `callkit.backends.storages.links.content_disposition`).
        content_type: for GET and HEAD: what the answer says it is; for PUT: what the client must say it is.
        expires_at: aware.
    """

    key: str
    filename: str | None
    content_type: str | None
    expires_at: datetime


def _to_public_url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise SettingsError("The public URL must be like 'https://calls.example.org/recordings', without options.")
    return url.rstrip("/")


def _to_secret(secret: str | bytes) -> bytes:
    secret = secret.encode() if isinstance(secret, str) else secret
    if len(secret) < _SHORTEST_SECRET:
        raise SettingsError(
            f"The secret for signed URLs must have {_SHORTEST_SECRET} bytes at least: make one with "
            '`python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
        )
    return secret


@frozen
class SignedStorage:
    """A storage, and links to what is in it: `public_url/KEY?expires=…&signature=…`.

    Whoever answers at `public_url` asks `check` what a link allows. All who sign or check need the same secret. It
    travels with the storage to worker processes of this machine; it is never shown.

    Attributes:
        storage: where the blobs are.
        public_url: what all links begin with.
        secret: at least 32 bytes.

    Raises:
        SettingsError: the URL or the secret can't be used.
    """

    storage: Storage
    public_url: str = field(converter=_to_public_url)
    secret: bytes = field(converter=_to_secret, repr=False)

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`."""
        self.storage.put(key, source)

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`."""
        return self.storage.open(key)

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`."""
        self.storage.delete(key)

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`."""
        return self.storage.list(prefix)

    def tidy(self, before: datetime) -> int:
        """See `callkit.protocols.TidiesUp.tidy`; 0 if the storage has nothing to tidy up."""
        return self.storage.tidy(before) if isinstance(self.storage, TidiesUp) else 0

    def sign(
        self,
        key: str,
        method: Literal["GET", "PUT"] = "GET",
        *,
        expires: timedelta = timedelta(hours=1),
        filename: str | None = None,
        content_type: str | None = None,
    ) -> str:
        """See `callkit.protocols.SignsUrls.sign`."""
        check_key(key)
        until = int(datetime.now(UTC).timestamp()) + check_terms(method, expires, content_type)
        name = plain_name(filename) if filename is not None and method == "GET" else None
        options = {"expires": str(until), "filename": name, "type": content_type}
        given = {name: value for name, value in options.items() if value is not None}
        query = urlencode(given | {"signature": self._signature(method, key, given)}, quote_via=quote)
        return f"{self.public_url}/{quote(key)}?{query}"

    def check(self, method: str, url: str, now: datetime) -> Grant:
        """What a link allows; a link for GET is good for HEAD, too.

        Args:
            method: of the request.
            url: of the request, or its path and query as they came; the host is not looked at.
            now: aware.

        Raises:
            AccessDeniedError: its signature is "missing", "tampered" (or for another method), or "expired".
        """
        path, given = _taken_apart(url)
        signature = given.pop("signature")
        key = _key(path, urlsplit(self.public_url).path)
        wanted = self._signature("GET" if method == "HEAD" else method, key, given)
        if not hmac.compare_digest(wanted.encode(), signature.encode(errors="replace")):
            raise AccessDeniedError("tampered")
        expires_at = datetime.fromtimestamp(int(given["expires"]), UTC)
        if now >= expires_at:
            raise AccessDeniedError("expired")
        return Grant(key, given.get("filename"), given.get("type"), expires_at)

    def _signature(self, method: str, key: str, options: dict[str, str]) -> str:
        """Of everything that a link says, in a form that no two links share."""
        said = json.dumps([_VERSION, method, key, sorted(options.items())])
        return hmac.new(self.secret, said.encode(), "sha256").hexdigest()


def _taken_apart(url: str) -> tuple[str, dict[str, str]]:
    """The path, and the parameters: each once, and none that is not signed."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a host that can't be
        raise AccessDeniedError("tampered") from None
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    if "signature" not in given:
        raise AccessDeniedError("missing")
    if len(given) < len(pairs) or not given.keys() <= _PARAMETERS:
        raise AccessDeniedError("tampered")
    return parts.path, given


def _key(path: str, folder: str) -> str:
    if not path.startswith(f"{folder}/"):
        raise AccessDeniedError("tampered")
    return unquote(path.removeprefix(f"{folder}/"), errors="surrogateescape")
