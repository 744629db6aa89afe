"""The facade, end to end on SQLite and local files."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve
from pydub import AudioSegment

from callkit import Call, CallKit, Direction, Leasing, Options, Query, Status
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.storages.memory import MemoryStorage
from callkit.errors import (
    CallErasedError,
    CallExistsError,
    CallNotFoundError,
    DuplicateRecordingError,
    ExternalIdConflictError,
    InvalidCallError,
    InvalidCutError,
    MoveNotAllowedError,
    RecordingChangedError,
    RecordingExistsError,
    RecordingNotFoundError,
    RunnerError,
    SettingsError,
    StorageError,
    UnsupportedFormatError,
    WaitTimeoutError,
)
from callkit.protocols import Task

WHEN = datetime(2026, 9, 14, 10, 32, 12, tzinfo=UTC)
WavMaker = Callable[..., bytes]


class Queue:
    """A runner that never runs anything by itself."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def submit(self, task: Task) -> None:
        self.tasks.append(task)

    def close(self) -> None:
        self.tasks.clear()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def idle(queue: Queue, clock: Any) -> CallKit:
    """A kit in memory, on a clock of its own, whose work waits in `queue`."""
    return CallKit(MemoryRepository(), MemoryStorage(), queue, now=clock)


def blobs(kit: CallKit) -> set[str]:
    return {blob.key for blob in kit.storage.list()}


def test_a_recording_comes_in_and_is_measured(kit: CallKit, wav: WavMaker, tmp_path: Path) -> None:
    path = tmp_path / "звонок.wav"
    path.write_bytes(wav(6))
    call = kit.ingest(path, caller="+442079460018", receiver="101", started_at=WHEN, direction="inbound", tags=["VIP"])
    assert call.status is Status.PROCESSING
    ready = kit.wait(call.id, timeout=30)
    assert (ready.status, ready.duration, ready.direction) == (Status.READY, 6.0, Direction.INBOUND)
    assert (ready.recording and ready.recording.name, ready.started_at, ready.tags) == ("звонок.wav", WHEN, ("vip",))
    results = kit.results(call.id)
    assert results is not None
    assert results.analysis.duration == 6.0
    assert results.analysis.silence_time == pytest.approx(3.0, abs=0.1)
    assert kit.results_of([ready])[call.id] == results
    with kit.open_recording(call.id) as file:
        assert file.read() == path.read_bytes()
    assert kit.peaks(call.id).to_dat()


@pytest.mark.parametrize("form", ["path", "text", "bytes", "file", "pipe", "segment"])
def test_any_form_of_a_recording_will_do(kit: CallKit, wav: WavMaker, tmp_path: Path, form: str) -> None:
    data = wav(2)
    path = tmp_path / "call.wav"
    path.write_bytes(data)

    class Pipe(io.RawIOBase):
        rest = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self.rest.read(size)

    forms: dict[str, Any] = {
        "path": path,
        "text": str(path),
        "bytes": data,
        "file": io.BytesIO(data),
        "pipe": Pipe(),
        "segment": AudioSegment.from_file(io.BytesIO(data), "wav"),
    }
    call = kit.wait(kit.ingest(forms[form]).id)
    with kit.open_recording(call.id) as file:
        stored = file.read()
    assert call.recording is not None
    assert (call.duration, call.recording.size) == (2.0, len(stored))


def test_a_file_object_stays_open(kit: CallKit, wav: WavMaker) -> None:
    file = io.BytesIO(wav())
    kit.ingest(file)
    assert not file.closed


@pytest.mark.parametrize(
    ("data", "error"), [(b"", UnsupportedFormatError), (b"PK\3\4" + b"\0" * 99, UnsupportedFormatError)]
)
def test_what_can_not_be_read_is_refused_now(kit: CallKit, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"notes\.wav"):
        kit.ingest(data, name="notes.wav")
    assert kit.count() == 0
    assert not blobs(kit)


