"""The life of calls, as a machine: whatever happens in whatever order, at most one worker holds a call, a stale save
changes nothing, and nothing is lost. On the memory repository and on SQLite."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from uuid import UUID

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from callkit import Call, Query, Status
from callkit.backends.repositories import open_repository
from callkit.backends.repositories.memory import MemoryRepository
from callkit.core.analysis import Analysis, Results
from callkit.core.call import Recording
from callkit.core.ids import new_call_id
from callkit.errors import CallExistsError, LeaseHeldError, MoveNotAllowedError, StaleCallError
from callkit.protocols import Repository
from callkit.testing.clock import Clock

LEASE = timedelta(seconds=30)


def results(duration: float) -> Results:
    some: dict[str, Any] = dict.fromkeys(("silence", "parties", "warnings"), ())
    some |= dict.fromkeys(("container", "codec", "method", "fingerprint"), "x")
    some |= dict.fromkeys(("sample_rate", "channels", "frames"), 1)
    some |= {"declared_duration": None, "overlap_time": None, "silence_time": 0.0, "truncated": False, "parameters": {}}
    return Results(Analysis(duration=duration, **some))


class Life(RuleBasedStateMachine):
    """The model is a dictionary of what was saved last, and of results."""

    calls: Bundle[UUID] = Bundle("calls")
    copies: Bundle[Call] = Bundle("copies")  # what somebody read, perhaps long ago
    statuses: ClassVar[list[Status]] = list(Status)

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.repository = self.new_repository()
        self.saved: dict[UUID, Call] = {}
        self.results: dict[UUID, Results] = {}

    def new_repository(self) -> Repository:
        return MemoryRepository()

    @rule(target=calls, number=st.integers(0, 3))
    def add(self, number: int) -> UUID:
        now = self.clock()
        call = Call(
            id=new_call_id(now, len(self.saved).to_bytes(10, "big")),
            started_at=now,
            created_at=now,
            updated_at=now,
            caller=str(number),
            external_id=f"{number}",
        )
        taken = next((kept.id for kept in self.saved.values() if kept.external_id == call.external_id), None)
        try:
            self.repository.add(call)
        except CallExistsError:
            assert taken is not None
            return taken
        assert taken is None
        self.saved[call.id] = call
        return call.id

    @rule(target=copies, call_id=calls)
    def read(self, call_id: UUID) -> Call:
        call = self.repository.get(call_id)
        assert call == self.saved[call_id]
        return call

    @rule(seconds=st.sampled_from([1, 29, 30, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)

    @rule(call=consumes(copies), event=st.sampled_from(["attach", "replace", "retry", "annotate", "release", "fail"]))
    def somebody_moves_it(self, call: Call, event: str) -> None:
        now = self.clock()
        recording = Recording(f"x/{call.id}/{call.version}.wav", "call.wav", 1, "0" * 64, "wav", now)
        arguments = {"attach": (recording, now), "replace": (recording, now), "fail": ("code", "why", now)}
        self._save(call, lambda: getattr(call, event)(*arguments.get(event, (now,))))

    @rule(target=copies, call=consumes(copies), owner=st.sampled_from("AB"))
    def claim(self, call: Call, owner: str) -> Call:
        kept = self.saved[call.id]
        held = kept.lease is not None and kept.lease.until > self.clock()
        if self._save(call, lambda: call.claim(owner, self.clock(), LEASE)):
            assert not held, "two workers hold the call"
        return self.repository.get(call.id)

    @rule(target=copies, call=consumes(copies))
    def renew(self, call: Call) -> Call:
        self._save(call, lambda: call.renew(self.clock(), LEASE))
        return self.repository.get(call.id)

    @rule(call=consumes(copies), duration=st.floats(0, 100))
    def finish(self, call: Call, duration: float) -> None:
        made = results(duration)
        if self._save(call, lambda: call.finish(made.analysis, self.clock()), made):
            self.results[call.id] = made

    @rule(call=consumes(copies))
    def erase(self, call: Call) -> None:
        if self._save(call, lambda: call.erase(self.clock())):
            self.results.pop(call.id, None)

    def _save(self, call: Call, move: object, made: Results | None = None) -> bool:
        """True if it was saved; a refused move or a stale save must change nothing (see the invariants)."""
        assert callable(move)
        try:
            moved = move()
            self.repository.save(moved, made)
        except (MoveNotAllowedError, LeaseHeldError):
            return False
        except StaleCallError:
            assert self.saved[call.id].version != call.version
            return False
        assert self.saved[call.id].version == call.version, "a stale save went through"
        self.saved[call.id] = moved
        return True

    @invariant()
    def everything_is_as_it_was_saved(self) -> None:
        for call_id, call in self.saved.items():
            assert self.repository.get(call_id) == call
        assert dict(self.repository.results(list(self.saved))) == self.results

    @invariant()
    def what_waits_for_a_worker_is_found(self) -> None:
        waiting = {call.id for call in self.repository.find(Query(unclaimed_at=self.clock()), limit=50)}
        assert waiting == {
            call.id
            for call in self.saved.values()
            if call.status is Status.PROCESSING and (call.lease is None or call.lease.until <= self.clock())
        }


class SqlLife(Life):
    """The same on SQLite."""

    def new_repository(self) -> Repository:
        self.folder = TemporaryDirectory()
        return open_repository(str(Path(self.folder.name) / "calls.db"))

    def teardown(self) -> None:
        self.repository.close()
        self.folder.cleanup()


def test_a_planted_fault_is_seen() -> None:
    """A repository that forgets to compare versions must not pass."""

    class Forgetful(MemoryRepository):
        def save(self, call: Call, results: Results | None = None) -> None:
            kept = self.get(call.id)
            super().save(evolve(call, version=kept.version + 1), results)

    machine = Life()
    machine.repository = Forgetful()
    call_id = machine.add(1)
    old = machine.read(call_id)
    machine.somebody_moves_it(old, "attach")
    try:
        machine.erase(old)
        machine.everything_is_as_it_was_saved()
    except AssertionError:
        return
    raise AssertionError("the machine did not notice")


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestSqlLife = SqlLife.TestCase
TestSqlLife.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
