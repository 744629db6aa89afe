"""The task that processes a call: claims, heartbeats, and whatever happens meanwhile."""

import io
import pickle
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, BinaryIO

import pytest

from callkit import Call, CallKit, Leasing, Status
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.storages.memory import MemoryStorage
from callkit.errors import RepositoryError, SettingsError, StorageError, TaskTimeoutError, WorkerLostError
from callkit.work import Claim, ProcessCall, new_owner

WavMaker = Callable[..., bytes]


class Hand:
    """A runner that keeps the last task, to be run by hand."""

    task: ProcessCall

    def submit(self, task: Any) -> None:
        self.task = task

    def close(self) -> None: ...


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def kit(hand: Hand, clock: Any) -> CallKit:
    return CallKit(MemoryRepository(), MemoryStorage(), hand, now=clock)


@pytest.fixture
def call(kit: CallKit, wav: WavMaker) -> Call:
    return kit.ingest(wav(), name="in-442079460018.wav")


class Meanwhile(MemoryStorage):
    """Lets something happen after the work was begun and before it is done."""

    happens: Callable[[], object] = staticmethod(lambda: None)

    def open(self, key: str) -> BinaryIO:
        self.happens()
        return super().open(key)


def test_it_is_done_once_however_often_it_is_run(kit: CallKit, hand: Hand, call: Call) -> None:
    hand.task()
    ready = kit.get(call.id)
    hand.task()
    assert kit.get(call.id) == ready
    assert (ready.status, ready.attempts, ready.lease) == (Status.READY, 1, None)


def test_whoever_finds_it_claimed_leaves_quietly(kit: CallKit, hand: Hand, call: Call, clock: Any) -> None:
    claimed = call.claim("somebody", clock(), timedelta(seconds=30))
    kit.repository.save(claimed)
    hand.task()
    assert kit.get(call.id) == claimed


def test_a_call_that_is_gone_is_no_error(kit: CallKit, hand: Hand, call: Call) -> None:
    kit.erase(call.id)
    hand.task()
    assert kit.get(call.id).status is Status.ERASED


@pytest.mark.parametrize("happening", ["annotate", "erase", "replace"])
def test_what_happens_meanwhile_is_not_overwritten(hand: Hand, wav: WavMaker, clock: Any, happening: str) -> None:
    storage = Meanwhile()
    kit = CallKit(MemoryRepository(), storage, hand, now=clock)
    call = kit.ingest(wav(), external_id="1")
    task = hand.task
    happenings = {
        "annotate": lambda: kit.annotate(call.id, tags=["vip"]),
        "erase": lambda: kit.erase(call.id),
        "replace": lambda: kit.ingest(wav(9), external_id="1", replace=True),
    }

    def happen() -> None:
        storage.happens = lambda: None
        happenings[happening]()

    storage.happens = happen
    task()
    after = kit.get(call.id)
    if happening == "annotate":
        assert (after.status, after.tags) == (Status.READY, ("vip",))
        assert kit.results(call.id) is not None
    else:
        expected = Status.ERASED if happening == "erase" else Status.PROCESSING
        assert (after.status, kit.results(call.id)) == (expected, None)


def test_a_lease_that_ran_out_and_was_taken_is_lost(hand: Hand, wav: WavMaker, clock: Any) -> None:
    storage = Meanwhile()
    kit = CallKit(MemoryRepository(), storage, hand, now=clock)
    call = kit.ingest(wav())

    def taken() -> None:
        clock.forward(seconds=31)
        kit.repository.save(kit.get(call.id).claim("other", clock(), timedelta(seconds=30)))

    storage.happens = taken
    hand.task()
    after = kit.get(call.id)
    assert after.lease is not None
    assert (after.status, after.lease.owner, kit.results(call.id)) == (Status.PROCESSING, "other", None)


