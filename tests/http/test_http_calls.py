"""Calls over HTTP: announced, found, looked at, changed, erased."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest

from callkit import CallKit, Status
from callkit.http.answers import CALL, PAGE
from tests.http.conftest import NEW, Api

WavMaker = Callable[..., bytes]

NOBODY = UUID("0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
SPECIFIED = {"id", "caller", "receiver", "started_at", "status", "created_at", "updated_at"}


@pytest.mark.parametrize("path", ["/calls", "/calls/"])
def test_a_call_is_announced(api: Api, path: str) -> None:
    answer = api.post(path, json=NEW)
    call = answer.json()
    assert answer.status_code == 201
    assert call.keys() >= SPECIFIED
    assert (call["caller"], call["receiver"], call["status"]) == (NEW["caller"], NEW["receiver"], "created")
    assert call["started_at"] == "2026-11-23T07:41:00Z"
    assert answer.headers["location"] == f"/calls/{call['id']}"
    assert api.get(answer.headers["location"]).json() == call
    assert call["recording"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"started_at": 0},
        {"started_at": "0"},
        {"started_at": "2026-11-23"},
        {"started_at": "2026-11-23T08:41Z"},
        {"started_at": "2026-11-23T08:41:00"},
        {"started_at": "0001-01-01T00:00:00+05:00"},
        {"started_at": "9999-01-01T00:00:00Z"},
        {"started_at": "2026-02-30T00:00:00Z"},
        {"caller": ""},
        {"caller": "1\x00"},
        {"caller": "\ud800"},
        {"caller": "1" * 1001},
        {"caller": 7},
        {"surprise": 1},
        {"direction": "sideways"},
        {"tags": "vip"},
        {"tags": ["two words"]},
        {"metadata": {"half": "\ud800"}},
        {"metadata": {"none": float("nan")}},
        {"external_id": ""},
    ],
)
def test_what_is_no_call_is_refused(api: Api, kit: CallKit, wrong: dict[str, object]) -> None:
    # httpx itself would not send a lone surrogate
    answer = api.post("/calls", content=json.dumps(NEW | wrong), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert all(error.keys() == {"loc", "msg", "type"} for error in answer.json()["errors"])
    assert kit.count() == 0


def test_the_richer_facts_are_kept(api: Api) -> None:
    facts = {
        "direction": "inbound",
        "external_id": "x1",
        "tags": ["VIP", "b"],
        "metadata": {"queue": {"n": [1, None]}, "much": 1 << 70},
    }
    call = api.post("/calls", json=NEW | facts).json()
    assert {name: call[name] for name in facts} == facts | {"tags": ["b", "vip"]}
    again = api.post("/calls", json=NEW | facts)
    assert (again.status_code, again.json()["code"]) == (409, "call_exists")


# ---- once or again


def test_the_same_key_is_the_same_call(api: Api, kit: CallKit) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first, again = (api.post("/calls", json=NEW, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert api.post("/calls", json=NEW, headers={"Idempotency-Key": "k-2"}).json()["id"] != first.json()["id"]
    assert kit.count() == 2


def test_a_key_for_another_call_is_a_conflict(api: Api, kit: CallKit) -> None:
    headers = {"Idempotency-Key": "k-1"}
    call = api.post("/calls", json=NEW, headers=headers).json()["id"]
    other = api.post("/calls", json=NEW | {"caller": "102"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    api("DELETE", f"/calls/{call}")
    gone = api.post("/calls", json=NEW, headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (409, "call_erased")


# ---- found


def test_the_specified_search(api: Api) -> None:
    one = api.new_call(caller="+44 20 7946 0018", receiver="101")
    two = api.new_call(caller="102", receiver="+49 30 23125 014", started_at="2026-11-24T08:00:00Z")

    def found(**query: object) -> list[str]:
        return [call["id"] for call in api.get("/calls", params=query).json()["items"]]

    assert found() == [two, one]
    assert found(query="7946") == [one]
    assert found(query="23125") == [two]
    assert found(query="nobody") == []
    assert found(limit=1) == [two]
    assert found(limit=1, offset=1) == [one]
    assert found(offset=2) == []
    assert found(query="since:2026-11-24") == [two]


def test_pages_lead_on_by_cursor_and_by_offset(api: Api) -> None:
    ids = [api.new_call(started_at=f"2026-11-23T08:{minute:02}:00Z") for minute in range(7)][::-1]
    page = api.get("/calls", params={"limit": 3, "total": True}).json()
    assert (page["limit"], page["offset"], page["total"]) == (3, 0, 7)
    seen = [call["id"] for call in page["items"]]
    while page["next"]:
        page = api.get("/calls", params={"limit": 3, "cursor": page["next"]}).json()
        seen += [call["id"] for call in page["items"]]
    assert seen == ids
    for offset in range(8):
        page = api.get("/calls", params={"limit": 2, "offset": offset}).json()
        assert [call["id"] for call in page["items"]] == ids[offset : offset + 2]
        assert page["total"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "validation_error"),
        ("limit=101", "validation_error"),
        ("offset=-1", "validation_error"),
        ("offset=10001", "validation_error"),
        (f"offset={2**63}", "validation_error"),
        ("query=%00", "validation_error"),
        ("query=" + "1" * 501, "validation_error"),
        ("query=silence%3Ex", "invalid_query"),
        ("cursor=aaaa", "invalid_query"),
        ("cursor=../", "validation_error"),
    ],
)
def test_a_search_is_bounded(api: Api, query: str, code: str) -> None:
    answer = api.get(f"/calls?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


# ---- looked at, changed


def test_a_ready_call_has_what_the_specification_wants(api: Api, wav: WavMaker) -> None:
    call = api.get(f"/calls/{api.new_recording(wav(4), 'hello.wav')}").json()
    assert call["status"] == "ready"
    recording = call["recording"]
    assert (recording["filename"], recording["duration_sec"]) == ("hello.wav", 4.0)
    assert recording["silence_marks"]
    assert all(mark.keys() == {"start", "end"} for mark in recording["silence_marks"])
    assert "transcription" in recording
    assert [mark["start"] for mark in call["analysis"]["silence"]] == [
        mark["start"] for mark in recording["silence_marks"]
    ]
    assert not {"key", "name", "lease", "tombstone"} & (call.keys() | recording.keys())


def test_answers_are_what_is_described(api: Api, wav: WavMaker) -> None:
    calls = [api.new_call(direction="outbound", tags=["a"]), api.new_recording(wav(3, channels=2))]
    for call in calls:
        CALL.model_validate_json(api.get(f"/calls/{call}").content, extra="forbid")
    PAGE.model_validate_json(api.get("/calls?total=true").content, extra="forbid")
    with pytest.raises(ValueError, match="Extra inputs"):
        CALL.model_validate({**api.get(f"/calls/{calls[0]}").json(), "more": 1})


def test_a_call_that_failed_says_why_and_is_tried_again(api: Api, wav: WavMaker, kit: CallKit) -> None:
    call = api.new_call()
    truncated = wav(3)[:43]
    refused = api.post(f"/calls/{call}/recording", files={"file": ("a.wav", truncated)})
    assert (refused.status_code, refused.json()["code"]) == (422, "damaged_audio")
    assert kit.get(call).status is Status.CREATED
    again = api.post(f"/calls/{call}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "move_not_allowed")


def test_tags_and_metadata_are_changed(api: Api) -> None:
    call = api.new_call(tags=["a"], metadata={"x": 1})
    changed = api("PATCH", f"/calls/{call}", json={"tags": ["b"]}).json()
    assert (changed["tags"], changed["metadata"]) == (["b"], {"x": 1})
    assert api("PATCH", f"/calls/{call}", json={"metadata": {}}).json()["metadata"] == {}
    assert api("PATCH", f"/calls/{call}", json={"caller": "1"}).status_code == 422


# ---- erased


def test_an_erased_call_is_gone(api: Api, wav: WavMaker, kit: CallKit) -> None:
    call = api.new_recording(wav(1))
    assert api("DELETE", f"/calls/{call}?reason=request+17").status_code == 204
    assert list(kit.storage.list()) == []
    tombstone = kit.get(call).tombstone
    assert tombstone is not None
    assert tombstone.reason == "request 17"
    for method, path in [
        ("GET", ""),
        ("DELETE", ""),
        ("PATCH", ""),
        ("GET", "/audio"),
        ("GET", "/peaks"),
        ("GET", "/analysis"),
        ("GET", "/report"),
        ("GET", "/transcript.vtt"),
        ("GET", "/download"),
        ("POST", "/retry"),
        ("PUT", "/recording"),
        ("POST", "/recording/presigned"),
    ]:
        answer = api(method, f"/calls/{call}{path}", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (410, "call_erased"), (method, path)
    assert api.get("/calls").json()["items"] == []
    assert [found["id"] for found in api.get("/calls?query=status:erased").json()["items"]] == [call]


@pytest.mark.parametrize("call", [str(NOBODY), "00000000-0000-0000-0000-000000000000"])
def test_a_call_that_is_not_there(api: Api, call: str) -> None:
    answer = api.get(f"/calls/{call}")
    assert (answer.status_code, answer.json()["code"]) == (404, "call_not_found")


@pytest.mark.parametrize("call", ["1", f"urn:uuid:{NOBODY}", NOBODY.hex, f"{{{NOBODY}}}"])
def test_an_id_has_one_form(api: Api, call: str) -> None:
    assert api.get(f"/calls/{call}").status_code == 422
