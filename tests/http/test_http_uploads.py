"""Recordings come in: by a form or as they are, refused early, whole or not at all."""

from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import httpx
import pytest
from anyio import to_thread

from callkit import CallKit, Status
from callkit.errors import RecordingExistsError
from callkit.http import HttpSettings, create_app
from callkit.http.bodies import filename_in, plain_filename
from tests.http.conftest import Api

WavMaker = Callable[..., bytes]

BOUNDARY = {"Content-Type": "multipart/form-data; boundary=x"}
END = b"\r\n--x--\r\n"


def part(name: str, filename: str | None = None) -> bytes:
    own = "" if filename is None else f'; filename="{filename}"'
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{own}\r\n\r\n'.encode()


def blobs(kit: CallKit) -> list[str]:
    return [blob.key for blob in kit.storage.list()]


def stored(kit: CallKit, call: str) -> bytes:
    with kit.open_recording(call) as file:
        return file.read()


# ---- by a form


def test_an_upload_is_kept_as_it_was_sent(api: Api, kit: CallKit, wav: WavMaker) -> None:
    sent = wav(150, channels=2)  # 4.8 MB: several batches
    call = api.new_call()
    answer = api.post(f"/calls/{call}/recording", files={"note": b"hello", "file": ("a.wav", sent)})
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert stored(kit, call) == sent
    recording = kit.get(call).recording
    assert recording is not None
    assert (recording.name, recording.size, recording.container) == ("a.wav", len(sent), "wav")
    assert kit.get(call).status is Status.READY


def test_a_second_one_is_a_conflict(api: Api, wav: WavMaker) -> None:
    call = api.new_recording(wav(1))
    for again in (wav(1), wav(1, seed=1)):
        answer = api.post(f"/calls/{call}/recording", files={"file": ("b.wav", again)})
        assert (answer.status_code, answer.json()["code"]) == (409, "recording_already_exists")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (part("file", "a.wav") + b"RIFF", 400, "malformed_multipart"),  # cut off
        (b"nonsense", 400, "malformed_multipart"),
        (part("other", "a.wav") + b"RIFF" + END, 422, "validation_error"),
        (part("file") + b"RIFF" + END, 422, "validation_error"),
        (b"--x--\r\n", 422, "validation_error"),
        (part("file", "a.txt") + b"RIFF" + END, 422, "unsupported_extension"),
        (part("file", "a.wav") + b"<html>" + END, 422, "unsupported_extension"),
        (part("file", "a.wav") + END, 422, "unsupported_extension"),
    ],
)
def test_forms_that_are_refused(api: Api, kit: CallKit, body: bytes, status: int, code: str) -> None:
    call = api.new_call()
    answer = api.post(f"/calls/{call}/recording", content=body, headers=BOUNDARY)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert blobs(kit) == []
    assert kit.get(call).status is Status.CREATED


def test_two_files_are_refused_though_the_first_was_good(api: Api, kit: CallKit, wav: WavMaker) -> None:
    call = api.new_call()
    body = part("file", "a.wav") + wav(1) + b"\r\n" + part("file", "b.wav") + wav(1) + END
    answer = api.post(f"/calls/{call}/recording", content=body, headers=BOUNDARY)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert blobs(kit) == []


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data", "text/plain", "multipart/mixed; boundary=x"]
)
def test_another_content_type_is_refused(api: Api, kind: str) -> None:
    answer = api.post(f"/calls/{api.new_call()}/recording", content=b"x", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "multipart_required")


# ---- refused before the body is read


def test_a_wrong_name_is_refused_before_the_body_comes(api: Api) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield part("file", "a.txt")
        while True:
            sent += 1
            yield bytes(1 << 16)

    answer = api.post(f"/calls/{api.new_call()}/recording", content=body(), headers=BOUNDARY)
    assert (answer.status_code, answer.json()["code"], sent) == (422, "unsupported_extension", 0)


@pytest.mark.parametrize(("method", "headers"), [("POST", BOUNDARY), ("PUT", {})])
def test_what_may_not_come_is_refused_before_the_body_comes(
    api: Api, wav: WavMaker, method: str, headers: dict[str, str]
) -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("the body was asked for")
        yield b""

    for call, status in [
        (api.new_recording(wav(1)), 409),
        ("00000000-0000-0000-0000-000000000000", 404),
    ]:
        assert api(method, f"/calls/{call}/recording", content=body(), headers=headers).status_code == status


