"""Celery: the contract on a real broker with a real worker, and what happens when something is killed."""

import os
import pickle
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

import pytest

from callkit import Call, CallKit, Leasing, Status
from callkit.backends.runners import open_runner, publisher
from callkit.backends.runners.publisher import Publisher
from callkit.errors import MissingExtraError, RunnerError, SettingsError
from callkit.protocols import HasBacklog, Message, TaskRunner
from callkit.testing.runner import Note, RunnerContract, Stumble, Wait, lines, wait_until
from tests import servers
from tests.backends.workers import Crew, callkit_worker, crew, soon

celery = pytest.importorskip("callkit.backends.runners.celery", reason="needs the extra celery")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Celery's workers fork")

WavMaker = Callable[..., bytes]

SERVE = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s", stream=sys.stderr)
from callkit.backends.runners import open_runner
from callkit.runners import celery
from callkit.testing.runner import task_of
celery.SLICE = float(sys.argv[2])
sys.exit(celery.serve(open_runner(sys.argv[1]), task_of, 1))
"""


def address(redis_url: str, **options: object) -> str:
    """A runner of its own on the shared broker."""
    query = "".join(f"&{name}={value}" for name, value in options.items())
    return f"celery+{redis_url}?prefix=test-{uuid.uuid4().hex[:12]}:{query}"


@pytest.fixture
def url(redis_url: str) -> str:
    return address(redis_url)


@pytest.fixture(scope="module")
def staffed(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Crew]]:
    """A runner that has a worker."""
    url = address(redis_url)
    with crew(SERVE, url, 600, log=tmp_path_factory.mktemp("celery") / "log") as workers:
        yield url, workers


# ---- the contract

ELSEWHERE = "nobody is told: the broker gives the task to another worker"


class TestCelery(RunnerContract):
    lacks: ClassVar = {
        "test_everything_is_done_when_close_returns": "workers elsewhere do it in their time",
        "test_a_task_that_raises_is_dropped_and_logged_without_what_it_said": "it is logged where the worker is",
        "test_a_worker_that_dies_is_told_and_the_task_runs_again": ELSEWHERE,
        "test_a_lost_task_is_dropped_if_it_says_so": ELSEWHERE,
        "test_a_lost_task_in_trouble_harms_nobody": ELSEWHERE,
    }

    @pytest.fixture
    def runner(self, staffed: tuple[str, Crew]) -> Iterator[TaskRunner]:
        runner: Any = open_runner(staffed[0])
        with runner:
            yield runner

    def test_a_killed_process_gives_its_task_back(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Wait(tmp_path))
        (pid,) = wait_until(tmp_path / "running")
        os.kill(int(pid), signal.SIGKILL)
        first, second = wait_until(tmp_path / "running", 2)
        (tmp_path / "go").write_text("now\n")
        assert wait_until(tmp_path / "done") == ["task"]
        assert first != second
        assert lines(tmp_path / "lost") == []

    def test_a_task_that_raises_is_logged_by_the_worker_without_what_it_said(
        self, staffed: tuple[str, Crew], runner: TaskRunner, tmp_path: Path
    ) -> None:
        runner.submit(Stumble(tmp_path))
        runner.submit(Note(tmp_path))
        assert wait_until(tmp_path / "done") == ["task"]
        said = staffed[1].said()
        assert "Stumble raised ValueError and was dropped" in said
        assert "+44" not in said

    def test_messages_that_nobody_can_read_are_dropped(self, runner: Any, tmp_path: Path) -> None:
        runner._send([{"task": "Unheard"}, {"no": "task"}, Note(tmp_path).message()])
        assert wait_until(tmp_path / "done") == ["task"]

    def test_the_worker_never_tells_the_password(self, staffed: tuple[str, Crew], runner: TaskRunner) -> None:
        password = staffed[0].partition("@")[0].rpartition(":")[2]
        assert password not in staffed[1].said()


def test_what_a_worker_has_not_begun_in_time_is_sent_once_more(url: str, tmp_path: Path) -> None:
    runner: Any = open_runner(url)
    with crew(SERVE, url, 0, log=tmp_path / "log"), runner:
        runner._send([Note(tmp_path, str(number)).message() for number in range(20)])
        assert wait_until(tmp_path / "done", 20) == [str(number) for number in range(20)]
        assert soon(lambda: runner.waiting() == 0)
    assert len(lines(tmp_path / "done")) == 20


def test_sigterm_lets_what_runs_finish_and_leaves_the_rest(url: str, tmp_path: Path) -> None:
    runner: Any = open_runner(url)
    with crew(SERVE, url, 600, log=tmp_path / "log") as workers, runner:
        runner._send([Wait(tmp_path, "runs").message()])
        wait_until(tmp_path / "running")
        runner._send([Note(tmp_path, "waits").message()])
        workers.process.send_signal(signal.SIGTERM)
        assert soon(lambda: "Warm shutdown" in workers.said())
        (tmp_path / "go").write_text("now\n")
        assert workers.process.wait(60) == 0
        assert lines(tmp_path / "done") == ["runs"]
        assert runner.waiting() == 1


# ---- a value


def test_it_is_a_value_that_hides_its_password() -> None:
    runner = celery.CeleryRunner("redis://:s3cret@queue:6379/0")
    assert open_runner("celery+redis://:s3cret@queue:6379/0") == runner == pickle.loads(pickle.dumps(runner))
    assert repr(runner) == (
        "CeleryRunner(url=redis://:***@queue:6379/0, timeout=600.0, queue='callkit', prefix='callkit:')"
    )
    assert isinstance(runner, HasBacklog)


def test_options_stand_in_the_url_and_the_brokers_own_stay_there() -> None:
    opened = open_runner("celery+rediss://queue/1?ssl_cert_reqs=required&timeout=60&queue=calls&prefix=")
    assert opened == celery.CeleryRunner("rediss://queue/1?ssl_cert_reqs=required", 60.0, "calls", "")


@pytest.mark.parametrize(
    "name",
    [
        "celery",
        "celery+memory://",
        "celery+sqs://:s3cret@x",
        "celery+redis://h/0?timeout=soon",
        "celery+redis://h?timeout=0",
    ],
)
def test_what_can_not_be_used_is_refused(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        open_runner(name)
    assert "s3cret" not in str(refused.value)


def test_a_timeout_beyond_the_longest_claim_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="stops a task after 4000 s"):
        CallKit.open(tmp_path, runner="celery+redis://queue/0?timeout=4000")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celery", None)
    monkeypatch.delitem(sys.modules, "callkit.backends.runners.celery")
    with pytest.raises(MissingExtraError, match=r"celery\+redis://:\*\*\*@queue/0 needs .*callkit\[celery\]"):
        open_runner("celery+redis://:s3cret@queue/0")


def test_a_broker_that_is_away_is_one_sentence() -> None:
    runner: Any = open_runner("celery+redis://:s3cret@127.0.0.1:1/0")
    with pytest.raises(RunnerError, match=r"^The broker redis://:\*\*\*@127.0.0.1:1/0 can't be used: .*refused\.$"):
        runner.waiting()


def test_so_is_a_wrong_password(redis_url: str) -> None:
    secret = redis_url.partition("@")[0].rpartition(":")[2]
    runner: Any = open_runner(f"celery+{redis_url.replace(secret, 's3cret')}")
    with pytest.raises(RunnerError, match="password") as refused:
        runner.waiting()
    assert "s3cret" not in str(refused.value)


def test_it_works_after_a_fork(url: str) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from callkit.backends.runners import open_runner\n"
        "from callkit.testing.runner import Note\n"
        "import warnings; warnings.simplefilter('ignore')\n"  # that threads and forks do not mix
        "runner = open_runner(sys.argv[1]); runner._send([{}]); runner.submit(Note(Path('.')))\n"
        "if child := os.fork(): assert os.waitpid(child, 0)[1] == 0; runner._send([{}]); runner.close()\n"
        "else: runner._send([{}]); runner.submit(Note(Path('.'))); runner.close(); os._exit(0)\n"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, url], env=environ, check=True, timeout=120)
    runner: Any = open_runner(url)
    assert runner.waiting() == 5


# ---- sending


class Sent:
    """What was sent; while `away`, nothing can be."""

    def __init__(self) -> None:
        self.messages: list[list[Message]] = []
        self.away = False
        self.tried, self.goes_on = Event(), Event()

    def __call__(self, messages: Sequence[Message]) -> None:
        if self.away:
            self.tried.set()
            self.goes_on.wait(60)
            raise RunnerError("It is away.")
        self.messages.append(list(messages))


def test_bursts_are_sent_together_and_in_order(tmp_path: Path) -> None:
    sent = Sent()
    outgoing = Publisher(sent)
    tasks = [Note(tmp_path, str(number)) for number in range(50)]
    for task in tasks:
        outgoing.submit(task)
    outgoing.close()
    assert [message for chunk in sent.messages for message in chunk] == [task.message() for task in tasks]
    assert max(map(len, sent.messages)) <= publisher.CHUNK
    assert len(sent.messages) < 50


def test_a_lone_one_is_sent_by_itself(tmp_path: Path) -> None:
    sent = Sent()
    outgoing = Publisher(sent)
    outgoing.submit(Note(tmp_path))
    assert soon(lambda: len(sent.messages) == 1)
    outgoing.close()
    assert sent.messages == [[Note(tmp_path).message()]]


def test_what_can_not_be_sent_is_told_once_and_the_next_ones_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent()
    sent.away = True
    outgoing = Publisher(sent)
    outgoing.submit(Note(tmp_path))
    assert sent.tried.wait(60)
    for _ in range(49):  # come while the broker is tried
        outgoing.submit(Note(tmp_path))
    sent.goes_on.set()
    assert soon(lambda: bool(caplog.records))
    for _ in range(100):
        with pytest.raises(RunnerError, match="does not answer"):
            outgoing.submit(Note(tmp_path))
    sent.away = False
    outgoing._breaker.reset()  # a few seconds later
    outgoing.submit(Note(tmp_path, "later"))
    outgoing.close()
    assert [message["name"] for chunk in sent.messages for message in chunk] == ["later"]
    assert [record.getMessage() for record in caplog.records] == ["It is away. 50 tasks wait for sweep()."]


# ---- calls


def open_kit(folder: Path, url: str, lease: float = 30.0) -> CallKit:
    return CallKit.open(folder / "data", runner=url, leasing=Leasing(timedelta(seconds=lease)))


def ready(kit: CallKit) -> int:
    return kit.count("status:ready")


def test_an_emptied_broker_loses_nothing(redis_url: str, url: str, tmp_path: Path, wav: WavMaker) -> None:
    import redis  # noqa: PLC0415 - an extra

    with open_kit(tmp_path, url) as kit:
        for seed in range(5):
            kit.ingest(wav(seed=seed))
    with open_kit(tmp_path, url) as kit:
        assert waiting(kit) > 0
        assert kit.sweep().resubmitted == 0, "their messages wait"
        server = redis.Redis.from_url(redis_url)
        server.delete(*server.scan_iter(f"{kit.runner.prefix}*"))  # type: ignore[attr-defined]  # a CeleryRunner
        assert waiting(kit) == 0
        assert kit.sweep().resubmitted == 5
        with callkit_worker("--data", tmp_path / "data", "--runner", url, log=tmp_path / "log"):
            assert soon(lambda: ready(kit) == 5)


def test_the_worker_s_settings_say_who_writes_down_what_is_said(url: str, tmp_path: Path, wav: WavMaker) -> None:
    place, environ = ("--data", tmp_path / "data", "--runner", url), {"CALLKIT_TRANSCRIBER": "placeholder"}
    with open_kit(tmp_path, url) as kit, callkit_worker(*place, log=tmp_path / "log", environ=environ):
        calls = [kit.ingest(wav(seed=seed)) for seed in range(3)]
        assert {kit.wait(call.id, timeout=120).status for call in calls} == {Status.READY}
        transcripts = [results.transcript for results in kit.results_of(calls).values()]
    assert [bool(one and one.synthetic) for one in transcripts] == [True] * 3


def waiting(kit: CallKit) -> int:
    assert isinstance(kit.runner, HasBacklog)
    return kit.runner.waiting()


SHORT = {"CALLKIT_LEASE": "1"}


def test_a_killed_worker_s_calls_are_done_by_another(url: str, tmp_path: Path, wav: WavMaker) -> None:
    place = ("--data", tmp_path / "data", "--runner", url, "--sweep-every", "0.5", "--processes", 1)
    with open_kit(tmp_path, url) as kit:
        for seed in range(12):
            kit.ingest(wav(400, seed=seed))
        with callkit_worker(*place, log=tmp_path / "first", environ=SHORT) as first:
            assert soon(lambda: kit.count("status:processing") < 12)
            first.kill()
        left = kit.count("status:processing")
        assert left > 0
        with callkit_worker(*place, log=tmp_path / "second", environ=SHORT):
            assert soon(lambda: ready(kit) == 12)
        assert {call.attempts for call in kit.calls()} <= {1, 2}


MISCHIEF = """
import os, time, callkit.work
measure = callkit.work.measure
def naughty(reader, options, *, name):
    if name == "dies.wav": os._exit(9)
    if name == "hangs.wav": time.sleep(1000)
    return measure(reader, options, name=name)
