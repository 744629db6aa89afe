"""Who may do what: keys, scopes, sessions, origins, rates; and what is never shown."""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest

from callkit import CallKit
from callkit.errors import SettingsError
from callkit.http import HttpSettings, create_app, keys
from callkit.http.access import PUBLIC, needed_scope
from callkit.http.keys import Key, KeyRing, Scope, add_key, read_keys, revoke_key
from callkit.http.sessions import COOKIE, LIFETIME, key_of_session, new_session
from callkit.http.settings import is_loopback
from tests.http.conftest import NEW, Api, KeyMaker

WavMaker = Callable[..., bytes]

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


@pytest.fixture
def locked(kit: CallKit, key_file: Path) -> Api:
    """Needs keys, as soon as there are some."""
    return Api(create_app(kit, HttpSettings(keys=key_file, sweep_every=0.0)))


def with_key(api: Api, text: str) -> Api:
    return Api(api.app, {"X-API-Key": text})


# ---- the matrix

TAKES = {"read": {"GET", "HEAD"}, "write": {"POST", "PUT", "PATCH"}, "admin": {"DELETE"}}


def routes(api: Api) -> list[tuple[str, str]]:
    """Every method and path of the application, with an id that is not there."""
    found = []
    for route in api.app.state.routes:
        methods = getattr(route, "methods", None) or ()
        path = str(getattr(route, "path", "")).replace("{call_id}", str(uuid4())).replace("{upload_id}", "0" * 32)
        found += [(method, path.replace("{key:path}", "ab/c.wav")) for method in methods]
    return sorted(found)


BODIES: dict[tuple[str, str], Any] = {("POST", "/calls"): NEW, ("POST", "/calls/"): NEW}


def ask(api: Api, method: str, path: str) -> int:
    body = BODIES.get((method, path), {} if method in {"POST", "PATCH"} else None)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Upload-Length": "1"}
    return api(method, path, json=body, headers=headers).status_code


def test_every_route_needs_what_it_should(locked: Api, new_key: KeyMaker) -> None:
    clients = {scope: with_key(locked, new_key(scope)) for scope in ("read", "write", "admin")}
    clients["both"] = with_key(locked, new_key("read", "write"))
    found = [route for route in routes(locked) if route[1] != "/events"]  # an answer without end
    assert len(found) > 30
    for method, path in found:
        needed = needed_scope(method, path)
        if needed is None:
            assert path in PUBLIC or path.startswith(("/static/", "/recordings/")) or method == "OPTIONS"
            continue
        assert ask(locked, method, path) == 401, (method, path)
        assert ask(with_key(locked, "ck_00000000_x"), method, path) == 401, (method, path)
        for name, client in clients.items():
            allowed = name in {"admin", needed} or (name == "both" and needed in {"read", "write"})
            assert (ask(client, method, path) not in {401, 403}) == allowed, (method, path, name)


def test_the_table_of_scopes() -> None:
    call = f"/calls/{uuid4()}"
    table = [(method, scope) for scope, methods in TAKES.items() for method in methods]
    assert all(needed_scope(method, call) == scope for method, scope in table)
    assert needed_scope("GET", "/metrics") == needed_scope("GET", "/events") == "read"
    for method in ("POST", "HEAD", "PATCH", "DELETE"):
        assert needed_scope(method, f"{call}/uploads/{'0' * 32}") == "write"
    assert needed_scope("GET", "/anything/else") == "read"


def test_what_is_not_there_is_not_told_to_strangers(locked: Api, new_key: KeyMaker) -> None:
    key = new_key("read")
    assert locked.get("/nowhere").status_code == 401
    assert with_key(locked, key).get("/nowhere").status_code == 404


def test_the_description_says_what_each_route_needs(locked: Api) -> None:
    document = locked.get("/openapi.json").json()
    assert document["paths"]["/calls/{call_id}"]["delete"]["x-scope"] == "admin"
    assert document["paths"]["/health/live"]["get"]["security"] == []
    described = {(m.upper(), p) for p, item in document["paths"].items() for m in item}
    shown = {(m, r.path) for r in locked.app.state.routes if r.include_in_schema for m in r.methods}
    assert described == shown


