"""Sessions for the page: a key is traded for a cookie."""

from datetime import UTC, datetime
from typing import Annotated, Any

from annotated_types import Len
from attrs import frozen
from fastapi import APIRouter, Request, Response

from callkit.http.access import client_of
from callkit.http.answers import json_answer
from callkit.http.dto import answer, body
from callkit.http.keys import Scope
from callkit.http.problems import Refused, problems
from callkit.http.service import service_of
from callkit.http.sessions import COOKIE, LIFETIME, new_session

__all__ = ["router"]

router = APIRouter(tags=["sessions"])


@frozen
class Login:
    """A key that is traded for a cookie."""

    key: Annotated[str, Len(1, 200)]


@frozen
class Session:
    """Who asks.

    Attributes:
        locked: keys are needed here.
        scopes: what may be done; none: log in first.
        name: of the key; None without one.
    """

    locked: bool
    scopes: tuple[Scope, ...]
    name: str | None


_Login: Any = body(Login)


@router.get("/session", response_model=answer(Session))
async def look(request: Request) -> Response:
    """Who asks, and what may be done."""
    client = client_of(request.scope)
    locked = service_of(request).ring.is_locked()
    scopes = [scope for scope in Scope if client and client.may(scope)]
    return json_answer({"locked": locked, "scopes": scopes, "name": client.key.name if client and client.key else None})


@router.post("/session", status_code=204, response_class=Response, responses=problems(s401="unauthorized"))
async def log_in(request: Request, login: _Login) -> Response:
    """Trade a key for a cookie, which holds for twelve hours, or until the key is revoked."""
    now = datetime.now(UTC)
    key = service_of(request).ring.find(login.key, now)
    if key is None:
        raise Refused(401, "unauthorized", "This is no valid API key.", {"WWW-Authenticate": 'Bearer realm="callkit"'})
    made = Response(status_code=204)
    _set_cookie(request, made, new_session(key, now), int(LIFETIME.total_seconds()))
    return made


@router.delete("/session", status_code=204, response_class=Response)
async def log_out(request: Request) -> Response:
    """Forget the cookie."""
    made = Response(status_code=204)
    _set_cookie(request, made, "", 0)
    return made


def _set_cookie(request: Request, made: Response, value: str, seconds: int) -> None:
    made.set_cookie(
        COOKIE,
        value,
        max_age=seconds,
        path=request.scope.get("root_path", "") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