callkit.work.measure = naughty
"""


def test_calls_that_kill_or_hang_their_worker_end_as_failed_and_harm_no_others(
    url: str, tmp_path: Path, wav: WavMaker
) -> None:
    url += "&timeout=2"
    place = ("--data", tmp_path / "data", "--runner", url, "--sweep-every", "0.3", "--processes", 1)
    names = ["a.wav", "hangs.wav", "b.wav", "dies.wav", "c.wav"]
    with open_kit(tmp_path, url) as kit:
        calls = {name: kit.ingest(wav(seed=seed), name=name).id for seed, name in enumerate(names)}
        environ = {"CALLKIT_LEASE": "0.5", "CALLKIT_ATTEMPTS": "2"}
        with callkit_worker(*place, log=tmp_path / "log", before=MISCHIEF, environ=environ):
            assert soon(lambda: kit.count("status:processing") == 0, seconds=60), "Celery's own limit is later"
        ended = {name: kit.get(call_id) for name, call_id in calls.items()}
    assert {name: code(call) for name, call in ended.items()} == {
        "a.wav": None,
        "b.wav": None,
        "c.wav": None,
        "dies.wav": "worker_lost",
        "hangs.wav": "task_timeout",
    }
    assert ended["dies.wav"].attempts == 2
    assert ended["hangs.wav"].attempts == 1


def code(call: Call) -> str | None:
    assert call.status is (Status.FAILED if call.failure else Status.READY)
    return call.failure.code if call.failure else None


FOREIGN = """
import os, sys
from celery import Celery
from callkit.runners.celery import register
app = Celery("mine", broker=os.environ["MINE"])
app.conf.update(task_serializer="pickle", accept_content=["pickle", "json"], task_default_queue=os.environ["QUEUE"])
@app.task
def own(): ...
work = register(app)
if __name__ == "__main__":
    app.worker_main(["worker", "-c", "1", "-l", "INFO"])
