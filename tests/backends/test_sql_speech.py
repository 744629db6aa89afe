"""Words in SQL databases: ways to them, their index, migrations; what is not in the contract."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.repositories.sql import SqlRepository, alternatives, migrate
from callkit.backends.repositories.sql.alternatives import Answer
from callkit.backends.repositories.sql.engine import open_database
from callkit.backends.repositories.sql.search import Search
from callkit.backends.repositories.sql.ways import POSTGRES_WAYS, SQLITE_WAYS, Limits
from callkit.core.analysis import Party, Results
from callkit.core.call import Status
from callkit.core.parsing import parse
from callkit.core.passages import hits
from callkit.core.query import Phrase, Query
from callkit.core.said import Said
from callkit.core.words import stemmer
from callkit.protocols import Repository
from callkit.testing.agreement import agree, some_call, some_results
from callkit.testing.speech import spoken
from callkit.testing.strategies import Story, stories

NAMES = count()
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
INTEGRITY = "INSERT INTO callkit_speech_fts(callkit_speech_fts, rank) VALUES ('integrity-check', 1)"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "calls.db"
    with closing(SqlRepository.open(path)) as repository:
        repository.upgrade()
    return path


@pytest.fixture
def path(empty: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty, tmp_path / "calls.db"))


@pytest.fixture
def repository(path: Path) -> Iterator[SqlRepository]:
    with closing(SqlRepository.open(path)) as repository:
        yield repository


def rows(path: Path, select: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as raw, raw:
        return raw.execute(select).fetchall()


@settings(max_examples=60, suppress_health_check=FIXTURES)
@given(story=stories())
def test_the_index_holds_what_was_said(empty: Path, tmp_path: Path, story: Story) -> None:
    path = tmp_path / f"{next(NAMES)}.db"
    with closing(SqlRepository.open(shutil.copy(empty, path))) as sql:
        agree(sql, story)
    rows(path, INTEGRITY)


# ---- ways


WORDS = ("common", "often", "some", "rare", "once")


def fill(*repositories: Repository) -> None:
    """Hundreds of calls with words, numbers and tags that follow different rhythms."""
    for place in range(400):
        said = [word for word, every in zip(WORDS, (2, 5, 17, 90, 390), strict=True) if place % every == 0]
        call = some_call(
            place // 3,
            caller=f"+79{place % 13:02}",
            receiver="often" if place % 50 == 1 else "101",
            status=Status.FAILED if place % 19 == 0 else Status.READY,
            tags=["vip"] if place % 23 == 0 else [],
            silence_share=place % 10 / 10,
        )
        for repository in repositories:
            repository.add(call)
            if place % 7:
                repository.save(evolve(call, version=1), spoken(" ".join(said), " ".join(reversed(said))))


@pytest.fixture(scope="module")
def crowd(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqlRepository, MemoryRepository]]:
    both = SqlRepository.open(shutil.copy(empty, tmp_path_factory.mktemp("crowd") / "calls.db")), MemoryRepository()
    fill(*both)
    with closing(both[0]):
        yield both


TERMS = st.sampled_from(
    [
        *WORDS,
        *(f"said:{word}" for word in WORDS),
        *("agent:some", '"often common"', 'customer:"common often some"', '"some some"', "absent", "-common", "-some"),
        *("+7903", "+79", "903", "101", "tag:vip", "status:failed", "silence>70%", "-tag:vip", "OR"),
        *("after:2026-09-14T10:01", "before:2026-09-14T10:01:30"),
    ]
)
SEARCHES = st.lists(TERMS, min_size=1, max_size=5).map(" ".join)
LIMITS = st.builds(Limits, st.integers(0, 60), st.integers(1, 20), st.integers(1, 900))


def check_agreement(sql: SqlRepository, memory: MemoryRepository, words: str, limits: Limits, limit: int) -> None:
    words = " OR ".join(filter(None, (part.strip() for part in words.split("OR")))) or "common"
    query, after = parse(words), None
    with patch.object(Search, "for_tests", limits):
        assert sql.count(query, at_most=limit) == memory.count(query, at_most=limit)
        assert sql.find(query, limit=limit, order="best") == memory.find(query, limit=limit, order="best")
        for _ in range(3):
            page = sql.find(query, limit=limit, after=after)
            assert page == memory.find(query, limit=limit, after=after)
            after = page.next
            if after is None:
                break


@settings(max_examples=300, suppress_health_check=FIXTURES)
@given(words=SEARCHES, limits=LIMITS, limit=st.integers(1, 50))
def test_every_way_agrees(
    crowd: tuple[SqlRepository, MemoryRepository], words: str, limits: Limits, limit: int
) -> None:
    check_agreement(*crowd, words, limits, limit)


@pytest.fixture(scope="module")
def postgres_crowd(postgres_url: str, postgres_template: str) -> Iterator[tuple[SqlRepository, MemoryRepository]]:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE callkit_crowd TEMPLATE {postgres_template}")
        both = SqlRepository.open(f"{postgres_url.rpartition('/')[0]}/callkit_crowd"), MemoryRepository()
        fill(*both)
        with both[0].writing() as connection:
            connection.execute(text("ANALYZE"))
        yield both
        both[0].close()
        admin.execute("DROP DATABASE callkit_crowd WITH (FORCE)")


@settings(max_examples=100, suppress_health_check=FIXTURES)
@given(words=SEARCHES, limits=LIMITS, limit=st.integers(1, 50))
def test_every_way_agrees_on_postgresql(
    postgres_crowd: tuple[SqlRepository, MemoryRepository], words: str, limits: Limits, limit: int
) -> None:
    check_agreement(*postgres_crowd, words, limits, limit)


def test_words_with_the_same_number_are_told_apart(
    postgres_crowd: tuple[SqlRepository, MemoryRepository],
) -> None:
    sql, memory = postgres_crowd
    same = POSTGRES_WAYS.phrases(parse('said:once said:"some rare"'))["words"]
    with sql.writing() as connection:
        connection.execute(text("UPDATE callkit_speech_fts SET words = words || :same"), {"same": list(same)})
        for query in (parse("said:once"), parse('"some rare"')):
            assert len(Answer(connection, POSTGRES_WAYS, query).keys(500)) == memory.count(query)
        connection.rollback()


def test_the_index_has_the_numbers_that_are_sought(database_url: str) -> None:
    """Reckoned by the server and by callkit; to be off would only show in what is not found."""
    with closing(SqlRepository.open(database_url)) as repository:
        repository.add(call := some_call())
        repository.save(evolve(call, version=1), spoken("cancel my Ёлка", "退款", "order", "cancel"))
        asked = ("cancel", "елка", "my", "order", "退款", '"cancel my елка order"')
        wanted = {number for words in asked for number in POSTGRES_WAYS.phrases(_said(words))["words"]}
        wanted |= set(POSTGRES_WAYS.phrases(_said("退"))["words"]) | set(POSTGRES_WAYS.phrases(_said("款"))["words"])
        wanted |= set(POSTGRES_WAYS.phrases(_said("款 cancel"))["words"])
        with repository.reading() as connection:
            assert set(connection.execute(text("SELECT words FROM callkit_speech_fts")).scalar_one()) == wanted


def test_what_is_erased_while_a_page_is_made_has_no_passages(database_url: str) -> None:
    """There each statement sees a moment of its own."""
    real, sql = hits, SqlRepository.open(database_url)

    def erasing(said: Said, phrases: Any) -> Any:
        with sql.writing() as connection:
            connection.execute(text("DELETE FROM callkit_segments WHERE text = 'refund'"))
        return real(said, phrases)

    with closing(sql):
        for second, lines in enumerate((["refund"], ["a refund"])):
            sql.add(call := some_call(second))
            sql.save(call := evolve(call, version=1), spoken(*lines))
        with patch("callkit.backends.repositories.sql.transcripts.hits", erasing):
            page = sql.find(parse("refund"))
        assert len(page) == 2
        assert list(page.passages) == [call.id]


def _said(words: str) -> Query:
    return Query(phrases=[Phrase.of(words.strip('"'))])


def taken(repository: SqlRepository, words: str, limits: Limits | None = None) -> list[str]:
    """Where the sort keys are read from on the ways that a search takes, one after the other."""
    found: list[str] = []
    real = Search._rows

    def noted(self: Search, way: Any, count: int, **values: Any) -> Any:
        found.append(way.keys.split()[0])
        return real(self, way, count, **values)

    with patch.object(Search, "_rows", noted), patch.object(Search, "for_tests", limits):
        repository.find(parse(words), limit=5)
    return found


FEW = Limits(numbers=2000, tiny=2, wide=40)


def test_words_lead_to_calls(crowd: tuple[SqlRepository, MemoryRepository]) -> None:
    sql, _ = crowd
    for words in ("said:common", "rare", "common rare"):
        assert taken(sql, words) == ["callkit_speech_fts"], words
    assert taken(sql, "often") == ["callkit_speech_fts", "("], "a name, too"
    assert taken(sql, "often OR rare") == ["callkit_speech_fts", "(", "callkit_speech_fts"]


def test_few_calls_on_another_way_are_looked_at(crowd: tuple[SqlRepository, MemoryRepository]) -> None:
    sql, _ = crowd
    common = Limits(numbers=2000, tiny=2, wide=1000)
    assert taken(sql, "said:common tag:vip", common) == ["callkit_call_tags"]
    assert taken(sql, "said:common status:failed", common) == ["callkit_calls"]
    assert taken(sql, "said:common +7903", Limits(2000, 2, 1400)) == ["("]
    assert taken(sql, "said:common +7903", common) == ["callkit_speech_fts"], "met soon among many"
    assert taken(sql, "said:often +7903", common) == ["callkit_speech_fts", "("], "not met soon"
    assert taken(sql, "said:common +7903", FEW) == ["callkit_speech_fts"]
    assert taken(sql, "said:common external_id:x", common) == ["callkit_calls"]


def test_common_words_are_met_among_the_newest(postgres_crowd: tuple[SqlRepository, MemoryRepository]) -> None:
    sql, _ = postgres_crowd
    assert taken(sql, "said:common", Limits(2000, 40, 4000)) == ["callkit_speech_fts"]
    assert taken(sql, "said:often", Limits(2000, 16, 4000)) == ["callkit_speech_fts"] * 2, "a little later"
    assert taken(sql, "said:once", Limits(2000, 40, 1000)) == ["callkit_speech_fts", "("], "rare"
    some = taken(sql, "said:some", Limits(2000, 4, 50))
    assert some[:4] == ["callkit_speech_fts", "(", *["callkit_speech_fts"] * 2], "the rest: by its statistics"
    assert taken(sql, "said:common tag:vip", Limits(2000, 4, 80)) == ["callkit_speech_fts", "(SELECT"], "in order"


def test_many_alternatives_are_looked_at_call_by_call(
    crowd: tuple[SqlRepository, MemoryRepository], monkeypatch: pytest.MonkeyPatch
) -> None:
    sql, memory = crowd
    monkeypatch.setattr(alternatives, "_MOST", 3)
    query = parse("common OR often some OR rare once OR common")
    assert sql.find(query) == memory.find(query)
    with sql.reading() as connection:
        assert len(Answer(connection, SQLITE_WAYS, query)._alternatives()) == 3


def test_words_that_are_in_nobodys_name_are_one_search(crowd: tuple[SqlRepository, MemoryRepository]) -> None:
    sql, _ = crowd
    with sql.reading() as connection:
        for words, searches in (("common rare once", 1), ("often", 2), ("often common", 2)):
            assert len(Answer(connection, SQLITE_WAYS, parse(words))._alternatives()) == searches


# ---- what is kept


def test_what_another_stemmer_made_is_made_anew(
    repository: SqlRepository, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [some_call(second) for second in range(3)]
    for call in calls:
        repository.add(call)
        repository.save(evolve(call, version=1), spoken("refunds", "order"))
    repository.save(evolve(calls[0], version=2), some_results())
    rows(path, "UPDATE callkit_speech SET stemmer = '0/1', customer = ' old '")
    assert not repository.find(parse("refund"))
    monkeypatch.setattr("callkit.backends.repositories.sql.repository._CHUNK", 1)
    repository.upgrade()
    assert [call.id for call in repository.find(parse("refund"))] == [calls[2].id, calls[1].id]
    assert rows(path, "SELECT DISTINCT stemmer FROM callkit_speech") == [(stemmer(),)]
    rows(path, INTEGRITY)


def measured() -> Results:
    parties = tuple(Party(channel, ((1.0, 3.0 + channel),), 2.0, -20.0, -10.0, 0.0) for channel in (0, 1))
    found = some_results()
    return evolve(found, analysis=evolve(found.analysis, duration=10.0, channels=2, parties=parties, overlap_time=2.0))


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_calls_of_before_get_their_shares(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = request.getfixturevalue("bare_database_url") if kind == "postgres" else tmp_path / "calls.db"
    with closing(SqlRepository.open(place)) as repository:
        repository.upgrade()
        added = [some_call(second) for second in range(3)]
        for call in added:
            repository.add(call)
        repository.save(evolve(added[0], version=1), measured())
        repository.save(evolve(added[1], version=1), some_results())
        repository.downgrade("0001")
        assert repository.revision() == "0001"
        repository.upgrade()
        kept = [repository.get(call.id) for call in added]
        assert [call.talk_share for call in kept] == [0.3, None, None]
        assert [call.overlap_share for call in kept] == [0.2, None, None]
        analysis = measured().analysis
        assert (analysis.talk_share, analysis.overlap_share) == (0.3, 0.2)
        assert repository.is_current()


def test_words_are_searched_in_the_rows_of_this_version() -> None:
    assert migrate.HEAD == "0002"


def test_segments_are_kept_once(repository: SqlRepository, path: Path) -> None:
    repository.add(call := some_call())
    repository.save(evolve(call, version=1), spoken("refund", "order"))
    [(document,)] = rows(path, "SELECT document FROM callkit_results")
    assert json.loads(document)["transcript"]["segments"] == []
    assert "refund" not in document
    with open_database(repository.url).looking.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM callkit_segments")).scalar() == 2
    with repository.writing() as connection:
        connection.execute(text("DELETE FROM callkit_calls"))
    assert rows(path, "SELECT count(*) FROM callkit_segments") == rows(path, "SELECT count(*) FROM callkit_speech")
    assert not repository.find(Query(phrases=[Phrase.of("refund")]))
    rows(path, INTEGRITY)