class TestTheSameAgain:
    """The table of idempotent ingest, row by row."""

    def test_same_key_same_bytes_is_the_same_call_and_no_more_work(
        self, idle: CallKit, queue: Queue, wav: WavMaker
    ) -> None:
        first = idle.ingest(wav(), source="pbx", external_id="1")
        assert idle.ingest(wav(), source="pbx", external_id="1") == first
        assert (idle.count(), len(queue.tasks), len(blobs(idle))) == (1, 1, 1)

    def test_without_an_id_the_bytes_are_the_key(self, idle: CallKit, wav: WavMaker) -> None:
        assert idle.ingest(wav()) == idle.ingest(wav())
        assert idle.ingest(wav(seed=1)) != idle.ingest(wav())

    def test_same_key_other_bytes_is_a_conflict(self, idle: CallKit, wav: WavMaker) -> None:
        first = idle.ingest(wav(), source="pbx", external_id="1")
        with pytest.raises(ExternalIdConflictError, match=str(first.id)):
            idle.ingest(wav(seed=1), source="pbx", external_id="1")
        assert (idle.get(first.id), len(blobs(idle))) == (first, 1)

    def test_the_same_id_of_another_source_is_another_call(self, idle: CallKit, wav: WavMaker) -> None:
        assert idle.ingest(wav(), source="a", external_id="1") != idle.ingest(wav(seed=1), source="b", external_id="1")

    def test_replacing_makes_a_new_version(self, kit: CallKit, wav: WavMaker) -> None:
        first = kit.ingest(wav(2), source="pbx", external_id="1")
        second = kit.wait(kit.ingest(wav(4), source="pbx", external_id="1", replace=True).id)
        assert (second.id, second.duration) == (first.id, 4.0)
        assert second.recording is not None
        assert blobs(kit) == {second.recording.key, second.recording.peaks_key}

    def test_a_recording_for_a_call_that_waits_for_one(self, kit: CallKit, wav: WavMaker) -> None:
        call = kit.create(source="pbx", external_id="1", caller="101", started_at=WHEN)
        assert kit.ingest(wav(), source="pbx", external_id="1").id == call.id
        ready = kit.wait(call.id)
        assert (ready.status, ready.caller) == (Status.READY, "101")

    @pytest.mark.parametrize("duplicates", ["link", "allow"])
    def test_other_key_same_bytes_is_a_new_call(self, idle: CallKit, wav: WavMaker, duplicates: Any) -> None:
        first = idle.ingest(wav(), external_id="1")
        second = idle.ingest(wav(), external_id="2", duplicates=duplicates)
        third = idle.ingest(wav(), external_id="3", duplicates=duplicates)
        assert len({first.id, second.id, third.id}) == 3
        assert {second.duplicate_of, third.duplicate_of} == ({first.id} if duplicates == "link" else {None})

    def test_other_key_same_bytes_may_be_rejected(self, idle: CallKit, wav: WavMaker) -> None:
        first = idle.ingest(wav(), external_id="1")
        with pytest.raises(DuplicateRecordingError, match=str(first.id)):
            idle.ingest(wav(), external_id="2", duplicates="reject")

    def test_an_erased_call_does_not_come_back(self, idle: CallKit, wav: WavMaker) -> None:
        first = idle.ingest(wav())
        idle.erase(first.id)
        with pytest.raises(CallErasedError, match=str(first.id)):
            idle.ingest(wav())

    def test_two_who_bring_it_at_the_same_time(self, queue: Queue, wav: WavMaker) -> None:
        class Late(MemoryRepository):
            """Shows the other's call only after ours was refused."""

            hidden = True

            def find(self, query: Query, **page: Any) -> Any:
                found = super().find(query, **page)
                return evolve(found, items=()) if self.hidden and query.external_id else found

            def add(self, call: Call) -> None:
                try:
                    super().add(call)
                finally:
                    self.hidden = self.count(Query()) == 0

        kit = CallKit(Late(), MemoryStorage(), queue)
        first = kit.ingest(wav(), external_id="1")
        kit.repository.hidden = True  # type: ignore[attr-defined]  # it is a Late
        assert kit.ingest(wav(), external_id="1") == first
        assert (kit.count(), len(blobs(kit))) == (1, 1)


class TestAttach:
    def test_a_recording_comes_later(self, kit: CallKit, wav: WavMaker) -> None:
        call = kit.create(caller="101", receiver="102")
        assert call.status is Status.CREATED
        with pytest.raises(RecordingNotFoundError, match="created"):
            kit.open_recording(call.id)
        assert kit.wait(kit.attach(call.id, wav()).id).status is Status.READY

    def test_the_same_again_is_fine_another_is_not(self, idle: CallKit, wav: WavMaker) -> None:
        call = idle.attach(idle.create().id, wav())
        assert idle.attach(call.id, wav()) == call
        with pytest.raises(RecordingExistsError):
            idle.attach(call.id, wav(seed=1))
        assert idle.attach(call.id, wav(seed=1), replace=True).id == call.id
        assert len(blobs(idle)) == 1

    def test_an_id_that_is_taken(self, idle: CallKit) -> None:
        idle.create(source="pbx", external_id="1")
        with pytest.raises(CallExistsError):
            idle.create(source="pbx", external_id="1")


def test_a_file_that_changes_while_it_is_read_is_refused(idle: CallKit, wav: WavMaker) -> None:
    class Growing(io.BytesIO):
        """Somebody still writes it: each time it is read to its end, there is more."""

        def seek(self, offset: int, whence: int = 0) -> int:
            if offset == 0 and whence == 0 and self.read_once:
                end = super().seek(0, 2)
                self.write(b"\0" * (end % 7 + 1))
            return super().seek(offset, whence)

        def readinto(self, buffer: Any) -> int:
            count = super().readinto(buffer)
            self.read_once = self.read_once or not count
            return count

        read_once = False

    with pytest.raises(RecordingChangedError, match="try again when it is complete"):
        idle.ingest(Growing(wav()))
    assert (idle.count(), blobs(idle)) == (0, set())


