"""What a server does beside answering: looks for work that was lost, and removes what uploads left that never ended."""

import logging
from datetime import datetime

import anyio
from anyio import to_thread

from callkit.core.call import Status
from callkit.core.query import Query
from callkit.errors import CallKitError
from callkit.http.service import Service
from callkit.http.tus import LIFETIME, sweep_uploads
from callkit.kit import CallKit
from callkit.protocols import HasBacklog, Storage, TidiesUp
from callkit.upkeep import Swept
from callkit.work import utc_now

__all__ = ["find_lost_work", "keep_house", "remove_left_overs"]

log = logging.getLogger("callkit.http")

_UPLOADS_EVERY = 3600.0  # seconds


async def keep_house(service: Service) -> None:
    """Until it is cancelled. What fails is tried again the next time."""
    every, next_uploads = service.settings.sweep_every, 0.0
    if not every:
        return
    first = True
    while True:
        await _try(find_lost_work, service.kit.sync, first)
        first = False
        if anyio.current_time() >= next_uploads:
            await _try(remove_left_overs, service.kit.sync.storage, utc_now())
            next_uploads = anyio.current_time() + _UPLOADS_EVERY
        await anyio.sleep(every)


async def _try(work, *args) -> None:  # type: ignore[no-untyped-def]
    try:
        await to_thread.run_sync(work, *args)
    except CallKitError as error:
        log.warning("Keeping house failed (%s), and is tried again.", error.code)


def remove_left_overs(storage: Storage, now: datetime) -> int:
    """What waited too long for its next piece, and what is left of blobs whose server died midway; how many."""
    left = storage.tidy(now - LIFETIME) if isinstance(storage, TidiesUp) else 0
    return left + sweep_uploads(storage, now)


def find_lost_work(kit: CallKit, anyway: bool = False) -> Swept:
    """Submit again what a crash left; but not what waits in our own queue, behind what is worked on.

    A queue of this process can't be asked what is in it. But while there is something in it, somebody works.

    Args:
        kit: where.
        anyway: nothing was submitted by this process yet.
    """
    if not anyway and not isinstance(kit.runner, HasBacklog):
        processing = kit.count(Query(statuses=frozenset({Status.PROCESSING})))
        if not processing or kit.count(Query(unclaimed_at=utc_now())) < processing:
            return Swept()
    return kit.sweep(grace=None)
