import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import sleep
from typing import ClassVar

import pytest
from attrs import evolve, frozen

from callkit.backends.runners import open_runner, process_pool, worker_process
from callkit.backends.runners.pools import InlineRunner, ProcessRunner, ThreadRunner, usable_processors
from callkit.errors import RunnerError, SettingsError
from callkit.protocols import Task, TaskRunner
from callkit.testing.runner import Die, Note, RunnerContract, Wait, lines, wait_until

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows SIGTERM is as hard
Pooled = ThreadRunner | ProcessRunner
STAYS = "its tasks stay in this process"
HERE = {
    "test_a_task_that_can_not_travel_is_refused": STAYS,
    "test_a_worker_that_dies_is_told_and_the_task_runs_again": STAYS,
    "test_a_lost_task_is_dropped_if_it_says_so": STAYS,
    "test_a_lost_task_in_trouble_harms_nobody": STAYS,
}


class TestInline(RunnerContract):
    lacks: ClassVar = HERE | {"test_submit_does_not_wait": "it does the work at once"}

    @pytest.fixture
    def runner(self) -> InlineRunner:
        return InlineRunner()


class TestThreads(RunnerContract):
    lacks: ClassVar = HERE

    @pytest.fixture
    def runner(self) -> Iterator[TaskRunner]:
        with ThreadRunner(1) as runner:
            yield runner


class TestProcesses(RunnerContract):
    @pytest.fixture
    def runner(self) -> Iterator[TaskRunner]:
        with ProcessRunner(1) as runner:
            yield runner


# ---- tasks


@frozen
class Exit(Note):
    """Says in which process it is, and wants to end it."""

    def __call__(self) -> None:
        evolve(self, name=str(os.getpid())).note()
        sys.exit(3)

    def note(self) -> None:
        super().__call__()


@frozen
class Chat(Note):
    """Prints in every way there is, and reads."""

    def __call__(self) -> None:
        print("printed")
        os.write(1, b"written\n")
        subprocess.run([sys.executable, "-c", "print('from a subprocess', len(input()))"], check=False)
        os.write(2, b"x" * 1_000_000)  # more than any pipe holds
        logging.getLogger("callkit.work").warning("logged")
        evolve(self, name=repr(sys.stdin.read())).note()

    def note(self) -> None:
        super().__call__()


@frozen
class HangOnce(Note):
    def __call__(self) -> None:
        hung = self.folder / "hung"
        while not hung.exists() or hung.read_text() == str(os.getpid()):
            hung.write_text(str(os.getpid()))
            sleep(1)
        super().__call__()


@frozen
class Hold:
    """Connects to a port, says its process id, and waits until the other side hangs up."""

    port: int

    def __call__(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as line:
            line.sendall(str(os.getpid()).encode())
            line.recv(1)

    def lost(self, error: RunnerError) -> bool:
        return False


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server


def gone(line: socket.socket) -> bool:
    """Wait until the process at the other end is dead."""
    line.settimeout(120)
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def go(folder: Path) -> None:
    (folder / "go").write_text("now\n")


def takes(runner: TaskRunner, task: Task) -> bool:
    try:
        runner.submit(task)
    except RunnerError:
        return False
    return True


# ---- values


def test_runners_are_values_that_name_their_configuration() -> None:
    assert ThreadRunner(2) == ThreadRunner(2) != ThreadRunner(3)
    assert ProcessRunner(2) == ProcessRunner(2, timeout=600) != ProcessRunner(2, timeout=60)
    assert hash(ThreadRunner(2)) == hash(ThreadRunner(2))
    assert repr(ProcessRunner(2)) == "ProcessRunner(workers=2, timeout=600.0)"
    assert ThreadRunner().workers == ProcessRunner().workers == usable_processors() >= 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: ThreadRunner(0),
        lambda: ProcessRunner(-1),
        lambda: ProcessRunner(1, timeout=0),
        lambda: ProcessRunner(1, timeout=float("inf")),
        lambda: ProcessRunner(1, timeout=float("nan")),
    ],
)
def test_impossible_configurations_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        make()


def test_runners_are_opened_by_name() -> None:
    assert open_runner("inline") == InlineRunner()
    assert open_runner("threads") == ThreadRunner()
    assert open_runner("threads:3") == ThreadRunner(3)
    assert open_runner("processes") == ProcessRunner()
    assert open_runner("processes:3") == ProcessRunner(3)


