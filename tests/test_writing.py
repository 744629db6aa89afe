"""Transcripts in a kit: made once, kept piece by piece, forgotten when asked; an engine that fails costs them alone."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve

from callkit import Call, CallKit, Leasing, Options, Status
from callkit.backends.repositories.memory import MemoryRepository
from callkit.backends.storages.memory import MemoryStorage
from callkit.backends.transcribers import driver
from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.core.roles import ChannelMap
from callkit.core.transcript import Transcript
from callkit.errors import (
    LeaseHeldError,
    MissingExtraError,
    MoveNotAllowedError,
    SettingsError,
    StorageError,
    TaskTimeoutError,
    TranscriptionError,
    WorkerLostError,
)
from callkit.protocols import TranscriberCapabilities
from callkit.testing import Clock, ScriptedTranscriber, make_call
from callkit.work import Claim, ProcessCall

TURNS = ((0, 1.0, 4.0), (1, 5.0, 9.0), (0, 10.0, 13.0), (1, 14.0, 18.0))
CALL = make_call(seconds=20, turns=TURNS).wav()
OTHER = make_call(seconds=20, turns=TURNS, seed=1).wav()
SMALL = TranscriptOptions(piece=10.0)
SYNTHETIC = TranscriberCapabilities(synthetic=True, words=False)


@pytest.fixture(autouse=True)
def by_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The factory's voices are none to silero."""
    monkeypatch.setattr(driver, "silero", lambda: None)


class Hand:
    """A runner that keeps the last task, to be run by hand."""

    task: ProcessCall

    def submit(self, task: Any) -> None:
        self.task = task

    def close(self) -> None: ...


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary.txt"


@pytest.fixture
def engine(diary: Path) -> ScriptedTranscriber:
    return ScriptedTranscriber(diary=str(diary))


NewKit = Callable[..., CallKit]


@pytest.fixture
def new_kit(clock: Clock) -> NewKit:
    repository, storage = MemoryRepository(), MemoryStorage()

    def new(transcriber: Any = None, transcription: TranscriptOptions = SMALL, **options: Any) -> CallKit:
        places: dict[str, Any] = {"repository": repository, "storage": storage, "runner": Hand()} | options
        return CallKit(**places, now=clock, transcriber=transcriber, transcription=transcription)

    return new


def asked(diary: Path) -> int:
    return len(diary.read_text().splitlines()) if diary.exists() else 0


def done(kit: CallKit, sound: bytes = CALL, **facts: Any) -> Call:
    call = kit.ingest(sound, **facts)
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    return kit.get(call.id)


def transcript(kit: CallKit, call: Call) -> Transcript:
    results = kit.results(call.id)
    assert results is not None
    assert results.transcript is not None
    return results.transcript


def words(kit: CallKit) -> list[str]:
    return [blob.key for blob in kit.storage.list("words/")]


# ---- what is made


def test_a_call_gets_its_transcript_with_its_figures(new_kit: NewKit, engine: ScriptedTranscriber) -> None:
    kit = new_kit(engine)
    call = done(kit)
    assert (call.status, call.failure, call.attempts) == (Status.READY, None, 0)
    said = transcript(kit, call)
    assert [(one.channel, round(one.start), one.text) for one in said.segments] == [
        (party, round(start), "sound") for party, start, _ in TURNS
    ]
    assert (said.engine, said.model, said.synthetic, said.duration) == ("scripted", "script", False, 20.0)


def test_without_a_transcriber_there_is_none(new_kit: NewKit) -> None:
    kit = new_kit()
    results = kit.results(done(kit).id)
    assert results is not None
    assert results.transcript is None
    assert words(kit) == []


def test_results_tell_who_is_on_which_channel(new_kit: NewKit) -> None:
    kit = new_kit()
    inbound = kit.results(done(kit, direction="inbound").id)
    assert inbound is not None
    assert inbound.sides == ("customer", "agent")
    mapped = new_kit(channel_map=ChannelMap("0=agent,1=customer"))
    results = mapped.results(done(mapped, OTHER).id)
    assert results is not None
    assert results.sides == ("agent", "customer")