def test_a_long_task_keeps_its_lease(hand: Hand, wav: WavMaker) -> None:
    storage = Meanwhile()
    kit = CallKit(MemoryRepository(), storage, hand, leasing=Leasing(timedelta(seconds=0.06)))
    call = kit.ingest(wav())
    begun, go_on = Event(), Event()

    def wait() -> None:
        begun.set()
        go_on.wait(30)

    storage.happens = wait
    worker = Thread(target=hand.task)
    worker.start()
    assert begun.wait(30)
    first = kit.get(call.id).lease
    while (lease := kit.get(call.id).lease) == first:
        pass
    assert first is not None
    assert lease is not None
    assert (lease.owner, lease.until > first.until) == (first.owner, True)
    go_on.set()
    worker.join()
    assert kit.get(call.id).status is Status.READY


def test_a_claim_is_not_renewed_for_ever(kit: CallKit, call: Call, clock: Any) -> None:
    leasing = Leasing(timedelta(seconds=0.03), longest=timedelta(seconds=60))
    claimed = call.claim("hangs", clock(), leasing.lease)
    kit.repository.save(claimed)
    clock.forward(seconds=60)
    claim = Claim(kit.repository, claimed, leasing, clock)
    claim._thread.start()
    claim._thread.join(30)
    assert not claim._thread.is_alive()
    assert kit.get(call.id) == claimed


def test_a_hiccup_of_the_database_does_not_end_the_heartbeat(kit: CallKit, call: Call) -> None:
    claimed = call.claim("me", call.updated_at, timedelta(seconds=0.03))
    kit.repository.save(claimed)
    renewed = Event()

    class Hiccup(MemoryRepository):
        saves = 0

        def save(self, call: Call, results: Any = None) -> None:
            self.saves += 1
            if self.saves == 1:
                raise RepositoryError("sqlite", "it is away")
            kit.repository.save(call, results)
            renewed.set()

    with Claim(Hiccup(), claimed, Leasing(timedelta(seconds=0.03)), lambda: claimed.updated_at):
        assert renewed.wait(30)


def test_damaged_audio_fails_and_says_why(kit: CallKit, hand: Hand, call: Call) -> None:
    assert call.recording is not None
    kit.storage.put(call.recording.key, io.BytesIO(b"RIFF\0\0"))
    hand.task()
    failure = kit.get(call.id).failure
    assert failure is not None
    assert failure.code in {"damaged_audio", "unsupported_format"}
    assert "in-442079460018.wav" in failure.message


def test_trouble_that_may_pass_is_tried_again_but_not_for_ever(hand: Hand, wav: WavMaker, clock: Any) -> None:
    storage = Meanwhile()
    kit = CallKit(MemoryRepository(), storage, hand, now=clock)
    call = kit.ingest(wav())

    def away() -> None:
        raise StorageError("s3://bucket", "key", "it is away")

    storage.happens = away
    for attempt in (1, 2):
        hand.task()
        tried = kit.get(call.id)
        assert (tried.status, tried.attempts, tried.lease) == (Status.PROCESSING, attempt, None)
    hand.task()
    failed = kit.get(call.id)
    assert failed.failure is not None
    assert (failed.status, failed.failure.code) == (Status.FAILED, "storage_error")


