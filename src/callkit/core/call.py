"""The call and its whole life: `Call`, `Status` and `MOVES`.

A `Call` is a value. Each event of its life is a method that returns the next value, one version on; saving it
succeeds only if nobody else saved that version before. Time is always passed in.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from attrs import Attribute, evolve, field, frozen

from callkit.core.analysis import Analysis
from callkit.errors import InvalidCallError, LeaseHeldError, MoveNotAllowedError

__all__ = ["MOVES", "Call", "Direction", "Event", "Failure", "Lease", "Recording", "Status", "Tombstone"]


class Status(StrEnum):
    """Where a call is in its life."""

    CREATED = "created"  # known, but its recording has not come
    PROCESSING = "processing"  # recording stored, work promised or under way
    READY = "ready"  # measured
    FAILED = "failed"  # could not be measured; `failure` says why
    ERASED = "erased"  # a tombstone: who called whom and the sound are gone


class Event(StrEnum):
    """What can happen to a call."""

    ATTACH = "attach"
    CLAIM = "claim"
    RENEW = "renew"
    RELEASE = "release"
    FINISH = "finish"
    FAIL = "fail"
    RETRY = "retry"
    REPLACE = "replace"
    ANNOTATE = "annotate"
    ERASE = "erase"


MOVES: Mapping[tuple[Status, Event], Status] = {
    (Status.CREATED, Event.ATTACH): Status.PROCESSING,
    (Status.PROCESSING, Event.CLAIM): Status.PROCESSING,
    (Status.PROCESSING, Event.RENEW): Status.PROCESSING,
    (Status.PROCESSING, Event.RELEASE): Status.PROCESSING,
    (Status.PROCESSING, Event.FINISH): Status.READY,
    (Status.PROCESSING, Event.FAIL): Status.FAILED,
    (Status.FAILED, Event.RETRY): Status.PROCESSING,
    (Status.READY, Event.RETRY): Status.PROCESSING,
    (Status.PROCESSING, Event.REPLACE): Status.PROCESSING,
    (Status.READY, Event.REPLACE): Status.PROCESSING,
    (Status.FAILED, Event.REPLACE): Status.PROCESSING,
    (Status.CREATED, Event.ANNOTATE): Status.CREATED,
    (Status.PROCESSING, Event.ANNOTATE): Status.PROCESSING,
    (Status.READY, Event.ANNOTATE): Status.READY,
    (Status.FAILED, Event.ANNOTATE): Status.FAILED,
    (Status.CREATED, Event.ERASE): Status.ERASED,
    (Status.PROCESSING, Event.ERASE): Status.ERASED,
    (Status.READY, Event.ERASE): Status.ERASED,
    (Status.FAILED, Event.ERASE): Status.ERASED,
}
"""The whole life as one table: any (status, event) that is not in it raises `MoveNotAllowedError`."""


class Direction(StrEnum):
    """Which way a call went, seen from the exchange that recorded it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


_MEASURED = ("duration", "silence_share", "talk_share", "overlap_share")
_LONGEST_TEXT = 1000
_LAST_YEAR = 6000  # sort keys of later times would not fit 63 bits
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def _check_text(_: Any, attribute: "Attribute[str]", value: str | None) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidCallError(f"{attribute.name} must be text, not {type(value).__name__}.")
    if len(value) > _LONGEST_TEXT or _NOT_TEXT.search(value):
        raise InvalidCallError(
            f"{attribute.name} must be text of at most {_LONGEST_TEXT} characters without NUL or lone surrogates."
        )


