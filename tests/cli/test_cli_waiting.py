"""Waiting for many calls must not cost what the work needs."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from callkit import CallKit
from callkit.cli.waiting import Waiting
from callkit.core.call import Status
from callkit.errors import RunnerError


class Kit:
    """Calls whose status is set by hand; counts how often it is asked."""

    def __init__(self) -> None:
        self.ready: set[UUID] = set()
        self.asked: Counter[UUID] = Counter()

    def get(self, call_id: UUID) -> Any:
        self.asked[call_id] += 1
        return SimpleNamespace(status=Status.READY if call_id in self.ready else Status.PROCESSING)


def waiting(kit: Any, calls: int) -> tuple[Waiting, list[int]]:
    done: list[int] = []
    found = Waiting(kit, done.append)
    for number in range(calls):
        found.add(UUID(int=number))
    return found, done


def test_glances_in_quick_succession_are_one_look() -> None:
    kit = Kit()
    found, _ = waiting(kit, 100)
    for _ in range(50):
        found.glance()
    assert kit.asked.total() <= 16


def test_a_look_stops_at_those_that_are_still_worked_on() -> None:
    kit = Kit()
    kit.ready = {UUID(int=number) for number in range(5)}
    found, done = waiting(kit, 100)
    assert found.look()
    assert (done, kit.asked.total()) == ([5], 13)


def test_a_stuck_call_hides_nobody() -> None:
    kit = Kit()
    kit.ready = {UUID(int=number) for number in range(20, 100)}
    found, done = waiting(kit, 100)
    for _ in range(30):
        found.look()
    assert sum(done) == 80


def test_a_broker_that_is_away_is_waited_for() -> None:
    class Away(Kit):
        sweeps = 0

        def sweep(self, *, grace: None) -> None:
            self.sweeps += 1
            if self.sweeps == 1:
                raise RunnerError("It is away.")
            self.ready.add(UUID(int=0))

    kit = Away()
    done: list[int] = []
    found = Waiting(cast(CallKit, kit), done.append, patience=0.0)
    found.add(UUID(int=0))
    found.to_the_end()
    assert (kit.sweeps, sum(done)) == (2, 1)


def test_whoever_waits_for_workers_elsewhere_is_told_that_none_may_run(capsys: pytest.CaptureFixture[str]) -> None:
    class Runner:
        def waiting(self) -> int:
            return 1

    class Alone(Kit):
        runner = Runner()
        sweeps = 0

        def sweep(self, *, grace: None) -> None:
            self.sweeps += 1
            if self.sweeps == 3:
                self.ready.add(UUID(int=0))

    found = Waiting(cast(CallKit, Alone()), lambda _: None, patience=0.0)
    found.add(UUID(int=0))
    found.to_the_end()
    assert capsys.readouterr().err.count("is `callkit worker` running?") == 1
