"""Sound in a bucket of S3, or of any server that speaks like it."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import field, frozen

from callkit.backends.storages.keys import check_key, is_key
from callkit.backends.storages.links import check_terms, content_disposition
from callkit.errors import MissingExtraError, SettingsError
from callkit.protocols import Blob, Readable

if TYPE_CHECKING:
    from callkit.backends.storages.s3_bucket import Bucket

__all__ = ["S3Storage"]

_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
_SERVER = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9._-]+)(:\d+)?", re.IGNORECASE)
_OPTIONS = {"endpoint": _SERVER, "region": re.compile(r"[a-z0-9-]+"), "public_endpoint": _SERVER}


def _normal(place: str) -> str:
    """The URL with its options in order, so that equal places are equal values."""
    _check_installed()
    url = urlsplit(place)
    if url.username is not None:
        raise SettingsError(
            "An s3:// URL names a place only: put credentials into the environment (AWS_ACCESS_KEY_ID …)."
        )
    if url.scheme != "s3" or not _BUCKET.fullmatch(url.netloc) or url.fragment:
        raise SettingsError(f"{place!r} is no S3 URL: use s3://BUCKET/PREFIX, with options behind a '?'.")
    prefix = url.path.strip("/")
    if prefix and not is_key(prefix):
        raise SettingsError(f"The prefix {prefix!r} can't be used: take a plain path such as 'calls/recordings'.")
    options = urlencode(_options(url.query))
    return f"s3://{url.netloc}/{prefix}".rstrip("/") + (f"?{options}" if options else "")


def _check_installed() -> None:
    if find_spec("botocore") is None:
        raise MissingExtraError("s3://…", "s3")


def _options(query: str) -> dict[str, str]:
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    options = {name: value.rstrip("/") for name, value in pairs}
    if len(options) < len(pairs):
        raise SettingsError("An option of an s3:// URL is given twice.")
    for name, value in options.items():
        if name not in _OPTIONS:
            raise SettingsError(f"An s3:// URL has no option {name!r}: there are {', '.join(_OPTIONS)}.")
        if not _OPTIONS[name].fullmatch(value):
            like = "https://s3.example.org:9000" if _OPTIONS[name] is _SERVER else "eu-central-1"
            raise SettingsError(f"The option {name} of an s3:// URL is like {like!r}: correct it.")
    return options


@frozen
class S3Storage:
    """Blobs in a bucket: a value that names a place, and can be sent to other processes.

    Credentials, and what the URL does not say, each process finds for itself, as all AWS programs do: AWS_ACCESS_KEY_ID
    and its companions, AWS_PROFILE, AWS_ENDPOINT_URL_S3, AWS_REGION, the role of the machine …

    Attributes:
        place: "s3://bucket/prefix", and behind a "?" `endpoint` (URL of a server that is not AWS), `region`, and
            `public_endpoint` (URL of the same server for those who get signed URLs).

    Raises:
        SettingsError: the URL can't be used.
        MissingExtraError: botocore is not installed.
    """

    place: str = field(converter=_normal)

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`; 25 MiB of memory will do for any size."""
        check_key(key)
        self._bucket.put(key, source)

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`; 25 MiB of memory will do for any size.

        Reading raises `StorageError` if the blob is replaced meanwhile: old and new are never mixed.
        """
        check_key(key)
        return self._bucket.open(key)

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`."""
        check_key(key)
        self._bucket.delete(key)

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`."""
        return self._bucket.list(prefix)

    def tidy(self, before: datetime) -> int:
        """See `callkit.protocols.TidiesUp.tidy`."""
        return self._bucket.tidy(before)

    def sign(
        self,
        key: str,
        method: Literal["GET", "PUT"] = "GET",
        *,
        expires: timedelta = timedelta(hours=1),
        filename: str | None = None,
        content_type: str | None = None,
    ) -> str:
        """See `callkit.protocols.SignsUrls.sign`. With credentials for a session, the URL ends with the session."""
        check_key(key)
        if method == "PUT":
            parameters = {"ContentType": content_type}
        else:
            name = None if filename is None else content_disposition(filename)
            parameters = {"ResponseContentDisposition": name, "ResponseContentType": content_type}
        given = {name: value for name, value in parameters.items() if value is not None}
        seconds = check_terms(method, expires, content_type)
        return self._bucket.sign(key, f"{method.lower()}_object", seconds, given)

    @property
    def _bucket(self) -> "Bucket":
        return _bucket(self.place)


@cache
def _bucket(place: str) -> "Bucket":
    """What is known of a place, in one value."""
    _check_installed()  # the place may have been made on another machine
    from callkit.backends.storages.s3_bucket import Bucket  # noqa: PLC0415 - botocore takes 0.4 s

    url = urlsplit(place)
    prefix = url.path.strip("/")
    return Bucket(place, url.netloc, f"{prefix}/" if prefix else "", **dict(parse_qsl(url.query)))
