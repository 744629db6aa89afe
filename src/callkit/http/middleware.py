"""`Frame`: around every request: its id, its line in the log, headers that keep a browser safe, and the last net."""

import logging
import re
import secrets
import traceback
from time import perf_counter

from attrs import define
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callkit.http.access import client_of
from callkit.http.metrics import Metrics
from callkit.http.problems import problem

__all__ = ["CONTENT_POLICY", "Frame"]

log = logging.getLogger("callkit.http")

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_SAFETY = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)
_SAFETY_OVER_TLS = (*_SAFETY, (b"strict-transport-security", b"max-age=31536000"))
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = "/health/"  # routes that are asked for again and again


@define(eq=False)
class Frame:
    """Middleware, the outermost. What goes out has `X-Request-ID`; what goes wrong unexpectedly is a 500 problem."""

    app: ASGIApp
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send, _request_id(scope))
        begun = perf_counter()
        try:
            await self.app(scope, receive, answer.send)
        except Exception as error:
            _tell(error, answer.request_id)
            if answer.status:  # it has begun: all that is left is to cut it off
                raise ConnectionAbortedError("the answer could not be completed") from None
            await problem(500, "internal_error", "Something unexpected happened: the log has the request's id.")(
                scope, receive, answer.send
            )
        finally:
            self._account(scope, answer, perf_counter() - begun)

    def _account(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "-"  # never the path: it may hold anything
        self.metrics.count(scope["method"], route, answer.status, seconds)
        if route.startswith(_QUIET):
            return
        client = client_of(scope)
        log.info(
            "method=%s route=%s status=%d ms=%.1f call=%s key=%s request=%s",
            scope["method"],
            route,
            answer.status,
            seconds * 1000,
            scope.get("path_params", {}).get("call_id", "-"),
            client.key.id if client and client.key else "-",
            answer.request_id,
        )


class _Answer:
    """What is sent, with the headers that all answers have."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"] = list(message.get("headers", ()))
            own = {name for name, _ in headers}
            safety = _SAFETY_OVER_TLS if self._scope["scheme"] == "https" else _SAFETY
            headers += [header for header in safety if header[0] not in own]
            headers.append((b"x-request-id", self.request_id.encode()))
        await self._send(message)


def _request_id(scope: Scope) -> str:
    """The client's own, if it is short and plain."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _tell(error: Exception, request_id: str) -> None:
    """Where it happened; its text, or its lines, may hold a telephone number."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{last[0].filename.rpartition('callkit')[2] or last[0].filename}:{last[0].lineno}" if last else "?"
    log.error("request=%s ended with %s at %s", request_id, type(error).__name__, where)
    log.debug("request=%s", request_id, exc_info=error)
