"""`ProcessCall`: the task that turns a stored recording into results, in this process or in another."""

import logging
import re
from functools import cached_property
from io import BytesIO
from secrets import token_hex
from typing import Self
from uuid import UUID

from attrs import evolve, field, frozen
from attrs.validators import matches_re

from callkit.audio.analyser import Measured, Options, measure
from callkit.audio.source import open_audio
from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.backends.transcribers.driver import OnProgress
from callkit.claims import Claim, ClaimLostError, Clock, Leasing, Move, given_up, new_owner, utc_now
from callkit.core.analysis import Analysis, Results
from callkit.core.call import Call, Failure, Recording, Status
from callkit.core.roles import ChannelMap, roles_in
from callkit.errors import (
    AudioError,
    BackendError,
    CallKitError,
    CallNotFoundError,
    LeaseHeldError,
    MoveNotAllowedError,
    NotFoundError,
    RunnerError,
    StaleCallError,
    TaskTimeoutError,
)
from callkit.protocols import Message, Repository, Storage, Transcriber
from callkit.writing import Writer, forget_words

__all__ = ["Claim", "Clock", "Leasing", "Probe", "ProcessCall", "new_owner", "utc_now"]

log = logging.getLogger("callkit.work")


@frozen
class ProcessCall:
    """Claim a call, measure its recording, write down what is said, save call and results together.

    Everything in it names a place, so it can travel: it is pickled as URLs and options, never as sound. Run twice,
    or by two workers at once, it still does the work once: whoever loses the claim leaves quietly.

    What was measured is saved before anything is written down, and what was written down is kept piece by piece: a
    crash costs one piece, and an engine that fails costs the transcript alone.

    Attributes:
        repository: where the call is.
        storage: where its recording is.
        call_id: which call.
        options: of the analysis.
        leasing: how long work is promised to this worker.
        owner: the worker's name.
        now: the clock.
        transcriber: writes down what is said; None: nobody does, and a transcript that is there stays.
        transcription: how.
        channel_map: who is on which channel; None: the call's direction tells.
        on_progress: told how much of the speech is written down. It can't travel.
    """

    repository: Repository
    storage: Storage
    call_id: UUID
    options: Options = field(factory=Options)
    leasing: Leasing = field(factory=Leasing)
    owner: str = field(factory=new_owner)
    now: Clock = utc_now
    transcriber: Transcriber | None = None
    transcription: TranscriptOptions = field(factory=TranscriptOptions)
    channel_map: ChannelMap | None = None
    on_progress: OnProgress | None = None

    def __call__(self) -> None:
        """Do it. What is wrong with the recording becomes the call's failure; a lost database is raised."""
        if claimed := self._claimed():
            with Claim(self.repository, claimed, self.leasing, self.now) as claim:
                self._work(claim)

    def _claimed(self) -> Call | None:
        """The call, as ours; None if there is nothing to do, or nobody ought to try again."""
        try:
            call, now = self.repository.get(self.call_id), self.now()
            claimed = call.claim(self.owner, now, self.leasing.lease)
            if call.lease and call.attempts >= self.leasing.attempts:  # its message came again before a sweep did
                claimed = given_up(call, now)
            self.repository.save(claimed)
        except (LeaseHeldError, MoveNotAllowedError, StaleCallError):
            return None
        except CallNotFoundError:  # rows are never removed
            log.warning("there is no call %s: is this the database of those who submit?", self.call_id)
            return None
        return claimed if claimed.lease else None

    def message(self) -> Message:
        """See `callkit.protocols.Portable`."""
        return {"task": "process", "call": str(self.call_id)}

    @cached_property
    def _writer(self) -> Writer | None:
        return Writer(self.transcriber, self.transcription) if self.transcriber else None

    def outdated(self, call: Call, results: Results) -> bool:
        """Whether a ready call would come out in another way now; so does one whose last engine failed."""
        if call.failure or results.analysis.fingerprint != self.options.fingerprint:
            return True
        return bool(self._writer and self._writer.wants(results.transcript))

    def _work(self, claim: Claim) -> None:
        recording = claim.call.recording
        if recording is None:
            raise MoveNotAllowedError(str(self.call_id), claim.call.status, "work", "given a recording")
        try:
            results, failure = self._results(claim, recording)
        except ClaimLostError:
            forget_words(self.repository, self.storage, recording)
        except (AudioError, NotFoundError) as error:
            claim.settle(_give_up(error))
        except BackendError as error:
            claim.settle(self._later_or_never(error))
        except Exception as error:
            failed = self._failure(error)
            claim.settle(lambda call, now: call.fail(failed.code, failed.message, now))
        else:
            done = claim.settle(lambda call, now: call.finish(results.analysis, now, failure), results)
            if not done and results.transcript:
                forget_words(self.repository, self.storage, recording)

    def _results(self, claim: Claim, recording: Recording) -> tuple[Results, Failure | None]:
        """All that is wanted; or, without a new transcript, all else and why there is none."""
        before = self._before(claim.call)
        known = before is not None and before.analysis.fingerprint == self.options.fingerprint
        analysis = before.analysis if before and known else self._measured(recording)
        results = Results(analysis, before.transcript if before else None, self._sides(claim.call, analysis))
        writer = self._writer
        if writer is None or not writer.wants(results.transcript):
            return results, None
        if not known:
            claim.keep(results)
        return self._written(claim, recording, results, writer)

    def _before(self, call: Call) -> Results | None:
        """What an earlier run came to with the same recording."""
        return None if call.duration is None else self.repository.results([call.id]).get(call.id)

    def _measured(self, recording: Recording) -> Analysis:
        with self.storage.open(recording.key) as file, open_audio(file, name=recording.name) as reader:
            measured: Measured = measure(reader, self.options, name=recording.name)
        self.storage.put(recording.peaks_key, BytesIO(measured.peaks.to_dat()))
        return measured.analysis

    def _sides(self, call: Call, analysis: Analysis) -> tuple[str | None, ...]:
        roles = roles_in(call, analysis.channels, self.channel_map)
        return tuple(None if channel.side is None else str(channel.side) for channel in roles.channels)

    def _written(
        self, claim: Claim, recording: Recording, results: Results, writer: Writer
    ) -> tuple[Results, Failure | None]:
        """With a transcript; whatever the engine does, what was measured is not lost."""
        try:
            transcript = writer.write(
                self.storage, recording, results.analysis, proceed=claim.proceed, on_progress=self.on_progress
            )
        except ClaimLostError:
            raise
        except BackendError as error:
            if claim.call.attempts < self.leasing.attempts:
                raise
            return results, self._failure(error)
        except Exception as error:
            return results, self._failure(error)
        return evolve(results, transcript=transcript), None

    def _failure(self, error: Exception) -> Failure:
        if isinstance(error, CallKitError):
            log.warning("call %s: %s", self.call_id, error.code)
            return Failure(error.code, str(error), self.now())
        # its text or its lines may hold the name of a file, and that a telephone number
        log.error("call %s could not be processed: %s", self.call_id, type(error).__name__)
        log.debug("call %s", self.call_id, exc_info=error)
        return Failure("internal_error", f"{type(error).__name__}: {error}", self.now())

    def lost(self, error: RunnerError) -> bool:
        """The worker died or was stopped: take back what it held; true if the task is to run again."""
        while True:
            call = self.repository.get(self.call_id)
            held = call.lease is not None and call.lease.owner == self.owner
            if call.status is not Status.PROCESSING or not held:
                return call.status is Status.PROCESSING and call.lease is None
            # after a piece of a transcript attempts are counted anew: it was slow, but it did not hang
            hung = isinstance(error, TaskTimeoutError) and call.attempts > 0
            move = _give_up(error) if hung else self._later_or_never(error)
            try:
                self.repository.save(moved := move(call, self.now()))
            except StaleCallError:
                continue
            return moved.status is Status.PROCESSING

    def _later_or_never(self, error: CallKitError) -> Move:
        """Trouble that may pass: somebody may try again, unless it happened too often."""
        give_up = _give_up(error)
        return lambda call, now: give_up(call, now) if call.attempts >= self.leasing.attempts else call.release(now)


def _give_up(error: CallKitError) -> Move:
    return lambda call, now: call.fail(error.code, str(error), now)


_NOTE = re.compile(r"doctor/[0-9a-f]{16}")


@frozen
class Probe:
    """A task that leaves a note in the storage: so the runner works, and its workers reach the storage.

    Attributes:
        storage: where.
        key: "doctor/" and 16 hexadecimal digits, so that nothing else can be overwritten by a message.
    """

    storage: Storage
    key: str = field(validator=matches_re(_NOTE))

    @classmethod
    def of(cls, storage: Storage) -> Self:
        """A new one."""
        return cls(storage, f"doctor/{token_hex(8)}")

    def __call__(self) -> None:
        """Leave the note."""
        self.storage.put(self.key, BytesIO(self.note))

    @property
    def note(self) -> bytes:
        """What it leaves."""
        return self.key.encode()

    def message(self) -> Message:
        """See `callkit.protocols.Portable`."""
        return {"task": "probe", "key": self.key}

    def lost(self, _: RunnerError) -> bool:
        """Not again."""
        return False
