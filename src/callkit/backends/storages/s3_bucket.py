"""What is asked of an S3 server, each question until it is answered."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import botocore.session
from attrs import frozen
from botocore import exceptions as boto
from botocore.config import Config
from urllib3.exceptions import HTTPError

from callkit.backends.storages.keys import is_key, may_begin_key
from callkit.backends.storages.patience import patiently
from callkit.backends.storages.ranges import open_ranges
from callkit.backends.storages.s3_failures import NO_CREDENTIALS, code_of, may_pass, translated
from callkit.errors import SettingsError
from callkit.protocols import Blob, Readable

__all__ = ["Bucket"]

_PART = 8 << 20
"""Bytes of a part when writing, and of a range when reading. To read 100 MB in ranges of 1 MiB takes four times as
long, in ranges of 4 MiB a third longer. S3 takes no parts below 5 MiB, and at most 10,000, which are 84 GB."""

_CHUNK = 1 << 20

_LOCKS: dict[int, Lock] = {}

T = TypeVar("T")


@frozen
class Bucket:
    """The blobs below a prefix of a bucket.

    Attributes:
        place: what errors call it.
        name: of the bucket.
        prefix: of all keys: "", or a path with "/" at its end.
        endpoint: URL of the server; None: what botocore finds, which is AWS if nobody says otherwise.
        region: None: what botocore finds.
        public_endpoint: URL of the same server for those who get signed URLs; None: `endpoint`.
    """

    place: str
    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    public_endpoint: str | None = None

    # ---- writing

    def put(self, key: str, source: Readable) -> None:
        """See `callkit.protocols.Storage.put`: a small blob at once, a large one in parts that S3 shows as a whole."""
        blocks = _blocks(source)
        first = next(blocks, b"")
        if len(first) < _PART:
            self._ask_for(key, "put_object", Body=first)
        else:
            self._put_parts(key, first, blocks)

    def _put_parts(self, key: str, first: bytes, others: Iterator[bytes]) -> None:
        upload: str = self._ask_for(key, "create_multipart_upload")["UploadId"]
        try:
            parts = [self._put_part(key, upload, 1, first)]
            parts += [self._put_part(key, upload, number, block) for number, block in enumerate(others, 2)]
            self._ask_for(key, "complete_multipart_upload", UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(Exception):  # asked once: what is left because the server is away, `tidy` removes
                self._client.abort_multipart_upload(Bucket=self.name, Key=self.prefix + key, UploadId=upload)
            raise

    def _put_part(self, key: str, upload: str, number: int, block: bytes) -> Mapping[str, Any]:
        done = self._ask_for(key, "upload_part", UploadId=upload, PartNumber=number, Body=block)
        return {"PartNumber": number, "ETag": done["ETag"]}

    def delete(self, key: str) -> None:
        """See `callkit.protocols.Storage.delete`."""
        self._ask_for(key, "delete_object")

    def tidy(self, before: datetime) -> int:
        """See `callkit.protocols.TidiesUp.tidy`: uploads in parts that were begun before that time and never ended."""
        count, more = 0, True
        while more:  # always the first page: of the others not every server has a right idea, and what is gone is gone
            page = self._ask("", "list_multipart_uploads", Prefix=self.prefix)
            uploads = [found for found in page.get("Uploads", ()) if found["Key"].startswith(self.prefix)]
            old = [found for found in uploads if found["Initiated"] < before]
            for found in old:
                self._abort(found["Key"], found["UploadId"])
            count, more = count + len(old), bool(old) and page["IsTruncated"]
        return count

    def _abort(self, path: str, upload: str) -> None:
        def abort() -> None:
            try:
                self._client.abort_multipart_upload(Bucket=self.name, Key=path, UploadId=upload)
            except boto.ClientError as error:
                if code_of(error) != "NoSuchUpload":  # somebody else tidies up, too
                    raise

        self._do(path, abort)

    # ---- reading

    def open(self, key: str) -> BinaryIO:
        """See `callkit.protocols.Storage.open`: a small blob is fetched at once, a large one range by range."""
        first, answer = self._range(key, 0, _PART)
        total = answer.get("ContentRange", "").rpartition("/")[2]  # a server may as well give all of it

        def fetch(start: int, stop: int) -> bytes:
            return self._range(key, start, stop, IfMatch=answer["ETag"])[0]

        return open_ranges(first, int(total) if total else len(first), fetch)

    def _range(self, key: str, start: int, stop: int, **conditions: str) -> tuple[bytes, Mapping[str, Any]]:
        """Some bytes, and the answer's headers."""
        wanted = {"Bucket": self.name, "Key": self.prefix + key, "Range": f"bytes={start}-{stop - 1}", **conditions}

        def get() -> tuple[bytes, Mapping[str, Any]]:
            try:
                answer = self._client.get_object(**wanted)
                return answer["Body"].read(), answer
            except HTTPError as error:  # botocore lets some of them through while a body is read
                raise boto.ResponseStreamingError(error=error) from error
            except boto.ClientError as error:
                if code_of(error) == "InvalidRange" and start == 0:  # an empty blob has not even a first byte
                    return b"", {}
                raise

        return self._do(key, get)

    def list(self, prefix: str) -> Iterator[Blob]:
        """See `callkit.protocols.Storage.list`; page by page. What lies there by a name that is no key is not ours."""
        for found in self._pages(prefix) if may_begin_key(prefix) else ():
            key = found["Key"].removeprefix(self.prefix)
            if key.startswith(prefix) and is_key(key):
                yield Blob(key, found["Size"], found["LastModified"])

    def _pages(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] | None = {}
        while more is not None:
            page = self._ask(prefix, "list_objects_v2", Prefix=self.prefix + prefix, **more)
            yield from page.get("Contents", ())
            more = {"ContinuationToken": page["NextContinuationToken"]} if page.get("IsTruncated") else None

    # ---- signing

    def sign(self, key: str, operation: str, seconds: int, parameters: Mapping[str, str]) -> str:
        """A URL for one operation on a key, made here: the server is not asked.

        Raises:
            SettingsError: there are no credentials to sign with.
        """
        wanted = {"Bucket": self.name, "Key": self.prefix + key, **parameters}
        with translated(self.place, key):
            try:
                client = _client_of(self.public_endpoint or self.endpoint, self.region)
                return str(client.generate_presigned_url(operation, Params=wanted, ExpiresIn=seconds))
            except boto.NoCredentialsError:
                raise SettingsError(f"{self.place} can't sign: {NO_CREDENTIALS}.") from None

    # ---- asking

    def _ask_for(self, key: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        return self._ask(key, operation, Key=self.prefix + key, **parameters)

    def _ask(self, key: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._do(
            key, lambda: getattr(self._client, operation)(Bucket=self.name, **parameters)
        )
        return answer

    def _do(self, key: str, action: Callable[[], T]) -> T:
        with translated(self.place, key):
            return patiently(action, may_pass, self.place)

    @property
    def _client(self) -> Any:
        return _client_of(self.endpoint, self.region)


def _blocks(source: Readable) -> Iterator[bytes]:
    """All that is left to read, in pieces of `_PART`; only the last is shorter."""
    block = _block(source)
    while len(block) == _PART:
        yield block
        block = _block(source)
    if block:
        yield block


def _block(source: Readable) -> bytes:
    chunks, left = [], _PART
    while left and (chunk := source.read(min(left, _CHUNK))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _client_of(endpoint: str | None, region: str | None) -> Any:
    """The client of this process, which all its threads share: a forked one must not use its parent's connections."""
    pid = os.getpid()
    with _LOCKS.setdefault(pid, Lock()):  # nor wait for a thread that only its parent has
        return _client(pid, endpoint, region)


@lru_cache(maxsize=64)
def _client(_pid: int, endpoint: str | None, region: str | None) -> Any:
    """A new client: that takes 0.1 s.

    On AWS the bucket is in the host's name, or signed URLs would not name the host of the region. Others have no such
    names: there, the bucket is in the path.

    Raises:
        NoCredentialsError: nothing is remembered then, so credentials that come later are found.
    """
    session = botocore.session.get_session()
    if session.get_credentials() is None:
        raise boto.NoCredentialsError
    client = _connect(session, endpoint, region, "virtual")
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return client if ".amazonaws." in host else _connect(session, endpoint, region, "path")


def _connect(session: Any, endpoint: str | None, region: str | None, addressing: str) -> Any:
    config = Config(
        signature_version="s3v4",  # said aloud: with an own endpoint botocore signs URLs in version 2
        s3={"addressing_style": addressing},
        retries={"mode": "standard", "total_max_attempts": 1},  # `patiently` asks again
        connect_timeout=5,
        read_timeout=20,
        max_pool_connections=50,
        tcp_keepalive=True,
        request_checksum_calculation="when_required",  # others refuse it; the signature covers the body's sha-256
        response_checksum_validation="when_required",
    )
    region = region or os.environ.get("AWS_REGION")  # botocore knows AWS_DEFAULT_REGION only
    return session.create_client("s3", endpoint_url=endpoint, region_name=region, config=config)