# ---- keys


def test_a_key_opens_by_either_header_until_it_is_revoked(
    locked: Api, new_key: KeyMaker, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_LOOK_EVERY", 0.0)
    text = new_key("admin")
    for headers in ({"X-API-Key": text}, {"Authorization": f"Bearer {text}"}, {"Authorization": f"bearer  {text}"}):
        assert locked.get("/calls", headers=headers).status_code == 200
    for headers in ({}, {"X-API-Key": text[:-1]}, {"X-API-Key": text + "x"}, {"Authorization": f"Basic {text}"}):
        answer = locked.get("/calls", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert revoke_key(key_file, text.split("_")[1])
    assert not revoke_key(key_file, "nobody")
    assert locked.get("/calls", headers={"X-API-Key": text}).status_code == 401, "the last one is gone; still locked"


@pytest.mark.parametrize("text", ["wröng", "\udce4", "", "ck_", "ck_00000000_" + "x" * 5000, "é" * 10])
def test_what_is_no_key_is_no_crash(locked: Api, new_key: KeyMaker, text: str) -> None:
    new_key("read")
    headers = {b"X-API-Key": text.encode("utf-8", "surrogateescape")}
    assert locked.get("/calls", headers=headers).status_code == 401


def test_a_key_expires(locked: Api, new_key: KeyMaker) -> None:
    old, young = (new_key("read", expires_at=datetime.now(UTC) + timedelta(hours=hours)) for hours in (-1, 1))
    assert with_key(locked, old).get("/calls").status_code == 401
    assert with_key(locked, young).get("/calls").status_code == 200


def test_keys_are_kept_as_digests_for_their_owner_only(new_key: KeyMaker, key_file: Path) -> None:
    text = new_key("read", "write")
    kept = key_file.read_text()
    assert text not in kept
    assert text.rpartition("_")[2] not in kept
    (key,) = read_keys(key_file)
    assert key.scopes == {Scope.READ, Scope.WRITE}
    assert key.digest not in repr(key)
    if os.name != "nt":
        assert key_file.stat().st_mode & 0o077 == 0
    assert [path.name for path in key_file.parent.glob("keys*")] == ["keys.json"]


def test_all_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, key_file: Path) -> None:
    """Which key it is, and whether it is one, must not be told by the time that it takes."""
    made = [Key.new(str(number), [Scope.READ], NOW) for number in range(5)]
    for key, _ in made:
        add_key(key_file, key)
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("callkit.http.keys.secrets.compare_digest", compare)
    for text in (made[0][1], made[4][1], "nonsense"):
        compared.clear()
        KeyRing(key_file).find(text, NOW)
        assert len(compared) == 5
        assert all(len(one) == len(other) == 64 and isinstance(one, bytes) for one, other in compared)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "keys": [{}]}', "\xff"])
def test_a_broken_file_lets_nobody_in(locked: Api, key_file: Path, text: str) -> None:
    key_file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match="holds no API keys"):
        read_keys(key_file)
    answer = locked.get("/calls")
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_unreadable")
    assert str(key_file) not in answer.text


def test_a_newer_file_is_refused(key_file: Path) -> None:
    key_file.write_text(json.dumps({"format": 2, "keys": []}))
    with pytest.raises(SettingsError, match="newer callkit"):
        read_keys(key_file)


