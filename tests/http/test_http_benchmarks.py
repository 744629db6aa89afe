"""That the benchmarks over HTTP measure what they say, and see what is wrong. How long anything takes is not tested."""

import asyncio
import importlib
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callkit import CallKit

for package in ("fastapi", "uvicorn", "aiosqlite", "asyncpg"):
    pytest.importorskip(package, reason="needs the extra http and the dependency group http-bench")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time of other processes comes from /proc")

ROOT = Path(__file__).parents[2]
NAMES = ("bench", "calls", "check", "client", "kills", "reads", "services", "siege")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of these benchmarks, which are no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return SimpleNamespace(**{name: importlib.import_module(f"benchmarks.http_{name}") for name in NAMES})


# ---- reading


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_both_services_are_measured_over_the_same_calls(
    database: str, bench: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if database == "PostgreSQL":
        monkeypatch.setenv("CALLKIT_TEST_PG_URL", request.getfixturevalue("postgres_url"))
    chapter = bench.reads.chapter(database, bench.reads.Scale(calls=30, rounds=1, requests=30, connections=2))
    cases = list(dict.fromkeys(figure.case for figure in chapter.figures))
    assert [figure.who for figure in chapter.figures] == [bench.reads.REFERENCE, bench.reads.CALLKIT] * len(cases)
    assert {"one call", "one call, transcribed", "newest 20"} <= set(cases)
    assert all(figure.cpu is not None and figure.wall > 0 for figure in chapter.figures)


def test_services_that_tell_different_things_are_not_compared(bench: Any, tmp_path: Path) -> None:
    own, other = tmp_path / "own.db", f"sqlite+aiosqlite:///{tmp_path / 'other.db'}"
    bench.calls.fill(str(own), other, 4)
    with CallKit.open(tmp_path, database=str(own), runner="inline") as kit:
        kit.erase(bench.calls.id_of(3))
    with (
        bench.services.reference(tmp_path / "other", other) as first,
        bench.services.callkit(tmp_path / "own", {"CALLKIT_DATABASE": str(own)}) as second,
    ):
        place = bench.reads.Place("SQLite", None, {"reference": first, "callkit": second})
        bench.reads.agree(place, [f"/calls/{bench.calls.id_of(2)}"])
        with pytest.raises(SystemExit, match=r"GET /calls\?limit=20: .* and "):
            bench.reads.agree(place, ["/calls?limit=20"])
        with pytest.raises(SystemExit, match="404"):
            bench.reads.agree(place, ["/nothing"])


def test_what_takes_more_than_it_may_is_told(bench: Any) -> None:
    from benchmarks.measuring import Figure  # noqa: PLC0415  # no part of the package
    from benchmarks.tables import Chapter  # noqa: PLC0415  # the same

    lines = [Figure("case", bench.reads.CALLKIT, ratio=ratio) for ratio in (0.9, 1.2, 1.4)]
    chapter = Chapter("title", "text", tuple(lines))
    assert len(bench.reads.over("SQLite", chapter)) == 2
    assert len(bench.reads.over("PostgreSQL", chapter)) == 1


# ---- the siege


def test_a_small_siege(bench: Any) -> None:
    scale = bench.siege.Scale(clients=4, seconds=1.5)
    found = bench.siege.besiege(scale)
    assert not found.wrong
    assert found.tally.errors == 0
    assert found.tally.accepted
    assert set(found.tally.took) == {"create", "upload", "search", "look", "play"}
    assert min(found.cpu, found.memory) > 0
    chapter = bench.siege.chapter(scale, found)
    assert [figure.case for figure in chapter.figures][-1] == "all reads"


def test_answers_that_are_wrong_are_seen(bench: Any) -> None:
    tally, sounds = bench.siege.Tally(), bench.siege.Sounds()
    client = bench.siege.Client(Liar(bench), sounds, tally, bench.siege.random.Random(0))
    tally.accepted["one"] = 1
    asyncio.run(client.search("+441", "one"))
    asyncio.run(client.look("one"))
    asyncio.run(client.play())
    asyncio.run(client.upload("two", 2))
    assert [text.partition(" ")[0] for text in tally.wrong] == ["call", "call", "the", "upload:"]
    assert tally.errors == 1
    assert tally.accepted == {"one": 1}


class Liar:
    """A connection to a server that answers politely, and wrongly; and refuses recordings by 503."""

    def __init__(self, bench: Any) -> None:
        self.answer = bench.client.Answer

    async def ask(self, method: str, target: str, *_: Any) -> Any:
        if method == "PUT":
            return self.answer(503, {}, b"")
        if target.endswith("/audio"):
            return self.answer(206, {}, b"noise")
        return self.answer(200, {}, b'{"items": [], "status": "failed"}')


# ---- kills


def test_a_small_storm(bench: Any) -> None:
    found = bench.kills.storm(bench.kills.Scale(kills=1, clients=4), seed=3)
    assert not found.wrong
    assert found.cut
    assert all(one.done for one in found.uploads)


# ---- what is looked for afterwards


@pytest.fixture
def data(bench: Any, tmp_path: Path) -> Iterator[Any]:
    """A folder with two ready calls, and what was accepted."""
    sounds = bench.siege.Sounds((1,))
    with CallKit.open(tmp_path, runner="inline") as kit:
        calls = [kit.ingest(sounds[number], external_id=str(number)) for number in range(2)]
        accepted = {str(call.id): sounds.sha256(number) for number, call in enumerate(calls)}
        assert bench.check.violations(tmp_path, accepted, sweep=False) == []
        yield SimpleNamespace(kit=kit, folder=tmp_path, calls=calls, accepted=accepted, sounds=sounds)


def test_a_lost_call_is_seen(bench: Any, data: Any) -> None:
    data.accepted["00000000-0000-0000-0000-000000000000"] = "ab"
    assert wrong(bench, data) == ["call 00000000-0000-0000-0000-000000000000 is gone"]


def test_other_bytes_are_seen(bench: Any, data: Any) -> None:
    data.kit.storage.put(data.calls[0].recording.key, BytesIO(data.sounds[0][:-9]))
    (told,) = wrong(bench, data)
    assert told.endswith("is no recording as it was sent")


def test_a_call_that_is_not_ready_is_seen(bench: Any, data: Any) -> None:
    stuck = data.kit.create(caller="1")
    data.accepted[str(stuck.id)] = "ab"
    assert wrong(bench, data) == [f"call {stuck.id} is created after 0 attempts: None"]


def test_strays_are_seen_unless_a_sweep_removes_them(bench: Any, data: Any) -> None:
    key = data.calls[0].recording.key.rpartition("/")[0] + "/0123.wav"
    data.kit.storage.put(key, BytesIO(data.sounds[0]))
    part = data.folder / "recordings" / f"{key}.01234567.part"
    part.write_bytes(b"RIFF")
    assert wrong(bench, data) == [f"no call knows the blob {key}", f"left over: {part.name}"]
    assert bench.check.violations(data.folder, data.accepted, sweep=True) == []


def test_a_missing_waveform_is_seen(bench: Any, data: Any) -> None:
    data.kit.storage.delete(data.calls[1].recording.peaks_key)
    assert wrong(bench, data) == [f"the blob {data.calls[1].recording.peaks_key} is missing"]


def wrong(bench: Any, data: Any) -> list[str]:
    found: list[str] = bench.check.violations(data.folder, data.accepted, sweep=False)
    return found


# ---- the client, the other service


def test_the_reference_service_does_what_the_specification_names(bench: Any, tmp_path: Path) -> None:
    with bench.services.reference(tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'calls.db'}") as service:
        asyncio.run(specification(bench, service.port))


async def specification(bench: Any, port: int) -> None:
    sound = bench.siege.Sounds((3,))[0]
    async with bench.client.Connection(port) as connection:
        facts = b'{"caller": "+4420", "receiver": "101", "started_at": "2026-01-31T08:30:00Z"}'
        json = {"content-type": "application/json"}
        created = await connection.ask("POST", "/calls", facts, json)
        assert (created.status, created.json["status"]) == (201, "created")
        target = f"/calls/{created.json['id']}"
        statuses = [(await connection.ask("POST", f"{target}/recording", *bench.client.form("a.txt", sound))).status]
        for _ in range(2):
            answer = await connection.ask("POST", f"{target}/recording", *bench.client.form("a.wav", sound))
            statuses.append(answer.status)
        assert statuses == [422, 200, 409]
        while (call := (await connection.ask("GET", target)).json)["status"] == "processing":
            await asyncio.sleep(0.05)
        assert (call["status"], call["recording"]["filename"], call["recording"]["duration_sec"]) == (
            "ready",
            "a.wav",
            3,
        )
        assert [one["id"] for one in (await connection.ask("GET", "/calls?query=442")).json] == [call["id"]]
        assert (await connection.ask("GET", "/calls?query=%25")).json == []
        assert (await connection.ask("GET", f"{target}/download")).status == 501


def test_a_connection_that_breaks_raises_and_the_next_one_is_new(bench: Any) -> None:
    asyncio.run(broken(bench))


async def broken(bench: Any) -> None:
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 204 No Content\r\n\r\n"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers.pop(0))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = bench.client.Connection(server.sockets[0].getsockname()[1])
        with pytest.raises(EOFError):
            await connection.ask("GET", "/")
        assert (await connection.ask("GET", "/")).status == 204
        connection.drop()
