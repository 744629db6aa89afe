"""Byte ranges and preconditions over any storage: what a browser needs in order to seek in a recording.

Source: RFC 9110, sections 8.8, 13 and 14.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from typing import BinaryIO

from anyio import to_thread
from attrs import frozen
from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.responses import StreamingResponse

from callkit.http.problems import Refused

__all__ = ["Content", "span", "stream"]

_CHUNK = 1 << 20  # bytes a trip to a thread: 64 KiB take four times as long
_ONE_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


@frozen
class Content:
    """What is sent of a blob.

    Attributes:
        size: bytes.
        sha256: of them, which makes a strong validator.
        modified_at: when they came.
        content_type: what they are.
        disposition: the Content-Disposition header; None: none.
    """

    size: int
    sha256: str
    modified_at: datetime
    content_type: str
    disposition: str | None = None

    @property
    def etag(self) -> str:
        """The strong validator."""
        return f'"{self.sha256}"'

    @property
    def date(self) -> datetime:
        """The weak one, in whole seconds as HTTP tells them."""
        return self.modified_at.astimezone(UTC).replace(microsecond=0)

    @property
    def headers(self) -> dict[str, str]:
        """The same on 200, 206 and 304."""
        own = {
            "etag": self.etag,
            "last-modified": format_datetime(self.date, usegmt=True),
            "accept-ranges": "bytes",
            "cache-control": "private, no-cache",
        }
        return own | ({"content-disposition": self.disposition} if self.disposition else {})


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """The half-open span of one range that can be satisfied; None: everything is sent.

    What is not understood, or not well formed, is ignored, and so are several ranges at once, which players never ask
    for; RFC 9110 allows both (14.2), and neither breaks a client. Of an empty file no span can be told.

    Args:
        header: Range.
        size: bytes of the whole.

    Raises:
        Refused: 416: it is well formed, and there is no such byte.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", "") or not size:
        return None
    first, last = match.groups()
    if not first:
        if not int(last):
            raise _unsatisfiable(size)
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise _unsatisfiable(size)
    return int(first), min(int(last) + 1 if last else size, size)


def _unsatisfiable(size: int) -> Refused:
    headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
    return Refused(416, "range_not_satisfiable", f"There are {size} bytes: ask for some of them.", headers)


def stream(request: Request, content: Content, file: BinaryIO) -> Response:
    """The answer to a GET or HEAD. The file is closed when all is sent, or by whoever catches what is raised.

    Raises:
        Refused: 412 or 416.
    """
    if (status := _precondition(request.headers, content)) == 412:
        raise Refused(412, "precondition_failed", "The recording is not the one that If-Match or its companion names.")
    if status == 304:
        file.close()
        return Response(status_code=304, headers=content.headers)
    asked = request.headers.get("range") if request.method == "GET" and _if_range(request.headers, content) else None
    found = span(asked, content.size)
    start, end = found or (0, content.size)
    headers = content.headers | {"content-length": str(end - start)}
    if found:
        headers["content-range"] = f"bytes {start}-{end - 1}/{content.size}"
    if request.method == "HEAD":
        file.close()
        return Response(status_code=200, headers=headers, media_type=content.content_type)
    return StreamingResponse(_pieces(file, start, end), 206 if found else 200, headers, content.content_type)


async def _pieces(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        await to_thread.run_sync(file.seek, start)
        while start < end:
            piece = await to_thread.run_sync(partial(file.read, min(_CHUNK, end - start)))
            if not piece:
                raise EOFError("the blob is shorter than it was")
            start += len(piece)
            yield piece
    finally:
        file.close()


def _precondition(headers: Headers, content: Content) -> int | None:
    """412, 304 or None, in the order of RFC 9110, section 13.2.2."""
    if (tags := headers.get("if-match")) is not None:
        if not _names(tags, content, weakly=False):
            return 412
    elif (moment := _moment(headers.get("if-unmodified-since"))) and content.date > moment:
        return 412
    if (tags := headers.get("if-none-match")) is not None:
        return 304 if _names(tags, content, weakly=True) else None
    moment = _moment(headers.get("if-modified-since"))
    return 304 if moment and content.date <= moment else None


def _if_range(headers: Headers, content: Content) -> bool:
    """Whether a range may be sent: the client's part is of the same whole. Weak tags never say so."""
    condition = headers.get("if-range")
    if condition is None or condition == content.etag:
        return True
    return not condition.startswith(('"', "W/")) and _moment(condition) == content.date


def _names(tags: str, content: Content, *, weakly: bool) -> bool:
    known = [tag.strip() for tag in tags.split(",")]
    if weakly:
        known = [tag.removeprefix("W/") for tag in known]
    return "*" in known or content.etag in known


def _moment(date: str | None) -> datetime | None:
    """None for what is no date: it is ignored."""
    try:
        found = parsedate_to_datetime(date or "")
    except (ValueError, IndexError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