class TestFinding:
    def test_by_text_and_by_query(self, idle: CallKit, wav: WavMaker) -> None:
        one = idle.ingest(wav(), caller="+442079460018", started_at=WHEN)
        two = idle.ingest(wav(seed=1), caller="101", started_at=WHEN + timedelta(days=1))
        assert [call.id for call in idle.find()] == [two.id, one.id]
        assert [call.id for call in idle.find("7946")] == [one.id]
        assert [call.id for call in idle.find(Query(numbers=["101"]))] == [two.id]
        assert idle.count("status:processing") == 2
        assert idle.count("status:ready") == 0

    def test_page_by_page(self, idle: CallKit) -> None:
        made = [idle.create(started_at=WHEN + timedelta(minutes=n)).id for n in range(7)]
        page = idle.find(limit=3)
        seen = [call.id for call in page]
        while page.next:
            page = idle.find(limit=3, after=page.next)
            seen += [call.id for call in page]
        assert seen == made[::-1] == [call.id for call in idle.calls()]

    @pytest.mark.parametrize("call_id", ["nonsense", "0192a1b2-0000-7000-8000-000000000000"])
    def test_an_id_that_is_none(self, idle: CallKit, call_id: str) -> None:
        with pytest.raises(CallNotFoundError, match=call_id):
            idle.get(call_id)


class TestClip:
    def test_a_piece_as_pydub_has_it(self, kit: CallKit, wav: WavMaker) -> None:
        data = wav(5, channels=2)
        call = kit.ingest(data)
        piece = kit.clip(call.id, 1.25, 2.5)
        whole = AudioSegment.from_file(io.BytesIO(data), "wav")
        assert piece.raw_data == whole[1250:2500].raw_data
        assert (piece.frame_rate, piece.channels, len(piece)) == (8000, 2, 1250)

    def test_an_end_beyond_the_recording_is_cut(self, kit: CallKit, wav: WavMaker) -> None:
        call = kit.ingest(wav(2))
        assert len(kit.clip(call.id, 1.5, 99)) == 500
        assert len(kit.clip(call.id, 50, 99)) == 0

    @pytest.mark.parametrize(("start", "end"), [(-1, 1), (2, 1), (1, 1)])
    def test_pieces_that_can_not_be(self, kit: CallKit, wav: WavMaker, start: float, end: float) -> None:
        with pytest.raises(InvalidCutError):
            kit.clip(kit.ingest(wav()).id, start, end)


class TestLife:
    def test_waiting_has_an_end(self, idle: CallKit, wav: WavMaker) -> None:
        call = idle.ingest(wav())
        with pytest.raises(WaitTimeoutError, match="processing"):
            idle.wait(call.id, timeout=0.01)

    def test_a_failed_call_is_retried(self, idle: CallKit, queue: Queue, wav: WavMaker) -> None:
        call = idle.ingest(wav())
        assert call.recording is not None
        idle.storage.delete(call.recording.key)
        queue.tasks.pop()()
        failed = idle.get(call.id)
        assert failed.failure is not None
        assert (failed.status, failed.failure.code) == (Status.FAILED, "blob_not_found")
        idle.storage.put(call.recording.key, io.BytesIO(wav()))
        assert idle.retry(call.id).status is Status.PROCESSING
        queue.tasks.pop()()
        assert idle.get(call.id).status is Status.READY

    def test_measuring_again_in_the_same_way_is_no_work(self, idle: CallKit, queue: Queue, wav: WavMaker) -> None:
        call = idle.ingest(wav())
        queue.tasks.pop()()
        ready = idle.get(call.id)
        assert idle.retry(call.id) == ready
        assert not queue.tasks
        idle.options = Options(min_silence=0.3)
        assert idle.retry(call.id).status is Status.PROCESSING

    def test_a_created_call_can_not_be_retried(self, idle: CallKit) -> None:
        with pytest.raises(MoveNotAllowedError, match="must be"):
            idle.retry(idle.create().id)

    def test_tags_and_metadata(self, idle: CallKit) -> None:
        call = idle.create(metadata={"queue": "sales"})
        idle.annotate(call.id, tags=(tag for tag in ["vip"]))
        idle.annotate(call.id, metadata={"queue": "support"})
        after = idle.get(call.id)
        assert (after.tags, after.metadata, after.version) == (("vip",), {"queue": "support"}, 2)

    def test_an_odd_direction(self, idle: CallKit) -> None:
        with pytest.raises(InvalidCallError, match="inbound, outbound, internal"):
            idle.create(direction="sideways")

    def test_erasing_removes_numbers_sound_and_results(self, kit: CallKit, wav: WavMaker) -> None:
        call = kit.ingest(wav(), caller="+442079460018")
        kit.erase(call.id, "asked to")
        assert kit.results(call.id) is None
        assert not blobs(kit)
        assert kit.count("442079460018") == 0
        with pytest.raises(RecordingNotFoundError, match="erased"):
            kit.open_recording(call.id)

    def test_erasing_while_the_storage_is_away_is_made_good_by_sweep(self, idle: CallKit, wav: WavMaker) -> None:
        call = idle.ingest(wav())
        storage = idle.storage

        class Away:
            def delete(self, key: str) -> None:
                raise StorageError("s3://bucket", key, "it is away")

        idle.storage = Away()  # type: ignore[assignment]  # no more is asked of it
        with pytest.raises(StorageError):
            idle.erase(call.id)
        idle.storage = storage
        assert idle.get(call.id).status is Status.ERASED
        assert idle.sweep().orphans == 1
        assert not blobs(idle)


