"""Links that callkit signs itself, for storages that can't: `public_url` ends in /recordings and leads here."""

from functools import partial
from typing import BinaryIO

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from callkit.backends.storages.links import content_disposition
from callkit.backends.storages.signed import Grant, SignedStorage
from callkit.errors import BlobNotFoundError
from callkit.http.bodies import RawBody
from callkit.http.problems import problems
from callkit.http.ranges import Content, stream
from callkit.http.service import service_of
from callkit.protocols import Storage
from callkit.work import utc_now

__all__ = ["router"]

router = APIRouter(tags=["signed links"], include_in_schema=False)

_BYTES = "application/octet-stream"


@router.head("/recordings/{key:path}")
@router.get("/recordings/{key:path}", responses=problems(s403="access_denied", s404="blob_not_found"))
async def fetch(request: Request, key: str) -> Response:
    """What a link leads to."""
    storage = service_of(request).kit.sync.storage
    grant = _grant(storage, request, key)
    content, file = await to_thread.run_sync(_open, storage, grant)
    try:
        return stream(request, content, file)
    except BaseException:
        file.close()
        raise


@router.put("/recordings/{key:path}", status_code=201)
async def keep(request: Request, key: str) -> Response:
    """Store what a client sends to a link."""
    service = service_of(request)
    storage = service.kit.sync.storage
    grant = _grant(storage, request, key)
    await service.take_in(RawBody(request, service.limits), partial(storage.put, grant.key))
    return Response(status_code=201)


def _grant(storage: Storage, request: Request, key: str) -> Grant:
    if not isinstance(storage, SignedStorage):
        raise BlobNotFoundError(key)
    return storage.check(request.method, str(request.url), utc_now())


def _open(storage: Storage, grant: Grant) -> tuple[Content, BinaryIO]:
    blob = next((blob for blob in storage.list(grant.key) if blob.key == grant.key), None)
    if blob is None:
        raise BlobNotFoundError(grant.key)
    disposition = content_disposition(grant.filename) if grant.filename else None
    validator = f"{blob.size:x}-{int(blob.modified_at.timestamp() * 1e6):x}"
    content = Content(blob.size, validator, blob.modified_at, grant.content_type or _BYTES, disposition)
    return content, storage.open(grant.key)
