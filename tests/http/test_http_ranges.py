"""Byte ranges and preconditions: each case of RFC 9110, sections 13 and 14, as a table."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from callkit import CallKit
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.runners.pools import InlineRunner
from callkit.backends.storages.memory import MemoryStorage
from callkit.http import HttpSettings, create_app
from callkit.http.problems import Refused
from callkit.http.ranges import span
from tests.http.conftest import Api

WavMaker = Callable[..., bytes]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=2-5", (2, 6)),
        ("bytes=2-", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=8-99", (8, 10)),  # an end behind the last byte is cut
        ("bytes=-99", (0, 10)),  # so is a suffix longer than the whole
        ("bytes=0-0", (0, 1)),
        ("bytes=9-9", (9, 10)),
        ("BYTES=0-0", (0, 1)),  # range units are case-insensitive
        ("bytes= 0-1 ", (0, 2)),
        ("items=0-5", None),  # 14.2: a unit that is not understood MUST be ignored
        ("bytes=5-2", None),  # invalid: ignored
        ("bytes=abc", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=0-1,4-5", None),  # several: may be ignored
        ("bytes=1-2-3", None),
        ("bytes=--1", None),
        ("bytes=+1-2", None),
        ("bytes=٣-", None),  # digits of ASCII only
        (f"bytes={10**30}-", None),
        ("", None),
        (None, None),
    ],
)
def test_ranges(header: str | None, found: tuple[int, int] | None) -> None:
    assert span(header, 10) == found
    assert span(header, 0) is None  # Content-Range can't tell an empty span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_ranges_outside(header: str) -> None:
    with pytest.raises(Refused) as refused:
        span(header, 10)
    assert (refused.value.status, refused.value.headers["Content-Range"]) == (416, "bytes */10")
    assert span(header, 0) is None


@pytest.fixture(params=["files", "memory"])
def place(request: pytest.FixtureRequest, kit: CallKit, settings: HttpSettings) -> Api:
    if request.param == "memory":
        kit = CallKit(MemoryRepository(), MemoryStorage(), InlineRunner())
    return Api(create_app(kit, settings))


def test_parts_are_the_parts(place: Api, wav: WavMaker) -> None:
    sent = wav(80, channels=2)  # 2.56 MB: several chunks
    path = f"/calls/{place.new_recording(sent)}/audio"
    whole = place.get(path)
    assert (whole.status_code, whole.content, whole.headers["content-length"]) == (200, sent, str(len(sent)))
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == ("audio/wav", "bytes")
    part = place.get(path, headers={"Range": "bytes=1000-2299999"})
    assert (part.status_code, part.content) == (206, sent[1000:2_300_000])
    assert part.headers["content-range"] == f"bytes 1000-2299999/{len(sent)}"
    for name in ("etag", "last-modified", "accept-ranges", "cache-control", "content-type"):
        assert part.headers[name] == whole.headers[name]
    last = place.get(path, headers={"Range": "bytes=-1"})
    assert (last.status_code, last.content) == (206, sent[-1:])
    past = place.get(path, headers={"Range": f"bytes={len(sent)}-"})
    assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{len(sent)}")
    assert past.json()["code"] == "range_not_satisfiable"


TAG, DATE = "TAG", "DATE"
EARLIER, LATER = "EARLIER", "LATER"
CONDITIONS = [
    # 13.1.1 If-Match
    ({"If-Match": TAG}, 200),
    ({"If-Match": f'"x", {TAG}'}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": '"x"'}, 412),
    ({"If-Match": f"W/{TAG}"}, 412),  # compared strongly
    # 13.1.2 If-None-Match
    ({"If-None-Match": TAG}, 304),
    ({"If-None-Match": f"W/{TAG}"}, 304),  # compared weakly
    ({"If-None-Match": f'"x", {TAG}'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"x"'}, 200),
    # 13.1.3 If-Modified-Since
    ({"If-Modified-Since": DATE}, 304),
    ({"If-Modified-Since": LATER}, 304),
    ({"If-Modified-Since": EARLIER}, 200),
    ({"If-Modified-Since": "yesterday"}, 200),
    ({"If-Modified-Since": DATE, "If-None-Match": '"x"'}, 200),  # the tag decides alone
    # 13.1.4 If-Unmodified-Since
    ({"If-Unmodified-Since": DATE}, 200),
    ({"If-Unmodified-Since": EARLIER}, 412),
    ({"If-Unmodified-Since": EARLIER, "If-Match": TAG}, 200),
    # 13.1.5 If-Range
    ({"If-Range": TAG, "Range": "bytes=0-3"}, 206),
    ({"If-Range": DATE, "Range": "bytes=0-3"}, 206),
    ({"If-Range": f"W/{TAG}", "Range": "bytes=0-3"}, 200),  # weak tags never match
    ({"If-Range": '"x"', "Range": "bytes=0-3"}, 200),
    ({"If-Range": EARLIER, "Range": "bytes=0-3"}, 200),
    ({"If-Range": LATER, "Range": "bytes=0-3"}, 200),  # exactly, or not at all
    ({"If-Range": "nonsense", "Range": "bytes=0-3"}, 200),
    ({"If-Range": '"x"', "Range": "bytes=999999999-"}, 200),
    ({"If-Range": TAG}, 200),
    # 13.2.2: the order
    ({"If-None-Match": TAG, "Range": "bytes=0-3"}, 304),
    ({"If-None-Match": TAG, "Range": "bytes=999999999-"}, 304),
    ({"If-Match": '"x"', "If-None-Match": TAG}, 412),
    ({"If-Match": TAG, "Range": "bytes=0-3"}, 206),
    # 14.2
    ({"Range": "items=0-3"}, 200),
    ({"Range": "bytes=0-1,3-4"}, 200),
    ({"Range": "bytes=3-1"}, 200),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, wav: WavMaker) -> Iterator[tuple[Api, str]]:
    with CallKit.open(tmp_path_factory.mktemp("ranges"), runner="inline") as kit:
        api = Api(create_app(kit, HttpSettings(sweep_every=0.0)))
        yield api, f"/calls/{api.new_recording(wav(1))}/audio"


@pytest.mark.parametrize(("headers", "status"), CONDITIONS, ids=lambda value: str(value)[:60])
def test_conditions(recorded: tuple[Api, str], headers: dict[str, str], status: int) -> None:
    api, path = recorded
    known = api("HEAD", path).headers
    moment = datetime.strptime(known["last-modified"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    words = {
        TAG: known["etag"],
        DATE: known["last-modified"],
        EARLIER: format_datetime(moment - timedelta(seconds=1), usegmt=True),
        LATER: format_datetime(moment + timedelta(seconds=1), usegmt=True),
    }
    for word, meaning in words.items():
        headers = {name: value.replace(word, meaning) for name, value in headers.items()}
    answer = api.get(path, headers=headers)
    assert answer.status_code == status
    if status == 304:
        assert answer.content == b""
        assert answer.headers["etag"] == known["etag"]
    if status == 412:
        assert answer.json()["code"] == "precondition_failed"
    if status == 206:
        assert answer.content == b"RIFF"


def test_head_has_no_body_and_no_ranges(recorded: tuple[Api, str]) -> None:
    api, path = recorded
    whole = api.get(path)
    head = api("HEAD", path, headers={"Range": "bytes=0-3"})
    assert (head.status_code, head.content) == (200, b"")
    assert "content-range" not in head.headers
    for name in ("content-length", "etag", "content-type", "last-modified", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]
    assert api("HEAD", path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304


def test_a_recording_whose_blob_is_lost(api: Api, kit: CallKit, wav: WavMaker) -> None:
    call = api.new_recording(wav(1))
    recording = kit.get(call).recording
    assert recording is not None
    kit.storage.delete(recording.key)
    answer = api.get(f"/calls/{call}/audio")
    assert (answer.status_code, answer.json()["code"]) == (404, "blob_not_found")
    none = api.get(f"/calls/{api.new_call()}/audio")
    assert (none.status_code, none.json()["code"]) == (404, "recording_not_found")


def test_it_is_saved_under_its_own_name(api: Api, wav: WavMaker) -> None:
    path = f"/calls/{api.new_recording(wav(1), 'з.wav')}/audio"
    assert "content-disposition" not in api.get(path).headers
    told = api.get(f"{path}?download=true").headers["content-disposition"]
    assert told == "attachment; filename=\"_.wav\"; filename*=UTF-8''%D0%B7.wav"
