"""Resumable uploads: the protocol tus 1.0.0, broken connections, and what is left behind."""

from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from starlette.requests import ClientDisconnect

from callkit import CallKit, Status
from callkit.backends.storages.memory import MemoryStorage
from callkit.http import HttpSettings, create_app, tus
from callkit.http.tus import LIFETIME, Pieces, Resumable, UploadGoneError, sweep_uploads
from callkit.stream import Stream
from tests.http.conftest import Api

WavMaker = Callable[..., bytes]

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}


def metadata(**pairs: str) -> str:
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in pairs.items())


def begin(api: Api, call: str, length: int, name: str = "a.wav") -> str:
    headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata(filename=name)}
    answer = api.post(f"/calls/{call}/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def offset(api: Api, place: str) -> int:
    answer = api("HEAD", place, headers=TUS)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return int(answer.headers["upload-offset"])


def test_what_the_server_can(api: Api) -> None:
    answer = api("OPTIONS", f"/calls/{uuid4()}/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {"creation", "termination", "expiration"}
    assert int(answer.headers["tus-max-size"]) == HttpSettings().max_bytes


def test_a_recording_in_pieces(api: Api, kit: CallKit, wav: WavMaker) -> None:
    call, sound = api.new_call(), wav(3)
    place = begin(api, call, len(sound), "з.wav")
    told = api("HEAD", place, headers=TUS).headers
    assert (told["upload-length"], told["upload-metadata"]) == (str(len(sound)), metadata(filename="з.wav"))
    assert told["upload-expires"].endswith("GMT")
    for start in range(0, len(sound), 20_000):
        assert offset(api, place) == start
        piece = sound[start : start + 20_000]
        answer = api("PATCH", place, content=piece, headers=PIECE | {"Upload-Offset": str(start)})
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(start + len(piece)))
        assert answer.headers["tus-resumable"] == "1.0.0"
    with kit.open_recording(call) as file:
        assert file.read() == sound
    recording = kit.get(call).recording
    assert recording is not None
    assert recording.name == "з.wav"
    assert kit.get(call).status is Status.READY
    assert api("HEAD", place, headers=TUS).status_code == 404
    assert not list(kit.storage.list("uploads/"))


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Upload-Length": "5"}, 422),
        ("POST", TUS, 422),
        ("POST", {"Tus-Resumable": "0.2.2", "Upload-Length": "5"}, 412),
        ("POST", TUS | {"Upload-Length": "-1"}, 422),
        ("POST", TUS | {"Upload-Length": str(1 << 40)}, 413),
        ("POST", TUS | {"Upload-Length": "5", "Upload-Metadata": metadata(filename="a.txt")}, 422),
        ("POST", TUS | {"Upload-Length": "5", "Upload-Metadata": "filename ???"}, 400),
        ("POST", TUS | {"Upload-Length": "5", "Upload-Metadata": "filename /w=="}, 400),
    ],
)
def test_what_can_not_begin(api: Api, kit: CallKit, method: str, headers: dict[str, str], status: int) -> None:
    answer = api(method, f"/calls/{api.new_call()}/uploads", headers=headers)
    assert answer.status_code == status
    assert not list(kit.storage.list())


def test_a_call_that_has_one_begins_none(api: Api, wav: WavMaker) -> None:
    headers = TUS | {"Upload-Length": "5"}
    answer = api.post(f"/calls/{api.new_recording(wav(1))}/uploads", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "recording_already_exists")
    assert api.post(f"/calls/{uuid4()}/uploads", headers=headers).status_code == 404


def test_what_is_no_piece(api: Api, wav: WavMaker) -> None:
    call, sound = api.new_call(), wav(1)
    place = begin(api, call, len(sound))
    at = {"Upload-Offset": "0"}

    def refused(headers: dict[str, str], content: bytes = b"RIFF", to: str = place) -> tuple[int, str]:
        answer = api("PATCH", to, content=content, headers=headers)
        return answer.status_code, answer.json()["code"]

    assert refused(PIECE | {"Upload-Offset": "7"}) == (409, "wrong_offset")
    assert refused(TUS | at | {"Content-Type": "audio/wav"}) == (415, "wrong_content_type")
    assert refused(PIECE | at | {"Tus-Resumable": "2.0"}) == (412, "unsupported_version")
    assert refused(PIECE | at, sound + b"more") == (413, "too_large")
    assert refused(PIECE | at, to=f"/calls/{call}/uploads/{'0' * 32}") == (404, "upload_not_found")
    assert refused(PIECE | at, to=f"/calls/{uuid4()}/uploads/{place[-32:]}") == (404, "upload_not_found")
    assert offset(api, place) == 0