def test_what_is_too_large_is_refused(kit: CallKit, wav: WavMaker) -> None:
    api = Api(create_app(kit, HttpSettings(max_bytes=20_000, sweep_every=0.0)))
    call, sound = api.new_call(), wav(2)  # 32 kB
    announced = api("PUT", f"/calls/{call}/recording", content=sound)
    form = api.post(f"/calls/{call}/recording", files={"file": ("a.wav", sound)})

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(sound), 4096):
            yield sound[start : start + 4096]

    counted = api("PUT", f"/calls/{call}/recording", content=pieces())
    for answer in (announced, form, counted):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert blobs(kit) == []
    assert api("PUT", f"/calls/{call}/recording", content=wav(1)).status_code == 202


def test_other_fields_of_a_form_are_bounded_too(api: Api) -> None:
    for body in (part("note") + bytes(2 << 20) + END, b"--x\r\nX-Y: " + b"y" * (2 << 20) + b"\r\n\r\n" + END):
        answer = api.post(f"/calls/{api.new_call()}/recording", content=body, headers=BOUNDARY)
        assert (answer.status_code, answer.json()["code"]) in {(413, "too_large"), (400, "malformed_multipart")}


def test_a_body_that_stands_still_is_refused(kit: CallKit, wav: WavMaker) -> None:
    api = Api(create_app(kit, HttpSettings(patience=0.05, sweep_every=0.0)))
    call, sound = api.new_call(), wav(1)

    async def body() -> AsyncIterator[bytes]:
        yield sound[:5000]
        await anyio.sleep(30)

    answer = api("PUT", f"/calls/{call}/recording", content=body())
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert blobs(kit) == []


def test_a_body_that_trickles_is_refused(kit: CallKit, wav: WavMaker) -> None:
    api = Api(create_app(kit, HttpSettings(patience=0.05, slowest=1e6, sweep_every=0.0)))
    call, sound = api.new_call(), wav(1)

    async def body() -> AsyncIterator[bytes]:
        for at in range(1000):
            yield sound[at : at + 1]
            await anyio.sleep(0.005)

    answer = api("PUT", f"/calls/{call}/recording", content=body())
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert blobs(kit) == []


