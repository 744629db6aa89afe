"""`callkit process`."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import frozen

from callkit import CallKit
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.storages.memory import MemoryStorage
from callkit.cli.progress import progress
from callkit.cli.waiting import Waiting
from callkit.cli.workers import default_runner
from callkit.core.call import Status
from callkit.errors import DamagedAudioError
from callkit.settings import Settings

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLKIT_RUNNER", "inline")


def test_a_table_in_the_order_in_which_calls_started(run: Run, calls: Path) -> None:
    done = run("process", "calls")
    assert (done.code, done.err) == (0, "")
    head, first, second = done.out.splitlines()
    assert re.split(r"\s{2,}", head) == [
        *("started", "caller → receiver", "length", "channels", "talk", "silence", "speech", "status"),
    ]
    assert first.startswith("2026-09-14 10:32  0442079460018 → 101 ")
    assert re.search(r" 0:06 +2 +\d+%/\d+% +\d+%  [▁-█]{24}  ready$", first)
    assert second.startswith("2026-09-15 12:10  103 → 0442079460053 ")
    assert re.search(r" 0:04 +1 +\d+% +\d+%  [▁-█]{24}  ready$", second)


def test_once_more_adds_nothing_and_shows_the_same(run: Run, calls: Path) -> None:
    first, second = run("process", "calls"), run("process", "calls")
    assert second == first
    assert len(run("list", "--json").objects) == 2


def test_json_lines_and_nothing_else(run: Run, calls: Path) -> None:
    (calls / "broken.wav").write_bytes(b"no sound")
    done = run("process", "calls", "--json", "--min-silence", "0.5")
    first, second, refused = done.objects
    assert done.code == 1
    assert {"id", "status", "caller", "receiver", "started_at", "duration", "channels", "silence", "failure"} <= set(
        first
    )
    assert (first["status"], first["caller"], first["duration"], first["channels"]) == (
        "ready",
        "0442079460018",
        6.0,
        2,
    )
    assert first["started_at"] == "2026-09-14T10:32:12Z"
    assert len(first["silence"]) == 3
    assert second["channels"] == 1
    assert set(refused) == {"file", "status", "failure"}
    assert (refused["file"], refused["status"]) == (os.path.join("calls", "broken.wav"), "refused")  # noqa: PTH118 - as typed
    assert refused["failure"]["code"] == "unsupported_format"
    assert "holds text" in refused["failure"]["message"]


def test_what_is_refused_is_named_after_the_table(run: Run, calls: Path) -> None:
    (calls / "broken.wav").write_bytes(b"no sound")
    done = run("process", "calls", "missing.wav")
    broken = os.path.join("calls", "broken.wav")  # noqa: PTH118 - as typed
    assert done.code == 1
    assert len(done.out.splitlines()) == 3
    sentences = done.err.splitlines()
    assert sentences[0] == "callkit: 2 of 4 files could not be taken in:"
    assert sentences[1].startswith(f"  {broken} can't be read as audio: it holds text")
    assert sentences[2] == "  missing.wav: No such file or directory."
    assert len(sentences) == 3


def test_a_name_that_does_not_fit_is_told(run: Run, calls: Path, wav: Callable[..., bytes]) -> None:
    (calls / "conference.wav").write_bytes(wav(2, seed=5))
    done = run("process", "calls")
    assert done.code == 0
    assert done.err == "callkit: 1 file whose name does not fit the template: who called whom is not known.\n"
    assert "? → ?" in done.out


def test_a_failed_call_is_named_and_tried_again(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, name: str | None = None, **__: Any) -> None:
        raise DamagedAudioError(name or "", "a planted fault")

    with monkeypatch.context() as patch:
        patch.setattr("callkit.work.measure", fail)
        done = run("process", "calls")
    name = "in-0442079460018-101-20260914-103212-1789381932.4.wav"
    assert done.code == 1
    assert "failed: " in done.out
    assert "callkit: 2 of 2 calls failed:" in done.err
    assert f"  {name} is damaged and nothing could be decoded: a planted fault." in done.err
    assert run("process", "calls").code == 0
    assert [call["status"] for call in run("list", "--json").objects] == ["ready", "ready"]


def test_what_was_erased_is_skipped_and_no_failure(run: Run, calls: Path) -> None:
    first, _ = run("process", "calls", "--json").objects
    assert run("erase", first["id"], "--yes").code == 0
    done = run("process", "calls", "--json")
    assert done.code == 0
    assert [thing["status"] for thing in done.objects] == ["ready", "skipped"]
    assert done.err.startswith("callkit: 1 file skipped, because the call was erased:\n")


def test_other_parameters_measure_again(run: Run, calls: Path) -> None:
    assert [len(call["silence"]) for call in run("process", "calls", "--json", "--min-silence", "1.2").objects] == [
        0,
        0,
    ]
    shorter = run("process", "calls", "--json", "--min-silence", "0.5").objects
    assert [len(call["silence"]) for call in shorter] == [3, 2]


def test_options_for_every_call(run: Run, place: Path, wav: Callable[..., bytes]) -> None:
    (place / "sales-101.wav").write_bytes(wav(1))
    options = ("--names", "{queue}-{caller}", "--source", "pbx", "--tag", "VIP", "--tag", "q3")
    (call,) = run("process", "sales-101.wav", *options, "--json").objects
    assert (call["metadata"], call["caller"], call["source"]) == ({"queue": "sales"}, "101", "pbx")
    assert call["tags"] == ["q3", "vip"]


def test_another_recording_of_a_known_call(run: Run, calls: Path, wav: Callable[..., bytes]) -> None:
    run("process", "calls")
    (calls / "out-0442079460053-103-20260915-121008-1789474208.31.wav").write_bytes(wav(9, seed=2))
    done = run("process", "calls")
    assert done.code == 1
    assert done.err.rstrip().endswith("pass --replace to take the new one.")
    assert [call["duration"] for call in run("process", "calls", "--replace", "--json").objects] == [6.0, 9.0]


def test_quiet_says_only_what_went_wrong(run: Run, calls: Path) -> None:
    done = run("process", "calls", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_nothing_to_do(run: Run, place: Path) -> None:
    (place / "notes.txt").write_text("text")
    done = run("process", place)
    assert (done.code, done.out, done.err) == (0, "", "callkit: there are no recordings (1 other file).\n")
    assert not (place / "callkit-data").exists()


def test_what_callkit_keeps_is_not_taken_in_again(run: Run, calls: Path) -> None:
    options = ("--storage", "kept", "--data", "data")
    assert len(run("process", ".", *options, "--json").objects) == 2
    assert len(run("process", ".", *options, "--json").objects) == 2


def test_two_files_with_one_call_are_one_row_and_measured_once(
    run: Run, place: Path, wav: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[str | None] = []

    def fail(*_: Any, name: str | None = None, **__: Any) -> None:
        times.append(name)
        raise DamagedAudioError("a.wav", "a planted fault")

    monkeypatch.setattr("callkit.work.measure", fail)
    (place / "a.wav").write_bytes(wav(1))
    (place / "b.wav").write_bytes(wav(1))
    assert len(run("process", "a.wav", "b.wav", "--json").objects) == len(times) == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--names", "{caller"], "The name template '{caller' can't be used: its braces don't match."),
        (["--timezone", "Mars"], "There is no time zone 'Mars'"),
        (["--config", "none.toml"], "none.toml can't be read"),
        (["--runner", "nonsense"], "nonsense"),
        (["--database", "nonsense://x"], "nonsense"),
    ],
)
def test_settings_that_make_no_sense(run: Run, calls: Path, options: list[str], why: str) -> None:
    done = run("process", "calls", *options)
    assert done.code == 2
    assert why in done.err
    assert done.err.startswith("callkit: ")
    assert "Traceback" not in done.err


def test_what_nobody_expected_shows_where_it_happened(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.cli.process.take_in", None)
    with pytest.raises(TypeError):
        run("process", "calls")


@pytest.mark.parametrize("option", ["inline", "threads", "processes:2"])
def test_every_runner_does_the_work(run: Run, calls: Path, option: str) -> None:
    assert [call["status"] for call in run("process", "calls", "--runner", option, "--json").objects] == ["ready"] * 2


def test_as_many_workers_as_are_worth_it(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr("callkit.cli.workers.processors", lambda: 8)
    small, large, packed = place / "small.wav", place / "large.wav", place / "packed.mp3"
    for path, megabytes in ((small, 1), (large, 300), (packed, 30)):
        with path.open("wb") as file:
            file.truncate(megabytes * 1_000_000)  # a sparse file
    assert default_runner(Settings(), [small]) == "inline"
    assert default_runner(Settings(), [place / "missing.wav"]) == "inline"
    assert default_runner(Settings(), [large]) == "processes:2"
    assert default_runner(Settings(), [packed, large]) == "processes:3"
    assert default_runner(Settings(), [small] * 100) == "inline"
    assert default_runner(Settings(), [small] * 1000) == "processes:8"
    assert default_runner(Settings()) == "processes:8"


def test_what_is_set_is_done() -> None:
    assert default_runner(Settings(processes=1), None) == "inline"
    assert default_runner(Settings(processes=9), []) == "processes:9"
    assert default_runner(Settings(runner="threads:2", processes=9)) == "threads:2"
    option = Settings(runner="threads:2", processes=9, origins={"runner": "callkit.toml", "processes": "--processes"})
    assert default_runner(option) == "processes:9"


class Stopped:
    """A runner that notes how it ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def submit(self, task: Any) -> None:
        raise KeyboardInterrupt

    def stop(self) -> None:
        self.ends.append("stop")

    def close(self) -> None:
        self.ends.append("close")