@pytest.mark.parametrize(
    "name", ["", "Threads", "thread", "threads:", "threads:x", "threads:0", "threads:-1", "inline:2"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        open_runner(name)


def test_an_unknown_name_names_those_that_exist() -> None:
    with pytest.raises(SettingsError, match="'gopher': use inline, threads, threads:4, processes"):
        open_runner("gopher://host")


def test_others_may_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dist = tmp_path / "other-1.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (dist / "entry_points.txt").write_text(f"[callkit.runners]\nother = {__name__}:Other\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert repr(open_runner("other://host:1")) == "Other(name='other://host:1')"
    with pytest.raises(SettingsError, match="procrastinate, other"):
        open_runner("another")


@frozen
class Other:
    name: str


# ---- threads and processes


@pytest.mark.parametrize("make", [InlineRunner, lambda: ThreadRunner(2), lambda: ProcessRunner(2)])
def test_leaving_a_with_block_finishes_the_work(tmp_path: Path, make: Callable[[], Pooled]) -> None:
    with make() as runner:
        for number in range(9):
            runner.submit(Note(tmp_path, str(number)))
    assert sorted(lines(tmp_path / "done")) == list("012345678")


@pytest.mark.parametrize(("make", "processes"), [(ThreadRunner, 1), (ProcessRunner, 2)])
def test_workers_work_side_by_side(tmp_path: Path, make: Callable[[int], Pooled], processes: int) -> None:
    with make(2) as runner:
        for name in "abc":
            runner.submit(Wait(tmp_path, name))
        pids = wait_until(tmp_path / "running", 2)
        go(tmp_path)
    assert sorted(lines(tmp_path / "done")) == ["a", "b", "c"]
    assert len(set(pids)) == processes


@pytest.mark.parametrize("make", [ThreadRunner, ProcessRunner])
def test_a_task_can_not_end_its_worker(tmp_path: Path, make: Callable[[int], Pooled]) -> None:
    with make(1) as runner:
        runner.submit(Exit(tmp_path))
        runner.submit(Exit(tmp_path))
    first, second = lines(tmp_path / "done")
    assert first == second


def test_stopping_threads_forgets_what_waits_and_finishes_what_runs(tmp_path: Path) -> None:
    runner = ThreadRunner(1)
    for name in "abc":
        runner.submit(Wait(tmp_path, name))
    wait_until(tmp_path / "running")
    stopping = Thread(target=runner.stop)
    stopping.start()
    while takes(runner, Note(tmp_path)):  # until it has begun to stop
        pass
    go(tmp_path)
    stopping.join()
    assert lines(tmp_path / "done") == ["a"]


def test_stopping_processes_kills_what_runs(tmp_path: Path, server: socket.socket) -> None:
    runner = ProcessRunner(2)
    runner.submit(Wait(tmp_path, "never", again=True))
    runner.submit(Hold(server.getsockname()[1]))
    with server.accept()[0] as line:
        assert line.recv(20)
        wait_until(tmp_path / "running")
        runner.submit(Note(tmp_path))
        runner.stop()
        assert gone(line)
    assert lines(tmp_path / "running") == lines(tmp_path / "running")[:1]
    assert lines(tmp_path / "done") == []
    assert lines(tmp_path / "lost") == ["worker_lost"]
    with pytest.raises(RunnerError):
        runner.submit(Note(tmp_path))
    runner.stop()
    runner.close()


# ---- processes


def test_every_killed_process_costs_its_own_attempt_only(tmp_path: Path) -> None:
    with ProcessRunner(2) as runner:
        for number in range(20):
            runner.submit(Wait(tmp_path, str(number), again=True))
        for count in range(2, 7):
            os.kill(int(wait_until(tmp_path / "running", count)[-1]), KILL)
        wait_until(tmp_path / "running", 7)
        go(tmp_path)
    assert sorted(lines(tmp_path / "done"), key=int) == [str(number) for number in range(20)]
    assert lines(tmp_path / "lost") == ["worker_lost"] * 5


def test_a_task_that_hangs_is_stopped(tmp_path: Path) -> None:
    with ProcessRunner(1, timeout=2.0) as runner:
        runner.submit(HangOnce(tmp_path, again=True))
    assert lines(tmp_path / "done") == ["task"]
    assert set(lines(tmp_path / "lost")) == {"task_timeout"}


def test_a_task_that_kills_every_worker_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process_pool, "_MOST_RUNS", 2)
    with ProcessRunner(1) as runner:
        runner.submit(Die(tmp_path, again=True, times=9))
        runner.submit(Note(tmp_path, "healthy"))
    assert lines(tmp_path / "done") == ["healthy"]
    assert "Die was dropped. It lost its worker 2 times." in caplog.text


@pytest.mark.parametrize("command", ["raise SystemExit(3)", None])
def test_workers_that_can_not_start_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, command: str | None
) -> None:
    if command:
        monkeypatch.setattr(worker_process, "COMMAND", command)
    else:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with ProcessRunner(1) as runner:
        runner.submit(Note(tmp_path))
    assert lines(tmp_path / "done") == lines(tmp_path / "lost") == []
    assert "Note was dropped" in caplog.text