def test_what_is_made_up_is_marked_and_replaced_but_never_the_other_way(new_kit: NewKit) -> None:
    invents, listens = ScriptedTranscriber(capabilities=SYNTHETIC), ScriptedTranscriber()
    kit = new_kit(invents)
    call = done(kit)
    assert transcript(kit, call).synthetic
    assert list(kit.outdated()) == []
    better = new_kit(listens)
    assert [it.id for it in better.outdated()] == [call.id]
    better.transcribe(call.id)
    assert not transcript(kit, call).synthetic
    assert list(kit.outdated()) == []
    kit.transcribe(call.id)
    assert not transcript(kit, call).synthetic


# ---- never twice


def test_the_same_sound_is_transcribed_once_under_any_id(
    new_kit: NewKit, engine: ScriptedTranscriber, diary: Path
) -> None:
    kit = new_kit(engine)
    first = done(kit)
    pieces = asked(diary)
    assert pieces == len(words(kit)) == 2
    second = done(kit, external_id="again")
    assert first.id != second.id
    assert asked(diary) == pieces
    assert transcript(kit, first) == transcript(kit, second)


def test_the_same_again_is_no_work(new_kit: NewKit, engine: ScriptedTranscriber, diary: Path) -> None:
    kit = new_kit(engine)
    call = done(kit)
    assert kit.retry(call.id) == call
    assert kit.transcribe(call.id) == call
    assert list(kit.outdated()) == []
    assert asked(diary) == 2


