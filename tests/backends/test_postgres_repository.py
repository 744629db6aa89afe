"""PostgreSQL: the same promises, and what is its own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callkit.backends.repositories import open_repository
from callkit.backends.repositories.sql import SqlRepository, migrate, postgres
from callkit.backends.repositories.sql.engine import open_database
from callkit.backends.repositories.sql.search import Search
from callkit.backends.repositories.sql.ways import Limits
from callkit.core.call import Call, Recording
from callkit.core.number import normalise
from callkit.core.query import Query
from callkit.errors import (
    MigrationNeededError,
    MissingExtraError,
    NewerDataError,
    RepositoryError,
    SettingsError,
    StaleCallError,
)
from callkit.testing.agreement import NewRepository, agree, some_call
from callkit.testing.repository import RepositoryContract
from callkit.testing.strategies import Story, stories
from tests.backends.claiming import check_no_double_claim

psycopg = pytest.importorskip("psycopg")

TINY = st.builds(Limits, numbers=st.integers(0, 5), tiny=st.integers(1, 3), wide=st.integers(1, 60))
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
Run = Callable[..., list[Any]]


@pytest.fixture
def repository(database_url: str) -> Iterator[SqlRepository]:
    with closing(SqlRepository.open(database_url)) as repository:
        yield repository


@pytest.fixture
def run(database_url: str) -> Iterator[Run]:
    """Runs statements as another program does."""
    with psycopg.connect(libpq(database_url), autocommit=True) as connection:
        yield lambda sql, *values: _rows(connection.execute(sql, values or None))


def _rows(cursor: Any) -> list[Any]:
    return cursor.fetchall() if cursor.description else []


def libpq(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


def emptied(url: str) -> Callable[[], SqlRepository]:
    """Gives the one repository at the URL, each time without calls."""

    def new() -> SqlRepository:
        with psycopg.connect(libpq(url), autocommit=True) as connection:
            for table in ("calls CASCADE", "numbers", "call_numbers", "call_tags"):
                connection.execute(f"TRUNCATE callkit_{table}")
        return SqlRepository.open(url)

    return new


class TestPostgresRepository(RepositoryContract):
    @pytest.fixture
    def new_repository(self, database_url: str) -> NewRepository:
        return emptied(database_url)


# ---- searches


@settings(max_examples=100, suppress_health_check=FIXTURES)
@given(story=stories(), limits=TINY)
def test_every_way_agrees_with_the_specification(database_url: str, story: Story, limits: Limits) -> None:
    with closing(emptied(database_url)()) as repository, patch.object(Search, "for_tests", limits):
        agree(repository, story)


@settings(max_examples=50, suppress_health_check=FIXTURES)
@given(story=stories())
def test_the_dictionary_holds_what_the_calls_do(database_url: str, run: Run, story: Story) -> None:
    with closing(emptied(database_url)()) as sql:
        agree(sql, story)
        kept = list(sql.find(Query(), limit=100))
    ends = {(normalise(end), call.id) for call in kept for end in (call.caller, call.receiver)}
    numbers = "callkit_numbers n LEFT JOIN callkit_call_numbers USING (nid) LEFT JOIN callkit_calls c USING (pk)"
    assert sorted(run(f"SELECT n.num, c.id FROM {numbers}")) == sorted(ends)
    tags = "SELECT t.tag, c.id FROM callkit_call_tags t LEFT JOIN callkit_calls c USING (pk)"
    assert sorted(run(tags)) == sorted((tag, call.id) for call in kept for tag in call.tags)


def test_what_people_report_on_has_real_types(repository: SqlRepository, run: Run) -> None:
    repository.add(call := some_call(tags=["vip"], metadata={"queue": "sales", "wait": 1e23}))
    found = "SELECT id, started_at, tags ? 'vip', metadata ->> 'queue', metadata -> 'wait' FROM callkit_calls"
    assert run(found) == [(call.id, call.started_at, True, "sales", 1e23)]


# ---- many at once


def test_no_call_is_claimed_twice(repository: SqlRepository) -> None:
    check_no_double_claim(repository)


def test_threads_add_calls_of_one_millisecond(repository: SqlRepository, run: Run) -> None:
    """No writer waits for another: several reckon with the same key."""
    groups = [
        [some_call(caller=f"+4420{number % 7}", receiver=f"10{place}") for place in range(25)] for number in range(8)
    ]

    def add(group: list[Call]) -> None:
        for call in group:
            repository.add(call)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, groups))
    keys = [key for (key,) in run("SELECT pk FROM callkit_calls ORDER BY pk")]
    assert keys == list(range(keys[0], keys[0] + 200))
    assert run("SELECT count(*) FROM callkit_call_numbers") == [(400,)]


def test_a_number_that_is_left_and_taken_at_once_is_found(repository: SqlRepository) -> None:
    """Erasing removes numbers without calls; a call that comes in meanwhile must not lose its own."""
    old = [some_call(second, caller="+4420", receiver="") for second in range(60)]
    new = [some_call(second, caller="+4420", receiver="") for second in range(60)]
    for call in old[:30]:
        repository.add(call)

    def erase() -> None:
        for call in old[:30]:
            repository.save(call.erase(call.started_at))

    def add() -> None:
        for call in new:
            repository.add(call)
            repository.save(call.erase(call.started_at))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(erase), pool.submit(add)]:
            future.result(120)
    repository.add(last := some_call(caller="+4420"))
    assert [call.id for call in repository.find(Query(numbers=("+4420",)))] == [last.id]


def test_a_call_that_is_being_claimed_does_not_wait(repository: SqlRepository, database_url: str) -> None:
    now = some_call().started_at
    recording = Recording("k", "n", 1, "0" * 64, "wav", now)
    waiting = [some_call(second).attach(recording, now) for second in range(2)]
    for call in waiting:
        repository.add(call)
    wanted = Query(unclaimed_at=now)
    with psycopg.connect(libpq(database_url)) as other:
        other.execute("UPDATE callkit_calls SET attempts = 1 WHERE id = %s", [waiting[0].id])
        assert [call.id for call in repository.find(wanted)] == [waiting[1].id]
        other.rollback()
    assert len(repository.find(wanted)) == 2


def test_connections_go_back_to_the_pool(repository: SqlRepository) -> None:
    repository.add(call := some_call())
    with pytest.raises(StaleCallError):
        repository.save(call)
    repository.find(Query(numbers=("101",)))
    repository.count(Query())
    assert open_database(repository.url).engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_broken_connections_are_replaced(repository: SqlRepository, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_TRUSTED", 0.0)
    with ThreadPoolExecutor(3) as pool:
        calls = [some_call(second) for second in range(9)]
        list(pool.map(repository.add, calls))
    call = calls[0]
    run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    assert repository.get(call.id) == call


def test_a_forked_child_opens_its_own_connections(repository: SqlRepository) -> None:
    code = f"""
