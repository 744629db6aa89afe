"""`callkit db …`."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from callkit.backends.repositories.sql import SqlRepository
from callkit.backends.repositories.sql.copying import copy_calls
from callkit.core.parsing import parse
from callkit.core.query import Query
from callkit.errors import CopyDiffersError, MissingExtraError
from callkit.testing.agreement import RECORDING, some_call, some_results
from callkit.testing.speech import spoken

Run = Callable[..., Any]
NOW = some_call().started_at


def fill(repository: SqlRepository, count: int = 2500) -> None:
    """Calls with whatever a call may have; more than fit into one transaction of a copy."""
    for number in range(count):
        call = some_call(
            number % 50, caller=f"+4420{number}", tags=["vip"] if number % 3 else [], metadata={"n": number, "f": 1e23}
        )
        repository.add(call)
        if number % 5 == 0:
            repository.save(call := call.attach(RECORDING, NOW))
            results = evolve(spoken("Refund, please", f"word{number}"), analysis=some_results(f"{number}").analysis)
            results = results if number % 2 else some_results(f"{number}")
            repository.save(evolve(call, version=2, duration=0.1 + number), results)


def test_upgrade_makes_the_tables(run: Run, postgres_url: str, bare_database_url: str) -> None:
    assert "no tables yet" in run("db", "status", "--database", bare_database_url).out
    failed = run("list", "--database", bare_database_url)
    assert (failed.code, failed.out) == (1, "")
    assert "run `callkit db upgrade`" in failed.err
    done = run("db", "upgrade", "--database", bare_database_url)
    assert done.code == 0
    assert "now has revision" in done.out
    assert "already" in run("db", "upgrade", "--database", bare_database_url).out
    (found,) = run("db", "status", "--database", bare_database_url, "--json").objects
    assert found["current"] is True
    assert run("list", "--database", bare_database_url).code == 0


def test_status_tells_by_its_exit_code(run: Run, bare_database_url: str) -> None:
    assert run("db", "status", "--database", bare_database_url).code == 1
    run("db", "upgrade", "--database", bare_database_url)
    assert run("db", "status", "--database", bare_database_url).code == 0


def test_a_downgrade_must_be_meant(run: Run) -> None:
    run("db", "upgrade")
    refused = run("db", "downgrade", "base")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert run("db", "status").code == 0
    assert "no tables any more" in run("db", "downgrade", "base", "--yes").out
    assert run("db", "status").code == 1


def test_a_copy_is_the_same(run: Run, place: Path, bare_database_url: str) -> None:
    source, back = SqlRepository.open(place / "calls.db"), SqlRepository.open(place / "back.db")
    fill(source)
    done = run("db", "copy", "calls.db", bare_database_url)
    assert (done.code, done.err) == (0, "")
    assert re.match(r"2500 calls, 500 results: equal in both, sha-256 [0-9a-f]{64}$", done.out)
    again = run("db", "copy", bare_database_url, "back.db")
    assert again.out == done.out
    with closing(SqlRepository.open(bare_database_url)) as target:
        query, first = Query(numbers=("+442099",)), source.find(Query(), limit=7)
        assert target.find(query) == source.find(query) == back.find(query)
        for words in ("refund", "said:word1005", 'customer:"refund please" +44201'):
            assert target.find(parse(words)) == source.find(parse(words)) == back.find(parse(words))
            assert source.find(parse(words)).passages
        assert target.find(Query(), after=first.next) == source.find(Query(), after=first.next)
        ids = [call.id for call in source.find(Query(), limit=2500)]
        assert target.results(ids) == source.results(ids)
        target.add(some_call(caller="+1", tags=["new"]))
        assert len(target.find(parse("+1 tag:new"))) == 1


def test_a_copy_goes_on_where_it_was(place: Path) -> None:
    source, target = SqlRepository.open(place / "calls.db"), SqlRepository.open(place / "copy.db")
    fill(source, 1500)

    def stop(rows: int) -> None:
        if rows >= 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_calls(source, target, stop)
    assert 0 < target.count(Query(), at_most=2000) < 1500
    assert copy_calls(source, target).calls == 1500


def test_a_copy_that_differs_is_told(run: Run, place: Path) -> None:
    source, target = SqlRepository.open(place / "calls.db"), SqlRepository.open(place / "copy.db")
    fill(source, 20)
    target.add(some_call(caller="of its own"))
    with pytest.raises(CopyDiffersError, match="callkit_calls: row"):
        copy_calls(source, target)
    done = run("db", "copy", "calls.db", "copy.db")
    assert done.code == 1
    assert "Copy into an empty database" in done.err


@pytest.mark.parametrize("sql", ["UPDATE callkit_results SET fingerprint = 'x'", "DELETE FROM callkit_results"])
def test_a_result_that_differs_is_told(place: Path, sql: str) -> None:
    source, target = SqlRepository.open(place / "calls.db"), SqlRepository.open(place / "copy.db")
    fill(source, 20)
    copy_calls(source, target)
    with closing(sqlite3.connect(place / ("copy.db" if "UPDATE" in sql else "calls.db"))) as raw, raw:
        raw.execute(sql)
    with pytest.raises(CopyDiffersError, match="callkit_results"):
        copy_calls(source, target)


def test_a_copy_from_nowhere_or_to_itself_is_refused(run: Run) -> None:
    SqlRepository.open("a.db").upgrade()
    Path("empty.db").touch()
    for words, why in ((("empty.db", "b.db"), "no calls in"), (("a.db", "a.db"), "the same one")):
        done = run("db", "copy", *words)
        assert done.code == 2
        assert why in done.err


def test_doctor_tells_the_revision_and_misses_it(run: Run, bare_database_url: str, place: Path) -> None:
    def check() -> dict[str, Any]:
        found = run("doctor", "--json", "--database", bare_database_url, "--runner", "inline").objects
        assert "sqlite" not in [one["name"] for one in found], "it is not what is used"
        return next(one for one in found if one["name"] == "database")

    assert check()["state"] == "fail"
    assert "callkit db upgrade" in check()["text"]
    run("db", "upgrade", "--database", bare_database_url)
    assert check()["state"] == "ok"
    assert "revision 0002, 0 calls" in check()["text"]


def test_doctor_fetches_a_signed_link(run: Run, bucket: str, place: Path) -> None:
    stored = ("--storage", f"s3://{bucket}/calls", "--database", "calls.db")
    found = {one["name"]: one for one in run("doctor", "--json", "--runner", "inline", *stored).objects}
    assert found["storage"]["state"] == "ok"
    assert found["storage"]["text"].endswith("put, read and deleted, a signed link was fetched")
    beyond = f"s3://{bucket}/calls?public_endpoint=http://127.0.0.1:1"
    found = {
        one["name"]: one
        for one in run("doctor", "--json", "--runner", "inline", "--storage", beyond, "--database", "calls.db").objects
    }
    assert found["storage"]["state"] == "warn"
    assert "link to 127.0.0.1:1 could not be fetched" in found["storage"]["text"]
    assert "Signature" not in found["storage"]["text"]


def test_a_copy_from_a_wrong_path_makes_nothing(run: Run, place: Path) -> None:
    done = run("db", "copy", "nope/calls.db", "b.db")
    assert done.code == 2
    assert "There is no database nope/calls.db" in done.err
    assert not (place / "nope").exists()
    SqlRepository.open(place / "data" / "calls.db").upgrade()
    assert "copy from data" in run("db", "copy", "data", "b.db").err
    assert not (place / "b.db").exists()


def test_status_misses_the_tables_of_the_runner(run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLKIT_DATABASE", database_url)
    assert run("db", "status").code == 0
    monkeypatch.setenv("CALLKIT_RUNNER", "procrastinate")
    done = run("db", "status")
    assert done.code == 1
    assert "callkit db upgrade" in done.err
    assert run("db", "upgrade").code == 0
    assert run("db", "status").code == 0


def test_doctor_names_a_missing_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(name: str, _: str | None) -> None:
        raise MissingExtraError(name, "celery")

    monkeypatch.setattr("callkit.kit.open_runner", lacks)
    done = run("doctor", "--json", "--database", "calls.db", "--runner", "celery+redis://:s3cret@queue/0")
    assert done.code == 1
    assert done.objects[-1]["state"] == "fail"
    assert "pip install 'callkit[celery]'" in done.objects[-1]["text"]
    assert "s3cret" not in done.out + done.err
