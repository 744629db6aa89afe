"""`Service`: what all routes share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from attrs import Factory, define, field
from fastapi import Request

from callkit.aio import AsyncCallKit
from callkit.core.call import Call
from callkit.http.bodies import Body, Limits, taken_in
from callkit.http.events import Hub
from callkit.http.keys import KeyRing
from callkit.http.metrics import Metrics
from callkit.http.problems import Refused
from callkit.http.settings import HttpSettings
from callkit.stream import Stream

__all__ = ["Service", "service_of"]

T = TypeVar("T")

_UPLOADS = 200  # at once, each in a thread that waits for its client
_READS = 16  # of a kind at once: more threads would only wait for the interpreter's lock


@define(eq=False)
class Service:
    """The kit that is served, how, and to whom."""

    kit: AsyncCallKit
    settings: HttpSettings
    ring: KeyRing
    metrics: Metrics = field(factory=Metrics)
    hub: Hub = field(init=False, default=Factory(lambda self: Hub(self.kit), takes_self=True))
    _uploads: CapacityLimiter = field(init=False, factory=lambda: CapacityLimiter(_UPLOADS))
    _looks: CapacityLimiter = field(init=False, factory=lambda: CapacityLimiter(_READS))
    _searches: CapacityLimiter = field(init=False, factory=lambda: CapacityLimiter(_READS))
    _busy: set[str] = field(init=False, factory=set)

    @property
    def limits(self) -> Limits:
        """Of a recording."""
        return self.limits_of(self.settings.max_bytes)

    def limits_of(self, size: int) -> Limits:
        """Of a body that may have so many bytes."""
        return Limits(size, self.settings.patience, self.settings.slowest)

    async def receive(self, call_id: UUID, body: Body, name: str) -> Call:
        """`CallKit.upload` of a body that arrives."""
        return await self.take_in(body, partial(self.kit.sync.upload, call_id, name=name))

    async def take_in(self, body: Body, work: Callable[[Stream], T]) -> T:
        """Do what reads a body, in a thread that no other route waits for."""
        return await taken_in(body, work, self._uploads)

    async def look(self, work: Callable[[], T]) -> T:
        """Make an answer of a call, in a thread that waits for no search."""
        return await to_thread.run_sync(work, limiter=self._looks)

    async def search(self, work: Callable[[], T]) -> T:
        """Make an answer of calls that are found, in a thread."""
        return await to_thread.run_sync(work, limiter=self._searches)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """The same for other work that takes long."""
        return await to_thread.run_sync(work, limiter=self._uploads)

    @contextmanager
    def locked(self, upload_id: str) -> Iterator[None]:
        """One request at a time may change an upload.

        Raises:
            Refused: another one does.
        """
        if upload_id in self._busy:
            raise Refused(423, "upload_locked", "Another request sends this upload: wait for it, or end it.")
        self._busy.add(upload_id)
        try:
            yield
        finally:
            self._busy.discard(upload_id)


def service_of(request: Request) -> Service:
    """The one that the application was made with."""
    service: Service = request.app.state.service
    return service