def test_what_came_before_a_broken_connection_is_kept(api: Api, kit: CallKit, wav: WavMaker) -> None:
    call, sound = api.new_call(), wav(200)  # 3.2 MB
    place = begin(api, call, len(sound))

    async def breaking() -> AsyncIterator[bytes]:
        yield sound[:2_500_000]
        yield sound[2_500_000:2_500_007]
        raise ClientDisconnect

    answer = api("PATCH", place, content=breaking(), headers=PIECE | {"Upload-Offset": "0"})
    assert answer.status_code == 400
    assert offset(api, place) == 2_500_007
    rest = api("PATCH", place, content=sound[2_500_007:], headers=PIECE | {"Upload-Offset": "2500007"})
    assert rest.status_code == 204
    with kit.open_recording(call) as file:
        assert file.read() == sound


def test_what_is_no_recording_is_refused_at_the_end(api: Api, kit: CallKit) -> None:
    call = api.new_call()
    place = begin(api, call, 10)
    answer = api("PATCH", place, content=b"<html><bod", headers=PIECE | {"Upload-Offset": "0"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_extension")
    assert kit.get(call).status is Status.CREATED


def test_an_upload_is_given_up(api: Api, kit: CallKit, wav: WavMaker) -> None:
    place = begin(api, api.new_call(), 1000)
    api("PATCH", place, content=wav(1)[:500], headers=PIECE | {"Upload-Offset": "0"})
    assert api("DELETE", place, headers=TUS).status_code == 204
    assert not list(kit.storage.list())
    assert api("HEAD", place, headers=TUS).status_code == 404
    assert api("DELETE", place, headers=TUS).status_code == 404


def test_erasing_a_call_takes_what_came_of_its_uploads(api: Api, kit: CallKit, wav: WavMaker) -> None:
    call = api.new_call()
    api("PATCH", begin(api, call, 1000), content=wav(1)[:500], headers=PIECE | {"Upload-Offset": "0"})
    assert api("DELETE", f"/calls/{call}").status_code == 204
    assert not list(kit.storage.list())


def test_two_at_once_are_one_too_many(kit: CallKit, settings: HttpSettings) -> None:
    app = create_app(kit, settings)
    api = Api(app)
    place = begin(api, api.new_call(), 1000)
    with app.state.service.locked(place[-32:]):
        answer = api("PATCH", place, content=b"RIFF", headers=PIECE | {"Upload-Offset": "0"})
        assert (answer.status_code, answer.json()["code"]) == (423, "upload_locked")
    assert api("PATCH", place, content=b"RIFF", headers=PIECE | {"Upload-Offset": "0"}).status_code == 204


# ---- the pieces


def test_pieces_have_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a server that dies loses no more than one."""
    monkeypatch.setattr(tus, "_PIECE", 1000)
    storage, call = MemoryStorage(), uuid4()
    pieces = Pieces(storage, call, "0" * 32)
    sent = bytes(range(250)) * 10
    assert pieces.append(0, Stream(BytesIO(sent).read)) == 2500
    assert sorted(blob.size for blob in storage.list()) == [500, 1000, 1000]
    assert pieces.offset() == 2500
    with pieces.open() as whole:
        assert b"".join(iter(lambda: whole.read(777), b"")) == sent


def test_a_piece_behind_a_gap_does_not_count() -> None:
    """Two servers that took the same piece, one of them less of it, agree on what is there."""
    storage, call = MemoryStorage(), uuid4()
    pieces = Pieces(storage, call, "0" * 32)
    pieces.append(0, Stream(BytesIO(bytes(100)).read))
    pieces.append(100, Stream(BytesIO(bytes(100)).read))
    pieces.append(0, Stream(BytesIO(bytes(60)).read))
    assert pieces.offset() == 60
    pieces.append(60, Stream(BytesIO(bytes(90)).read))
    assert pieces.offset() == 150


def test_uploads_that_nobody_finished_are_removed() -> None:
    storage, call, now = MemoryStorage(), uuid4(), datetime.now(UTC)
    upload = Resumable.new(call, 100, "a.wav", "")
    pieces = Pieces(storage, call, upload.token)
    pieces.begin(upload)
    pieces.append(0, Stream(BytesIO(b"RIFF").read))
    storage.put("ab/other.wav", BytesIO(b"RIFF"))
    assert sweep_uploads(storage, now) == 0
    assert pieces.about() == upload
    assert sweep_uploads(storage, now + LIFETIME + timedelta(minutes=1)) == 1
    assert [blob.key for blob in storage.list()] == ["ab/other.wav"]
    with pytest.raises(UploadGoneError):
        pieces.about()