def test_another_engine_or_other_options_are_work_but_not_for_the_analyser(
    new_kit: NewKit, engine: ScriptedTranscriber, diary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = done(new_kit(engine))
    monkeypatch.setattr("callkit.work.measure", None)  # nobody may measure once more
    for kit in (
        new_kit(evolve(engine, version=2)),
        new_kit(engine, evolve(SMALL, language="de")),
        new_kit(engine, evolve(SMALL, hints=["Acme"])),
    ):
        before = asked(diary)
        assert [it.id for it in kit.outdated()] == [call.id]
        assert kit.retry(call.id).status is Status.PROCESSING
        kit.runner.task()  # type: ignore[attr-defined]  # a Hand
        assert (kit.get(call.id).status, asked(diary)) == (Status.READY, before + 2)
        assert list(kit.outdated()) == []


def test_other_figures_are_no_work_for_the_engine(new_kit: NewKit, engine: ScriptedTranscriber, diary: Path) -> None:
    call = done(new_kit(engine))
    kit = new_kit(engine, options=Options(min_silence=2.0))
    assert [it.id for it in kit.outdated()] == [call.id]
    kit.retry(call.id)
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    results = kit.results(call.id)
    assert results is not None
    assert results.analysis.parameters == {"min_silence": 2.0}
    assert results.transcript is not None
    assert asked(diary) == 2


def test_a_kit_without_a_transcriber_keeps_what_is_there(new_kit: NewKit, engine: ScriptedTranscriber) -> None:
    call = done(new_kit(engine))
    kit = new_kit(options=Options(min_silence=2.0))
    kit.retry(call.id)
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    assert transcript(kit, call).segments


def test_another_recording_gets_another_transcript(new_kit: NewKit, engine: ScriptedTranscriber, diary: Path) -> None:
    kit = new_kit(engine)
    call = done(kit, external_id="1")
    old = words(kit)
    kit.ingest(OTHER, external_id="1", replace=True)
    assert words(kit) == [], "nobody has the old one"
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    assert asked(diary) == 4
    assert not set(words(kit)) & set(old)
    assert kit.get(call.id).status is Status.READY


def test_a_kept_piece_that_can_not_be_read_is_made_again(
    new_kit: NewKit, engine: ScriptedTranscriber, diary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kit = new_kit(engine)
    call = done(kit)
    kit.storage.put(words(kit)[0], io.BytesIO(b'{"segments": 7'))
    again = done(kit, external_id="again")
    assert asked(diary) == 3
    assert transcript(kit, again) == transcript(kit, call)
    assert "can't be read" in caplog.text


def test_each_piece_is_kept_by_itself(new_kit: NewKit, engine: ScriptedTranscriber, diary: Path) -> None:
    turns = tuple((0, float(start), start + 4.0) for start in range(0, 60, 5))
    sound = make_call(seconds=60, channels=1, turns=turns).wav()
    kit = new_kit(engine)
    said = transcript(kit, done(kit, sound))
    assert asked(diary) == len(words(kit)) == 6
    again = transcript(kit, done(kit, sound, external_id="again"))
    assert again == said
    assert len(again.segments) == len(turns)


# ---- forgotten


def test_words_are_erased_with_the_last_call_that_has_the_sound(new_kit: NewKit, engine: ScriptedTranscriber) -> None:
    kit = new_kit(engine)
    first, second = done(kit), done(kit, external_id="again")
    kit.erase(first.id)
    assert len(words(kit)) == 2
    kit.erase(second.id)
    assert list(kit.storage.list()) == []


def test_a_sweep_finds_words_that_no_call_has(new_kit: NewKit, engine: ScriptedTranscriber) -> None:
    kit = new_kit(engine)
    call = done(kit)
    stray = f"words/ab/ab{'0' * 62}/0123.json"
    for key in (stray, "words/ab/notes.txt", "words/other/thing/x.json"):
        kit.storage.put(key, io.BytesIO(b"{}"))
    assert kit.sweep().orphans == 1
    left = {blob.key for blob in kit.storage.list()}
    assert stray not in left
    assert {"words/ab/notes.txt", "words/other/thing/x.json"} < left, "not ours"
    assert len(left) == 2 + 4
    assert transcript(kit, call).segments


class Meanwhile(ScriptedTranscriber):
    """Lets something happen while it transcribes."""

    happens: Callable[[], object] = staticmethod(lambda: None)

    def transcribe(self, samples: Any, rate: int, **options: Any) -> Transcript:
        Meanwhile.happens()
        return super().transcribe(samples, rate, **options)


def test_who_is_erased_meanwhile_leaves_no_words(new_kit: NewKit, diary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = new_kit(Meanwhile(diary=str(diary)))
    call = kit.ingest(CALL)
    monkeypatch.setattr(Meanwhile, "happens", lambda: kit.erase(call.id))
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    assert (kit.get(call.id).status, words(kit), asked(diary)) == (Status.ERASED, [], 1)
    assert kit.results(call.id) is None


# ---- failures


def test_while_it_is_written_down_the_figures_are_there(new_kit: NewKit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = new_kit(Meanwhile())
    call = kit.ingest(CALL)
    seen: list[Any] = []
    monkeypatch.setattr(Meanwhile, "happens", lambda: seen.append((kit.get(call.id), kit.results(call.id))))
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    during, results = seen[0]
    assert (during.status, during.duration) == (Status.PROCESSING, 20.0)
    assert results.analysis.duration == 20.0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MissingExtraError("The transcriber whisper", "whisper"), "missing_extra"),
        (SettingsError("There is no key."), "invalid_settings"),
    ],
)
def test_an_engine_that_can_not_work_costs_the_transcript_only(new_kit: NewKit, error: Any, code: str) -> None:
    kit = new_kit(ScriptedTranscriber(error=error))
    call = done(kit)
    assert call.failure is not None
    assert (call.status, call.failure.code, call.failure.message) == (Status.READY, code, str(error))
    results = kit.results(call.id)
    assert results is not None
    assert (results.analysis.duration, results.transcript) == (20.0, None)
    assert [it.id for it in kit.outdated()] == [call.id], "it is tried again when somebody asks"


def test_what_an_engine_failed_at_is_forgotten_when_nobody_wants_it_any_more(new_kit: NewKit) -> None:
    broken = new_kit(ScriptedTranscriber(error=SettingsError("There is no key.")))
    call = done(broken)
    kit = new_kit()
    assert [it.id for it in kit.outdated()] == [call.id]
    kit.retry(call.id)
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    assert kit.get(call.id).failure is None
    assert list(kit.outdated()) == []


def test_so_is_it_when_the_transcript_that_is_wanted_is_there(new_kit: NewKit) -> None:
    kit = new_kit(ScriptedTranscriber())
    call, said = done(kit), ScriptedTranscriber(error=SettingsError("There is no key."), model="other")
    assert kit.transcribe(call.id, said).failure is not None
    assert [it.id for it in kit.outdated()] == [call.id]
    assert kit.transcribe(call.id).failure is None
    assert transcript(kit, call).engine == ScriptedTranscriber().name


def test_trouble_that_may_pass_is_tried_again_but_not_for_ever(new_kit: NewKit) -> None:
    kit = new_kit(ScriptedTranscriber(error=TranscriptionError("scripted", "it is away")))
    call = kit.ingest(CALL)
    for attempt in (1, 2):
        kit.runner.task()  # type: ignore[attr-defined]  # a Hand
        tried = kit.get(call.id)
        assert (tried.status, tried.attempts, tried.lease) == (Status.PROCESSING, attempt, None)
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    ready = kit.get(call.id)
    assert ready.failure is not None
    assert (ready.status, ready.failure.code) == (Status.READY, "transcription_error")


def test_an_engines_mistake_is_logged_without_what_was_said(
    new_kit: NewKit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def mistake() -> None:
        raise ZeroDivisionError("my card number is 4242")

    monkeypatch.setattr(Meanwhile, "happens", mistake)
    call = done(new_kit(Meanwhile()))
    assert call.failure is not None
    assert (call.status, call.failure.code) == (Status.READY, "internal_error")
    assert "ZeroDivisionError" in caplog.text
    assert "4242" not in caplog.text


def test_a_failure_keeps_the_older_transcript_and_goes_when_it_works(new_kit: NewKit) -> None:
    call = done(new_kit(ScriptedTranscriber()))
    broken = new_kit(ScriptedTranscriber(version=2, error=TranscriptionError("scripted", "it broke")))
    failed = broken.transcribe(call.id)
    assert failed.failure is not None
    assert (failed.status, failed.failure.code) == (Status.READY, "transcription_error")
    assert "scripted/1" in transcript(broken, call).fingerprint
    mended = new_kit(ScriptedTranscriber(version=2))
    assert mended.transcribe(call.id).failure is None
    assert "scripted/2" in transcript(mended, call).fingerprint


def test_a_storage_that_fails_meanwhile_costs_no_figures(new_kit: NewKit) -> None:
    class Full(MemoryStorage):
        def put(self, key: str, source: Any) -> None:
            if key.startswith("words/"):
                raise StorageError("disk", key, "it is full")
            super().put(key, source)

    kit = new_kit(ScriptedTranscriber(), storage=Full(), leasing=Leasing(attempts=1))
    call = done(kit)
    assert call.failure is not None
    assert (call.status, call.failure.code) == (Status.READY, "storage_error")


# ---- life


def test_progress_counts_as_life(new_kit: NewKit, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = new_kit(Meanwhile(), leasing=Leasing(timedelta(seconds=30), longest=timedelta(seconds=40)))
    call = kit.ingest(CALL)
    leases = list[Any]()

    def slow() -> None:
        leases.append(kit.get(call.id).lease)
        clock.forward(seconds=25)

    monkeypatch.setattr(Meanwhile, "happens", slow)
    kit.runner.task()  # type: ignore[attr-defined]  # a Hand
    assert leases[1].until == leases[0].until + timedelta(seconds=25)
    assert kit.get(call.id).status is Status.READY


def test_after_a_piece_the_longest_time_begins_anew(new_kit: NewKit, clock: Clock) -> None:
    kit = new_kit()
    leasing = Leasing(timedelta(seconds=0.03), longest=timedelta(seconds=60))
    claimed = kit.ingest(CALL).claim("slow", clock(), leasing.lease)
    kit.repository.save(claimed)
    clock.forward(seconds=60)
    claim = Claim(kit.repository, claimed, leasing, clock)
    claim.proceed()
    version = kit.get(claimed.id).version
    with claim:
        for _ in range(1000):
            if kit.get(claimed.id).version > version:
                break
            sleep(0.01)
    assert kit.get(claimed.id).version > version, "the lease is renewed again"


@pytest.mark.parametrize("error", [TaskTimeoutError("call", 600.0), WorkerLostError("call")])
def test_whoever_got_on_with_it_is_run_again_however_often(
    new_kit: NewKit, clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    kit = new_kit(Meanwhile(), leasing=Leasing(attempts=1))
    call = kit.ingest(CALL)
    task: ProcessCall = kit.runner.task  # type: ignore[attr-defined]  # a Hand

    class KilledError(BaseException): ...

    def killed_at_the_second() -> None:
        if words(kit):
            raise KilledError

    monkeypatch.setattr(Meanwhile, "happens", killed_at_the_second)
    with monkeypatch.context() as patch:
        patch.setattr("callkit.claims.Claim.__exit__", lambda claim, *_: claim._settled.set())  # nothing is tidied up
        with pytest.raises(KilledError):
            task()
    assert kit.get(call.id).attempts == 0
    assert task.lost(error), "run it again"
    monkeypatch.setattr(Meanwhile, "happens", lambda: None)
    task()
    assert kit.get(call.id).status is Status.READY


def test_one_that_hangs_before_any_piece_is_given_up_with_its_figures(new_kit: NewKit, clock: Clock) -> None:
    kit = new_kit(ScriptedTranscriber())
    call = done(kit)
    kit.repository.save(kit.get(call.id).retry(clock()))
    kit.repository.save(kit.get(call.id).claim("hangs", clock(), timedelta(seconds=30)))
    assert not evolve(kit.runner.task, owner="hangs").lost(TaskTimeoutError("call", 600.0))  # type: ignore[attr-defined]  # a Hand
    assert kit.get(call.id).status is Status.FAILED
    assert transcript(kit, call).segments


# ---- here and now


def test_transcribe_tells_how_far_it_is(new_kit: NewKit, engine: ScriptedTranscriber) -> None:
    kit = new_kit()
    call = done(kit)
    told = list[tuple[float, float]]()
    assert kit.transcribe(call.id, engine, on_progress=lambda *it: told.append(it)).status is Status.READY
    assert [round(done) for done, _ in told] == [0, *sorted(round(done) for done, _ in told[1:])]
    assert told[-1][0] == told[-1][1]
    assert transcript(kit, call).segments


def test_transcribe_measures_too_what_was_not_measured(new_kit: NewKit, engine: ScriptedTranscriber) -> None:
    kit = new_kit()
    call = kit.ingest(CALL)
    assert kit.transcribe(call.id, engine).status is Status.READY
    assert transcript(kit, call).segments


def test_transcribe_goes_on_where_workers_died(new_kit: NewKit, engine: ScriptedTranscriber, clock: Clock) -> None:
    kit = new_kit()
    call = kit.ingest(CALL)
    for owner in ("dead", "dead, too", "and dead"):
        kit.repository.save(kit.get(call.id).claim(owner, clock(), timedelta(seconds=30)))
        clock.forward(minutes=1)
    assert kit.transcribe(call.id, engine).status is Status.READY


def test_transcribe_says_why_not(new_kit: NewKit, engine: ScriptedTranscriber, clock: Clock) -> None:
    kit = new_kit()
    call = kit.ingest(CALL)
    with pytest.raises(SettingsError, match="whisper:base"):
        kit.transcribe(call.id)
    with pytest.raises(MoveNotAllowedError):
        kit.transcribe(kit.create().id, engine)
    kit.repository.save(kit.get(call.id).claim("other", clock(), timedelta(seconds=30)))
    with pytest.raises(LeaseHeldError):
        kit.transcribe(call.id, engine)


def test_two_who_ask_at_once_do_it_once(tmp_path: Path, diary: Path) -> None:
    engine = ScriptedTranscriber(diary=str(diary), seconds=0.001)
    with CallKit.open(tmp_path / "data", runner="inline", transcription=SMALL) as kit:
        call = kit.ingest(CALL)
        errors = list[Exception]()

        def ask() -> None:
            try:
                kit.transcribe(call.id, engine)
            except LeaseHeldError as error:
                errors.append(error)

        both = [Thread(target=ask) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert asked(diary) == 2
        assert len(errors) <= 1
        assert transcript(kit, call).segments
        assert kit.get(call.id).status is Status.READY


# ---- travelling


def test_the_task_travels_with_its_engine(tmp_path: Path, engine: ScriptedTranscriber, diary: Path) -> None:
    hand = Hand()
    with CallKit.open(tmp_path / "data", runner=hand, transcriber=engine, transcription=SMALL) as kit:
        call = kit.ingest(CALL)
        sent = pickle.dumps(hand.task)
        assert len(sent) < 3000
        pickle.loads(sent)()
        assert asked(diary) == 2
        assert transcript(kit, call).segments


def test_a_worker_elsewhere_has_its_own(new_kit: NewKit, engine: ScriptedTranscriber) -> None:
    kit = new_kit(engine)
    task = kit.task({"task": "process", "call": str(uuid4())})
    assert isinstance(task, ProcessCall)
    assert (task.transcriber, task.transcription) == (engine, SMALL)


def test_a_kit_opens_engines_by_name(tmp_path: Path) -> None:
    for name, expected in (("placeholder", True), ("none", False), (None, False)):
        with CallKit.open(tmp_path, runner="inline", transcriber=name) as kit:
            assert (kit.transcriber is not None) is expected
    with pytest.raises(SettingsError, match="No transcriber is called 'nobody'"):
        CallKit.open(tmp_path, transcriber="nobody:base")


# ---- kill -9

KILLED = """
import sys
import time
from datetime import timedelta

from callkit import CallKit, Leasing
from callkit.backends.transcribers import driver
from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.testing import ScriptedTranscriber

driver.silero = lambda: None
engine = ScriptedTranscriber(diary=sys.argv[2], seconds=0.01)
options = TranscriptOptions(piece=10.0)
leasing = Leasing(timedelta(seconds=0.5))
with CallKit.open(sys.argv[1], runner="inline", leasing=leasing, transcriber=engine, transcription=options) as kit:
    call = kit.ingest(open(sys.argv[3], "rb"), external_id="1")
    while kit.get(call.id).status == "processing":
        kit.sweep(grace=None)
        time.sleep(0.05)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker_costs_one_piece_at_most(tmp_path: Path, diary: Path) -> None:
    turns = tuple((number % 2, 2.0 * number, 2.0 * number + 1.5) for number in range(60))
    recording = tmp_path / "call.wav"
    recording.write_bytes(make_call(seconds=121, turns=turns).wav())
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "data"), str(diary), str(recording)]
    for begun in (2, 5):
        child = subprocess.Popen(arguments)
        while asked(diary) < begun:
            assert child.poll() is None
            sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    engine = ScriptedTranscriber(diary=str(diary))
    with CallKit.open(tmp_path / "data", runner="inline", transcriber=engine, transcription=SMALL) as kit:
        (call,) = kit.calls()
        assert (call.status, call.lease is not None) == (Status.PROCESSING, True)
        kit.repository.save(call.release(call.updated_at))  # as if its lease had run out
        kit.sweep()
        (ready,) = kit.calls()
        assert (ready.status, ready.failure) == (Status.READY, None)
        said = transcript(kit, ready)
        pieces = len(words(kit))
        assert pieces <= asked(diary) <= pieces + 2, "each kill cost one piece at most"
        assert [(one.channel, round(one.start * 2)) for one in said.segments] == [
            (party, round(start * 2)) for party, start, _ in turns
        ]
        kept = 0
        for key in words(kit):
            with kit.storage.open(key) as file:
                kept += len(json.load(file)["segments"])
        assert kept == len(turns)
