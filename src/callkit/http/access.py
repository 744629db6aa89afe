"""`Gate`: who may do what, how often, and how much they may send, decided before a body is read."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from time import monotonic
from urllib.parse import urlsplit

from attrs import define, field, frozen
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callkit.errors import CallKitError, SettingsError
from callkit.http.keys import Key, KeyRing
from callkit.http.keys import Scope as KeyScope
from callkit.http.problems import Refused, problem_of
from callkit.http.sessions import COOKIE, key_of_session
from callkit.http.settings import HttpSettings, is_loopback

__all__ = ["PUBLIC", "Client", "Gate", "needed_scope"]

log = logging.getLogger("callkit.http")

PUBLIC = frozenset({"/", "/session", "/health/live", "/health/ready", "/openapi.json"})
"""Paths for which nobody needs a key: they tell nothing of calls. So do all below `/static/`; and `/recordings/`, whose
links are signed."""

_PUBLIC_FOLDERS = ("/static/", "/recordings/")
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SMALL = 1 << 18  # bytes of a body that is no recording
_TOO_LARGE = f"A body that is no recording may have {_SMALL} bytes."
_CLIENTS = 10_000  # whose requests are counted
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="callkit"'}


@frozen
class Client:
    """Who asks: with a key, with a session, or from this machine without either."""

    key: Key | None
    by_cookie: bool = False

    def may(self, scope: KeyScope) -> bool:
        """Whether it may do what needs a scope."""
        return self.key is None or self.key.allows(scope)


def needed_scope(method: str, path: str) -> KeyScope | None:
    """What a request needs; None: nothing."""
    if path in PUBLIC or path.startswith(_PUBLIC_FOLDERS) or method == "OPTIONS":
        return None
    if "/uploads" in path:  # whoever uploads asks how far it came, and may give up
        return KeyScope.WRITE
    if method == "DELETE":
        return KeyScope.ADMIN
    return KeyScope.WRITE if method in _UNSAFE else KeyScope.READ


def takes_recording(method: str, path: str) -> bool:
    """Whether the body of a request may be a recording, which the route itself limits."""
    return path.endswith("/recording") or path.startswith("/recordings/") or (method == "PATCH" and "/uploads/" in path)


@define(eq=False)
class Gate:
    """Middleware. What it refuses is told as a problem; what passes has `scope["callkit.client"]`."""

    app: ASGIApp
    ring: KeyRing
    settings: HttpSettings
    _buckets: "dict[str, _Bucket]" = field(factory=dict, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._admit(scope)
        except CallKitError as error:
            await problem_of(error)(scope, receive, send)
            return
        method, path = scope["method"], path_of(scope)
        if not takes_recording(method, path):
            receive = _limited(receive)
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        headers, method, path = Headers(scope=scope), scope["method"], path_of(scope)
        scope["callkit.client"] = client = self._client(scope, headers)
        self._check_rate(scope, client)
        needed = needed_scope(method, path)
        if needed is not None:
            _check(client, needed)
        if method in _UNSAFE and (client is None or client.by_cookie or client.key is None):
            self._check_origin(headers)
        _check_size(headers, method, path)

    def _client(self, scope: Scope, headers: Headers) -> Client | None:
        if self.settings.trusted:
            return Client(None)
        if not self._is_locked():
            _check_local(scope, headers)
            return Client(None)
        now = datetime.now(UTC)
        if text := _key_text(headers):
            key = self.ring.find(text, now)
            return Client(key) if key else None
        key = key_of_session(_cookie(headers), self.ring, now)
        return Client(key, by_cookie=True) if key else None

    def _is_locked(self) -> bool:
        try:
            return self.ring.is_locked()
        except SettingsError as error:
            log.error("Nobody is let in. %s", error)
            raise Refused(503, "keys_unreadable", "The server can't read its API keys: its log says why.") from None

    def _check_origin(self, headers: Headers) -> None:
        """Other sites' pages can make a browser send requests with its cookies, or to this machine."""
        origin = headers.get("origin")
        if origin is None or origin in self.settings.origins:
            return
        if urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            raise Refused(403, "foreign_origin", "This page belongs to another site, which is not in http_origins.")

    def _check_rate(self, scope: Scope, client: Client | None) -> None:
        rate = self.settings.rate_of(locked=self.ring.locked)
        if rate is None:
            return
        who = client.key.id if client and client.key else str((scope.get("client") or ("",))[0])
        if len(self._buckets) > _CLIENTS:
            self._buckets = {name: bucket for name, bucket in self._buckets.items() if not bucket.is_full(rate)}
        wait = self._buckets.setdefault(who, _Bucket()).take(rate)
        if wait > 0:
            raise Refused(
                429, "too_many_requests", "Too many requests: slow down.", {"Retry-After": str(int(wait) + 1)}
            )


def path_of(scope: Scope) -> str:
    """The path within this application, which may be mounted somewhere."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _key_text(headers: Headers) -> str | None:
    if text := headers.get("x-api-key"):
        return text
    kind, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" and text.strip() else None


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _check_local(scope: Scope, headers: Headers) -> None:
    """Without keys only this machine is answered, and only under its own name: others may resolve to it, too."""
    address = str((scope.get("client") or ("127.0.0.1",))[0])  # a Unix socket has none
    if not is_loopback(address) or not is_loopback(_name_in(headers.get("host", ""))):
        raise Refused(
            403, "key_needed", "Without API keys only this machine is answered: make one by `callkit keys add`."
        )


@lru_cache
def _name_in(host: str) -> str:
    """Without the port; "" if it can't be read."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _check(client: Client | None, needed: KeyScope) -> None:
    if client is None:
        raise Refused(401, "unauthorized", "Send a valid API key as X-API-Key.", _CHALLENGE)
    if not client.may(needed):
        raise Refused(403, "forbidden", f"This key does not have the scope {needed}: use one that has.")


def _check_size(headers: Headers, method: str, path: str) -> None:
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > _SMALL and not takes_recording(method, path):
        raise Refused(413, "too_large", _TOO_LARGE, {"Connection": "close"})


def _limited(receive: Receive) -> Receive:
    """What is not announced is counted."""
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > _SMALL:  # FastAPI reads, and lets only this kind through
            raise HTTPException(413, _TOO_LARGE, {"Connection": "close"})
        return message

    return counted


@define
class _Bucket:
    """Ten seconds' worth of requests, filled again at the rate."""

    _used: float = 0.0
    _at: float = field(factory=monotonic)

    def take(self, rate: float) -> float:
        """Take one; how many seconds to wait if there is none."""
        now = monotonic()
        self._used = max(0.0, self._used - (now - self._at) * rate)
        self._at = now
        if self._used + 1 > max(1.0, 10 * rate):
            return (self._used + 1 - 10 * rate) / rate
        self._used += 1
        return 0.0

    def is_full(self, rate: float) -> bool:
        return self._used - (monotonic() - self._at) * rate <= 0


def client_of(scope: Mapping[str, object]) -> Client | None:
    """Who asks, as the gate found."""
    found = scope.get("callkit.client")
    return found if isinstance(found, Client) else None
