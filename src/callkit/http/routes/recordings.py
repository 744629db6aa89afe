"""Recordings come in: by a form, as they are, or past us into the storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePath
from typing import Annotated, Any

from anyio import to_thread
from attrs import field, frozen
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field

from callkit.core.call import Call
from callkit.errors import CallKitError, SettingsError, UnsupportedFormatError
from callkit.folder import SUFFIXES
from callkit.http.answers import CALL, call_json, json_answer
from callkit.http.bodies import RawBody, filename_in, plain_filename, too_large
from callkit.http.dto import answer, body
from callkit.http.forms import FormBody
from callkit.http.parameters import CallId, UploadId
from callkit.http.problems import Refused, problems
from callkit.http.routes.calls import GONE, seen
from callkit.http.service import Service, service_of
from callkit.kit import CallKit
from callkit.upload import admit

__all__ = ["NO_PRESIGNING", "check_name", "may_come", "presigning", "router", "taken"]

router = APIRouter(tags=["recordings"])

_MORE_SUFFIXES = frozenset(
    {".mp4", ".mov", ".mkv", ".wave", ".aifc", ".snd", ".sph", ".3gp", ".avi", ".mpg", ".bin", ""}
)
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "WAV, MP3, or whatever callkit reads"}
    },
}
_CAME = GONE | problems(
    s408="too_slow",
    s409="recording_already_exists",
    s413="too_large",
    s422="unsupported_extension (refused by its name or by its content), damaged_audio, validation_error",
)
NO_PRESIGNING = problems(s501="presign_not_configured")
Filename = Annotated[str, Query(max_length=255, pattern=r"^[^\x00]*$", description="of the recording")]


def check_name(name: str) -> None:
    """Refuse what says by its name that it is no audio; without an ending, its content will tell.

    Raises:
        UnsupportedFormatError: so.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES | _MORE_SUFFIXES and not suffix[1:].isdecimal():
        raise UnsupportedFormatError(name, f"a {suffix} file, as its name says")


def may_come(kit: CallKit, call_id: CallId) -> Call:
    """The call, if its recording may come.

    Raises:
        CallNotFoundError, CallErasedError, RecordingExistsError: it may not.
    """
    call = seen(kit, call_id)
    admit(call)
    return call


@router.post(
    "/calls/{call_id}/recording",
    status_code=202,
    response_model=CALL,
    responses=_CAME | problems(s415="multipart_required"),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def upload(request: Request, call_id: CallId) -> Response:
    """Send the recording of a call in a form; work on it begins at once."""
    service = service_of(request)
    await to_thread.run_sync(may_come, service.kit.sync, call_id)
    form = FormBody(request, service.limits)
    name = plain_filename(await form.begin())
    check_name(name)
    return await receive(service, call_id, form, name)


@router.put(
    "/calls/{call_id}/recording",
    status_code=202,
    response_model=CALL,
    responses=_CAME,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def put(
    request: Request,
    call_id: CallId,
    filename: Filename = "",
    content_disposition: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """Send the recording of a call as it is. Its name is `filename`, or that in Content-Disposition."""
    service = service_of(request)
    await to_thread.run_sync(may_come, service.kit.sync, call_id)
    name = plain_filename(filename or filename_in(content_disposition))
    check_name(name)
    return await receive(service, call_id, RawBody(request, service.limits), name)


async def receive(service: Service, call_id: CallId, body: FormBody | RawBody, name: str) -> Response:
    """Take a body in, and count what became of it."""
    try:
        call = await service.receive(call_id, body, name)
    except CallKitError as error:
        service.metrics.uploads.labels(error.code).inc()
        raise
    return taken(service, call)


def taken(service: Service, call: Call) -> Response:
    """The answer to a recording that came."""
    service.metrics.uploads.labels("taken").inc()
    service.metrics.received.inc(call.recording.size if call.recording else 0)
    service.hub.touch(call)
    return json_answer(call_json(call), 202)


# ---- past us


@frozen
class Link:
    """Where a client may PUT a recording by itself; afterwards it tells us."""

    id: str
    url: str
    method: str
    expires_at: datetime
    complete: str


@frozen(kw_only=True)
class Finished:
    """A recording that was put where a link led."""

    filename: Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")] = field(default="")


_Finished: Any = body(Finished)


@router.post(
    "/calls/{call_id}/recording/presigned",
    status_code=201,
    response_model=answer(Link),
    responses=GONE | NO_PRESIGNING | problems(s409="recording_already_exists"),
)
async def presign(request: Request, call_id: CallId) -> Response:
    """A URL for one PUT straight into the storage; then POST to `complete`."""
    kit = service_of(request).kit
    await to_thread.run_sync(may_come, kit.sync, call_id)
    with presigning():
        link = await kit.upload_link(call_id)
    complete = f"{request.scope.get('root_path', '')}/calls/{call_id}/recording/presigned/{link.id}"
    told = {"id": link.id, "url": link.url, "method": "PUT", "expires_at": link.expires_at, "complete": complete}
    return json_answer(told, 201)


@router.post(
    "/calls/{call_id}/recording/presigned/{upload_id}",
    status_code=202,
    response_model=CALL,
    responses=GONE | problems(s404="call_not_found, blob_not_found", s409="recording_already_exists", s413="too_large"),
)
async def complete(request: Request, call_id: CallId, upload_id: UploadId, told: _Finished) -> Response:
    """Tell that the recording is where the link led: it is looked at, and work on it begins."""
    service = service_of(request)
    name = plain_filename(told.filename)
    check_name(name)

    def accept(size: int) -> None:
        if size > service.settings.max_bytes:
            raise too_large(service.settings.max_bytes)

    call = await service.kit.finish_upload(call_id, upload_id, name=name, accept=accept)
    return taken(service, call)


@contextmanager
def presigning() -> Iterator[None]:
    """What the kit says of a storage that can't sign is, over HTTP, "not implemented"."""
    try:
        yield
    except SettingsError as error:
        raise Refused(501, "presign_not_configured", str(error)) from None
