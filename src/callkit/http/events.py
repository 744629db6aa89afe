"""`Hub`: tells those who listen which calls changed, wherever and by whomever they were changed.

One look at the database a second serves all who listen, and nobody looks if nobody listens: whoever wakes first looks
for all. What is told is an id and a status, never a number or a word that was said.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import anyio
import orjson
from attrs import define, field

from callkit.aio import AsyncCallKit
from callkit.core.call import Call, Status
from callkit.core.query import Query
from callkit.http.problems import Refused
from callkit.work import utc_now

__all__ = ["Hub"]

_EVERY = 1.0  # seconds between two looks
_BACK = timedelta(seconds=5)  # clocks differ, and what was saved last may be seen first
_KEEP = timedelta(seconds=60)  # what was told is remembered so long
_TICK = timedelta(milliseconds=1)  # of `updated_at`
_PAGE = 500
_MOST_PAGES = 20
_WAITING = 1000  # events for one who does not read them; then it is cut off, and comes again
_LISTENERS = 1000
_SILENCE = 15.0  # seconds after which a comment keeps the connection
_LONGEST_BACKLOG = timedelta(hours=1)
_PROCESSING = Query(statuses=frozenset({Status.PROCESSING}))


@define(eq=False)
class _Listener:
    waiting: deque[bytes] = field(factory=deque)
    news: anyio.Event = field(factory=anyio.Event)
    lost: bool = False

    def tell(self, event: bytes) -> None:
        if len(self.waiting) < _WAITING:
            self.waiting.append(event)
        else:
            self.lost = True
        self.news.set()


@define(eq=False)
class Hub:
    """Changes of calls, for many who listen.

    Attributes:
        kit: whose calls.
        ended: set when the server stops: streams end, and clients come again elsewhere.
    """

    kit: AsyncCallKit
    ended: bool = False
    _listeners: set[_Listener] = field(factory=set)
    _told: dict[UUID, tuple[int, datetime]] = field(factory=dict)
    _since: datetime = field(factory=utc_now)
    _next_look: float = 0.0
    _is_looking: bool = False
    _processing: int | None = None

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def __bool__(self) -> bool:
        """It is there, whoever listens."""
        return True

    def touch(self, call: Call) -> None:
        """Tell at once what this server has done itself."""
        if self._listeners:
            self._tell([call])

    def check(self) -> None:
        """Whether one more may listen.

        Raises:
            Refused: too many do.
        """
        if len(self._listeners) >= _LISTENERS:
            raise Refused(
                503, "too_many_listeners", "Too many clients listen: come again later.", {"Retry-After": "30"}
            )

    async def listen(self, after: str | None) -> AsyncIterator[bytes]:
        """The events as they are sent, until the client goes.

        Args:
            after: `Last-Event-ID`: what came behind it is told first.
        """
        listener = _Listener()
        if not self._listeners:
            self._since, self._told, self._processing = utc_now(), {}, None
        self._listeners.add(listener)
        try:
            yield b"retry: 2000\n\n"
            async for event in self._missed(after):
                yield event
            async for event in self._news(listener):
                yield event
        finally:
            self._listeners.discard(listener)

    async def _missed(self, after: str | None) -> AsyncIterator[bytes]:
        moment = _moment(after)
        if moment is None:
            return
        since = max(moment, utc_now() - _LONGEST_BACKLOG)
        calls = await self.kit.changed(since, limit=_PAGE)
        if since > moment or len(calls) == _PAGE:
            yield _event("reset", {})  # more happened than is worth telling: fetch anew
        else:
            for call in calls:
                yield _about(call)

    async def _news(self, listener: _Listener) -> AsyncIterator[bytes]:
        quiet_since = monotonic()
        while not self.ended:
            with anyio.move_on_after(_EVERY):
                await listener.news.wait()
            await self._look()
            listener.news = anyio.Event()
            if listener.waiting:
                events, listener.waiting = b"".join(listener.waiting), deque()
                quiet_since = monotonic()
                yield events
            elif monotonic() - quiet_since > _SILENCE:
                quiet_since = monotonic()
                yield b": \n\n"
            if listener.lost:
                return

    async def _look(self) -> None:
        """Look for all who listen, if it is time, and nobody else does."""
        if self._is_looking or monotonic() < self._next_look:
            return
        self._is_looking = True
        try:
            await self._tell_changes()
            await self._tell_queue()
        finally:
            self._is_looking, self._next_look = False, monotonic() + _EVERY

    async def _tell_changes(self) -> None:
        place = self._since - _BACK
        for _ in range(_MOST_PAGES):
            calls = await self.kit.changed(place, limit=_PAGE)
            self._tell(calls)
            if calls:
                place = max(calls[-1].updated_at, place + _TICK if len(calls) == _PAGE else place)
            if len(calls) < _PAGE:
                break
        self._since = max(self._since, place)
        old = self._since - _KEEP
        self._told = {known: told for known, told in self._told.items() if told[1] >= old}

    def _tell(self, calls: Iterable[Call]) -> None:
        for call in calls:
            if self._told.get(call.id, (-1,))[0] >= call.version:
                continue
            self._told[call.id] = (call.version, call.updated_at)
            self._send(_about(call))

    async def _tell_queue(self) -> None:
        count = await self.kit.count(_PROCESSING)
        if count != self._processing:
            self._processing = count
            self._send(_event("queue", {"processing": count}))

    def _send(self, event: bytes) -> None:
        for listener in self._listeners:
            listener.tell(event)


def _about(call: Call) -> bytes:
    """`stage` tells more of `processing`: whether somebody works on it, or it waits."""
    stage = ("working" if call.lease else "waiting") if call.status is Status.PROCESSING else str(call.status)
    told = {"id": str(call.id), "status": str(call.status), "stage": stage, "version": call.version}
    number = int(call.updated_at.timestamp() * 1000)
    return _event("call", told | {"updated_at": call.updated_at}, number)


def _event(name: str, data: dict[str, Any], number: int | None = None) -> bytes:
    text = orjson.dumps(data, option=orjson.OPT_UTC_Z)
    own = f"id: {number}\n".encode() if number is not None else b""
    return own + b"event: " + name.encode() + b"\ndata: " + text + b"\n\n"


def _moment(after: str | None) -> datetime | None:
    if after is None or not after.isascii() or not after.isdecimal() or len(after) > 14:
        return None
    return datetime.fromtimestamp(int(after) / 1000, UTC)
