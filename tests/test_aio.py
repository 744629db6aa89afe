"""The async kit: the same methods, awaited, on asyncio and trio; the event loop never waits."""

import inspect
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import anyio
import pytest

from callkit import AsyncCallKit, Call, CallKit, Status
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.runners.pools import ThreadRunner
from callkit.backends.storages.memory import MemoryStorage
from callkit.errors import WaitTimeoutError

WavMaker = Callable[..., bytes]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def methods(kind: type) -> dict[str, inspect.Signature]:
    members = inspect.getmembers(kind, inspect.isroutine)
    return {name: inspect.signature(member) for name, member in members if not name.startswith("_")}


FOR_WORKERS = {"task"}
"""Workers are synchronous by nature."""


def test_both_kits_have_the_same_methods() -> None:
    assert methods(CallKit).keys() - FOR_WORKERS == methods(AsyncCallKit).keys()


@pytest.mark.parametrize("name", sorted(methods(AsyncCallKit)))
def test_each_takes_the_same_arguments_and_gives_the_same(name: str) -> None:
    sync, skin = methods(CallKit)[name], methods(AsyncCallKit)[name]
    assert list(sync.parameters.values()) == list(skin.parameters.values())
    if name not in {"calls", "outdated"}:  # an iterator there, an async iterator here
        assert sync.return_annotation == skin.return_annotation


def test_all_but_open_are_awaited() -> None:
    for name, method in inspect.getmembers(AsyncCallKit, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method), name


@pytest.mark.anyio
async def test_the_whole_way(tmp_path: Path, wav: WavMaker) -> None:
    async with AsyncCallKit.open(tmp_path) as kit:
        waiting = await kit.create(caller="101")
        call = await kit.ingest(wav(), caller="102")
        ready = await kit.wait(call.id, timeout=30)
        assert ready.status is Status.READY
        assert [found.id async for found in kit.calls()] == [call.id, waiting.id]
        assert [found.id for found in await kit.find("102")] == [call.id]
        assert await kit.count() == 2
        assert (await kit.results(call.id)) == (await kit.results_of([ready]))[call.id]
        assert len(await kit.clip(call.id, 0, 1)) == 1000
        assert (await kit.peaks(call.id)).to_dat()
        with await kit.open_recording(call.id) as file:
            assert file.read(4) == b"RIFF"
        assert (await kit.annotate(call.id, tags=["vip"])).tags == ("vip",)
        assert (await kit.retry(call.id)).status is Status.READY
        assert (await kit.attach(waiting.id, wav(seed=1))).status is Status.PROCESSING
        assert (await kit.erase(call.id)).status is Status.ERASED
        assert (await kit.sweep()).orphans == 0


@pytest.mark.anyio
async def test_all_pages_are_turned() -> None:
    kit = AsyncCallKit(CallKit(MemoryRepository(), MemoryStorage(), ThreadRunner(1)))
    made = [(await kit.create()).id for _ in range(450)]
    assert [call.id async for call in kit.calls()] == made[::-1]
    await kit.close()


@pytest.mark.anyio
async def test_waiting_has_an_end_and_takes_no_threads(wav: WavMaker) -> None:
    class Never:
        def submit(self, task: object) -> None: ...

        def close(self) -> None: ...

    kit = AsyncCallKit(CallKit(MemoryRepository(), MemoryStorage(), Never()))
    call = await kit.ingest(wav())
    timed_out = []

    async def wait() -> None:
        try:
            await kit.wait(call.id, timeout=0.2)
        except WaitTimeoutError:
            timed_out.append(1)

    async with anyio.create_task_group() as group:
        for _ in range(100):  # more than there are threads
            group.start_soon(wait)
    assert len(timed_out) == 100


@pytest.mark.anyio
async def test_the_event_loop_goes_on_while_a_backend_is_slow() -> None:
    class Slow(MemoryRepository):
        def get(self, call_id: Any) -> Call:
            sleep(0.5)
            return super().get(call_id)

    kit = AsyncCallKit(CallKit(Slow(), MemoryStorage(), ThreadRunner(1)))
    call = await kit.create()
    ticks = 0
    async with anyio.create_task_group() as group:
        group.start_soon(kit.get, call.id)
        with anyio.move_on_after(0.3):
            while True:
                await anyio.sleep(0.01)
                ticks += 1
    assert ticks >= 3
    await kit.close()