def test_what_a_task_prints_goes_to_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with ProcessRunner(1) as runner:
        runner.submit(Chat(tmp_path))
        runner.submit(Note(tmp_path))
        assert wait_until(tmp_path / "done", 2) == ["''", "task"]
        out, err = capfd.readouterr()
    assert out == ""
    for line in ("printed\n", "written\n", "EOFError", "logged\n", "xxx"):
        assert line in err


def test_the_timeout_and_the_loss_name_the_task(tmp_path: Path) -> None:
    heard: list[RunnerError] = []

    class Deaf(Die):
        def __reduce__(self) -> tuple[type[Die], tuple[Path]]:
            return Die, (self.folder,)

        def lost(self, error: RunnerError) -> bool:
            heard.append(error)
            return False

    with ProcessRunner(1) as runner:
        runner.submit(Deaf(tmp_path))
    assert [str(error) for error in heard] == [
        "The worker process died while it ran Deaf (out of memory, or killed): sweep() runs it again."
    ]
    assert pickle.loads(pickle.dumps(heard[0])).code == "worker_lost"


# ---- programs that use processes


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    head = "import sys; from pathlib import Path; from callkit.testing.runner import *; from test_runners import *\n"
    command = [sys.executable, "-c", head + script, *map(str, arguments)]
    return subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": path}, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
    )


def run(script: str, *arguments: object) -> str:
    with start(script, *arguments) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return err


def test_a_program_that_is_killed_takes_its_workers_along(server: socket.socket) -> None:
    script = "runner = ProcessRunner(1); runner.submit(Hold(int(sys.argv[1]))); runner.close()"
    with start(script, server.getsockname()[1]) as process, server.accept()[0] as line:
        assert int(line.recv(20)) != process.pid
        process.kill()
        assert gone(line)


def test_a_program_that_ends_finishes_the_work(tmp_path: Path) -> None:
    for kind in ("threads:2", "processes:2"):
        run(f"runner = open_runner({kind!r})\nfor _ in range(9): runner.submit(Note(Path(sys.argv[1])))", tmp_path)
    assert len(lines(tmp_path / "done")) == 18


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom callkit.backends.runners import open_runner\n"
        "from callkit.testing.runner import Note\n"
        "folder = Path(sys.argv[1])\nNote(folder, 'script')()\n"
        "with open_runner('processes:2') as runner:\n    runner.submit(Note(folder))\n"
    )
    run("import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')", script, tmp_path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, script, tmp_path], env=environment, check=True)
    assert lines(tmp_path / "done") == ["script", "task"] * 2


def test_a_task_of_the_script_itself_is_refused(tmp_path: Path) -> None:
    err = run(
        "class Own(Note): pass\n"
        "with ProcessRunner(1) as runner:\n"
        "    try: runner.submit(Own(Path(sys.argv[1])))\n"
        "    except RunnerError as error: print(error, file=sys.stderr)\n",
        tmp_path,
    )
    assert err.strip() == "Own can't be sent to a worker process: move it from the script into a module."


if sys.platform != "win32":

    def test_ctrl_c_is_the_programs_to_decide_on(tmp_path: Path) -> None:
        with ProcessRunner(1) as runner:
            runner.submit(Wait(tmp_path, again=True))
            (pid,) = wait_until(tmp_path / "running")
            assert os.getpgid(int(pid)) == int(pid) != os.getpgrp()
            os.kill(int(pid), signal.SIGINT)
            go(tmp_path)
        assert lines(tmp_path / "done") == ["task"]
        assert lines(tmp_path / "lost") == []

    def test_a_worker_that_died_in_its_sleep_costs_nothing(tmp_path: Path) -> None:
        with ProcessRunner(1) as runner:
            runner.submit(Exit(tmp_path))
            (pid,) = wait_until(tmp_path / "done")
            runner.submit(Exit(tmp_path))  # so that the first is answered
            wait_until(tmp_path / "done", 2)
            os.kill(int(pid), KILL)
            os.waitid(os.P_PID, int(pid), os.WEXITED | os.WNOWAIT)
            runner.submit(Note(tmp_path))
        assert lines(tmp_path / "done") == [pid, pid, "task"]

    def test_a_runner_that_was_used_works_after_a_fork(tmp_path: Path) -> None:
        for kind in ("threads:1", "processes:1"):
            run(
                f"folder = Path(sys.argv[1]); runner = open_runner({kind!r})\n"
                "runner.submit(Note(folder, 'parent'))\n"
                "wait_until(folder / 'done')\n"
                "import warnings; warnings.simplefilter('ignore')\n"  # that threads and forks do not mix
                "if child := os.fork():\n"
                "    assert os.waitpid(child, 0)[1] == 0\n"
                "    runner.submit(Note(folder, 'parent again')); runner.close()\n"
                "else:\n"
                "    runner.submit(Note(folder, 'child')); runner.close(); os._exit(0)\n",
                tmp_path,
            )
        assert sorted(lines(tmp_path / "done")) == ["child"] * 2 + ["parent"] * 2 + ["parent again"] * 2