import os
from callkit.backends.repositories.sql import SqlRepository
from callkit.testing.agreement import some_call
sql = SqlRepository({repository.url!r})
sql.add(call := some_call())
if (child := os.fork()) == 0:
    sql.get(call.id)
    sql.add(some_call())
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
sql.add(some_call())
sql.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert repository.count(Query()) == 3


def test_a_purge_can_be_asked_for(repository: SqlRepository) -> None:
    repository.add(call := some_call(caller="101"))
    repository.save(call.erase(call.started_at))
    repository.purge()
    assert not repository.find(Query(numbers=("101",)))


# ---- migrations


def tables(url: str) -> set[str]:
    with psycopg.connect(libpq(url)) as connection:
        found = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        return {name for (name,) in found}


def upgrade(url: str) -> str | None:
    sql = SqlRepository.open(url)
    sql.upgrade()
    revision = sql.revision()
    sql.close()
    return revision


def test_a_database_without_tables_says_what_to_do(bare_database_url: str) -> None:
    with closing(SqlRepository.open(bare_database_url)) as sql:
        assert sql.revision() is None
        with pytest.raises(MigrationNeededError, match=r"no tables yet.*`callkit db upgrade`"):
            sql.find(Query())
        assert tables(bare_database_url) == set()
        sql.upgrade()
        sql.upgrade()
        assert not sql.find(Query())


def test_five_upgrade_at_once(bare_database_url: str) -> None:
    with ProcessPoolExecutor(5, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(upgrade, [bare_database_url] * 5)) == [migrate.HEAD] * 5


