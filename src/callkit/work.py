"""`ProcessCall`: the task that turns a stored recording into results, in this process or in another."""

import logging
import os
import platform
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from secrets import token_hex
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from attrs import Attribute, field, frozen
from attrs.validators import matches_re

from callkit.audio.analyser import Measured, Options, measure
from callkit.audio.source import open_audio
from callkit.core.analysis import Results
from callkit.core.call import Call, Recording, Status
from callkit.errors import (
    AudioError,
    BackendError,
    CallKitError,
    CallNotFoundError,
    LeaseHeldError,
    MoveNotAllowedError,
    NotFoundError,
    RunnerError,
    SettingsError,
    StaleCallError,
    TaskTimeoutError,
)
from callkit.protocols import Message, Repository, Storage

__all__ = ["Claim", "Clock", "Leasing", "Probe", "ProcessCall", "new_owner", "utc_now"]

log = logging.getLogger("callkit.work")

Clock = Callable[[], datetime]
Move = Callable[[Call, datetime], Call]


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def new_owner() -> str:
    """A name for a lease's owner: machine, process and a random word, unlike any other."""
    return f"{platform.node()}/{os.getpid()}/{uuid4().hex[:12]}"


@frozen
class Leasing:
    """How long work on a call is promised to one worker.

    Attributes:
        lease: a claim lasts so long, and is renewed every third of it while the worker lives.
        longest: a claim is never renewed beyond this: a worker that hangs is given up then.
        attempts: a call whose worker was lost so often is failed.
    """

    lease: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=1)
    attempts: int = field(default=3)

    @attempts.validator
    def _check(self, _: "Attribute[int]", attempts: int) -> None:
        if self.lease <= timedelta(0) or self.longest < self.lease or attempts < 1:
            raise SettingsError(
                "A lease must be longer than nothing, `longest` at least one lease, `attempts` 1 or more."
            )


@frozen
class ProcessCall:
    """Claim a call, measure its recording, save call and results together.

    Everything in it names a place, so it can travel: it is pickled as URLs and options, never as sound. Run twice,
    or by two workers at once, it still does the work once: whoever loses the claim leaves quietly.
    """

    repository: Repository
    storage: Storage
    call_id: UUID
    options: Options = field(factory=Options)
    leasing: Leasing = field(factory=Leasing)
    owner: str = field(factory=new_owner)
    now: Clock = utc_now

    def __call__(self) -> None:
        """Do it. What is wrong with the recording becomes the call's failure; a lost database is raised."""
        try:
            call = self.repository.get(self.call_id)
            now = self.now()
            claimed = call.claim(self.owner, now, self.leasing.lease)
            self.repository.save(claimed)
        except (LeaseHeldError, MoveNotAllowedError, StaleCallError):
            return
        except CallNotFoundError:  # rows are never removed
            log.warning("there is no call %s: is this the database of those who submit?", self.call_id)
            return
        with Claim(self.repository, claimed, self.leasing, self.now) as claim:
            self._work(claim)

    def message(self) -> Message:
        """See `callkit.protocols.Portable`."""
        return {"task": "process", "call": str(self.call_id)}

    def _work(self, claim: "Claim") -> None:
        recording = claim.call.recording
        if recording is None:
            raise MoveNotAllowedError(str(self.call_id), claim.call.status, "work", "given a recording")
        try:
            analysis = self._measure(recording)
        except (AudioError, NotFoundError) as error:
            claim.settle(_give_up(error))
        except BackendError as error:
            claim.settle(self._later_or_never(error))
        except Exception as error:
            # its text or its lines may hold the name of a file, and that a telephone number
            log.error("call %s could not be processed: %s", self.call_id, type(error).__name__)
            log.debug("call %s", self.call_id, exc_info=True)
            why = f"{type(error).__name__}: {error}"
            claim.settle(lambda call, now: call.fail("internal_error", why, now))
        else:
            claim.settle(lambda call, now: call.finish(analysis, now), Results(analysis))

    def _measure(self, recording: Recording) -> Any:
        with self.storage.open(recording.key) as file, open_audio(file, name=recording.name) as reader:
            measured: Measured = measure(reader, self.options, name=recording.name)
        self.storage.put(recording.peaks_key, BytesIO(measured.peaks.to_dat()))
        return measured.analysis

    def lost(self, error: RunnerError) -> bool:
        """The worker died or was stopped: take back what it held; true if the task is to run again."""
        while True:
            call = self.repository.get(self.call_id)
            held = call.lease is not None and call.lease.owner == self.owner
            if call.status is not Status.PROCESSING or not held:
                return call.status is Status.PROCESSING and call.lease is None
            move = _give_up(error) if isinstance(error, TaskTimeoutError) else self._later_or_never(error)
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


class Claim:
    """A claimed call, whose lease a thread renews until the work is settled."""

    def __init__(self, repository: Repository, call: Call, leasing: Leasing, now: Clock) -> None:
        self.call = call
        self._repository = repository
        self._leasing = leasing
        self._now = now
        self._lock = Lock()
        self._settled = Event()
        self._last = call.updated_at + leasing.longest
        self._owner = call.lease.owner if call.lease else ""
        self._thread = Thread(target=self._beat, name="callkit-lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._settled.set()
        self._thread.join()
        if error is not None:  # interrupted, or the database is away: nobody need wait for the lease to run out
            with suppress(CallKitError):
                self._save(Call.release)

    def settle(self, move: Move, results: Results | None = None) -> bool:
        """End the work with a move; false if the claim was lost meanwhile, and then nothing was changed."""
        self._settled.set()
        return self._save(move, results)

    def _beat(self) -> None:
        """Renew the lease again and again; a hiccup of the database is no reason to stop."""
        lease = self._leasing.lease
        while not self._settled.wait(lease.total_seconds() / 3) and self._now() < self._last:
            try:
                if not self._save(lambda call, now: call.renew(now, lease)):
                    return
            except BackendError as error:
                log.warning("the lease of call %s was not renewed: %s", self.call.id, error.code)

    def _save(self, move: Move, results: Results | None = None) -> bool:
        """Save a move on what the call is by now: others may annotate it while it is worked on."""
        with self._lock:
            while self._is_ours():
                try:
                    self._repository.save(moved := move(self.call, self._now()), results)
                except StaleCallError:
                    self.call = self._repository.get(self.call.id)
                else:
                    self.call = moved
                    return True
        return False

    def _is_ours(self) -> bool:
        call = self.call
        return call.status is Status.PROCESSING and call.lease is not None and call.lease.owner == self._owner


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
