import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from callkit.backends.repositories import open_repository
from callkit.backends.repositories.sql import SqlRepository, failures, migrate, repository, sqlite
from callkit.backends.repositories.sql.engine import open_database
from callkit.core.call import Call, Failure, Recording
from callkit.core.number import NORMALISER, normalise
from callkit.core.query import Phrase, Query
from callkit.errors import InvalidCallError, RepositoryError, SettingsError
from callkit.testing.agreement import NewRepository, agree, some_call, some_results
from callkit.testing.repository import RepositoryContract
from callkit.testing.speech import spoken
from callkit.testing.strategies import Story, stories
from tests.backends.claiming import check_no_double_claim

NUMBER = "+zqxjkvwy84"  # its trigrams are in no text of callkit or SQLite
NAMES = count()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database: copying it is quicker than making it."""
    path = tmp_path_factory.mktemp("template") / "calls.db"
    with closing(SqlRepository.open(path)) as repository:
        repository.upgrade()
    return path


class TestSqlRepository(RepositoryContract):
    @pytest.fixture
    def new_repository(self, template: Path, tmp_path: Path) -> NewRepository:
        return lambda: SqlRepository.open(shutil.copy(template, tmp_path / f"{next(NAMES)}.db"))


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "calls.db"))


@pytest.fixture
def sql(path: Path) -> Iterator[SqlRepository]:
    with closing(SqlRepository.open(path)) as sql:
        yield sql


def rows(path: Path, select: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(select).fetchall()


# ---- places


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    by_path = [SqlRepository.open(place) for place in ("calls.db", Path("calls.db"), tmp_path / "calls.db")]
    by_url = [SqlRepository("sqlite:///calls.db"), SqlRepository.open("sqlite:///calls.db")]
    assert set(by_path + by_url + [open_repository("calls.db")]) == {by_path[0]}
    assert make_url(by_path[0].url).database == str(tmp_path / "calls.db")


def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "новая папка" / "50% of a?b=c #1.db"
    with closing(SqlRepository.open(path)) as sql:
        sql.add(some_call())
        assert pickle.loads(pickle.dumps(sql)) == sql
    assert path.exists()


@pytest.mark.parametrize("place", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_database_in_memory_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match="MemoryRepository"):
        SqlRepository.open(place)


@pytest.mark.parametrize("place", ["mysql://me:secret@host/db", "sqlite+nope:///x", "no url://"])
def test_a_place_that_nobody_knows_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match="sqlite:///") as caught:
        SqlRepository.open(place)
    assert "secret" not in str(caught.value)


def test_secrets_do_not_show() -> None:
    assert "secret" not in repository._hidden("postgresql://me:secret@host/db")


# ---- trouble


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    path.write_text("Dear diary, " * 100)
    with closing(SqlRepository.open(path)) as sql, pytest.raises(RepositoryError, match="no SQLite database") as caught:
        sql.count(Query())
    assert caught.value.place == sql.url
    assert path.read_text().startswith("Dear diary")


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(RepositoryError, match=r"calls.db failed: (File exists|Not a directory)"):
        SqlRepository.open(tmp_path / "data" / "calls.db").count(Query())


def test_a_file_that_is_a_folder_can_not_be_opened(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="can't be opened; check that its folder"):
        SqlRepository.open(tmp_path).count(Query())


def test_a_locked_database_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sqlite._PRAGMAS, "busy_timeout", 1)
    with closing(SqlRepository.open(path)) as sql, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RepositoryError, match="another program has locked it"):
            sql.add(some_call())
        assert sql.count(Query()) == 0
        other.execute("ROLLBACK")
        sql.add(some_call())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("SQLITE_READONLY_DIRECTORY", "can't be written"),
        ("SQLITE_READONLY", "can't be written"),
        ("SQLITE_FULL", "the disk is full"),
        ("SQLITE_IOERR_WRITE", "the disk failed"),
        ("SQLITE_CORRUPT", "damaged"),
        ("SQLITE_ERROR", "something new"),
        ("", "something new"),
    ],
)
def test_what_sqlite_says_becomes_a_sentence(name: str, sentence: str) -> None:
    said = sqlite3.OperationalError("something new")
    said.sqlite_errorname = name
    with pytest.raises(RepositoryError, match=sentence) as caught, failures.translated("sqlite:///calls.db"):
        raise OperationalError("SELECT :number", {"number": NUMBER}, said, hide_parameters=True)
    assert NUMBER not in str(caught.value) + str(caught.value.__cause__)


def test_every_result_code_that_is_explained_exists() -> None:
    assert {f"SQLITE_{name}" for name in failures._SQLITE} <= set(dir(sqlite3))


def test_what_fails_names_no_numbers(sql: SqlRepository, path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE callkit_numbers")
    with pytest.raises(RepositoryError) as caught:
        sql.add(some_call(caller=NUMBER))
    assert NUMBER not in f"{caught.value} {caught.value.__cause__}"


def test_every_error_of_sqlalchemy_is_known() -> None:
    """A new one may need a sentence of its own."""
    names = {kind.__name__ for kind in subclasses(DBAPIError)}
    assert names == {
        *("DataError", "DatabaseError", "IntegrityError", "InterfaceError", "InternalError"),
        *("NotSupportedError", "OperationalError", "ProgrammingError"),
    }
    for kind in subclasses(SQLAlchemyError):
        assert "Timeout" not in kind.__name__ or kind is PoolTimeoutError


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    direct = set(kind.__subclasses__())
    return direct.union(*map(subclasses, direct))


# ---- what is kept


def test_a_millisecond_has_room_for_so_many(sql: SqlRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "TIES", 2)
    for second in (0, 0, 0.001):
        sql.add(some_call(second))
    with pytest.raises(InvalidCallError, match="More than 2 calls start at"):
        sql.add(some_call())
    assert sql.count(Query()) == 3


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"bytes", object()])
def test_metadata_are_json(sql: SqlRepository, value: object) -> None:
    with pytest.raises(InvalidCallError, match="metadata"):
        sql.add(some_call(metadata={"value": value}))
    sql.add(call := some_call())
    with pytest.raises(InvalidCallError, match="metadata"):
        sql.save(evolve(call, version=1, metadata={"value": value}))
    assert sql.get(call.id) == call


def test_text_that_no_encoding_has_is_kept_as_far_as_possible(sql: SqlRepository) -> None:
    """File names come so; a call that can't be failed for its file's name would be tried forever."""
    recording = Recording("k", "a\udcff\0.wav", 1, "0" * 64, "wav", some_call().started_at)
    failure = Failure("x", "no \udcff", some_call().started_at)
    sql.add(call := some_call(recording=recording, failure=failure, metadata={"\udcff": "\0 \\u0000"}))
    kept = sql.get(call.id)
    assert kept == evolve(
        call,
        recording=evolve(recording, name="a??.wav"),
        failure=evolve(failure, message="no ?"),
        metadata={"?": "? \\u0000"},
    )
    measured = some_results("\udcff\0")
    sql.save(evolve(call, version=1), measured)
    assert sql.results([call.id]) == {call.id: some_results("??")}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories())
def test_the_dictionary_holds_what_the_calls_do(template: Path, tmp_path: Path, story: Story) -> None:
    path = tmp_path / f"{next(NAMES)}.db"
    with closing(SqlRepository.open(shutil.copy(template, path))) as sql:
        agree(sql, story)
        kept = list(sql.find(Query(), limit=100))
        ends = {(normalise(end), call.id.bytes) for call in kept for end in (call.caller, call.receiver)}
    numbers = "callkit_numbers n LEFT JOIN callkit_call_numbers USING (nid) LEFT JOIN callkit_calls c USING (pk)"
    assert sorted(rows(path, f"SELECT n.num, c.id FROM {numbers}")) == sorted(ends)
    tags = "SELECT t.tag, c.id FROM callkit_call_tags t LEFT JOIN callkit_calls c USING (pk)"
    assert sorted(rows(path, tags)) == sorted((tag, call.id.bytes) for call in kept for tag in call.tags)
    rows(path, "INSERT INTO callkit_numbers_fts(callkit_numbers_fts, rank) VALUES ('integrity-check', 1)")


def test_the_rows_were_written_with_this_normaliser() -> None:
    assert migrate.REVISIONS[migrate.HEAD] == NORMALISER, (
        "a new one needs a migration that rewrites caller_n, receiver_n"
    )


def test_connections_are_set_up(sql: SqlRepository) -> None:
    wait = sqlite._PRAGMAS["busy_timeout"]
    asked = {"journal_mode": "wal", "synchronous": 1, "busy_timeout": wait, "foreign_keys": 1, "secure_delete": 1}
    sql.count(Query())
    with open_database(sql.url).looking.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked}
    assert found == asked


class Contested:
    """A connection to a new file that others are switching over, too."""

    def __init__(self, code: int, tries: int) -> None:
        self.code, self.tries = code, tries

    def execute(self, statement: str) -> "Contested":
        self.tries -= "= WAL" in statement
        if "= WAL" in statement and self.tries >= 0:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error
        return self

    def fetchone(self) -> tuple[str]:
        return ("wal" if self.tries < 0 else "delete",)


def test_a_contested_switch_is_tried_again() -> None:
    contested = Contested(sqlite3.SQLITE_BUSY, 2)
    sqlite._use_wal(cast(sqlite3.Connection, contested))
    assert contested.tries < 0
    with pytest.raises(sqlite3.OperationalError):
        sqlite._use_wal(cast(sqlite3.Connection, Contested(sqlite3.SQLITE_READONLY, 1)))


# ---- erasing


def test_nothing_of_an_erased_call_is_left_in_the_files(path: Path) -> None:
    secrets = [NUMBER.encode(), b"zqx", b"Jrvqz-tag", b"wqvzk-name", b"xkqzw-result", b"qzvkj-meta", b"kvxzqword"]
    with closing(SqlRepository.open(path)) as sql:
        for number in range(50):
            sql.add(some_call(number, caller=f"+4420{number}", receiver="101"))
        recording = Recording("k", "wqvzk-name.wav", 1, "0" * 64, "wav", some_call().started_at)
        facts = {"tags": ["Jrvqz-tag"], "metadata": {"a": "qzvkj-meta" * 2000}, "recording": recording}
        sql.add(call := some_call(20, caller=NUMBER, receiver=f"sip:{NUMBER}@x", **facts))
        measured = some_results("xkqzw-result" * 1000)
        sql.save(evolve(call, version=1), evolve(spoken("hello", "Kvxzqword! " * 500), analysis=measured.analysis))
    assert all(secret.lower() in written(path).lower() for secret in secrets)
    with closing(SqlRepository.open(path)) as sql:
        assert len(sql.find(Query(phrases=[Phrase.of("kvxzqword")]))) == 1
        sql.save(sql.get(call.id).erase(call.started_at))
    assert [secret for secret in secrets if secret.lower() in written(path).lower()] == []
    assert len(list(path.parent.iterdir())) == 1, "the write-ahead log is gone"


def test_a_purge_needs_no_closing(path: Path) -> None:
    with closing(SqlRepository.open(path)) as sql:
        sql.add(some_call(caller="101"))
        sql.add(call := some_call(caller=NUMBER))
        sql.save(call.erase(call.started_at))
        assert NUMBER.encode() in written(path)
        sql.purge()
        assert b"zqx" not in written(path)
        assert len(sql.find(Query(numbers=["101"]))) == 1


def written(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob("calls.db*")))


# ---- many processes


def test_no_call_is_claimed_twice(sql: SqlRepository) -> None:
    check_no_double_claim(sql)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_opens_its_own_connections(sql: SqlRepository, path: Path) -> None:
    code = f"""
import os
from callkit.backends.repositories.sql import SqlRepository, engine
from callkit.testing.agreement import some_call
sql = SqlRepository({sql.url!r})
sql.add(call := some_call())
if (child := os.fork()) == 0:
    assert [one.engine.pool.checkedin() for one in engine._open.values()] == [0]
    sql.get(call.id)
    sql.add(some_call())
    os._exit(0)
sql.add(some_call())
assert os.waitpid(child, 0)[1] == 0
sql.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sql.count(Query()) == 3


def test_more_threads_than_connections(sql: SqlRepository) -> None:
    calls = [some_call(second) for second in range(300)]

    def work(call: Call) -> Call:
        sql.add(call)
        return sql.get(call.id)

    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(work, calls)) == calls
