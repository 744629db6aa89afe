"""What a repository does faster than by its own methods is what these give."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from callkit import AsyncCallKit, CallKit
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.repositories.sql import SqlRepository
from callkit.backends.runners.pools import InlineRunner
from callkit.backends.storages.memory import MemoryStorage
from callkit.core.parsing import parse
from callkit.core.transcript import Segment, Transcript, Word
from callkit.protocols import Repository
from callkit.shortcuts import FindsAtOffset, SkipsWords, find_at, results_without_words
from callkit.testing.clock import Clock


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    if request.param == "memory":
        made: Any = MemoryRepository()
    elif request.param == "sqlite":
        made = SqlRepository.open(tmp_path / "calls.db")
    else:
        made = SqlRepository.open(request.getfixturevalue("database_url"))
    assert isinstance(made, FindsAtOffset) == isinstance(made, SkipsWords) == (request.param != "memory")
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


def test_results_without_the_words(repository: Repository, wav: Any) -> None:
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
    whole, light = kit.results(call.id), kit.results(call.id, words=False)
    assert whole is not None
    assert light is not None
    assert whole.transcript == transcript
    assert light == evolve(whole, transcript=evolve(transcript, segments=(evolve(said, words=()),) * 2))
    both = results_without_words(repository, [call.id, bare.id])
    assert both[bare.id] == kit.results(bare.id)
    assert kit.results(bare.id, words=False) == both[bare.id]


@pytest.mark.anyio
async def test_awaited_they_are_the_same(kit: CallKit) -> None:
    calls = [kit.create(caller=str(number)) for number in range(3)]
    skin = AsyncCallKit(kit)
    page = await skin.find_at("", 1)
    assert {call.id for call in page} < {call.id for call in calls}
    assert await skin.results(calls[0].id, words=False) is None


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