def test_a_downgrade_leaves_nothing(bare_database_url: str) -> None:
    upgrade(bare_database_url)
    with closing(SqlRepository.open(bare_database_url)) as sql:
        migrate.downgrade(open_database(sql.url), "base")
        assert tables(bare_database_url) == {migrate.VERSION_TABLE}
        sql.upgrade()
        assert sql.is_current()


def test_a_newer_database_is_refused(bare_database_url: str) -> None:
    upgrade(bare_database_url)
    with psycopg.connect(libpq(bare_database_url), autocommit=True) as connection:
        connection.execute(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'")
    with closing(SqlRepository.open(bare_database_url)) as sql:
        for use in (sql.upgrade, lambda: sql.count(Query())):
            with pytest.raises(NewerDataError, match="9999"):
                use()


def test_the_migrations_lead_to_the_tables(repository: SqlRepository) -> None:
    with open_database(repository.url).looking.connect() as connection:
        command.check(migrate.configuration(connection))


# ---- what goes wrong


def test_other_ways_to_write_the_url_are_the_same() -> None:
    urls = [f"{scheme}://u:p@h:1/d" for scheme in ("postgresql", "postgres", "postgresql+psycopg")]
    assert len({open_repository(url) for url in urls}) == 1
    assert "p@" not in repr(open_repository(urls[0]))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+asyncpg://h/d", r"write postgresql\+psycopg://"),
        ("postgresql://h", "names no database"),
        ("mysql://h/d", "No repository is known"),
    ],
)
def test_a_url_that_can_not_be_used_says_why(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        open_repository(url)


def said(url: str) -> str:
    with pytest.raises(RepositoryError) as caught, closing(SqlRepository.open(url)) as sql:
        sql.count(Query())
    return str(caught.value)


def test_a_wrong_password_is_said_without_it(postgres_url: str, bare_database_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        role = f"callkit_{uuid4().hex[:8]}"
        admin.execute(f"CREATE ROLE {role}")  # may not log in: refused as a wrong password is
        why = said(bare_database_url.replace("postgres@", f"{role}:s3cr3t@"))
        admin.execute(f"DROP ROLE {role}")
    assert "refused the user or the password" in why
    assert "s3cr3t" not in why


def test_what_can_be_wrong_with_the_url_is_said(postgres_url: str) -> None:
    url = postgres_url.replace("postgresql:", "postgresql+psycopg:")
    assert "no such database" in said(f"{url}_missing")
    assert "nobody answers" in said("postgresql://postgres@127.0.0.1:1/x")
    assert "the host's name is unknown" in said("postgresql://postgres@nowhere.invalid/x")


def test_a_user_without_rights_is_told(repository: SqlRepository, run: Run, database_url: str) -> None:
    role = f"callkit_{uuid4().hex[:8]}"
    run(f"CREATE ROLE {role} LOGIN")
    try:
        assert "grant it the rights" in said(database_url.replace("postgres@", f"{role}@"))
    finally:
        run(f"DROP ROLE {role}")


def test_values_are_not_repeated(repository: SqlRepository, run: Run) -> None:
    run("ALTER TABLE callkit_calls ADD CHECK (caller <> '+442079460018')")
    with pytest.raises(RepositoryError, match="CheckViolation") as caught:
        repository.add(some_call(caller="+442079460018"))
    assert "+44" not in str(caught.value)


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'callkit\[postgres\]'"):
        SqlRepository.open("postgresql://h/without_psycopg").count(Query())


@pytest.mark.parametrize(
    "url",
    ["postgresql://127.0.0.1:1/x?user=me&password=s3cr3t", "postgresql://me:s3cr3t@127.0.0.1:1/x?sslmode=prefer"],
)
def test_a_password_is_hidden_wherever_it_stands(url: str) -> None:
    repository = SqlRepository.open(url)
    assert "s3cr3t" not in f"{repository} {repository!r} {said(url)}"


@pytest.mark.parametrize("password", ["p@s3cr3t", "p/s3cr3t@x", "p#s3cr3t", "p@s3cr3t/x#y"])
def test_a_password_that_must_be_escaped_is_not_shown(password: str) -> None:
    with pytest.raises(SettingsError, match="as %40") as caught:
        SqlRepository.open(f"postgresql://me:{password}@127.0.0.1:1/x")
    assert "s3cr3t" not in str(caught.value)