"""


def test_an_application_s_own_workers_do_it_too(redis_url: str, tmp_path: Path, wav: WavMaker) -> None:
    queue = f"mine-{uuid.uuid4().hex}"
    url = f"celery+{redis_url}?queue={queue}&prefix="
    environ = {"MINE": redis_url, "QUEUE": queue, "CALLKIT_DATA": str(tmp_path / "data"), "CALLKIT_RUNNER": url}
    with open_kit(tmp_path, url) as kit:
        call = kit.ingest(wav())
        with crew(FOREIGN, log=tmp_path / "log", environ={"C_FORCE_ROOT": "1", **environ}):
            assert kit.wait(call.id, timeout=120).status is Status.READY
    kept = "assert work.acks_late and work.reject_on_worker_lost and work.ignore_result"
    script = f"{FOREIGN.partition('if __name__')[0]}\n{kept}"
    path = os.environ | environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=path, check=True, timeout=60)


def test_a_broker_that_was_restarted_while_everybody_worked_is_found_again(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CALLKIT_TEST_REDIS_URL", raising=False)  # that one is not ours to kill
    with servers.valkey() as broker:
        url = address(broker.url)
        runner: Any = open_runner(url)
        with crew(SERVE, url, 600, log=tmp_path / "log"):
            with runner:
                runner.submit(Wait(tmp_path, "before"))
                wait_until(tmp_path / "running")
            broker.kill()
            (tmp_path / "go").write_text("now\n")
            wait_until(tmp_path / "done")
            broker.start().wait()
            again: Any = open_runner(url)
            with again:
                again.submit(Note(tmp_path, "after"))
            assert wait_until(tmp_path / "done", 2) == ["before", "after"]
