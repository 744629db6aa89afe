"""The ways of a search: whichever is taken, the answer is that of the specification."""

import shutil
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
from sqlalchemy import event

from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.repositories.sql import SqlRepository
from callkit.backends.repositories.sql.engine import open_database
from callkit.backends.repositories.sql.search import Search
from callkit.backends.repositories.sql.ways import Limits, Way
from callkit.core.call import Call, Direction, Status
from callkit.core.page import Page
from callkit.core.parsing import parse
from callkit.core.query import Comparison, Query
from callkit.errors import InvalidQueryError
from callkit.testing.agreement import agree, some_call
from callkit.testing.strategies import Story, stories

PIECES = st.text("+179\"'%*ab", min_size=1, max_size=5)
TINY = st.builds(Limits, numbers=st.integers(0, 5), tiny=st.integers(1, 3), wide=st.integers(1, 60))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "calls.db"
    with closing(SqlRepository.open(path)) as repository:
        repository.upgrade()
    return path


@pytest.fixture
def repository(empty: Path, tmp_path: Path) -> Iterator[SqlRepository]:
    with closing(SqlRepository.open(shutil.copy(empty, tmp_path / "calls.db"))) as repository:
        yield repository


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories(), limits=TINY)
def test_every_way_agrees_with_the_specification(empty: Path, tmp_path: Path, story: Story, limits: Limits) -> None:
    place = tmp_path / f"{next(NAMES)}.db"
    with (
        closing(SqlRepository.open(shutil.copy(empty, place))) as repository,
        patch.object(Search, "for_tests", limits),
    ):
        agree(repository, story)


NAMES = count()


@pytest.fixture(scope="module")
def crowd(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqlRepository, MemoryRepository]]:
    """Some hundreds of calls in both, whose numbers are made of few characters."""
    both = SqlRepository.open(shutil.copy(empty, tmp_path_factory.mktemp("crowd") / "calls.db")), MemoryRepository()
    for place in range(400):
        call = some_call(
            place // 3,
            caller=f"+79{place * 7 % 97:02}{place % 5}",
            receiver=("101", f"{place * 13 % 1009}", f"+79{place % 97:02}1", f"+79{place * 7 % 97:02}{place % 5}")[
                place % 4
            ],
            status=Status.FAILED if place % 17 == 0 else Status.READY,
            tags=["vip"] if place % 11 == 0 else [],
            duration=float(place % 7),
        )
        for repository in both:
            repository.add(call)
    with closing(both[0]):
        yield both


FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "statuses": st.sampled_from([{Status.FAILED}, {Status.FAILED, Status.CREATED}, {Status.READY}]),
    "tags": st.just({"vip"}),
    "comparisons": st.sampled_from([(Comparison("duration", ">", 5),), (Comparison("duration", ">", 9),)]),
    "since": st.sampled_from([some_call(20).started_at]),
    "until": st.sampled_from([some_call(90).started_at]),
    "caller": st.sampled_from(["+7", "+791", "79", "911", "0"]),
    "receiver": st.sampled_from(["101", "1", "+7", "99"]),
}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(st.text("+179", min_size=1, max_size=4) | st.sampled_from(["101", "+7911", "911"]), max_size=2),
    names=st.lists(st.sampled_from(list(FILTERS)), max_size=2, unique=True),
    data=st.data(),
    limits=st.builds(Limits, st.integers(0, 60), st.integers(1, 20), st.integers(1, 900)),
    limit=st.integers(1, 50),
)
def test_every_way_agrees_in_a_crowd(
    crowd: tuple[SqlRepository, MemoryRepository],
    numbers: list[str],
    names: list[str],
    data: st.DataObject,
    limits: Limits,
    limit: int,
) -> None:
    filters: dict[str, Any] = {name: data.draw(FILTERS[name]) for name in names}
    query = Query(numbers=numbers, **filters)
    sql, memory = crowd
    with patch.object(Search, "for_tests", limits):
        assert sql.count(query, at_most=limit) == memory.count(query, at_most=limit)
        after = None
        for _ in range(3):
            page = sql.find(query, limit=limit, after=after)
            assert page == memory.find(query, limit=limit, after=after)
            after = page.next
            if after is None:
                break


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=PIECES, needle=PIECES)
def test_no_character_of_a_needle_is_an_operator(repository: SqlRepository, number: str, needle: str) -> None:
    repository.add(call := some_call(caller=number))
    for query in (Query(numbers=[needle]), Query(caller=needle, external_id=call.external_id)):
        with patch.object(Search, "for_tests", Limits(numbers=2000, tiny=1, wide=1)):
            found = {one.id for one in repository.find(query, limit=10_000)}
        assert (call.id in found) == (call in _memory(call).find(query).items)


