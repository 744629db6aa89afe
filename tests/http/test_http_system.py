"""Health, metrics, problems, the description, house-keeping, and mounting."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from attrs import field, frozen
from fastapi import FastAPI

from callkit import CallKit, Status
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.storages.files import FilesStorage
from callkit.backends.storages.memory import MemoryStorage
from callkit.core.call import Call
from callkit.core.transcript import Segment, Transcript
from callkit.errors import RepositoryError, StorageError
from callkit.http import HttpSettings, create_app
from callkit.http.answers import CALL, PAGE
from callkit.http.keeper import find_lost_work, remove_left_overs
from callkit.http.tus import LIFETIME
from callkit.protocols import Blob, TranscriberCapabilities
from callkit.settings import load
from callkit.upkeep import Swept
from tests.http.conftest import NEW, Api

WavMaker = Callable[..., bytes]
EXAMPLES = Path(__file__).parents[2] / "examples" / "calls"


class Broken(MemoryStorage):
    def list(self, prefix: str = "") -> Iterator[Blob]:
        raise StorageError("s3://secret-bucket", prefix, "it is away")


class Dead(MemoryRepository):
    def count(self, query: Any, *, at_most: int = 1000) -> int:
        raise RepositoryError("postgresql://secret-host", "it is away")

    def get(self, call_id: Any) -> Call:
        raise RepositoryError("postgresql://secret-host", "it is away")


class Idle:
    """A runner that does nothing."""

    def __init__(self) -> None:
        self.tasks: list[Any] = []

    def submit(self, task: Any) -> None:
        self.tasks.append(task)

    def close(self) -> None: ...


def test_health(api: Api) -> None:
    assert api.get("/health/live").json() == {"status": "ok"}
    assert api.get("/health/ready").json() == {"status": "ok"}


def test_what_is_wrong_is_named_without_addresses(settings: HttpSettings) -> None:
    api = Api(create_app(CallKit(Dead(), Broken(), Idle()), settings))
    assert api.get("/health/live").status_code == 200
    answer = api.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.json()["detail"] == "database: repository_error, storage: storage_error"
    broken = api.get("/calls/00000000-0000-0000-0000-000000000000")
    assert (broken.status_code, broken.json()["code"]) == (503, "repository_error")
    assert "secret" not in broken.text + answer.text
    assert "retry-after" in broken.headers


def test_metrics_hold_routes_and_no_paths(api: Api, wav: WavMaker) -> None:
    call = api.new_recording(wav(1))
    api.get(f"/calls/{call}")
    api.get("/calls?query=442079460018")
    api.get("/nowhere/442079460018")
    api.post(f"/calls/{call}/recording", files={"file": ("a.wav", wav(1))})
    text = api.get("/metrics").text
    assert 'callkit_http_requests_total{method="GET",route="/calls/{call_id}",status="200"} 1.0' in text
    assert 'callkit_uploads_total{result="taken"} 1.0' in text
    assert f"callkit_uploaded_bytes_total {float(len(wav(1)))}" in text
    assert "callkit_calls_processing 0.0" in text
    assert call not in text
    assert "7946" not in text


def test_the_queue_is_measured(settings: HttpSettings, wav: WavMaker) -> None:
    kit = CallKit(MemoryRepository(), MemoryStorage(), Idle())
    kit.ingest(wav(1))
    text = Api(create_app(kit, settings)).get("/metrics").text
    assert "callkit_calls_processing 1.0" in text
    assert float(text.partition("\ncallkit_oldest_waiting_seconds ")[2].partition("\n")[0]) > 0


# ---- problems


def test_every_error_is_a_problem(api: Api, wav: WavMaker) -> None:
    call = api.new_call()
    json_type = {"Content-Type": "application/json"}
    answers = [
        (api.get("/nowhere"), 404, "not_found"),
        (api("PUT", "/calls"), 405, "method_not_allowed"),
        (api.get("/calls/1"), 422, "validation_error"),
        (api.get(f"/calls/{call}/audio"), 404, "recording_not_found"),
        (api.get(f"/calls/{call}/peaks"), 404, "recording_not_found"),
        (api.post("/calls", content=b"[" * 100_000, headers=json_type), 400, "malformed_request"),
        (api.post("/calls", content=b"\xff", headers=json_type), 400, "malformed_request"),
        (api.post("/calls", content=b"{", headers=json_type), 400, "malformed_request"),
        (api.post("/calls"), 422, "validation_error"),
    ]
    for answer, status, code in answers:
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["type"] == "about:blank"
    assert answers[1][0].headers["allow"] == "GET, POST"
    assert api("DELETE", f"/calls/{call}/recording").headers["allow"] == "POST, PUT"


def test_what_nobody_expected_is_told_without_its_text(
    kit: CallKit, settings: HttpSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("+442079460018")

    monkeypatch.setattr(type(kit), "look", fail)
    caplog.set_level(logging.INFO, logger="callkit")
    answer = Api(create_app(kit, settings)).get("/calls/00000000-0000-0000-0000-000000000000")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert f"request={answer.headers['x-request-id']} ended with ValueError" in caplog.text
    assert "7946" not in caplog.text + answer.text


# ---- what was measured


def test_the_waveform_has_one_scale(api: Api, wav: WavMaker) -> None:
    call = api.new_recording(wav(20, channels=2))
    found = api.get(f"/calls/{call}/peaks?points=40").json()
    assert (found["duration"], len(found["channels"])) == (20.0, 2)
    assert [len(channel) for channel in found["channels"]] == [40, 40]
    assert max(map(max, found["channels"])) == 255
    assert 0 < found["peak"] <= 1
    assert all(0 <= value <= 255 for channel in found["channels"] for value in channel)
    quiet = [value for number, value in enumerate(found["channels"][0]) if number // 2 % 2]
    assert max(quiet) < 20, "every other second is near silence"
    assert len(api.get(f"/calls/{call}/peaks?points=10000").json()["channels"][0]) == 200
    assert len(api.get(f"/calls/{call}/peaks?points=1").json()["channels"][0]) == 1


def test_the_analysis_and_the_report(api: Api, wav: WavMaker) -> None:
    call = api.new_recording(wav(6, channels=2), direction="inbound")
    found = api.get(f"/calls/{call}/analysis").json()
    assert found["names"] == ["customer", "agent"]
    assert found["analysis"]["duration"] == found["conversation"]["duration"] == 6.0
    page = api.get(f"/calls/{call}/report")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    assert page.content.startswith(b"<!doctype html>")


@frozen
class Scribe:
    """Hears the same in everything."""

    name: str = "scribe"
    model: str = ""
    fingerprint: str = "scribe 1"
    capabilities: TranscriberCapabilities = field(factory=lambda: TranscriberCapabilities(words=False))

    def transcribe(
        self, samples: Any, rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        end = len(samples) / rate
        heard = Segment(0.0, end, "I want a refund <script>", language="en")
        return Transcript((heard,), "en", end, self.name)


def test_what_was_said(tmp_path: Path, settings: HttpSettings) -> None:
    with CallKit.open(tmp_path, runner="inline", transcriber=Scribe()) as kit:
        api = Api(create_app(kit, settings))
        sound = (EXAMPLES / "in-0442079460018-101-20260914-103212-1789381932.4.wav").read_bytes()
        call = api.new_recording(sound, direction="inbound")
        found = api.get(f"/calls/{call}").json()
        CALL.model_validate(found)
        assert found["transcript"]["engine"] == "scribe"
        assert "I want a refund <script>" in found["recording"]["transcription"]
        subtitles = api.get(f"/calls/{call}/transcript.vtt")
        assert subtitles.headers["content-type"] == "text/vtt; charset=utf-8"
        assert subtitles.text.startswith("WEBVTT")
        assert "<script>" not in subtitles.text
        for query in ("refunded", "said:refund", "agent:refund"):
            page = api.get("/calls", params={"query": query, "order": "best"})
            PAGE.model_validate_json(page.content)
            (hit,) = page.json()["items"]
            assert hit["id"] == call
            first = hit["passages"][0]
            assert [first["text"][begin:end] for begin, end in first["marks"]] == ["refund"]


def test_nobody_wrote_it_down(api: Api, wav: WavMaker) -> None:
    answer = api.get(f"/calls/{api.new_recording(wav(1))}/transcript.vtt")
    assert (answer.status_code, answer.json()["code"]) == (404, "transcript_not_found")


def test_what_is_not_ready_is_not_there_yet(settings: HttpSettings, wav: WavMaker) -> None:
    kit = CallKit(MemoryRepository(), MemoryStorage(), Idle())
    api = Api(create_app(kit, settings))
    call = kit.ingest(wav(1)).id
    for name in ("peaks", "analysis", "report", "transcript.vtt"):
        answer = api.get(f"/calls/{call}/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_ready")
    assert api.get(f"/calls/{call}").json()["analysis"] is None


# ---- the house


def test_lost_work_is_found_but_not_what_waits_behind_other_work(wav: WavMaker) -> None:
    runner = Idle()
    kit = CallKit(MemoryRepository(), MemoryStorage(), runner)
    one, two = kit.ingest(wav(1)), kit.ingest(wav(1, seed=1))
    runner.tasks.clear()
    assert find_lost_work(kit, True).resubmitted == 2
    runner.tasks.clear()
    assert find_lost_work(kit).resubmitted == 2, "nobody works, so nothing is in front of them"
    runner.tasks.clear()
    now = datetime.now(UTC)
    kit.repository.save(kit.get(one.id).claim("me", now, timedelta(seconds=30)))
    assert find_lost_work(kit) == Swept()
    assert runner.tasks == []
    kit.repository.save(kit.get(one.id).fail("x", "y", now))
    assert find_lost_work(kit).resubmitted == 1
    assert runner.tasks[0].call_id == two.id


def test_the_application_opens_a_kit_of_its_own_and_keeps_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wav: WavMaker
) -> None:
    monkeypatch.chdir(tmp_path)
    lost = CallKit.open(tmp_path / "callkit-data", runner=Idle())
    call = lost.ingest(wav(1)).id
    lost.close()
    app = create_app()

    async def live() -> None:
        async with app.router.lifespan_context(app):
            with anyio.fail_after(30):
                while (await app.state.service.kit.get(call)).status is not Status.READY:
                    await anyio.sleep(0.02)

    anyio.run(live)


def test_it_can_be_mounted(kit: CallKit, settings: HttpSettings, wav: WavMaker) -> None:
    host = FastAPI()
    host.mount("/calls-api", create_app(kit, settings))
    api = Api(host)
    answer = api.post("/calls-api/calls", json=NEW)
    assert answer.status_code == 201
    place = answer.headers["location"]
    assert place == f"/calls-api/calls/{answer.json()['id']}"
    assert api("PUT", f"{place}/recording", content=wav(1)).status_code == 202
    assert api.get(f"{place}/audio", headers={"Range": "bytes=0-3"}).content == b"RIFF"
    assert api("PUT", "/calls-api/calls").headers["allow"] == "GET, POST"
    assert api.get("/calls").status_code == 404


def test_settings_come_from_everywhere(tmp_path: Path) -> None:
    environ = {
        "CALLKIT_HTTP_MAX_SIZE": "5",
        "CALLKIT_HTTP_ORIGINS": "https://a.example, https://b.example",
        "CALLKIT_HTTP_RATE": "7",
        "CALLKIT_DATA": "x",
        "CALLKIT_TIMEZONE": "Europe/Berlin",
    }
    found = HttpSettings.of(load(environ=environ, folder=tmp_path))
    assert found.max_bytes == 5 << 20
    assert found.origins == ("https://a.example", "https://b.example")
    assert (found.rate, found.keys, str(found.zone)) == (7.0, Path("x") / "keys.json", "Europe/Berlin")
    own = load({"http_keys": "k.json"}, environ={}, folder=tmp_path)
    assert HttpSettings.of(own).keys == Path("k.json")


def test_days_in_searches_are_those_of_the_zone(kit: CallKit) -> None:
    zone = load({"timezone": "Europe/Berlin"}, environ={}).zone
    api = Api(create_app(kit, HttpSettings(zone=zone, sweep_every=0.0)))
    api.new_call(started_at="2026-11-23T23:30:00Z")
    assert len(api.get("/calls?query=on:2026-11-24").json()["items"]) == 1
    assert len(api.get("/calls?query=on:2026-11-23").json()["items"]) == 0


def test_no_page_loads_programs_from_elsewhere(api: Api) -> None:
    for path in ("/docs", "/redoc"):
        assert api.get(path).status_code == 404
    document = api.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_many_ask_at_once(kit: CallKit, settings: HttpSettings) -> None:
    app = create_app(kit, settings)

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

            async def one(number: int) -> None:
                new = NEW | {"caller": str(number)}
                call = (await client.post("/calls", json=new)).json()["id"]
                assert (await client.get(f"/calls/{call}")).json()["caller"] == str(number)

            async with anyio.create_task_group() as tasks:
                for number in range(40):
                    tasks.start_soon(one, number + 1)

    anyio.run(ask)
    assert kit.count() == 40


def test_what_is_left_of_blobs_whose_server_died_is_removed(tmp_path: Path) -> None:
    storage, now = FilesStorage(str(tmp_path)), datetime.now(UTC)
    storage.put("ab/whole.wav", BytesIO(b"RIFF"))
    (tmp_path / "ab" / "half.wav.01234567.part").write_bytes(b"RI")
    assert remove_left_overs(storage, now) == 0, "somebody may be writing it"
    assert remove_left_overs(storage, now + LIFETIME + timedelta(minutes=1)) == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["whole.wav"]
    assert remove_left_overs(MemoryStorage(), now) == 0, "which has nothing of the kind"