def _to_moment(value: datetime) -> datetime:
    """In UTC, whole milliseconds: what every database keeps and a page is sorted by."""
    if value.tzinfo is UTC and value.microsecond % 1000 == 0 and value.year <= _LAST_YEAR:
        return value
    if value.tzinfo is None:
        raise InvalidCallError(f"The time {value.isoformat()} has no time zone: pass an aware datetime.")
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise InvalidCallError(f"The time {value.isoformat()} can't be told in UTC.") from None
    if utc.year > _LAST_YEAR:
        raise InvalidCallError(f"The time {value.isoformat()} is after the year {_LAST_YEAR}.")
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _to_tags(tags: Iterable[str]) -> tuple[str, ...]:
    if not tags:
        return ()
    if isinstance(tags, str):
        raise InvalidCallError(f"Tags come as a list, such as [{tags!r}]: a text would be a tag for each letter.")
    cleaned = {tag.strip().lower() for tag in tags}
    if any(not tag or len(tag) > 100 or re.search(r"[\s\"\x00\ud800-\udfff]", tag) for tag in cleaned):
        raise InvalidCallError("A tag is a word of 1 to 100 characters, without spaces and quotes.")
    return tuple(sorted(cleaned))


@frozen
class Lease:
    """Who works on a call, and until when nobody else may."""

    owner: str
    until: datetime = field(converter=_to_moment)


@frozen
class Failure:
    """Why a call could not be processed. `code` is that of the error (see `callkit.errors`)."""

    code: str
    message: str = field(repr=False)
    at: datetime = field(converter=_to_moment)


@frozen
class Tombstone:
    """What is left of an erased call, so that it can't come back by accident."""

    at: datetime = field(converter=_to_moment)
    reason: str
    sha256: str | None


@frozen
class Recording:
    """The stored sound of a call.

    Attributes:
        key: where the storage has it.
        name: what the file was called when it came; no folder.
        size: bytes.
        sha256: of the bytes, 64 lower-case hexadecimal digits.
        container: what the content is: "wav", "mp3", …
        stored_at: when it came.
    """

    key: str
    name: str = field(repr=False)
    size: int
    sha256: str
    container: str
    stored_at: datetime = field(converter=_to_moment)

    @property
    def peaks_key(self) -> str:
        """Where the storage has the waveform's peaks, once the call is ready."""
        return f"{self.key.rpartition('.')[0] or self.key}.dat"

    @property
    def words_prefix(self) -> str:
        """What the keys of all that was written down of these bytes begin with; calls with the same bytes share it."""
        return f"words/{self.sha256[:2]}/{self.sha256}/"


