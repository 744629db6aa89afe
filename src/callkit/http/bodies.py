"""Bodies that arrive: in pieces, within limits, and read by a thread as a file is.

`RawBody`, and `FormBody` in forms.py, give what came in batches of some 800 kB; `taken_in` makes a file of them.
Nothing is spooled: while one batch is written, the next one is fetched, and then the client has to wait.
"""

from collections.abc import AsyncIterator, Callable
from email.message import Message
from time import monotonic
from typing import Protocol, TypeVar

import anyio
from anyio import from_thread, to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from attrs import define, field, frozen
from starlette.requests import ClientDisconnect, Request

from callkit.http.problems import Refused
from callkit.stream import Stream

__all__ = [
    "BATCH",
    "Arrival",
    "Body",
    "Limits",
    "RawBody",
    "filename_in",
    "plain_filename",
    "taken_in",
    "too_large",
]

T = TypeVar("T")

BATCH = 3 << 18
"""Bytes that are handed over at once, or a little more: storages ask for 1 MiB at a time, and what is cut is copied."""
_LONGEST_NAME = 255


@frozen
class Limits:
    """What a body may take.

    Attributes:
        size: bytes.
        patience: seconds without a byte; and until the rate counts.
        slowest: bytes a second.
    """

    size: int
    patience: float
    slowest: float


class Body(Protocol):
    """Bytes that arrive."""

    async def batch(self) -> bytes:
        """The next ones; none at the end.

        Raises:
            Refused: too many, too slow, malformed.
            ClientDisconnect: the client went away.
        """


def too_large(limit: int) -> Refused:
    """The refusal of a recording that is too large."""
    return Refused(413, "too_large", f"A recording may have {limit} bytes: this one has more.")


@define
class Arrival:
    """The pieces of a request's body, which may neither stand still nor trickle."""

    request: Request
    limits: Limits
    _begun: float = field(factory=monotonic)
    _came: int = 0
    _pieces: AsyncIterator[bytes] = field(init=False)

    @_pieces.default
    def _stream(self) -> AsyncIterator[bytes]:
        return self.request.stream()

    async def piece(self) -> bytes | None:
        """The next one; None at the end."""
        try:
            with anyio.fail_after(self.limits.patience):
                piece = await anext(self._pieces, None)
        except TimeoutError:
            raise _too_slow() from None
        if piece is not None:
            self._came += len(piece)
            late = monotonic() - self._begun - self.limits.patience
            if late > 0 and self._came < late * self.limits.slowest:
                raise _too_slow()
        return piece


def _too_slow() -> Refused:
    return Refused(
        408,
        "too_slow",
        "The body came too slowly: send it again over a better line, or in pieces (see /uploads).",
        {"Connection": "close"},
    )


class RawBody:
    """The body as it is."""

    def __init__(self, request: Request, limits: Limits) -> None:
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limits.size:
            raise too_large(limits.size)
        self._arrival = Arrival(request, limits)
        self._left = limits.size
        self._error: Exception | None = None
        self._limits = limits

    async def batch(self) -> bytes:
        """See `Body.batch`. What came before an error is given first."""
        pieces: list[bytes] = []
        size = 0
        while size < BATCH and (piece := await self._piece(pieces)) is not None:
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    async def _piece(self, before: list[bytes]) -> bytes | None:
        if self._error is not None:
            raise self._error
        try:
            piece = await self._arrival.piece()
            self._left -= len(piece or b"")
            if self._left < 0:
                raise too_large(self._limits.size)
        except (ClientDisconnect, Refused) as error:
            self._error = error
            if before:
                return None
            raise
        return piece


async def taken_in(body: Body, work: Callable[[Stream], T], limiter: anyio.CapacityLimiter) -> T:
    """Do some work in a thread, on a body as a file; what comes next is fetched while the thread has its hands full.

    Args:
        body: what arrives.
        work: reads it.
        limiter: how many may do so at once.

    Raises:
        Refused, ClientDisconnect: as `Body.batch`, through whatever `work` does; and what `work` itself raises.
    """
    ahead, behind = anyio.create_memory_object_stream[bytes | Exception](1)
    done: list[T] = []
    failed: list[BaseException] = []
    async with anyio.create_task_group() as tasks, ahead, behind:
        tasks.start_soon(_fetch, body, ahead)
        stream = Stream(lambda _: from_thread.run(_next, behind))
        try:
            done.append(await to_thread.run_sync(work, stream, limiter=limiter))
        except Exception as error:  # the group would wrap it
            failed.append(error)
        tasks.cancel_scope.cancel()
    if failed:
        raise failed[0]
    return done[0]


async def _fetch(body: Body, ahead: MemoryObjectSendStream[bytes | Exception]) -> None:
    with ahead:
        await _fetch_all(body, ahead)


async def _fetch_all(body: Body, ahead: MemoryObjectSendStream[bytes | Exception]) -> None:
    batch = b"."
    while batch:
        try:
            batch = await body.batch()
        except Exception as error:
            await ahead.send(error)
            return
        await ahead.send(batch)


async def _next(behind: MemoryObjectReceiveStream[bytes | Exception]) -> bytes:
    """The next batch. An error comes once; whoever goes on reading behind it finds the end."""
    try:
        batch = await behind.receive()
    except anyio.EndOfStream:
        return b""
    if isinstance(batch, Exception):
        raise batch
    return batch


def plain_filename(name: str) -> str:
    """A name without folders and control characters, which is all that a recording is called."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(letter if letter.isprintable() else "_" for letter in last).strip()
    return kept[-_LONGEST_NAME:]


def filename_in(header: str | None) -> str:
    """The name in a Content-Disposition header, with or without an extended one; "" if there is none."""
    message = Message()
    message["Content-Disposition"] = header or ""
    return message.get_filename("")
