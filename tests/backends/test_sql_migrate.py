import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from callkit.backends.repositories.sql import SqlRepository, migrate
from callkit.backends.repositories.sql.engine import open_database
from callkit.core.query import Query
from callkit.errors import NewerDataError, RepositoryError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


@pytest.fixture
def repository(path: Path) -> Iterator[SqlRepository]:
    with closing(SqlRepository.open(path)) as repository:
        yield repository


def names(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {name for (name,) in raw.execute("SELECT name FROM sqlite_schema")}


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


def use(place: str) -> int:
    """What each of many threads and processes does first."""
    return SqlRepository.open(place).count(Query())


def test_the_first_use_makes_the_schema(repository: SqlRepository, path: Path) -> None:
    assert repository.revision() is None
    assert not repository.is_current()
    assert repository.count(Query()) == 0
    assert repository.revision() == migrate.HEAD
    assert repository.is_current()
    made = {name for name in names(path) if not name.startswith("sqlite_")}
    assert all("callkit_" in name for name in made), "the database may be a host application's"


def test_to_upgrade_twice_is_fine(repository: SqlRepository, path: Path) -> None:
    repository.upgrade()
    before = names(path)
    repository.upgrade()
    assert repository.is_current()
    assert names(path) == before


def test_the_revisions_known_are_those_there_are() -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration())
    assert [script.revision for script in scripts.walk_revisions()] == list(migrate.REVISIONS)[::-1]


def test_the_migrations_lead_to_the_tables(repository: SqlRepository) -> None:
    repository.upgrade()
    with open_database(repository.url).looking.connect() as connection:
        command.check(migrate.configuration(connection))


def test_a_downgrade_leaves_what_is_not_callkits(repository: SqlRepository, path: Path) -> None:
    run(path, "CREATE TABLE calls (id INTEGER)", "CREATE TABLE alembic_version (version_num TEXT)")
    before = names(path)
    repository.upgrade()
    migrate.downgrade(open_database(repository.url), "base")
    assert {name for name in names(path) if migrate.VERSION_TABLE not in name} == before
    assert repository.revision() is None
    repository.upgrade()
    assert repository.is_current()


def test_a_newer_database_is_refused_and_left_alone(repository: SqlRepository, path: Path) -> None:
    repository.upgrade()
    repository.close()
    run(path, f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(NewerDataError, match="9999"):
        repository.find(Query())
    with pytest.raises(NewerDataError, match="9999"):
        repository.upgrade()
    assert repository.revision() == "9999"
    assert not repository.is_current()


def test_a_migration_that_fails_leaves_nothing_behind(repository: SqlRepository, path: Path) -> None:
    run(path, "CREATE TABLE callkit_numbers (ours INTEGER)")  # in the way of the third table
    before = names(path)
    with pytest.raises(RepositoryError, match="callkit_numbers"):
        repository.count(Query())
    assert names(path) == before
    run(path, "DROP TABLE callkit_numbers")
    assert repository.count(Query()) == 0


def test_many_threads_may_be_the_first(tmp_path: Path) -> None:
    places = [str(tmp_path / f"{number % 2}.db") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, places)) == [0] * 8
    for place in places:
        SqlRepository.open(place).close()


def test_many_processes_may_be_the_first(path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(use, [str(path)] * 3)) == [0] * 3
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_up_to_date_database_is_used_without_alembic(repository: SqlRepository) -> None:
    """Its import takes longer than most commands."""
    opened = "from callkit.backends.repositories.sql import SqlRepository"
    code = f"import sys; {opened}; SqlRepository({repository.url!r}).revision(); print('alembic' in sys.modules)"
    used = code.replace("revision()", "count(Query())").replace(
        opened, f"{opened}; from callkit.core.query import Query"
    )
    repository.upgrade()
    for line in (code, used):
        done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"
    repository.close()
