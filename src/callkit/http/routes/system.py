"""Is it well, how much does it do, and what has just happened: for machines and for the page."""

from typing import Annotated, Any

import anyio
from anyio import to_thread
from attrs import frozen
from fastapi import APIRouter, Header, Request, Response
from starlette.responses import StreamingResponse

from callkit.core.call import Status
from callkit.core.query import Query
from callkit.errors import CallKitError
from callkit.http.answers import json_answer
from callkit.http.dto import answer
from callkit.http.problems import problem, problems
from callkit.http.service import Service, service_of
from callkit.kit import CallKit
from callkit.work import utc_now

__all__ = ["router"]

router = APIRouter(tags=["system"])

_ANSWER = 3.0  # seconds for a database or a storage
_SAMPLE = 200  # waiting calls among which the oldest is looked for
_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_EVENTS = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}


@frozen
class Health:
    """All is well."""

    status: str


@router.get("/health/live", response_model=answer(Health))
async def live() -> Response:
    """The process answers; nothing else is looked at."""
    return json_answer({"status": "ok"})


@router.get("/health/ready", response_model=answer(Health), responses=problems(s503="not_ready"))
async def ready(request: Request) -> Response:
    """Database and storage answer, and the database's tables are those of this version."""
    kit = service_of(request).kit.sync
    wrong = [await _fault(name, look, kit) for name, look in _LOOKS.items()]
    if any(wrong):
        return problem(503, "not_ready", ", ".join(filter(None, wrong)), headers={"Retry-After": "5"})
    return json_answer({"status": "ok"})


def _ask_storage(kit: CallKit) -> None:
    next(iter(kit.storage.list("health/")), None)


_LOOKS = {"database": lambda kit: kit.count(at_most=1), "storage": _ask_storage}


async def _fault(name: str, look: Any, kit: CallKit) -> str | None:
    """What is wrong, without addresses."""
    try:
        with anyio.fail_after(_ANSWER):
            await to_thread.run_sync(look, kit, abandon_on_cancel=True)
    except CallKitError as error:
        return f"{name}: {error.code}"
    except TimeoutError:
        return f"{name}: no answer"
    return None


@router.get("/metrics", response_class=Response, responses={200: {"description": "for Prometheus", **_TEXT}})
async def metrics(request: Request) -> Response:
    """Counts and times, in the format of Prometheus."""
    service = service_of(request)
    await to_thread.run_sync(_look_at_queue, service)
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _look_at_queue(service: Service) -> None:
    kit, now = service.kit.sync, utc_now()
    waiting = kit.find(Query(unclaimed_at=now), limit=_SAMPLE).items
    processing = kit.count(Query(statuses=frozenset({Status.PROCESSING})))
    service.metrics.tell_queue(processing, min((call.updated_at for call in waiting), default=None), now)
    service.metrics.listeners.set(len(service.hub))


@router.get("/events", response_class=StreamingResponse, responses={200: {"description": "events", **_EVENTS}})
async def events(
    request: Request, last_event_id: Annotated[str | None, Header(max_length=20, description="go on behind it")] = None
) -> Response:
    """What happens to calls, as server-sent events: `call` (id, status, stage), `queue`, `reset` (fetch all anew)."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    hub = service_of(request).hub
    hub.check()
    return StreamingResponse(hub.listen(last_event_id), headers=headers, media_type="text/event-stream")