def _memory(call: Call) -> MemoryRepository:
    memory = MemoryRepository()
    memory.add(call)
    return memory


def test_needles_of_any_length_are_found(repository: SqlRepository) -> None:
    repository.add(call := some_call(caller="+" + "".join(f"{place:03}" for place in range(330))))
    repository.add(some_call(caller="+" + "".join(f"{place:03}" for place in range(329, -1, -1))))
    for needle in (call.caller, call.caller[1:], call.caller[400:]):
        assert repository.find(Query(numbers=[needle])).items == (call,)


@pytest.mark.parametrize("name", ["source", "external_id", "tags"])
def test_text_that_no_encoding_has_is_nowhere(repository: SqlRepository, name: str) -> None:
    repository.add(some_call(source="?", external_id="?", tags=["?"]))
    word = "\udc80"
    assert repository.find(Query(**{name: {word} if name == "tags" else word})) == Page(())  # type: ignore[arg-type]


@pytest.mark.parametrize("comparison", [Comparison("attempts", ">", 1), Comparison("duration", "OR 1 >", 1)])
def test_only_measured_figures_can_be_compared(repository: SqlRepository, comparison: Comparison) -> None:
    with pytest.raises(InvalidQueryError, match="only duration, silence_share, talk_share"):
        repository.find(Query(comparisons=(comparison,)))


SAFE = Limits(numbers=2000, tiny=2, wide=3)
ONE, OTHER = "+790001", "+790002"


@pytest.mark.parametrize("query", [Query(numbers=["+7900"]), parse("+7900 direction:inbound"), parse("7900")])
def test_a_call_between_two_numbers_that_match_is_found_once(repository: SqlRepository, query: Query) -> None:
    for second, (caller, receiver) in enumerate([(ONE, OTHER), (ONE, ONE), (OTHER, ONE), (OTHER, OTHER)]):
        repository.add(some_call(second, caller=caller, receiver=receiver, direction=Direction.INBOUND))
    with patch.object(Search, "for_tests", SAFE):
        assert [call.started_at.second for call in repository.find(query, limit=5)] == [3, 2, 1, 0]
        assert repository.count(query) == 4


@pytest.mark.parametrize("limit", range(1, 9))
def test_one_number_may_have_all_calls_of_a_page(repository: SqlRepository, limit: int) -> None:
    for second in range(16):
        repository.add(some_call(second, caller=ONE if second % 2 else OTHER, receiver=f"10{second}"))
    with patch.object(Search, "for_tests", SAFE):
        page = repository.find(Query(numbers=["90001"]), limit=limit)
        assert [call.started_at.second for call in page] == [15, 13, 11, 9, 7, 5, 3, 1][:limit]
        assert (page.next is None) == (limit == 8)


def test_newer_calls_at_the_other_end_hide_nothing(repository: SqlRepository) -> None:
    for second in range(8):
        repository.add(some_call(second, **{"receiver" if second else "caller": ONE}))
    with patch.object(Search, "for_tests", SAFE):
        assert [call.started_at.second for call in repository.find(Query(caller=ONE), limit=2)] == [0]