def test_a_client_that_goes_away_leaves_nothing(api: Api, kit: CallKit, wav: WavMaker) -> None:
    call, sound = api.new_call(), wav(100)
    messages: Iterator[MutableMapping[str, Any]] = iter(
        [
            {"type": "http.request", "body": sound[:1_200_000], "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    answered: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        answered.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return next(messages)

    path = f"/calls/{call}/recording"
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    anyio.run(api.app, scope, receive, send)
    assert answered[0]["status"] == 400
    assert blobs(kit) == []
    assert kit.get(call).status is Status.CREATED
    assert api("PUT", path, content=sound).status_code == 202


# ---- as they are


def test_a_raw_body_is_taken_by_its_content(api: Api, kit: CallKit, wav: WavMaker) -> None:
    for query, headers, name in [
        ("", {}, ""),
        ("?filename=b.wav", {}, "b.wav"),
        ("", {"Content-Disposition": "attachment; filename*=UTF-8''%D0%B7.wav"}, "з.wav"),
        ("", {"Content-Disposition": 'attachment; filename="..\\\\c.wav"'}, "c.wav"),
    ]:
        call = api.new_call()
        assert api("PUT", f"/calls/{call}/recording{query}", content=wav(1), headers=headers).status_code == 202
        recording = kit.get(call).recording
        assert recording is not None
        assert recording.name == name


@pytest.mark.parametrize("name", ["a.txt", "a.wav.exe", "a.html", "x.wav.TXT", "a.svg"])
def test_a_raw_body_may_be_refused_by_its_name(api: Api, wav: WavMaker, name: str) -> None:
    answer = api("PUT", f"/calls/{api.new_call()}/recording?filename={name}", content=wav(1))
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_extension")


@pytest.mark.parametrize("name", ["a.wav", "A.WAV", "a", "call-1789474208.31", "a.opus", "a.m4a", "з.mp3"])
def test_names_that_are_no_reason_to_refuse(api: Api, wav: WavMaker, name: str) -> None:
    assert (
        api("PUT", f"/calls/{api.new_call()}/recording", params={"filename": name}, content=wav(1)).status_code == 202
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.wav", "passwd.wav"),
        ("C:\\Users\\me\\a.wav", "a.wav"),
        ("/", ""),
        ("..", ".."),
        ("a\r\nSet-Cookie: x=y.wav", "a__Set-Cookie: x=y.wav"),
        ("a\x00.wav", "a_.wav"),
        ("x" * 300 + ".wav", "x" * 251 + ".wav"),
        (" a.wav ", "a.wav"),
        ("\u202egnp.wav", "_gnp.wav"),
    ],
)
def test_a_name_is_only_a_name(given: str, kept: str) -> None:
    assert plain_filename(given) == kept


def test_names_in_headers() -> None:
    assert filename_in(None) == ""
    assert filename_in("attachment") == ""
    assert filename_in('attachment; filename="a b.wav"') == "a b.wav"


def test_an_injected_name_does_no_harm(api: Api, kit: CallKit, wav: WavMaker, tmp_path: Path) -> None:
    body = part("file", "../../..\\evil%0d%0aSet-Cookie: a=b.wav") + wav(1) + END
    call = api.new_call()
    assert api.post(f"/calls/{call}/recording", content=body, headers=BOUNDARY).status_code == 202
    recording = kit.get(call).recording
    assert recording is not None
    assert "/" not in recording.name
    assert all(key.startswith(f"{call[-2:]}/{call}/") for key in blobs(kit))
    answer = api.get(f"/calls/{call}/audio?download=true")
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert not list(tmp_path.rglob("evil*"))


# ---- decided for truth


def test_of_two_at_once_one_is_taken(kit: CallKit, wav: WavMaker) -> None:
    """Both were admitted; the row decides, and the other's blob goes."""
    call = str(kit.create(caller="101").id)
    sound = wav(1)

    class Slow(BytesIO):
        """While it is read, somebody else's recording comes."""

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                kit.upload(call, BytesIO(wav(1, seed=1)))
            return data

    with pytest.raises(RecordingExistsError):
        kit.upload(call, Slow(sound))
    assert stored(kit, call) == wav(1, seed=1)
    recording = kit.get(call).recording
    assert recording is not None
    assert sorted(blobs(kit)) == sorted([recording.key, recording.peaks_key])


def test_tags_that_come_meanwhile_are_no_conflict(kit: CallKit, wav: WavMaker) -> None:
    call = kit.create(caller="101")

    class Slow(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            kit.annotate(call.id, tags=["vip"])
            return super().read(size)

    kit.upload(call.id, Slow(wav(1)))
    assert kit.get(call.id).tags == ("vip",)
    assert kit.get(call.id).status is Status.READY


def test_uploads_take_no_thread_from_others(kit: CallKit, settings: HttpSettings, wav: WavMaker) -> None:
    """More uploads stand still than there are threads for everything else; reads are answered all the same."""
    app = create_app(kit, settings)
    calls = [str(kit.create(caller=str(number)).id) for number in range(30)]
    begun: set[UUID] = set()

    async def check() -> None:
        to_thread.current_default_thread_limiter().total_tokens = 4
        release = anyio.Event()

        async def body(call: str) -> AsyncIterator[bytes]:
            sound = wav(100)
            yield sound[:1_100_000]
            begun.add(UUID(call))
            await release.wait()
            yield sound[1_100_000:]

        async def upload(call: str) -> None:
            answer = await client.put(f"/calls/{call}/recording", content=body(call))
            assert answer.status_code == 202

        transport = httpx.ASGITransport(app)
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
            anyio.create_task_group() as tasks,
        ):
            for call in calls[:6]:
                tasks.start_soon(upload, call)
            while len(begun) < 6:
                await anyio.sleep(0.01)
            with anyio.fail_after(20):
                assert (await client.get(f"/calls/{calls[9]}")).status_code == 200
            release.set()

    anyio.run(check)
