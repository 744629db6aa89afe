"""Every error as one problem document (RFC 9457), with a stable `code` to program against."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from attrs import asdict, define, field, frozen
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from callkit.errors import (
    AccessDeniedError,
    AudioError,
    BackendError,
    CallErasedError,
    CallKitError,
    ConflictError,
    InvalidInputError,
    MigrationNeededError,
    MissingExtraError,
    NewerDataError,
    NotFoundError,
    UnsupportedFormatError,
)

__all__ = ["Problem", "Refused", "add_handlers", "problem", "problem_of", "problems"]

log = logging.getLogger("callkit.http")

MEDIA_TYPE = "application/problem+json"

_STATUSES: tuple[tuple[type[CallKitError], int], ...] = (
    (CallErasedError, 410),
    (AccessDeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (AudioError, 422),
    (InvalidInputError, 422),
    (BackendError, 503),
    (NewerDataError, 503),
    (MigrationNeededError, 503),
    (MissingExtraError, 501),
)
_CODES: Mapping[type[CallKitError], str] = {UnsupportedFormatError: "unsupported_extension"}
_HIDDEN = "The server can't do it now: its log says why."  # places and addresses are not for clients
_MISMATCH = "The request does not match the schema."
_HTTP_CODES = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


@frozen
class Problem:
    """What went wrong. `code` is the stable word to program against.

    Attributes:
        title: of the status.
        status: of the answer.
        code: in `callkit.errors`, or of the HTTP side.
        type: always "about:blank".
        detail: a sentence that ends in what to do.
        errors: what is wrong with the request, piece by piece.
    """

    title: str
    status: int
    code: str
    type: str = "about:blank"
    detail: str | None = None
    errors: list[dict[str, Any]] | None = None


@define
class Refused(CallKitError):
    """A request that the HTTP side itself refuses."""

    sentence = "{detail}"
    status: int
    code: str  # type: ignore[misc]  # of the class elsewhere; here each has its own
    detail: str
    headers: Mapping[str, str] = field(factory=dict)


def problem(
    status: int,
    code: str,
    detail: str | None = None,
    *,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells of it."""
    told = asdict(Problem(HTTPStatus(status).phrase, status, code, detail=detail, errors=errors))
    content = orjson.dumps({name: value for name, value in told.items() if value is not None})
    return Response(content, status, dict(headers or {}), MEDIA_TYPE)


def problem_of(error: CallKitError) -> Response:
    """The answer to an error of callkit's."""
    if isinstance(error, Refused):
        return problem(error.status, error.code, error.detail, headers=error.headers)
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    code = _CODES.get(type(error), error.code)
    if status < 500 or isinstance(error, MissingExtraError):
        return problem(status, code, str(error))
    log.error("%s: %s", code, error)
    return problem(status, code, _HIDDEN, headers={"Retry-After": "5"} if status == 503 else None)


def problems(**codes: str) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: `problems(s404="call_not_found")`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {int(status[1:]): {"description": words, "content": content} for status, words in codes.items()}


def add_handlers(app: FastAPI) -> None:
    """Make the application answer so, whatever goes wrong."""
    app.add_exception_handler(CallKitError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)


async def _known(_: Request, error: Exception) -> Response:
    assert isinstance(error, CallKitError)
    return problem_of(error)


async def _invalid(request: Request, error: Exception) -> Response:
    """Without what was sent: it may be anything, and long."""
    assert isinstance(error, RequestValidationError)
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return problem(400, _HTTP_CODES[400], "The body is no JSON.")
    found = [
        {"loc": [str(step) for step in one["loc"]], "msg": one["msg"], "type": one["type"]} for one in error.errors()
    ]
    is_body = any(one["loc"] == ["body"] for one in found)
    untold = is_body and "json" not in request.headers.get("content-type", "")
    what = "The body must be JSON, with the header Content-Type: application/json." if untold else _MISMATCH
    return problem(422, "validation_error", what, errors=found)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}  # else there are two Allow headers
    if error.status_code == 405:
        headers["allow"] = ", ".join(sorted(_methods(request)))
    return problem(
        error.status_code, _HTTP_CODES.get(error.status_code, "http_error"), str(error.detail), headers=headers
    )


def _methods(request: Request) -> set[str]:
    """Of all routes of the path: Starlette names those of the first one only."""
    matching = (route for route in request.app.state.routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in getattr(route, "methods", None) or ()}


async def _gone(_: Request, __: Exception) -> Response:
    return problem(400, "client_disconnected", "The client went away before its request was complete.")