def test_keys_that_come_while_it_runs_lock_it(
    locked: Api, new_key: KeyMaker, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_LOOK_EVERY", 0.0)
    assert locked.get("/calls").status_code == 200
    new_key("read")
    assert locked.get("/calls").status_code == 401
    key_file.unlink()
    assert locked.get("/calls").status_code == 401


# ---- without keys


@pytest.mark.parametrize(
    ("host", "client", "status"),
    [
        ("http://127.0.0.1", "127.0.0.1", 200),
        ("http://localhost:8000", "127.0.0.1", 200),
        ("http://[::1]:8000", "::1", 200),
        ("http://calls.example.org", "127.0.0.1", 403),  # a name of others that leads here
        ("http://127.0.0.1.example.org", "127.0.0.1", 403),
        ("http://127.0.0.1", "192.0.2.7", 403),
    ],
)
def test_without_keys_only_this_machine_is_answered(api: Api, host: str, client: str, status: int) -> None:

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(api.app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url=host) as asking:
            return await asking.get("/calls")

    answer = anyio.run(get)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "key_needed"


@pytest.mark.parametrize("host", ["", "[", "[::1", "127.0.0.1:x", "::1", "a b", "127.0.0.1@evil.example"])
def test_an_odd_host_is_no_crash(api: Api, host: str) -> None:
    assert api.get("/calls", headers={"Host": host}).status_code in {200, 403}
    assert api.get("/calls", headers={"Host": "127.0.0.1@evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        *((own, True) for own in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST.")),
        *((other, False) for other in ("0.0.0.0", "::", "192.0.2.7", "localhost.example.org", "")),
    ],
)
def test_what_is_this_machine(host: str, is_own: bool) -> None:
    assert is_loopback(host) is is_own


def test_an_application_around_it_may_have_checked(kit: CallKit) -> None:
    api = Api(create_app(kit, HttpSettings(trusted=True, sweep_every=0.0)), url="https://calls.example.org")
    assert api.get("/calls").status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://127.0.0.1", 201), ("https://evil.example", 403), ("null", 403), ("http://127.0.0.1:8080", 403)],
)
def test_pages_of_others_can_do_nothing(api: Api, origin: str, status: int) -> None:
    answer = api.post("/calls", json=NEW, headers={"Origin": origin})
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_a_simple_form_of_another_page_makes_no_call(api: Api, kit: CallKit) -> None:
    """What a page may send without being asked first is no JSON."""
    api.post("/calls", content=json.dumps(NEW), headers={"Content-Type": "text/plain"})
    assert kit.count() == 0


