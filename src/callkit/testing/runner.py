"""What every runner must do: subclass `RunnerContract` and give it yours."""

import logging
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import pytest
from attrs import asdict, field, frozen

from callkit.errors import RunnerError
from callkit.protocols import Message, Task, TaskRunner
from callkit.testing.contract import Contract

__all__ = ["Die", "Note", "RunnerContract", "Stumble", "Wait", "lines", "task_of", "wait_until"]

_PATIENCE = 120.0  # seconds until a test is given up; a busy machine must not fail it


def lines(path: Path) -> list[str]:
    """What tasks wrote into a file so far."""
    return path.read_text("utf-8").splitlines() if path.exists() else []


def wait_until(path: Path, count: int = 1) -> list[str]:
    """Wait until a file has so many lines.

    Raises:
        TimeoutError: it has not, after two minutes.
    """
    until = monotonic() + _PATIENCE
    while len(found := lines(path)) < count:
        if monotonic() > until:
            raise TimeoutError(f"{path.name} has {len(found)} lines, not {count}")
        sleep(0.005)
    return found


def _add(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


@frozen
class Note:
    """A task that writes its name into the file `done`, and why it was lost into `lost`.

    Attributes:
        folder: where the files are.
        name: what to write.
        again: what `lost` answers.
    """

    folder: Path = field(converter=Path)
    name: str = "task"
    again: bool = field(default=False, kw_only=True)

    def __call__(self) -> None:
        """Write the name."""
        _add(self.folder / "done", self.name)

    def message(self) -> Message:
        """See `callkit.protocols.Portable`: what `task_of` makes the task of again."""
        return {"task": type(self).__name__, **asdict(self), "folder": str(self.folder)}

    def lost(self, error: RunnerError) -> bool:
        """Write the error's code."""
        _add(self.folder / "lost", error.code)
        return self.again


@frozen
class Stumble(Note):
    """Raises something that holds a phone number."""

    def __call__(self) -> None:
        """Raise."""
        raise ValueError("there is no +442079460018.wav")


@frozen
class Wait(Note):
    """Writes its process id into `running`, and does its work when there is a file `go`."""

    def __call__(self) -> None:
        """Wait, then write the name."""
        _add(self.folder / "running", str(os.getpid()))
        wait_until(self.folder / "go")
        super().__call__()


@frozen
class Die(Note):
    """Kills its process the first `times` times."""

    times: int = field(default=1, kw_only=True)

    def __call__(self) -> None:
        """Die, or write the name."""
        died = self.folder / f"died-{self.name}"
        if len(lines(died)) < self.times:
            _add(died, "once more")
            os._exit(13)
        super().__call__()


def task_of(message: Message) -> Task:
    """The task of a message of those here: what a worker elsewhere needs to do them."""
    kinds = {kind.__name__: kind for kind in (Note, Stumble, Wait, Die, _Troubled)}
    arguments = dict(message)
    return kinds[arguments.pop("task")](**arguments)


@frozen
class _Troubled(Die):
    """Is lost, and its repository too."""

    def lost(self, error: RunnerError) -> bool:
        """Raise."""
        raise ValueError("there is no +442079460018.wav") from error


@frozen
class _Rooted:
    """Can't be pickled, and has no message."""

    lock: object = field(factory=Lock)

    def __call__(self) -> None:
        """Nobody gets here."""

    def lost(self, _: RunnerError) -> bool:
        """Nor here."""
        return False


class RunnerContract(Contract):
    """A runner keeps every promise of `callkit.protocols.TaskRunner`.

    The subclass has a fixture `runner`: a new one, with one worker.
    """

    @pytest.fixture
    def runner(self) -> Iterator[TaskRunner]:
        """The runner to be tested."""
        raise NotImplementedError("Give the subclass of RunnerContract a fixture `runner`.")

    def test_everything_is_done_when_close_returns(self, runner: TaskRunner, tmp_path: Path) -> None:
        for number in range(20):
            runner.submit(Note(tmp_path, str(number)))
        runner.close()
        assert sorted(lines(tmp_path / "done"), key=int) == [str(number) for number in range(20)]

    def test_everything_is_done(self, runner: TaskRunner, tmp_path: Path) -> None:
        for number in range(20):
            runner.submit(Note(tmp_path, str(number)))
        runner.close()
        assert sorted(wait_until(tmp_path / "done", 20), key=int) == [str(number) for number in range(20)]

    def test_one_worker_does_first_what_came_first(self, runner: TaskRunner, tmp_path: Path) -> None:
        for number in range(20):
            runner.submit(Note(tmp_path, str(number)))
        runner.close()
        assert wait_until(tmp_path / "done", 20) == [str(number) for number in range(20)]

    def test_work_begins_before_close(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Note(tmp_path))
        assert wait_until(tmp_path / "done") == ["task"]
        runner.close()

    def test_submit_does_not_wait(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Wait(tmp_path, "first"))
        for number in range(500):
            runner.submit(Note(tmp_path, str(number)))
        assert lines(tmp_path / "done") == []
        _add(tmp_path / "go", "now")
        runner.close()
        first, *others = wait_until(tmp_path / "done", 501)
        assert first == "first"
        assert sorted(others, key=int) == [str(number) for number in range(500)]

    def test_several_threads_submit(self, runner: TaskRunner, tmp_path: Path) -> None:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda number: runner.submit(Note(tmp_path, str(number))), range(40)))
        runner.close()
        assert sorted(wait_until(tmp_path / "done", 40), key=int) == [str(number) for number in range(40)]

    def test_a_task_that_raises_is_dropped_and_logged_without_what_it_said(
        self, runner: TaskRunner, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "callkit.runners"):
            runner.submit(Stumble(tmp_path))
            runner.submit(Note(tmp_path))
            runner.close()
        assert lines(tmp_path / "done") == ["task"]
        assert lines(tmp_path / "lost") == []
        assert "Stumble" in caplog.text
        assert "ValueError" in caplog.text
        assert "+44" not in caplog.text

    def test_closing_twice_is_fine(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Note(tmp_path))
        runner.close()
        runner.close()

    def test_closing_what_was_never_used_is_fine(self, runner: TaskRunner) -> None:
        runner.close()

    def test_a_closed_runner_takes_nothing(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Note(tmp_path))
        runner.close()
        with pytest.raises(RunnerError):
            runner.submit(Note(tmp_path))
        assert wait_until(tmp_path / "done") == ["task"]

    def test_it_travels_as_its_configuration(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Note(tmp_path, "first"))
        copy: TaskRunner = pickle.loads(pickle.dumps(runner))
        runner.close()
        assert copy == runner
        assert repr(copy) == repr(runner)
        copy.submit(Note(tmp_path, "second"))
        copy.close()
        assert wait_until(tmp_path / "done", 2) == ["first", "second"]

    def test_a_task_that_can_not_travel_is_refused(self, runner: TaskRunner, tmp_path: Path) -> None:
        with pytest.raises(RunnerError, match="_Rooted"):
            runner.submit(_Rooted())
        runner.submit(Note(tmp_path))
        runner.close()
        assert wait_until(tmp_path / "done") == ["task"]

    def test_a_worker_that_dies_is_told_and_the_task_runs_again(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Die(tmp_path, "dies", times=2, again=True))
        runner.submit(Note(tmp_path))
        runner.close()
        assert sorted(wait_until(tmp_path / "done", 2)) == ["dies", "task"]
        assert lines(tmp_path / "lost") == ["worker_lost", "worker_lost"]

    def test_a_lost_task_is_dropped_if_it_says_so(self, runner: TaskRunner, tmp_path: Path) -> None:
        runner.submit(Die(tmp_path, "dies"))
        runner.submit(Note(tmp_path))
        runner.close()
        assert wait_until(tmp_path / "done") == ["task"]
        assert lines(tmp_path / "lost") == ["worker_lost"]

    def test_a_lost_task_in_trouble_harms_nobody(
        self, runner: TaskRunner, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "callkit.runners"):
            runner.submit(_Troubled(tmp_path, "dies"))
            runner.submit(Note(tmp_path))
            runner.close()
        assert lines(tmp_path / "done") == ["task"]
        assert "_Troubled" in caplog.text
        assert "+44" not in caplog.text
