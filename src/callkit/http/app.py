"""The application: routes, and what stands around them."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

import anyio
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from callkit.aio import AsyncCallKit
from callkit.http import page
from callkit.http.access import Gate
from callkit.http.keeper import keep_house
from callkit.http.keys import KeyRing
from callkit.http.middleware import Frame
from callkit.http.openapi import describe
from callkit.http.problems import add_handlers, problems
from callkit.http.routes import audio, calls, recordings, sessions, signed, system, uploads
from callkit.http.service import Service
from callkit.http.settings import HttpSettings
from callkit.kit import CallKit
from callkit.settings import load

__all__ = ["make_app"]

log = logging.getLogger("callkit.http")

_MODULES = (calls, recordings, audio, uploads, signed, system, sessions, page)
_ASKED_BY_PAGES = (
    *("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Range", "Tus-Resumable"),
    *("Upload-Length", "Upload-Metadata", "Upload-Offset", "X-API-Key", "X-Request-ID"),
)
_TOLD_TO_PAGES = ("Content-Range", "Location", "Tus-Resumable", "Upload-Expires", "Upload-Length", "Upload-Offset")
_ANY = problems(
    s400="malformed_request",
    s401="unauthorized",
    s403="forbidden",
    s405="method_not_allowed",
    s413="too_large",
    s422="validation_error",
    s429="too_many_requests",
    s503="repository_error, storage_error",
)


def make_app(kit: CallKit | AsyncCallKit | None, settings: HttpSettings | None) -> FastAPI:
    """See `callkit.http.create_app`."""
    own = load() if kit is None or settings is None else None
    chosen = settings or HttpSettings.of(own or load())
    opened = _awaited(kit) if kit is not None else AsyncCallKit((own or load()).open_kit())
    service = Service(opened, chosen, KeyRing(chosen.keys))
    app = FastAPI(
        title="callkit",
        summary="Calls, measured, searchable and playable.",
        version=version("callkit"),
        docs_url=None,  # its page loads programs from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses=_ANY,
        lifespan=_life(service, closes=kit is None),
    )
    app.state.service = service
    app.state.routes = []
    for module in _MODULES:
        app.include_router(module.router)
        app.state.routes += module.router.routes
    add_handlers(app)
    describe(app)
    _surround(app, service)
    return app


def _awaited(kit: CallKit | AsyncCallKit) -> AsyncCallKit:
    return kit if isinstance(kit, AsyncCallKit) else AsyncCallKit(kit)


def _surround(app: FastAPI, service: Service) -> None:
    """The last one added is the outermost."""
    app.add_middleware(Gate, ring=service.ring, settings=service.settings)
    if service.settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=_ASKED_BY_PAGES,
            expose_headers=_TOLD_TO_PAGES,
        )
    app.add_middleware(Frame, metrics=service.metrics)


def _life(service: Service, *, closes: bool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_house, service)
            yield
            service.hub.ended = True
            tasks.cancel_scope.cancel()
        if closes:
            await service.kit.close()

    return life
