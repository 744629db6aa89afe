"""Calls: announced, found, looked at, changed, erased."""

from typing import Annotated, Any, cast

from anyio import to_thread
from attrs import evolve
from fastapi import APIRouter, Query, Request, Response

from callkit.core.analysis import Results
from callkit.core.call import Call, Status
from callkit.core.page import Order, Page
from callkit.core.parsing import parse
from callkit.core.query import Query as CallQuery
from callkit.http.access import client_of
from callkit.http.answers import CALL, PAGE, call_json, json_answer, page_json
from callkit.http.creating import create_call
from callkit.http.dto import body
from callkit.http.parameters import CallId, Changes, Cursor, IdempotencyKey, Limit, NewCall, Offset, Words
from callkit.http.problems import Refused, problems
from callkit.http.service import Service, service_of
from callkit.http.tus import remove_uploads
from callkit.kit import CallKit

__all__ = ["router"]

router = APIRouter(tags=["calls"])

_NewCall: Any = body(NewCall)
_Changes: Any = body(Changes)
_MOST_COUNTED = 10_000
_SEEN = frozenset(Status) - {Status.ERASED}

_TAKEN = problems(s409="call_exists, idempotency_key_reused, call_erased")
GONE = problems(s404="call_not_found", s410="call_erased")


# Routes are tried in this order: what is asked for most comes first


@router.get("/calls/{call_id}", response_model=CALL, responses=GONE)
async def get(
    request: Request,
    call_id: CallId,
    words: Annotated[bool, Query(description="when each word was said, too")] = False,
) -> Response:
    """A call, with what was measured and said once it is ready."""
    service = service_of(request)
    return await service.look(lambda: json_answer(call_json(*look(service.kit.sync, call_id, words=words))))


def look(kit: CallKit, call_id: CallId, *, words: bool = False) -> tuple[Call, Results | None]:
    """A call that is there, and what was measured of it; when each word was said only if that is wanted.

    Raises:
        Refused: it was erased.
        CallNotFoundError: there is none.
    """
    call, found = kit.look(call_id, words=words)
    return _still_there(call), found


def seen(kit: CallKit, call_id: CallId) -> Call:
    """A call that is there.

    Raises:
        Refused: it was erased.
        CallNotFoundError: there is none.
    """
    return _still_there(kit.get(call_id))


def _still_there(call: Call) -> Call:
    if call.status is Status.ERASED:
        raise Refused(410, "call_erased", f"Call {call.id} was erased: nothing is left of it.")
    return call


@router.get("/calls/", include_in_schema=False)
@router.get("/calls", response_model=PAGE)
async def find(
    request: Request,
    *,
    query: Words = "",
    limit: Limit = 20,
    offset: Offset = 0,
    cursor: Cursor = None,
    order: Annotated[Order, Query(description="best: where it was said best, of the newest 1000")] = "newest",
    total: Annotated[bool, Query(description="count them, too")] = False,
) -> Response:
    """Find calls, newest first. Those that were erased are found by `status:erased` only."""
    service = service_of(request)
    wanted = _wanted(query, service)

    def look_up() -> Response:
        page, count = _look_up(
            service.kit.sync, wanted, limit=limit, offset=offset, after=cursor, order=order, total=total
        )
        return json_answer(page_json(page, limit=limit, offset=offset, total=count))

    return await service.search(look_up)


def _wanted(text: str, service: Service) -> CallQuery:
    query = parse(text, zone=service.settings.zone)
    return query if query.statuses or query.spares_erased else evolve(query, statuses=cast(Any, _SEEN))


def _look_up(
    kit: CallKit, query: CallQuery, *, limit: int, offset: int, after: str | None, order: Order, total: bool
) -> tuple[Page, int | None]:
    count = kit.count(query, at_most=_MOST_COUNTED) if total else None
    if offset and after is None:
        return kit.find_at(query, offset, limit=limit), count
    return kit.find(query, limit=limit, after=after, order=order), count


@router.post("/calls/", include_in_schema=False)
@router.post(
    "/calls", status_code=201, response_model=CALL, responses=problems(s409="call_exists, idempotency_key_reused")
)
async def create(request: Request, new: _NewCall, idempotency_key: IdempotencyKey = None) -> Response:
    """Announce a call; its recording comes later."""
    service = service_of(request)
    facts = new.model_dump()
    client = client_of(request.scope)
    owner = client.key.id if client and client.key else ""
    call = await to_thread.run_sync(create_call, service.kit.sync, facts, idempotency_key, owner)
    place = f"{request.scope.get('root_path', '')}/calls/{call.id}"
    return json_answer(call_json(call), 201, {"Location": place})


@router.patch("/calls/{call_id}", response_model=CALL, responses=GONE)
async def change(request: Request, call_id: CallId, changes: _Changes) -> Response:
    """Give a call other tags or metadata."""
    kit = service_of(request).kit
    await to_thread.run_sync(seen, kit.sync, call_id)
    await kit.annotate(call_id, **changes.model_dump())
    call, results = await to_thread.run_sync(look, kit.sync, call_id)
    return json_answer(call_json(call, results))


@router.post(
    "/calls/{call_id}/retry", status_code=202, response_model=CALL, responses=GONE | problems(s409="move_not_allowed")
)
async def retry(request: Request, call_id: CallId) -> Response:
    """Work on a failed call again."""
    kit = service_of(request).kit
    await to_thread.run_sync(seen, kit.sync, call_id)
    return json_answer(call_json(await kit.retry(call_id)), 202)


@router.delete("/calls/{call_id}", status_code=204, response_class=Response, responses=GONE)
async def erase(
    request: Request,
    call_id: CallId,
    reason: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$", description="no names or numbers")] = "",
) -> Response:
    """Erase a call for good: numbers, sound, results."""
    kit = service_of(request).kit
    await to_thread.run_sync(seen, kit.sync, call_id)
    await kit.erase(call_id, reason)
    await to_thread.run_sync(remove_uploads, kit.sync.storage, call_id)
    return Response(status_code=204)