@frozen(kw_only=True)
class Call:
    """One telephone call.

    Attributes:
        id: time-ordered when callkit makes it (`new_call_id`).
        caller, receiver: numbers, extensions or SIP names as they came; "" if unknown.
        started_at: aware; kept in UTC to the millisecond.
        direction: None if unknown.
        source, external_id: who told of the call and what they call it (the id if they don't); unique together.
        tags: words in lower case, sorted.
        metadata: whatever else is known, JSON values by name.
        recording: None until it came and after it was erased.
        duplicate_of: the call that had the same bytes before.
        duration: measured seconds; None, as the shares, until the call is ready.
        silence_share, talk_share, overlap_share: 0 to 1, as in `Analysis`.
        lease: who works on it; None if nobody.
        attempts: how often work was begun since the recording came, was retried, or something came of it.
        failure: of the last attempt; of a ready call it says why it has no transcript, or no newer one.
        version: one more with every event.
    """

    id: UUID
    started_at: datetime = field(converter=_to_moment)
    created_at: datetime = field(converter=_to_moment)
    updated_at: datetime = field(converter=_to_moment)
    caller: str = field(default="", validator=_check_text, repr=False)
    receiver: str = field(default="", validator=_check_text, repr=False)
    direction: Direction | None = None
    source: str = field(default="callkit", validator=_check_text)
    external_id: str = field(validator=_check_text)
    status: Status = Status.CREATED
    tags: tuple[str, ...] = field(default=(), converter=_to_tags)
    metadata: Mapping[str, Any] = field(factory=dict, repr=False, hash=False)
    recording: Recording | None = field(default=None, repr=False)
    duplicate_of: UUID | None = None
    duration: float | None = None
    silence_share: float | None = None
    talk_share: float | None = None
    overlap_share: float | None = None
    lease: Lease | None = None
    attempts: int = 0
    failure: Failure | None = None
    tombstone: Tombstone | None = None
    version: int = 0

    @external_id.default
    def _own_id(self) -> str:
        return str(self.id)

    def attach(self, recording: Recording, now: datetime) -> Self:
        """The recording came: work is promised from here on."""
        return self._move(Event.ATTACH, now, recording=recording, attempts=0)

    def replace(self, recording: Recording, now: datetime) -> Self:
        """Another recording came in place of the first: everything measured is void."""
        void: dict[str, Any] = dict.fromkeys((*_MEASURED, "lease", "failure", "duplicate_of"))
        return self._move(Event.REPLACE, now, recording=recording, attempts=0, **void)

    def claim(self, owner: str, now: datetime, lease: timedelta) -> Self:
        """Somebody begins to work on it.

        Raises:
            LeaseHeldError: somebody else does, and their lease has not run out.
        """
        if self.lease and now < self.lease.until:
            raise LeaseHeldError(str(self.id), self.lease.owner, self.lease.until.isoformat())
        return self._move(Event.CLAIM, now, lease=Lease(owner, now + lease), attempts=self.attempts + 1)

    def renew(self, now: datetime, lease: timedelta, analysis: Analysis | None = None) -> Self:
        """The worker is alive and needs longer; what was measured so far is kept."""
        measured = {name: getattr(analysis, name) for name in _MEASURED} if analysis else {}
        return self._move(
            Event.RENEW, now, lease=Lease(self.lease.owner if self.lease else "", now + lease), **measured
        )

    def proceed(self, now: datetime, lease: timedelta) -> Self:
        """Some of the work is done and kept: only attempts that begin after this count."""
        return evolve(self.renew(now, lease), attempts=0)

    def release(self, now: datetime) -> Self:
        """The worker lets go without a verdict: anybody may claim it at once."""
        return self._move(Event.RELEASE, now, lease=None)

    def finish(self, analysis: Analysis, now: datetime, failure: Failure | None = None) -> Self:
        """The work is done; `failure` says what of it could not be, if not all that was asked for is there."""
        measured = {name: getattr(analysis, name) for name in _MEASURED}
        return self._move(Event.FINISH, now, lease=None, failure=failure, **measured)

    def fail(self, code: str, message: str, now: datetime) -> Self:
        """The work can't be done; `retry` begins anew."""
        return self._move(Event.FAIL, now, lease=None, failure=Failure(code, message, now))

    def retry(self, now: datetime) -> Self:
        """Do the work (again)."""
        return self._move(Event.RETRY, now, attempts=0, failure=None)

    def annotate(
        self, now: datetime, *, tags: Iterable[str] | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Self:
        """Other tags or metadata; None leaves them as they are."""
        changes: dict[str, Any] = {"tags": tags, "metadata": metadata}
        return self._move(Event.ANNOTATE, now, **{name: value for name, value in changes.items() if value is not None})

    def erase(self, now: datetime, reason: str = "") -> Self:
        """Forget who called whom and what was heard; only the tombstone stays."""
        sha256 = self.recording.sha256 if self.recording else None
        personal: dict[str, Any] = {"caller": "", "receiver": "", "tags": (), "metadata": {}}
        known = (*_MEASURED, "direction", "recording", "failure", "lease", "duplicate_of")
        tombstone = Tombstone(now, reason, sha256)
        return self._move(Event.ERASE, now, tombstone=tombstone, **personal, **dict.fromkeys(known))

    def _move(self, event: Event, now: datetime, **changes: Any) -> Self:
        status = MOVES.get((self.status, event))
        if status is None:
            allowed = " or ".join(before for before, what in MOVES if what is event)
            raise MoveNotAllowedError(str(self.id), self.status, event, allowed)
        return evolve(self, status=status, version=self.version + 1, updated_at=now, **changes)
