"""Links that work without a key: signed by callkit itself or by S3, to hear a recording and to put one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from callkit import CallKit, Status
from callkit.http import HttpSettings, create_app
from tests.http.conftest import Api

WavMaker = Callable[..., bytes]

SECRET = "0123456789abcdef0123456789abcdef"
PUBLIC = "http://127.0.0.1/recordings"


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[CallKit]:
    with CallKit.open(tmp_path / "data", runner="inline", public_url=PUBLIC, url_secret=SECRET) as kit:
        yield kit


@pytest.fixture
def api(signing: CallKit, settings: HttpSettings) -> Api:
    return Api(create_app(signing, settings))


@pytest.fixture
def stranger(signing: CallKit, tmp_path: Path) -> Api:
    """Without a key, where keys are needed."""
    (tmp_path / "keys.json").write_text('{"format": 1, "keys": []}')
    return Api(create_app(signing, HttpSettings(keys=tmp_path / "keys.json", sweep_every=0.0)))


def test_a_link_plays_without_a_key(api: Api, stranger: Api, wav: WavMaker) -> None:
    sound = wav(1)
    call = api.new_recording(sound, "з.wav")
    assert stranger.get(f"/calls/{call}/audio").status_code == 401
    url = api.get(f"/calls/{call}/download").json()["url"]
    assert url.startswith(PUBLIC)
    whole = stranger.get(url)
    assert (whole.status_code, whole.content) == (200, sound)
    assert whole.headers["content-type"] == "audio/wav"
    assert "filename*=UTF-8''%D0%B7.wav" in whole.headers["content-disposition"]
    part = stranger.get(url, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, sound[4:8])
    assert stranger("HEAD", url).headers["content-length"] == str(len(sound))
    moved = api.get(f"/calls/{call}/download?redirect=true")
    assert moved.status_code == 307
    assert moved.headers["location"].startswith(PUBLIC)


def test_what_is_not_signed_opens_nothing(api: Api, stranger: Api, wav: WavMaker, kit: CallKit) -> None:
    url = api.get(f"/calls/{api.new_recording(wav(1))}/download").json()["url"]
    for broken in (url.partition("?")[0], url[:-1], url.replace("/recordings/", "/recordings/x"), url + "&expires=9"):
        answer = stranger.get(broken)
        assert (answer.status_code, answer.json()["code"]) == (403, "access_denied")
    assert stranger("PUT", url, content=b"x").status_code == 403
    unsigned = Api(create_app(kit, HttpSettings(sweep_every=0.0)))
    assert unsigned.get("/recordings/ab/c.wav").json()["code"] == "blob_not_found"


def begin(api: Api, call: str) -> tuple[str, str]:
    answer = api.post(f"/calls/{call}/recording/presigned")
    assert answer.status_code == 201, answer.text
    link = answer.json()
    assert (link["method"], link["expires_at"][-1]) == ("PUT", "Z")
    assert link["complete"].endswith(link["id"])
    return link["url"], link["complete"]


def test_a_recording_is_put_past_the_api(api: Api, stranger: Api, signing: CallKit, wav: WavMaker) -> None:
    call, sound = api.new_call(), wav(2)
    url, complete = begin(api, call)
    missing = api.post(complete, json={})
    assert (missing.status_code, missing.json()["code"]) == (404, "blob_not_found")
    assert stranger("PUT", url, content=sound).status_code == 201
    assert signing.get(call).status is Status.CREATED
    for _ in range(2):  # told twice is told once
        answer = api.post(complete, json={"filename": "a.wav"})
        assert answer.status_code == 202
    recording = signing.get(call).recording
    assert recording is not None
    assert (recording.name, recording.size, recording.container) == ("a.wav", len(sound), "wav")
    assert signing.get(call).status is Status.READY
    with signing.open_recording(call) as file:
        assert file.read() == sound
    again = api.post(f"/calls/{call}/recording/presigned")
    assert (again.status_code, again.json()["code"]) == (409, "recording_already_exists")


def test_what_was_put_is_looked_at(signing: CallKit, wav: WavMaker) -> None:
    api = Api(create_app(signing, HttpSettings(max_bytes=20_000, sweep_every=0.0)))
    for content, status, code in [
        (b"<html>", 422, "unsupported_extension"),
        (wav(1)[:43], 422, "damaged_audio"),
    ]:
        call = api.new_call()
        url, complete = begin(api, call)
        api("PUT", url, content=content)
        answer = api.post(complete, json={})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert list(signing.storage.list()) == []
        assert signing.get(call).status is Status.CREATED
    url, complete = begin(api, api.new_call())
    large = Api(create_app(signing, HttpSettings(sweep_every=0.0)))
    large("PUT", url, content=wav(2))
    answer = api.post(complete, json={})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert list(signing.storage.list()) == []


def test_a_name_may_refuse_it(api: Api) -> None:
    _, complete = begin(api, api.new_call())
    assert api.post(complete, json={"filename": "a.txt"}).json()["code"] == "unsupported_extension"


def test_without_a_storage_that_signs_it_is_not_implemented(
    kit: CallKit, settings: HttpSettings, wav: WavMaker
) -> None:
    api = Api(create_app(kit, settings))
    for answer in (
        api.post(f"/calls/{api.new_call()}/recording/presigned"),
        api.get(f"/calls/{api.new_recording(wav(1))}/download"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (501, "presign_not_configured")


def test_on_s3(bucket: str, tmp_path: Path, settings: HttpSettings, wav: WavMaker) -> None:
    """Put, complete, play in parts, resume, and download, all with the blobs on S3."""
    sound = wav(600)  # 9.6 MB: parts
    with CallKit.open(tmp_path, storage=f"s3://{bucket}/calls", runner="inline") as kit:
        api = Api(create_app(kit, settings))
        call = api.new_call()
        url, complete = begin(api, call)
        with urlopen(Request(url, data=sound, method="PUT"), timeout=30) as answer:
            assert answer.status == 200
        assert api.post(complete, json={"filename": "a.wav"}).status_code == 202
        part = api.get(f"/calls/{call}/audio", headers={"Range": "bytes=9000000-9000099"})
        assert (part.status_code, part.content) == (206, sound[9_000_000:9_000_100])
        with urlopen(api.get(f"/calls/{call}/download").json()["url"], timeout=30) as answer:
            assert answer.read() == sound
        other = api.new_call()
        assert api("PUT", f"/calls/{other}/recording", content=sound).status_code == 202
        assert api.get(f"/calls/{other}/audio").content == sound
        assert api("DELETE", f"/calls/{other}").status_code == 204
        assert not list(kit.storage.list(f"{other[-2:]}/{other}"))