def test_a_mistake_of_ours_is_logged_without_the_callers_number(
    hand: Hand, wav: WavMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    storage = Meanwhile()
    kit = CallKit(MemoryRepository(), storage, hand)
    call = kit.ingest(wav(), caller="+442079460018", name="442079460018.wav")

    def mistake() -> None:
        raise ZeroDivisionError("in 442079460018.wav")

    storage.happens = mistake
    hand.task()
    failure = kit.get(call.id).failure
    assert failure is not None
    assert (failure.code, str(call.id) in caplog.text) == ("internal_error", True)
    assert "ZeroDivisionError" in caplog.text
    assert "442079460018" not in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_whoever_is_interrupted_lets_go(hand: Hand, wav: WavMaker, stop: type[BaseException]) -> None:
    storage = Meanwhile()
    kit = CallKit(MemoryRepository(), storage, hand)
    call = kit.ingest(wav())

    def interrupted() -> None:
        raise stop

    storage.happens = interrupted
    with pytest.raises(stop):
        hand.task()
    after = kit.get(call.id)
    assert (after.status, after.lease) == (Status.PROCESSING, None)


class TestLost:
    def test_a_dead_worker_costs_one_attempt(self, kit: CallKit, hand: Hand, call: Call, clock: Any) -> None:
        kit.repository.save(call.claim(hand.task.owner, clock(), timedelta(seconds=30)))
        assert hand.task.lost(WorkerLostError("call"))
        hand.task()
        assert (kit.get(call.id).status, kit.get(call.id).attempts) == (Status.READY, 2)

    def test_but_not_too_many(self, kit: CallKit, hand: Hand, call: Call, clock: Any) -> None:
        for again in (True, True, False):
            kit.repository.save(kit.get(call.id).claim(hand.task.owner, clock(), timedelta(seconds=30)))
            assert hand.task.lost(WorkerLostError("call")) is again
        failure = kit.get(call.id).failure
        assert failure is not None
        assert failure.code == "worker_lost"

    def test_nor_does_a_message_that_comes_again_begin_one_too_many(
        self, kit: CallKit, hand: Hand, call: Call, clock: Any
    ) -> None:
        for attempt in (1, 2, 3):
            kit.repository.save(kit.get(call.id).claim(f"dead {attempt}", clock(), timedelta(seconds=30)))
            clock.forward(minutes=1)
        hand.task()
        after = kit.get(call.id)
        assert (after.status, after.attempts, after.lease) == (Status.FAILED, 3, None)
        assert after.failure is not None
        assert (after.failure.code, "after 3 attempts" in after.failure.message) == ("worker_lost", True)

    def test_whoever_let_go_did_not_die(self, kit: CallKit, hand: Hand, call: Call, clock: Any) -> None:
        for _ in range(3):
            claimed = kit.get(call.id).claim("interrupted", clock(), timedelta(seconds=30))
            kit.repository.save(claimed)
            kit.repository.save(claimed.release(clock()))
        hand.task()
        assert kit.get(call.id).status is Status.READY

    def test_a_task_that_hangs_is_not_run_again(self, kit: CallKit, hand: Hand, call: Call, clock: Any) -> None:
        kit.repository.save(call.claim(hand.task.owner, clock(), timedelta(seconds=30)))
        assert not hand.task.lost(TaskTimeoutError("call", 600.0))
        failure = kit.get(call.id).failure
        assert failure is not None
        assert failure.code == "task_timeout"

    def test_one_that_had_not_begun_is_run_again(self, hand: Hand, call: Call) -> None:
        assert call.lease is None
        assert hand.task.lost(WorkerLostError("call"))

    def test_somebody_elses_claim_is_left_alone(self, kit: CallKit, hand: Hand, call: Call, clock: Any) -> None:
        claimed = call.claim("other", clock(), timedelta(seconds=30))
        kit.repository.save(claimed)
        assert not hand.task.lost(WorkerLostError("call"))
        assert kit.get(call.id) == claimed

    def test_one_that_was_finished_after_all(self, kit: CallKit, hand: Hand, call: Call) -> None:
        hand.task()
        assert not hand.task.lost(WorkerLostError("call"))
        assert kit.get(call.id).status is Status.READY


def test_it_travels_as_places_and_options(tmp_path: Path, wav: WavMaker) -> None:
    hand = Hand()
    with CallKit.open(tmp_path, runner=hand) as kit:
        call = kit.ingest(wav(60))
        sent = pickle.dumps(hand.task)
        assert len(sent) < 2000
        pickle.loads(sent)()
        assert kit.get(call.id).status is Status.READY


def test_owners_are_unlike_each_other() -> None:
    assert new_owner() != new_owner()


@pytest.mark.parametrize("leasing", [{"lease": timedelta(0)}, {"attempts": 0}, {"longest": timedelta(seconds=1)}])
def test_leasing_that_can_not_be(leasing: Any) -> None:
    with pytest.raises(SettingsError):
        Leasing(**leasing)
