"""What a sweep submits again when messages wait in a broker."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from callkit import Call, CallKit
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.storages.memory import MemoryStorage
from callkit.errors import RunnerError
from callkit.protocols import HasBacklog
from callkit.testing.clock import Clock
from callkit.upkeep import PATIENCE, Swept
from callkit.work import ProcessCall

WavMaker = Callable[..., bytes]


class Broker:
    """Forgets what is submitted, and says that `backlog` messages wait."""

    def __init__(self) -> None:
        self.submitted: list[UUID] = []
        self.backlog = 0

    def submit(self, task: Any) -> None:
        self.submitted.append(task.call_id)

    def close(self) -> None: ...

    def waiting(self) -> int:
        return self.backlog


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def kit(broker: Broker, clock: Clock) -> CallKit:
    return CallKit(MemoryRepository(), MemoryStorage(), broker, now=clock)


@pytest.fixture
def call(kit: CallKit, broker: Broker, wav: WavMaker) -> Call:
    call = kit.ingest(wav())
    broker.submitted.clear()
    return call


def claimed(kit: CallKit, call: Call, clock: Clock) -> None:
    kit.repository.save(kit.get(call.id).claim("dead", clock(), timedelta(seconds=30)))


def test_a_call_whose_message_may_wait_is_left_alone(kit: CallKit, broker: Broker, call: Call, clock: Clock) -> None:
    broker.backlog = 1
    clock.forward(minutes=9)
    assert kit.sweep() == Swept()
    assert (broker.submitted, kit.get(call.id)) == ([], call)


def test_but_not_when_no_message_waits(kit: CallKit, broker: Broker, call: Call) -> None:
    assert kit.sweep().resubmitted == 1
    assert broker.submitted == [call.id]


def test_nor_for_ever(kit: CallKit, broker: Broker, call: Call, clock: Clock) -> None:
    broker.backlog = 100_000
    clock.forward(seconds=PATIENCE.total_seconds())
    assert kit.sweep().resubmitted == 1
    assert kit.sweep().resubmitted == 0, "the row says that it was submitted a moment ago"
    assert broker.submitted == [call.id]


def test_a_lease_that_ran_out_is_always_submitted_again_once(
    kit: CallKit, broker: Broker, call: Call, clock: Clock
) -> None:
    broker.backlog = 100_000
    claimed(kit, call, clock)
    assert kit.sweep().resubmitted == 0
    clock.forward(seconds=30)
    assert kit.sweep().resubmitted == 1
    assert kit.sweep().resubmitted == 0
    assert (broker.submitted, kit.get(call.id).attempts) == ([call.id], 1)


def test_one_that_killed_too_many_is_given_up(kit: CallKit, broker: Broker, call: Call, clock: Clock) -> None:
    for _ in range(3):
        claimed(kit, call, clock)
        clock.forward(seconds=30)
    assert kit.sweep() == Swept(failed=1)
    assert broker.submitted == []


def test_of_two_sweeps_at_once_only_one_submits(kit: CallKit, broker: Broker, call: Call) -> None:
    class Slow(MemoryRepository):
        """Somebody else sweeps between its reading and its writing."""

        def save(self, call: Call, results: Any = None) -> None:
            kit.sweep()
            kit.repository.save(call, results)

        def find(self, *args: Any, **options: Any) -> Any:
            return kit.repository.find(*args, **options)

    other = CallKit(Slow(), kit.storage, broker, now=kit.now)
    assert other.sweep().resubmitted == 0
    assert broker.submitted == [call.id]


def test_a_message_that_comes_after_all_finds_the_call_as_it_was(
    kit: CallKit, broker: Broker, call: Call, clock: Clock
) -> None:
    late = ProcessCall(kit.repository, kit.storage, call.id, now=clock)
    kit.sweep()
    late()
    assert kit.get(call.id).attempts == 1
    assert kit.sweep() == Swept()


def test_a_broker_that_is_away_is_said(kit: CallKit, broker: Broker, call: Call) -> None:
    def away() -> int:
        raise RunnerError("It is away.")

    broker.waiting = away  # type: ignore[method-assign]  # the instance's own
    with pytest.raises(RunnerError):
        kit.sweep()
    assert kit.get(call.id) == call


def test_pools_have_no_backlog_and_their_calls_are_not_touched(kit: CallKit, call: Call, clock: Clock) -> None:
    class Pool:
        submit = Broker.submit
        close = Broker.close

        def __init__(self) -> None:
            self.submitted: list[UUID] = []

    pool: Any = Pool()
    assert not isinstance(pool, HasBacklog)
    assert CallKit(kit.repository, kit.storage, pool, now=clock).sweep().resubmitted == 1
    assert (pool.submitted, kit.get(call.id)) == ([call.id], call)
