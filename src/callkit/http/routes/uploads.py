"""Resumable uploads by the protocol tus 1.0.0: core, creation, termination and expiration.

Source: https://tus.io/protocols/resumable-upload, version 1.0.0.
"""

import binascii
from base64 import b64decode
from email.utils import format_datetime
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request, Response
from starlette.requests import ClientDisconnect

from callkit.core.call import Call
from callkit.errors import CallKitError
from callkit.http.bodies import RawBody, plain_filename, too_large
from callkit.http.parameters import CallId, UploadId
from callkit.http.problems import Refused, problems
from callkit.http.routes.calls import GONE
from callkit.http.routes.recordings import check_name, may_come, taken
from callkit.http.service import Service, service_of
from callkit.http.tus import LIFETIME, Pieces, Resumable
from callkit.kit import CallKit

__all__ = ["router"]

router = APIRouter(tags=["resumable uploads"])

VERSION = "1.0.0"
_HELLO = {"Tus-Version": VERSION, "Tus-Extension": "creation,termination,expiration", "Tus-Resumable": VERSION}
_KIND = "application/offset+octet-stream"

_Version = Annotated[str, Header(alias="Tus-Resumable", description=f"always {VERSION}")]
_Length = Annotated[int, Header(alias="Upload-Length", ge=0, le=1 << 50, description="bytes of the recording")]
_Metadata = Annotated[
    str,
    Header(alias="Upload-Metadata", max_length=4000, description="pairs of a name and a value in base64; `filename`"),
]
_Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, le=1 << 50, description="bytes that have come")]
_REFUSED = GONE | problems(s404="call_not_found, upload_not_found", s412="unsupported_version")


@router.options("/calls/{call_id}/uploads", status_code=204, response_class=Response)
async def hello(request: Request, call_id: CallId) -> Response:  # noqa: ARG001 - it is described so
    """What this server can do."""
    most = service_of(request).settings.max_bytes
    return Response(status_code=204, headers=_HELLO | {"Tus-Max-Size": str(most)})


@router.post(
    "/calls/{call_id}/uploads",
    status_code=201,
    response_class=Response,
    responses=_REFUSED | problems(s409="recording_already_exists", s413="too_large", s422="unsupported_extension"),
)
async def begin(
    request: Request, call_id: CallId, tus_resumable: _Version, upload_length: _Length, upload_metadata: _Metadata = ""
) -> Response:
    """Begin an upload; its place is in `Location`."""
    _check_version(tus_resumable)
    service = service_of(request)
    if upload_length > service.settings.max_bytes:
        raise too_large(service.settings.max_bytes)
    name = plain_filename(_metadata(upload_metadata).get("filename", ""))
    check_name(name)
    upload = Resumable.new(call_id, upload_length, name, upload_metadata)
    await to_thread.run_sync(_begin, service.kit.sync, upload)
    place = f"{request.scope.get('root_path', '')}/calls/{call_id}/uploads/{upload.token}"
    return _empty(201, {"Location": place, **_expires(upload)})


def _begin(kit: CallKit, upload: Resumable) -> None:
    may_come(kit, upload.call_id)
    Pieces(kit.storage, upload.call_id, upload.token).begin(upload)


@router.head("/calls/{call_id}/uploads/{upload_id}", response_class=Response, responses=_REFUSED)
async def how_far(request: Request, call_id: CallId, upload_id: UploadId, tus_resumable: _Version) -> Response:
    """How far an upload came."""
    _check_version(tus_resumable)
    pieces = Pieces(service_of(request).kit.sync.storage, call_id, upload_id)
    upload, offset = await to_thread.run_sync(lambda: (pieces.about(), pieces.offset()))
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(upload.length), **_expires(upload)}
    return _empty(200, headers | ({"Upload-Metadata": upload.metadata} if upload.metadata else {}))


