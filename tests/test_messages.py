"""What crosses to workers elsewhere: ids only, and tasks are made of them again."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest

from callkit import CallKit, Leasing, Options, Status
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.runners.publisher import message_of
from callkit.backends.storages.memory import MemoryStorage
from callkit.errors import CallNotFoundError, RunnerError
from callkit.protocols import Portable
from callkit.work import Probe, ProcessCall

WavMaker = Callable[..., bytes]


class Hand:
    """A runner that keeps the last task."""

    task: Any

    def submit(self, task: Any) -> None:
        self.task = task

    def close(self) -> None: ...


@pytest.fixture
def kit() -> CallKit:
    return CallKit(MemoryRepository(), MemoryStorage(), Hand(), Options(min_silence=2.0), Leasing(attempts=7))


def test_a_message_holds_the_id_and_nothing_else(kit: CallKit, wav: WavMaker) -> None:
    call = kit.ingest(wav(), caller="+442079460018", name="442079460018.wav")
    task = kit.runner.task  # type: ignore[attr-defined]  # a Hand
    assert isinstance(task, Portable)
    assert task.message() == {"task": "process", "call": str(call.id)}


def test_the_task_is_made_of_it_again(kit: CallKit, wav: WavMaker) -> None:
    call = kit.ingest(wav())
    sent: ProcessCall = kit.runner.task  # type: ignore[attr-defined]  # a Hand
    made = kit.task(json.loads(json.dumps(sent.message())))
    assert isinstance(made, ProcessCall)
    assert (made.call_id, made.options, made.leasing) == (call.id, kit.options, kit.leasing)
    assert made.owner != sent.owner, "another worker is another owner"
    made()
    assert kit.get(call.id).status is Status.READY


def test_a_probe_leaves_its_note(kit: CallKit) -> None:
    probe = Probe.of(kit.storage)
    kit.task(probe.message())()
    assert kit.storage.open(probe.key).read() == probe.note


@pytest.mark.parametrize(
    "key", ["", "doctor/x", "ab/recording.wav", "doctor/../0123456789abcdef", "doctor/0123456789abcdef/x"]
)
def test_a_probe_overwrites_nothing(kit: CallKit, key: str) -> None:
    kit.storage.put("ab/recording.wav", BytesIO(b"sound"))
    with pytest.raises(ValueError, match="key"):
        kit.task({"task": "probe", "key": key})
    assert [blob.size for blob in kit.storage.list()] == [5]


@pytest.mark.parametrize(
    "message", [{}, {"task": "dance"}, {"task": "process"}, {"task": "process", "call": 7}, {"call": "x"}]
)
def test_unknown_work_is_refused(kit: CallKit, message: Any) -> None:
    with pytest.raises(RunnerError, match="upgrade callkit on the workers"):
        kit.task(message)


def test_what_is_no_id_is_no_call(kit: CallKit) -> None:
    with pytest.raises(CallNotFoundError):
        kit.task({"task": "process", "call": "x"})


def test_a_call_that_is_not_there_is_said(kit: CallKit, caplog: pytest.LogCaptureFixture) -> None:
    kit.task({"task": "process", "call": str(uuid4())})()
    assert "is this the database of those who submit?" in caplog.text


def test_a_runner_elsewhere_refuses_what_has_no_message() -> None:

    class Local:
        def __call__(self) -> None: ...

        def lost(self, error: RunnerError) -> bool:
            return False

    with pytest.raises(RunnerError, match="Local can't be sent to workers elsewhere"):
        message_of(Local())