def test_an_interrupt_stops_at_once_and_the_next_run_goes_on(
    run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Stopped()
    kit = CallKit(MemoryRepository(), MemoryStorage(), runner)
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "open_kit", lambda *_, **__: kit)
        assert run("process", "calls").code == 130
    assert runner.ends[0] == "stop"
    (left,) = kit.find()
    assert left.status is Status.PROCESSING
    with CallKit.open("data", runner="inline") as other:
        monkeypatch.setattr(Settings, "open_kit", lambda *_, **__: CallKit(kit.repository, kit.storage, other.runner))
        assert [call["status"] for call in run("process", "calls", "--json").objects] == ["ready", "ready"]


@frozen
class Answer:
    status: Status


class Slow:
    """A kit whose calls are done one after the other, some of them only after a sweep."""

    def __init__(self, ids: Iterable[UUID], stuck: Iterable[UUID] = ()) -> None:
        self.left, self.stuck, self.sweeps, self.asked = list(ids), set(stuck), 0, 0

    def get(self, call_id: UUID) -> Answer:
        self.asked += 1
        assert self.asked < 4000, "it would ask for ever"
        if self.left and self.left[0] not in self.stuck and call_id == self.left[0]:
            self.left.pop(0)
        return Answer(Status.PROCESSING if call_id in {*self.left, *self.stuck} else Status.READY)

    def sweep(self, *, grace: object) -> None:
        assert grace is None
        self.sweeps += 1
        self.left = [call_id for call_id in self.left if call_id not in self.stuck]
        self.stuck.clear()


def waited(kit: Any, ids: list[UUID]) -> int:
    steps: list[int] = []
    waiting = Waiting(kit, steps.append, patience=0.01)
    for call_id in ids:
        waiting.add(call_id)
    waiting.to_the_end()
    return sum(steps)


def test_waiting_ends_when_all_are_done() -> None:
    ids = [uuid4() for _ in range(100)]
    assert waited(Slow(ids), ids) == 100


def test_calls_of_a_dead_worker_are_swept_up_while_waiting() -> None:
    ids = [uuid4() for _ in range(100)]
    kit = Slow(ids, stuck=ids[:40])
    assert waited(kit, ids) == 100
    assert kit.sweeps == 1


def test_a_bar_only_for_a_terminal(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    @contextmanager
    def bar(total: int, *, wanted: bool) -> Iterator[Any]:
        asked.append(wanted)
        assert total == 2
        with progress(total, wanted=wanted) as made:
            yield made

    monkeypatch.setattr("callkit.cli.process.progress", bar)
    assert run("process", "calls").err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert "2/2" in run("process", "calls").err
    assert run("process", "calls", "--quiet").err == ""
    assert asked == [True, True, False]
