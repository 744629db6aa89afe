"""What happens to calls is told to those who listen, whoever did it."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

import anyio
import httpx
import pytest

from callkit import AsyncCallKit, Call, CallKit
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.repositories.sql import SqlRepository
from callkit.core.call import Recording
from callkit.http import events
from callkit.http.events import Hub
from tests.http.conftest import ServerMaker

WavMaker = Callable[..., bytes]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_EVERY", 0.02)


def told(text: bytes) -> list[dict[str, Any]]:
    """The events of a text, with their names and ids."""
    found = []
    for block in text.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if "data" in fields:
            found.append({"event": fields["event"], "number": fields.get("id"), **json.loads(fields["data"])})
    return found


class Listening:
    """Collects what a hub tells."""

    def __init__(self, hub: Hub, after: str | None = None) -> None:
        self.stream: AsyncIterator[bytes] = hub.listen(after)
        self.seen: list[dict[str, Any]] = []

    async def collect(self) -> None:
        async for text in self.stream:
            self.seen += told(text)

    async def until(self, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
        with anyio.fail_after(20):
            while not condition(self.seen):
                await anyio.sleep(0.01)

    def of(self, call: Call) -> list[str]:
        return [event["stage"] for event in self.seen if event.get("id") == str(call.id)]


@pytest.mark.anyio
async def test_changes_by_others_are_told(kit: CallKit, wav: WavMaker) -> None:
    hub = Hub(AsyncCallKit(kit))
    one, two = Listening(hub), Listening(hub)
    async with anyio.create_task_group() as tasks:
        for listening in (one, two):
            tasks.start_soon(listening.collect)
        while len(hub) < 2:
            await anyio.sleep(0.01)
        call = await anyio.to_thread.run_sync(lambda: kit.ingest(wav(1), caller="+442079460018"))
        for listening in (one, two):
            await listening.until(lambda seen: bool(seen) and "ready" in {event.get("stage") for event in seen})
            assert listening.of(call)[-1] == "ready"
            versions = [event["version"] for event in listening.seen if event.get("id") == str(call.id)]
            assert versions == sorted(set(versions)), "the same version is told once"
        event = next(event for event in one.seen if event["event"] == "call")
        assert event.keys() == {"event", "number", "id", "status", "stage", "version", "updated_at"}
        assert "7946" not in json.dumps(one.seen)
        await anyio.to_thread.run_sync(kit.erase, call.id)
        await one.until(lambda seen: "erased" in {event.get("stage") for event in seen})
        hub.ended = True
    assert len(hub) == 0


@pytest.mark.anyio
async def test_what_this_server_did_is_told_at_once(kit: CallKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_EVERY", 30.0)
    hub = Hub(AsyncCallKit(kit))
    listening = Listening(hub)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listening.collect)
        while not len(hub):
            await anyio.sleep(0.01)
        hub.touch(call := kit.create(caller="101"))
        await listening.until(lambda _: listening.of(call) == ["created"])
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_waiting_and_being_worked_on_are_told_apart() -> None:
    now = datetime.now(UTC)
    kit = CallKit(MemoryRepository(), object(), object())  # type: ignore[arg-type]  # nothing is stored or run
    hub = Hub(AsyncCallKit(kit))
    listening = Listening(hub)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listening.collect)
        while not len(hub):
            await anyio.sleep(0.01)
        call = kit.create(caller="101")
        waiting = call.attach(Recording("k", "a.wav", 1, "0" * 64, "wav", now), now)
        kit.repository.save(waiting)
        await listening.until(lambda _: listening.of(call)[-1:] == ["waiting"])
        kit.repository.save(waiting.claim("me", now, timedelta(seconds=30)))
        await listening.until(lambda _: listening.of(call)[-1:] == ["working"])
        queue = [event["processing"] for event in listening.seen if event["event"] == "queue"]
        assert queue[-1] == 1
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_who_comes_back_is_told_what_was_missed(kit: CallKit) -> None:
    before = kit.create(caller="101")
    await anyio.sleep(0.002)
    missed = kit.create(caller="102")
    hub = Hub(AsyncCallKit(kit))
    after = str(int(before.updated_at.timestamp() * 1000) + 1)
    listening = Listening(hub, after)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listening.collect)
        await listening.until(lambda _: listening.of(missed) != [])
        assert listening.seen[0]["id"] == str(missed.id)
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("after", ["1000", "0"])
async def test_who_missed_too_much_fetches_all_anew(kit: CallKit, after: str) -> None:
    listening = Listening(Hub(AsyncCallKit(kit)), after)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listening.collect)
        await listening.until(bool)
        assert listening.seen[0]["event"] == "reset"
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("after", ["", "x", "-1", "1" * 30, "٣"])
async def test_an_odd_last_event_id_is_none(kit: CallKit, after: str) -> None:
    stream = Hub(AsyncCallKit(kit)).listen(after)
    assert await anext(stream) == b"retry: 2000\n\n"
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator


@pytest.mark.anyio
async def test_who_does_not_read_is_cut_off(kit: CallKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_WAITING", 3)
    hub = Hub(AsyncCallKit(kit))
    stream = hub.listen(None)
    await anext(stream)
    for number in range(5):
        hub.touch(kit.create(caller=str(number)))
    texts = [text async for text in stream]
    assert len(told(b"".join(texts))) == 3
    assert len(hub) == 0


@pytest.mark.anyio
async def test_nobody_looks_if_nobody_listens(kit: CallKit, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    changed = CallKit.changed

    def counted(self: CallKit, since: datetime, *, limit: int = 500) -> Any:
        nonlocal looked
        looked += 1
        return changed(self, since, limit=limit)

    monkeypatch.setattr(CallKit, "changed", counted)
    hub = Hub(AsyncCallKit(kit))
    await anyio.sleep(0.1)
    assert looked == 0
    many = [Listening(hub) for _ in range(20)]
    async with anyio.create_task_group() as tasks:
        for listening in many:
            tasks.start_soon(listening.collect)
        with anyio.fail_after(20):
            while looked < 3:
                await anyio.sleep(0.01)
        before = looked
        await anyio.sleep(0.3)
        tasks.cancel_scope.cancel()
    assert looked - before <= 16, "one look for all 20"


def test_changes_are_told_by_every_repository(kit: CallKit, database_url: str) -> None:
    for repository in (kit.repository, SqlRepository.open(database_url), MemoryRepository()):
        own = CallKit(repository, kit.storage, kit.runner)
        begin = datetime.now(UTC).replace(microsecond=0)
        calls = [own.create(caller=str(number)) for number in range(3)]
        assert [call.id for call in own.changed(begin)] == [call.id for call in calls]
        assert len(own.changed(begin, limit=2)) == 2
        sleep(0.002)
        own.annotate(calls[0].id, tags=["late"])
        assert own.changed(begin)[-1].tags == ("late",)
        assert not own.changed(datetime.now(UTC) + timedelta(seconds=5))
        repository.close()


def test_events_over_http(serve: ServerMaker, wav: WavMaker) -> None:
    """One server, another process that works, a client that listens."""
    new = {"caller": "+442079460018", "receiver": "101", "started_at": "2026-11-24T08:30:00Z"}
    with serve(runner="processes:1") as server, server.client.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        with httpx.Client(base_url=server.url, timeout=30) as other:
            call = other.post("/calls", json=new).json()["id"]
            other.post(f"/calls/{call}/recording", files={"file": ("a.wav", wav(1))})
        seen = []
        for line in lines:
            if line.startswith("data: ") and (event := json.loads(line[6:])).get("id") == call:
                seen.append(event["stage"])
                if event["stage"] == "ready":
                    break
        assert seen == sorted(seen, key=["created", "waiting", "working", "ready"].index), "in the order of its life"
        assert {"waiting", "working"} & set(seen)
        assert "7946" not in json.dumps(seen)
        server.process.terminate()
        assert server.process.wait(30) == 0, "a stream does not keep the server"