WAYS = {
    "everything": (Query(), ["c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    "two digits": (Query(numbers=["99"]), ["c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    "days": (Query(since=some_call().started_at), ["c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    "tag": (
        parse("tag:vip"),
        ["g USING PRIMARY KEY (tag=? AND pk>? AND pk<?)", "c USING INTEGER PRIMARY KEY (rowid=?)"],
    ),
    "unready": (
        parse("status:failed"),
        ["c USING INDEX ix_callkit_calls_unready (status=? AND pk>? AND pk<?)"],
    ),
    "waiting": (
        Query(unclaimed_at=some_call().started_at),
        ["c USING INDEX ix_callkit_calls_unready (status=? AND pk>? AND pk<?)"],
    ),
    "external id": (
        Query(source="a", external_id="b"),
        ["c USING INDEX uq_callkit_calls_external_id (external_id=? AND source=? AND rowid>? AND rowid<?)"],
    ),
    "bytes": (
        Query(sha256="a"),
        ["c USING INDEX ix_callkit_calls_sha256 (recording_sha256=? AND rowid>? AND rowid<?)"],
    ),
    "full number": (
        Query(numbers=["+791112222333"]),
        ["callkit_numbers USING COVERING INDEX sqlite_autoindex_callkit_numbers_1 (num>? AND num<?)"],
    ),
    "part of a number": (
        Query(numbers=["999"]),
        ["f VIRTUAL TABLE INDEX 0:M1", "n USING INTEGER PRIMARY KEY (rowid=?)"],
    ),
    "number and more": (
        Query(numbers=["+799"], comparisons=(Comparison("duration", ">", 5),)),
        ["x USING PRIMARY KEY (nid=? AND pk>? AND pk<?)", "c USING INTEGER PRIMARY KEY (rowid=?)"],
    ),
    "number only": (
        Query(numbers=["+79"]),
        ["x USING PRIMARY KEY (nid=? AND pk>? AND pk<?)", "y USING PRIMARY KEY (nid=? AND pk<?)"],
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_every_way_has_its_index(crowd: tuple[SqlRepository, MemoryRepository], name: str) -> None:
    query, expected = WAYS[name]
    plan = plans(crowd[0], query)
    for step in expected:
        assert any(line.endswith(step) for line in plan), plan
    harmless = ("SCAN j", "SCAN f", "SCAN g", "SCAN (subquery")
    assert not [line for line in plan if line.startswith("SCAN") and not line.startswith(harmless)]


def plans(repository: SqlRepository, query: Query) -> list[str]:
    """How SQLite would go about each statement of a search."""
    asked: list[tuple[str, Any]] = []
    database = open_database(repository.url)
    repository.find(query)

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with patch.object(Search, "for_tests", SAFE):
        repository.find(query)
    event.remove(database.engine, "before_cursor_execute", note)
    with database.looking.begin() as connection:
        selects = [(statement, values) for statement, values in asked if "SELECT" in statement]
        return [
            line.detail
            for statement, values in selects
            for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def test_other_ways_are_tried_only_if_they_are_needed(crowd: tuple[SqlRepository, MemoryRepository]) -> None:
    repository, _ = crowd
    common, exact, absent = Query(numbers=["+79"]), Query(numbers=["+791112222"]), Query(numbers=["+7111"])
    some, more = Query(numbers=["+7911"]), Query(numbers=["+7911"], direction=Direction.INBOUND)
    assert ways(repository, common) == ["c.pk"]
    assert ways(repository, exact) == []
    with patch.object(Search, "for_tests", SAFE):
        assert ways(repository, absent) == ["c.pk"]
        assert ways(repository, some) == ["c.pk", "g.pk"]
        assert ways(repository, more) == ["c.pk", "c.pk", "g.pk"]
        assert ways(repository, parse("+7911 direction:inbound tag:vip")) == ["g.pk", "g.pk", "g.pk"]
    with patch.object(Search, "for_tests", evolve(SAFE, numbers=0)):
        assert ways(repository, some) == ["c.pk", "c.pk"]
    with patch.object(Search, "for_tests", Limits(numbers=0, tiny=2, wide=400)):
        assert ways(repository, some) == ["c.pk", "c.pk", "c.pk"]


def ways(repository: SqlRepository, query: Query) -> list[str]:
    """The sort keys of the ways that a search takes, one after the other."""
    taken: list[str] = []
    rows = Search._rows

    def noted(self: Search, way: Way, count: int, **values: int) -> Any:
        taken.append(way.key)
        return rows(self, way, count, **values)

    with patch.object(Search, "_rows", noted):
        repository.find(query, limit=5)
    return taken
