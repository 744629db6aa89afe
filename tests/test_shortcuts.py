"""What a repository does faster than by its own methods is what these give."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings

from callkit import AsyncCallKit, CallKit
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.repositories.sql import SqlRepository
from callkit.backends.runners.pools import InlineRunner
from callkit.backends.storages.memory import MemoryStorage
from callkit.core.analysis import Results
from callkit.core.parsing import parse
from callkit.core.transcript import Segment, Transcript, Word
from callkit.errors import CallNotFoundError
from callkit.protocols import Repository
from callkit.shortcuts import FindsAtOffset, LooksAtOne, find_at, look
from callkit.testing.agreement import some_call, some_results
from callkit.testing.clock import Clock
from callkit.testing.strategies import results


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    if request.param == "memory":
        made: Any = MemoryRepository()
    elif request.param == "sqlite":
        made = SqlRepository.open(tmp_path / "calls.db")
    else:
        made = SqlRepository.open(request.getfixturevalue("database_url"))
    assert isinstance(made, FindsAtOffset) == isinstance(made, LooksAtOne) == (request.param != "memory")
    yield made
    made.close()


@pytest.mark.parametrize("text", ["", "7946", "tag:vip", "7946 tag:vip", "status:created,ready", "nobody-at-all"])
def test_a_page_at_an_offset(repository: Repository, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.shortcuts._STEP", 3)  # several steps where it is done page by page
    clock = Clock()
    kit = CallKit(repository, MemoryStorage(), object(), now=clock)  # type: ignore[arg-type]  # nothing is run
    for number in range(14):
        tags = ["vip"] if number % 3 else []
        kit.create(caller=f"+44 20 {7946 if number % 2 else 8000} {number:04}", tags=tags, started_at=clock())
        clock.forward(minutes=1)
    everything = list(kit.calls(text))
    for offset in range(len(everything) + 2):
        page = find_at(repository, parse(text), offset, 4)
        assert list(page) == everything[offset : offset + 4]
        if page.next is not None:
            assert next(iter(repository.find(parse(text), limit=1, after=page.next))) == everything[offset + 4]
        else:
            assert offset + 4 >= len(everything)


def test_a_call_and_its_results_at_once(repository: Repository, wav: Any) -> None:
    kit = CallKit(repository, MemoryStorage(), InlineRunner())
    call, bare = kit.ingest(wav(1)), kit.ingest(wav(1, seed=1))
    found = kit.results(call.id)
    assert found is not None
    said = Segment(0.0, 1.0, "I want a refund", 0, None, "en", 0.9, (Word(0.0, 0.2, "I", 0.9), Word(0.3, 1.0, "want")))
    transcript = Transcript((said, evolve(said, words=())), "en", 1.0, "scribe")
    now = kit.now()
    claimed = kit.get(call.id).retry(now).claim("me", now, timedelta(seconds=9))
    repository.save(kit.get(call.id).retry(now))
    repository.save(claimed)
    repository.save(claimed.finish(found.analysis, now), evolve(found, transcript=transcript))
    whole = evolve(found, transcript=transcript)
    light = evolve(whole, transcript=evolve(transcript, segments=(evolve(said, words=()),) * 2))
    assert kit.look(call.id) == (kit.get(call.id), whole)
    assert look(repository, call.id, words=False) == (kit.get(call.id), light)
    assert kit.look(bare.id, words=False) == (kit.get(bare.id), kit.results(bare.id))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(measured=results())
def test_a_look_sees_whatever_was_saved(repository: Repository, measured: Results) -> None:
    repository.add(call := some_call(id=uuid4(), external_id=str(uuid4())))
    repository.save(saved := evolve(call, version=1), measured)
    assert look(repository, call.id, words=True) == (saved, measured)
    if (transcript := measured.transcript) is not None:
        bare = tuple(evolve(segment, words=()) for segment in transcript.segments)
        measured = evolve(measured, transcript=evolve(transcript, segments=bare))
    assert look(repository, call.id, words=False) == (saved, measured)


@pytest.mark.parametrize("number", [0.1 + 0.2, 1 / 3, 1e-320, 5e22, 1.7976931348623157e308, 1234567.8901234567, 3.0])
def test_a_look_takes_nothing_off_a_number(repository: Repository, number: float) -> None:
    segment = Segment(number, number, '"Да"\n', 1, None, None, number, (Word(number, number, "Да", number),))
    others = (evolve(segment, confidence=None), Segment(1.0, 2.0, "", None))
    saved = evolve(some_results(), transcript=Transcript((segment, *others), None, number, "scribe"))
    repository.add(call := some_call())
    repository.save(evolve(call, version=1), saved)
    assert look(repository, call.id, words=True)[1] == saved


def test_a_look_at_what_is_not_measured_or_not_there(repository: Repository) -> None:
    kit = CallKit(repository, MemoryStorage(), InlineRunner())
    announced = kit.create(caller="101")
    assert kit.look(announced.id) == (announced, None)
    with pytest.raises(CallNotFoundError):
        kit.look(uuid4())


@pytest.mark.anyio
async def test_awaited_they_are_the_same(kit: CallKit) -> None:
    calls = [kit.create(caller=str(number)) for number in range(3)]
    skin = AsyncCallKit(kit)
    page = await skin.find_at("", 1)
    assert {call.id for call in page} < {call.id for call in calls}
    assert await skin.look(calls[0].id, words=False) == (calls[0], None)
    assert await skin.results(calls[0].id) is None


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