class TestSweep:
    def test_a_lost_hint_is_found_again(self, idle: CallKit, queue: Queue, wav: WavMaker) -> None:
        call = idle.ingest(wav())
        queue.tasks.clear()
        assert idle.sweep().resubmitted == 1
        queue.tasks.pop()()
        assert idle.get(call.id).status is Status.READY
        assert idle.sweep().resubmitted == 0

    def test_a_lease_is_left_alone_until_it_runs_out(
        self, idle: CallKit, queue: Queue, wav: WavMaker, clock: Any
    ) -> None:
        call = idle.ingest(wav())
        idle.repository.save(call.claim("dead", clock(), idle.leasing.lease))
        assert idle.sweep().resubmitted == 0
        clock.forward(seconds=30)
        assert idle.sweep().resubmitted == 1

    def test_a_call_that_kills_its_workers_is_given_up(self, idle: CallKit, wav: WavMaker, clock: Any) -> None:
        call = idle.ingest(wav())
        for _ in range(3):
            call = idle.get(call.id)
            idle.repository.save(call.claim("dead", clock(), idle.leasing.lease))
            clock.forward(minutes=1)
        assert idle.sweep().failed == 1
        failed = idle.get(call.id)
        assert failed.failure is not None
        assert (failed.status, failed.failure.code) == (Status.FAILED, "worker_lost")

    def test_orphans_go_after_a_grace_time_and_nothing_else(self, idle: CallKit, wav: WavMaker, clock: Any) -> None:
        call = idle.ingest(wav())
        assert call.recording is not None
        orphan = uuid4()
        beside = call.recording.key.rpartition("/")[0] + "/other.wav"
        unknown = f"{orphan.hex[-2:]}/{orphan}/1.wav"
        for key in (beside, unknown, "somebody/elses/file.wav", "top.wav"):
            idle.storage.put(key, io.BytesIO(b"x"))
        clock.time = datetime.now(UTC)
        assert idle.sweep().orphans == 0
        clock.forward(hours=2)
        assert idle.sweep(grace=None).orphans == 0
        assert idle.sweep().orphans == 2
        assert blobs(idle) == {call.recording.key, "somebody/elses/file.wav", "top.wav"}


def test_a_runner_that_takes_nothing_loses_nothing(
    idle: CallKit, wav: WavMaker, caplog: pytest.LogCaptureFixture
) -> None:
    class Closed:
        def submit(self, task: Task) -> None:
            raise RunnerError("The broker is away at redis://user:secret@host.")

        def close(self) -> None: ...

    idle.runner = Closed()
    call = idle.ingest(wav(), caller="+442079460018")
    assert call.status is Status.PROCESSING
    assert "sweep()" in caplog.text
    assert "secret" not in caplog.text
    assert "442079460018" not in caplog.text


def test_a_timeout_longer_than_a_claim_is_refused(tmp_path: Path, queue: Queue) -> None:
    queue.timeout = 3600.0  # type: ignore[attr-defined]  # as process runners have it
    with pytest.raises(SettingsError, match="shorter"):
        CallKit.open(tmp_path, runner=queue)
    CallKit.open(tmp_path, runner=queue, leasing=Leasing(longest=timedelta(hours=2))).close()


@pytest.mark.parametrize("runner", ["inline", "threads:2", "processes:2"])
def test_leaving_the_kit_finishes_the_work(tmp_path: Path, wav: WavMaker, runner: str) -> None:
    with CallKit.open(tmp_path, runner=runner) as kit:
        for seed in range(5):
            kit.ingest(wav(seed=seed))
    with CallKit.open(tmp_path, runner="inline") as kit:
        assert [call.status for call in kit.calls()] == [Status.READY] * 5