@router.patch(
    "/calls/{call_id}/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    responses=_REFUSED
    | problems(
        s408="too_slow",
        s409="wrong_offset, recording_already_exists",
        s413="too_large",
        s415="wrong_content_type",
        s423="upload_locked",
        s422="unsupported_extension, damaged_audio, validation_error",
    ),
    openapi_extra={"requestBody": {"content": {_KIND: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def go_on(
    request: Request, call_id: CallId, upload_id: UploadId, tus_resumable: _Version, upload_offset: _Offset
) -> Response:
    """Send what follows; with the last byte the recording is taken, and work on it begins."""
    _check_version(tus_resumable)
    if request.headers.get("content-type") != _KIND:
        raise Refused(415, "wrong_content_type", f"The content type must be {_KIND}.")
    service = service_of(request)
    pieces = Pieces(service.kit.sync.storage, call_id, upload_id)
    with service.locked(upload_id):
        upload = await to_thread.run_sync(pieces.about)
        offset = await _append(service, request, pieces, upload, upload_offset)
        if offset == upload.length:
            await _finish(service, pieces, upload)
    return _empty(204, {"Upload-Offset": str(offset), **_expires(upload)})


async def _append(service: Service, request: Request, pieces: Pieces, upload: Resumable, offset: int) -> int:
    there = await to_thread.run_sync(pieces.offset)
    if offset != there:
        raise Refused(409, "wrong_offset", f"{there} bytes have come, not {offset}: ask by HEAD, and go on there.")
    body = _UntilGone(RawBody(request, service.limits_of(upload.length - there)))
    offset = await service.take_in(body, partial(pieces.append, there))
    if body.error is not None:  # what came is kept
        raise body.error
    return offset


async def _finish(service: Service, pieces: Pieces, upload: Resumable) -> None:
    """If the recording is refused, so is the upload: sent again it would be the same."""
    try:
        call = await service.in_thread(partial(_join, service.kit.sync, pieces, upload))
    except CallKitError as error:
        service.metrics.uploads.labels(error.code).inc()
        raise
    taken(service, call)


def _join(kit: CallKit, pieces: Pieces, upload: Resumable) -> Call:
    with pieces.open() as whole:
        call = kit.upload(upload.call_id, whole, name=upload.name)
    pieces.remove()
    return call


@router.delete(
    "/calls/{call_id}/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    responses=_REFUSED | problems(s423="upload_locked"),
)
async def give_up(request: Request, call_id: CallId, upload_id: UploadId, tus_resumable: _Version) -> Response:
    """Give an upload up; what came of it is removed."""
    _check_version(tus_resumable)
    service = service_of(request)
    pieces = Pieces(service.kit.sync.storage, call_id, upload_id)
    with service.locked(upload_id):
        await to_thread.run_sync(pieces.about)
        await to_thread.run_sync(pieces.remove)
    return _empty(204, {})


class _UntilGone:
    """A body whose end by an error is an end like any other, for what came before is kept; the error is kept, too."""

    def __init__(self, body: RawBody) -> None:
        self._body = body
        self.error: Exception | None = None

    async def batch(self) -> bytes:
        if self.error is not None:
            return b""
        try:
            return await self._body.batch()
        except (ClientDisconnect, Refused) as error:
            self.error = error
            return b""


def _check_version(version: str) -> None:
    if version != VERSION:
        raise Refused(412, "unsupported_version", f"This server speaks tus {VERSION}.", {"Tus-Version": VERSION})


def _metadata(header: str) -> dict[str, str]:
    """The pairs in Upload-Metadata.

    Raises:
        Refused: they are none.
    """
    found = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise Refused(400, "malformed_request", "Upload-Metadata must be pairs of a name and base64.") from None
    return found


def _expires(upload: Resumable) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(upload.begun_at + LIFETIME, usegmt=True)}


def _empty(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers={"Tus-Resumable": VERSION, "Cache-Control": "no-store", **headers})
