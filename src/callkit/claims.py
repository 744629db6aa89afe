"""Claims: work on a call is promised to one worker, for as long as it lives."""

import logging
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from uuid import uuid4

from attrs import Attribute, field, frozen

from callkit.core.analysis import Results
from callkit.core.call import Call, Status
from callkit.errors import BackendError, CallKitError, SettingsError, StaleCallError, WorkerLostError
from callkit.protocols import Repository

__all__ = ["Claim", "ClaimLostError", "Clock", "Leasing", "Move", "given_up", "new_owner", "utc_now"]

log = logging.getLogger("callkit.work")

Clock = Callable[[], datetime]
Move = Callable[[Call, datetime], Call]


class ClaimLostError(Exception):
    """Somebody else took the call over, or it was erased or got another recording: there is nothing left to do."""


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
        longest: a claim is not renewed beyond this, unless some of the work is done meanwhile: who hangs is given up.
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


def given_up(call: Call, now: datetime) -> Call:
    """A call that its workers died of, as a failed one."""
    error = WorkerLostError(f"call {call.id}")
    return call.fail(error.code, f"{error} It was given up after {call.attempts} attempts.", now)


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

    def keep(self, results: Results) -> None:
        """Save what was measured so far, and go on.

        Raises:
            ClaimLostError: the claim was lost meanwhile, and nothing was changed.
        """
        self._go_on(lambda call, now: call.renew(now, self._leasing.lease, results.analysis), results)

    def proceed(self) -> None:
        """Some of the work is done and kept: that is life, so the time that a worker may take begins anew.

        Raises:
            ClaimLostError: as `keep`.
        """
        self._go_on(lambda call, now: call.proceed(now, self._leasing.lease))
        self._last = self._now() + self._leasing.longest

    def _go_on(self, move: Move, results: Results | None = None) -> None:
        if not self._save(move, results):
            raise ClaimLostError

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
