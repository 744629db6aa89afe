"""Procrastinate: the contract on a real PostgreSQL with a real worker, and what happens when something is killed."""

import asyncio
import os
import pickle
import signal
import sys
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from callkit import CallKit, Status
from callkit.backends.runners import open_runner
from callkit.errors import MissingExtraError, RunnerError, SettingsError
from callkit.protocols import HasBacklog, TaskRunner
from callkit.testing.runner import Note, RunnerContract, Stumble, Wait, lines, wait_until
from tests.backends.workers import Crew, callkit_worker, crew, soon
from tests.conftest import sqlalchemy_url

procrastinate = pytest.importorskip("callkit.backends.runners.procrastinate", reason="needs the extra procrastinate")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its worker needs signals")

WavMaker = Callable[..., bytes]

SERVE = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s", stream=sys.stderr)
from callkit.backends.runners import open_runner
from callkit.runners import procrastinate
from callkit.testing.runner import task_of
procrastinate._BEAT = procrastinate._PAUSE = 0.5
sys.exit(procrastinate.serve(open_runner(sys.argv[1]), task_of, 1))
"""


@pytest.fixture(scope="module")
def prepared(postgres_url: str) -> Iterator[str]:
    """A runner on a database of its own."""
    import psycopg  # noqa: PLC0415 - an extra

    name = f"callkit_queue_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        url = f"procrastinate+{sqlalchemy_url(postgres_url, name)}"
        with ThreadPoolExecutor(5) as threads:  # five at once, as machines that are started together
            list(threads.map(procrastinate.prepare, [url] * 5))
        procrastinate.prepare(url)
        yield url
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def url(prepared: str) -> str:
    return f"{prepared}?queue={uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def staffed(prepared: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Crew]]:
    """A runner that has a worker."""
    url = f"{prepared}?queue={uuid.uuid4().hex}"
    with crew(SERVE, url, log=tmp_path_factory.mktemp("procrastinate") / "log") as workers:
        yield url, workers


# ---- the contract


class TestProcrastinate(RunnerContract):
    lacks: ClassVar = {
        "test_everything_is_done_when_close_returns": "workers elsewhere do it in their time",
        "test_a_task_that_raises_is_dropped_and_logged_without_what_it_said": "it is logged where the worker is",
        "test_a_lost_task_in_trouble_harms_nobody": "it is logged where the worker is",
    }

    @pytest.fixture
    def runner(self, staffed: tuple[str, Crew]) -> Iterator[TaskRunner]:
        runner: Any = open_runner(staffed[0])
        with runner:
            yield runner

    def test_a_task_that_raises_is_logged_by_the_worker_without_what_it_said(
        self, staffed: tuple[str, Crew], runner: TaskRunner, tmp_path: Path
    ) -> None:
        runner.submit(Stumble(tmp_path))
        runner.submit(Note(tmp_path))
        assert wait_until(tmp_path / "done") == ["task"]
        assert "Stumble raised ValueError and was dropped" in staffed[1].said()
        assert "+44" not in staffed[1].said()

    def test_what_waits_already_is_not_sent_twice(self, staffed: tuple[str, Crew], runner: Any, tmp_path: Path) -> None:
        runner.submit(Wait(tmp_path, "first"))
        wait_until(tmp_path / "running")
        for _ in range(3):
            runner.submit(Note(tmp_path, "second"))
        assert runner.waiting() == 1
        (tmp_path / "go").write_text("now\n")
        assert wait_until(tmp_path / "done", 2) == ["first", "second"]

    def test_messages_that_nobody_can_read_are_dropped(self, runner: TaskRunner, tmp_path: Path) -> None:
        class Unheard(Note):
            def message(self) -> Any:
                return {"task": "Unheard"}

        runner.submit(Unheard(tmp_path))
        runner.submit(Note(tmp_path))
        assert wait_until(tmp_path / "done") == ["task"]

    def test_nothing_is_left_of_what_is_done(self, staffed: tuple[str, Crew], runner: Any, tmp_path: Path) -> None:
        import psycopg  # noqa: PLC0415 - an extra

        runner.submit(Note(tmp_path))
        assert wait_until(tmp_path / "done")
        with psycopg.connect(runner.url, autocommit=True) as connection:
            jobs = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = %s"
            assert soon(lambda: connection.execute(jobs, [runner.queue]).fetchone() == (0,))


def test_a_killed_worker_s_task_goes_to_another(url: str, tmp_path: Path) -> None:
    runner: Any = open_runner(url)
    with runner, crew(SERVE, url, log=tmp_path / "first") as first:
        runner.submit(Wait(tmp_path))
        (pid,) = wait_until(tmp_path / "running")
        os.kill(int(pid), 0)
        first.kill()
        with crew(SERVE, url, log=tmp_path / "second"):
            wait_until(tmp_path / "running", 2)
            (tmp_path / "go").write_text("now\n")
            assert wait_until(tmp_path / "done") == ["task"]


def test_sigterm_lets_what_runs_finish_and_leaves_the_rest(url: str, tmp_path: Path) -> None:
    runner: Any = open_runner(url)
    with runner, crew(SERVE, url, log=tmp_path / "log") as workers:
        runner.submit(Wait(tmp_path, "runs"))
        wait_until(tmp_path / "running")
        runner.submit(Note(tmp_path, "waits"))
        workers.process.send_signal(signal.SIGTERM)
        assert soon(lambda: "Stop requested" in workers.said())
        (tmp_path / "go").write_text("now\n")
        assert workers.process.wait(60) == 0
        assert lines(tmp_path / "done") == ["runs"]
        assert runner.waiting() == 1


async def _deaf() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(60)


async def _ended(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    from callkit.runners.procrastinate import _end  # noqa: PLC0415 - an extra

    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    await _end(task)
    return task


def test_what_swallows_a_cancellation_is_ended_all_the_same() -> None:
    assert asyncio.run(_ended(_deaf())).cancelled()


def test_a_database_that_cuts_all_connections_is_found_again(url: str, tmp_path: Path) -> None:
    import psycopg  # noqa: PLC0415 - an extra

    runner: Any = open_runner(url)
    with runner, crew(SERVE, url, log=tmp_path / "log"):
        runner.submit(Note(tmp_path, "before"))
        wait_until(tmp_path / "done")
        with psycopg.connect(runner.url, autocommit=True) as admin:
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        runner.submit(Note(tmp_path, "after"))
        assert wait_until(tmp_path / "done", 2) == ["before", "after"]


# ---- a value


def test_it_is_a_value_that_hides_its_password() -> None:
    runner = procrastinate.ProcrastinateRunner("postgresql://me:s3cret@db/calls")
    assert open_runner("procrastinate", "postgresql+psycopg://me:s3cret@db/calls") == runner
    assert open_runner("procrastinate+postgresql://me:s3cret@db/calls") == runner == pickle.loads(pickle.dumps(runner))
    assert repr(runner) == "ProcrastinateRunner(url=postgresql://me:***@db/calls, timeout=600.0, queue='callkit')"
    assert isinstance(runner, HasBacklog)


@pytest.mark.parametrize(
    ("name", "database"),
    [
        ("procrastinate?timeout=60&queue=calls", "postgresql://db/calls?sslmode=require"),
        ("procrastinate+postgresql://db/calls?timeout=60&sslmode=require&queue=calls", "sqlite:///calls.db"),
    ],
)
def test_options_stand_in_the_url_and_the_databases_own_stay_there(name: str, database: str) -> None:
    expected = procrastinate.ProcrastinateRunner("postgresql://db/calls?sslmode=require", 60.0, "calls")
    assert open_runner(name, database) == expected


@pytest.mark.parametrize(
    "database", [None, "callkit-data/calls.db", "sqlite:///calls.db", "mysql://me:s3cret@db/calls"]
)
def test_it_needs_postgresql(database: str | None) -> None:
    with pytest.raises(SettingsError, match="needs PostgreSQL") as refused:
        open_runner("procrastinate", database)
    assert "s3cret" not in str(refused.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    monkeypatch.delitem(sys.modules, "callkit.backends.runners.procrastinate")
    with pytest.raises(MissingExtraError, match=r"callkit\[procrastinate\]"):
        open_runner("procrastinate+postgresql://me:s3cret@db/calls")


def test_missing_tables_are_one_sentence(postgres_url: str, tmp_path: Path) -> None:
    runner: Any = open_runner(f"procrastinate+{postgres_url}")
    with runner:
        for use in (lambda: runner.submit(Note(tmp_path)), runner.waiting):
            with pytest.raises(RunnerError, match="no tables for Procrastinate: run `callkit db upgrade`"):
                use()


def test_so_is_a_database_that_is_away(tmp_path: Path) -> None:
    runner: Any = open_runner("procrastinate+postgresql://me:s3cret@127.0.0.1:1/calls")
    with pytest.raises(RunnerError, match="refused") as away:
        runner.waiting()
    with runner:
        with pytest.raises(RunnerError, match="couldn't get a connection"):
            runner.submit(Note(tmp_path))
        with pytest.raises(RunnerError, match="does not answer"):  # and nobody waits for it again
            runner.submit(Note(tmp_path))
    assert "s3cret" not in str(away.value)
    assert "\n" not in str(away.value)


# ---- calls


def test_calls_of_a_kit_are_done(database_url: str, tmp_path: Path, wav: WavMaker) -> None:
    procrastinate.prepare("procrastinate", database_url)
    place = {"CALLKIT_DATABASE": database_url, "CALLKIT_STORAGE": str(tmp_path), "CALLKIT_RUNNER": "procrastinate"}
    place["CALLKIT_TRANSCRIBER"] = "placeholder"
    with (
        CallKit.open(database=database_url, storage=str(tmp_path), runner="procrastinate") as kit,
        callkit_worker("--processes", 2, log=tmp_path / "log", environ=place),
    ):
        calls = [kit.ingest(wav(seed=seed)) for seed in range(10)]
        assert {kit.wait(call.id, timeout=120).status for call in calls} == {Status.READY}
        made_by = {results.transcript and results.transcript.engine for results in kit.results_of(calls).values()}
    assert made_by == {"placeholder"}, "the worker's own settings say who writes down what is said"