def test_sites_that_are_named_may_ask(kit: CallKit) -> None:
    api = Api(create_app(kit, HttpSettings(origins=("https://desk.example",), sweep_every=0.0)))
    asked = {"Origin": "https://desk.example", "Access-Control-Request-Method": "PATCH"}
    allowed = api("OPTIONS", "/calls", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == "https://desk.example"
    assert api.post("/calls", json=NEW, headers={"Origin": "https://desk.example"}).status_code == 201
    other = api("OPTIONS", "/calls", headers=asked | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


# ---- sessions


def cookie_of(api: Api, key: str) -> str:
    answer = api.post("/session", json={"key": key})
    assert answer.status_code == 204
    told = answer.headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=strict" in told
    assert "Path=/" in told
    return told.partition(";")[0].partition("=")[2]


def test_a_key_is_traded_for_a_cookie(locked: Api, new_key: KeyMaker) -> None:
    assert locked.get("/session").json() == {"locked": False, "scopes": ["read", "write", "admin"], "name": None}
    key = new_key("read", "write")
    locked = Api(create_app(locked.app.state.service.kit, locked.app.state.service.settings))
    assert locked.get("/session").json() == {"locked": True, "scopes": [], "name": None}
    page = Api(locked.app, {"Cookie": f"other=1; {COOKIE}={cookie_of(locked, key)}"})
    assert page.get("/session").json() == {"locked": True, "scopes": ["read", "write"], "name": "test"}
    assert page.get("/calls").status_code == 200
    assert page.post("/calls", json=NEW, headers={"Origin": "http://127.0.0.1"}).status_code == 201
    foreign = page.post("/calls", json=NEW, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    out = page("DELETE", "/session")
    assert out.status_code == 204
    assert "Max-Age=0" in out.headers["set-cookie"]


def test_the_cookie_is_secure_behind_https(locked: Api, new_key: KeyMaker) -> None:
    key = new_key("read")
    https = Api(locked.app, url="https://127.0.0.1")
    answer = https.post("/session", json={"key": key})
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers
    assert "Secure" not in locked.post("/session", json={"key": key}).headers["set-cookie"]


@pytest.mark.parametrize("key", ["", "x", "ck_00000000_x"])
def test_no_key_no_cookie(locked: Api, new_key: KeyMaker, key: str) -> None:
    new_key("read")
    answer = locked.post("/session", json={"key": key})
    assert answer.status_code in {401, 422}
    assert "set-cookie" not in answer.headers


def test_a_cookie_ends_with_its_time_and_with_its_key(key_file: Path) -> None:
    key, _ = Key.new("ana", [Scope.READ], NOW)
    other, _ = Key.new("bob", [Scope.READ], NOW)
    add_key(key_file, key)
    ring, value = KeyRing(key_file), new_session(key, NOW)
    assert key_of_session(value, ring, NOW) == key
    assert key_of_session(value, ring, NOW + LIFETIME) is None
    longer = ".".join([key.id, str(int((NOW + 2 * LIFETIME).timestamp())), value.rpartition(".")[2]])
    assert key_of_session(longer, ring, NOW) is None
    assert key_of_session(new_session(other, NOW), ring, NOW) is None
    for broken in ("", "x", value[:-1], value + "0", value.replace(".", ":"), "٣" * 8 + value[8:]):
        assert key_of_session(broken, ring, NOW) is None
    revoke_key(key_file, key.id)
    assert key_of_session(value, KeyRing(key_file), NOW) is None


# ---- how often, how much


def test_who_asks_too_often_is_told_to_wait(kit: CallKit) -> None:
    api = Api(create_app(kit, HttpSettings(rate=0.5, sweep_every=0.0)))
    answers = [api.get("/health/live") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["code"] == "too_many_requests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 3


def test_clients_are_counted_apart(kit: CallKit, new_key: KeyMaker, key_file: Path) -> None:
    one, two = new_key("read"), new_key("read")
    api = Api(create_app(kit, HttpSettings(rate=0.1, keys=key_file, sweep_every=0.0)))
    assert [with_key(api, key).get("/calls").status_code for key in (one, one, two)] == [200, 429, 200]


def test_where_keys_are_needed_there_is_a_rate() -> None:
    assert HttpSettings().rate_of(locked=False) is None
    assert HttpSettings().rate_of(locked=True) == 100
    assert HttpSettings(rate=3).rate_of(locked=True) == HttpSettings(rate=3).rate_of(locked=False) == 3


@pytest.mark.parametrize("streamed", [False, True])
def test_a_body_that_is_no_recording_is_small(api: Api, streamed: bool) -> None:
    text = json.dumps(NEW | {"metadata": {"x": "y" * 300_000}}).encode()

    async def pieces() -> Any:
        for start in range(0, len(text), 10_000):
            yield text[start : start + 10_000]

    content = pieces() if streamed else text
    answer = api.post("/calls", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# ---- what is never shown


def test_logs_hold_neither_keys_nor_numbers_nor_queries(
    locked: Api, new_key: KeyMaker, wav: WavMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="callkit")
    text = new_key("admin")
    api = with_key(locked, text)
    call = api.new_recording(wav(1), "442079460018.wav")
    api.get("/calls?query=2079460018")
    api.post("/session", json={"key": text})
    api.get(f"/calls/{call}/analysis", headers={"X-Request-ID": "my-own.1"})
    with_key(locked, "ck_wrong").get("/calls/442079460018")
    logged = caplog.text
    assert "method=GET route=/calls/{call_id}/analysis status=200" in logged
    assert f"call={call}" in logged
    assert "request=my-own.1" in logged
    for secret in (text, text.split("_", 2)[2], "2079460018", "442079460018", "ck_wrong"):
        assert secret not in logged


def test_a_request_id_that_is_not_plain_is_replaced(api: Api) -> None:
    assert api.get("/health/live", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    for odd in ("a b", "x" * 65, "a\tb", "<script>"):
        assert api.get("/health/live", headers={"X-Request-ID": odd}).headers["x-request-id"] != odd


def test_every_answer_is_safe_for_a_browser(api: Api) -> None:
    for answer in (api.get("/calls"), api.get("/nowhere"), api.post("/calls")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
