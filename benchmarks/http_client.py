"""A client that leaves the processors to the server: HTTP/1.1 by hand over one connection that is kept open."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self
from uuid import uuid4

import orjson
from attrs import define, field, frozen

__all__ = ["Answer", "Connection", "form"]


@frozen
class Answer:
    """What a server said; the names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@define
class Connection:
    """One request after the other. A connection that breaks raises, and the next request opens a new one.

    Attributes:
        port: on 127.0.0.1.
        timeout: seconds for a request.
    """

    port: int
    timeout: float = 60.0
    _reader: asyncio.StreamReader | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a request.

        Raises:
            OSError, TimeoutError, EOFError: there is none.
        """
        try:
            async with asyncio.timeout(self.timeout):
                await self.send(self.head(method, target, len(body), headers) + body)
                return await self.answer()
        except BaseException:
            self.drop()
            raise

    def head(self, method: str, target: str, size: int, headers: Mapping[str, str] | None = None) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"host: 127.0.0.1:{self.port}"]
        if size or method not in ("GET", "HEAD"):
            lines.append(f"content-length: {size}")
        return "\r\n".join([*lines, *(f"{name}: {text}" for name, text in (headers or {}).items()), "", ""]).encode()

    async def send(self, data: bytes) -> None:
        """Bytes as they are: a request's, or some of it."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> Answer:
        assert self._reader is not None, "nothing was sent"
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        status = int(first.split(" ")[1])
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        if "transfer-encoding" in headers:
            raise OSError("an answer in pieces: this client wants a length")
        if headers.get("connection") == "close":
            self.drop()
        return Answer(status, headers, body)

    def drop(self) -> None:
        """Break the connection, as a client does whose machine is switched off."""
        if self._writer is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._writer.transport.abort()
        self._reader = self._writer = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()


def form(name: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """The body of a form with one file, called `file`; and the header that says so."""
    boundary = uuid4().hex
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"content-type": f"multipart/form-data; boundary={boundary}"}
