"""`CallKit`: one short method for each thing a team does with its recordings."""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self
from uuid import UUID

from attrs import define, evolve, field

from callkit.audio.analyser import Options
from callkit.audio.clip import cut
from callkit.audio.peaks import Peaks
from callkit.audio.sniff import content_type_of
from callkit.audio.source import AudioSource, open_audio
from callkit.backends.repositories import open_repository
from callkit.backends.runners import open_runner
from callkit.backends.storages import open_storage, signing
from callkit.core.analysis import Results
from callkit.core.call import Call, Direction, Recording, Status
from callkit.core.ids import new_call_id
from callkit.core.page import Page, turn_pages
from callkit.core.query import Query, parse
from callkit.errors import (
    CallNotFoundError,
    ExternalIdConflictError,
    InvalidCallError,
    RecordingExistsError,
    RecordingNotFoundError,
    RunnerError,
    SettingsError,
    StaleCallError,
    WaitTimeoutError,
)
from callkit.intake import Duplicates, Intake, remove
from callkit.protocols import HasBacklog, Message, Repository, SignsUrls, Storage, Task, TaskRunner
from callkit.sound import opened
from callkit.upkeep import Sweep, Swept
from callkit.work import Clock, Leasing, Probe, ProcessCall, utc_now

if TYPE_CHECKING:
    from pydub import AudioSegment

__all__ = ["CallKit", "Swept", "pauses"]

log = logging.getLogger("callkit.kit")


@define(eq=False)
class CallKit:
    """Takes recordings in, works on them in the background, and finds them again.

    `CallKit.open()` is the usual way in; any objects with the methods of `callkit.protocols` will do.
    Use it in a `with` block: leaving it finishes what was submitted. All methods may be called from several threads.
    """

    repository: Repository
    storage: Storage
    runner: TaskRunner
    options: Options = field(factory=Options)
    leasing: Leasing = field(factory=Leasing)
    now: Clock = utc_now

    @property
    def _intake(self) -> Intake:
        return Intake(self.repository, self.storage, self._submit, self.now)

    @classmethod
    def open(
        cls,
        data: str | Path = "callkit-data",
        *,
        database: str | Repository | None = None,
        storage: str | Storage | None = None,
        runner: str | TaskRunner = "threads",
        options: Options | None = None,
        leasing: Leasing | None = None,
        public_url: str | None = None,
        url_secret: str | None = None,
    ) -> Self:
        """A kit by URLs; without any, everything is kept in the folder `data`.

        Args:
            data: a folder; made if it is not there.
            database: a URL such as "sqlite:///calls.db", or a repository; default: calls.db in `data`.
            storage: a folder or URL, or a storage; default: recordings in `data`.
            runner: "inline", "threads", "threads:4", "processes", "processes:4", a URL such as
                "celery+redis://host:6379/0" whose workers know the same database and storage, "procrastinate" if the
                database is PostgreSQL, or a runner.
            options: of the analysis.
            leasing: how long a worker may be silent before somebody else takes over.
            public_url: where recordings are served, such as "https://calls.example.org/recordings": what
                `recording_url` begins with, unless the storage signs URLs by itself, as S3 does.
            url_secret: what those URLs are signed with, at least 32 bytes; the same for all who sign and serve.

        Raises:
            SettingsError: a URL or an option can't be used.
        """
        folder, leasing = Path(data), leasing or Leasing()
        database, storage = database or str(folder / "calls.db"), storage or str(folder / "recordings")
        own_url = database if isinstance(database, str) else None
        opened_runner = open_runner(runner, own_url) if isinstance(runner, str) else runner
        _check_timeout(opened_runner, leasing)
        return cls(
            open_repository(database) if isinstance(database, str) else database,
            signing(open_storage(storage) if isinstance(storage, str) else storage, public_url, url_secret),
            opened_runner,
            options or Options(),
            leasing,
        )

    # ---- recordings come in

    def ingest(
        self,
        recording: AudioSource,
        *,
        caller: str = "",
        receiver: str = "",
        started_at: datetime | None = None,
        direction: Direction | str | None = None,
        source: str = "upload",
        external_id: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        name: str | None = None,
        replace: bool = False,
        duplicates: Duplicates = "link",
    ) -> Call:
        """Store a recording and promise to process it. The same once more is the same call, and no more work.

        Args:
            recording: a path, the bytes of a file, a binary file, or a pydub.AudioSegment.
            caller: number, extension or SIP name.
            receiver: the same of who was called.
            started_at: when the call began, aware; default: now.
            direction: "inbound", "outbound" or "internal".
            source: who told of the call.
            external_id: what they call it, unique within the source; default: the sha-256 of the bytes.
            tags: words.
            metadata: JSON values by name.
            name: of the recording; default: the file's.
            replace: take other bytes under a known external id, in place of the first.
            duplicates: when another call has the same bytes: "link" (a new call that says so in `duplicate_of`),
                "reject", or "allow" (a new call).

        Raises:
            AudioError: it can't be read as audio. Nothing is stored.
            ExternalIdConflictError: the external id is known with other bytes.
            DuplicateRecordingError: another call has these bytes, and they are to be rejected.
            CallErasedError: a call with this external id was erased.
            InvalidCallError, StorageError, RepositoryError, OSError: as they say.
        """
        facts = {"caller": caller, "receiver": receiver, "tags": tags, "metadata": dict(metadata or {})}
        with opened(recording, name) as sound:
            call = self._new(started_at, direction, source=source, external_id=external_id or sound.sha256, **facts)
            return self._intake.take(call, sound, replace=replace, duplicates=duplicates)

    def create(
        self,
        *,
        caller: str = "",
        receiver: str = "",
        started_at: datetime | None = None,
        direction: Direction | str | None = None,
        source: str = "upload",
        external_id: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Call:
        """Keep the facts of a call whose recording comes later, by `attach` or by `ingest` with the same id.

        Args: as `ingest`; without an external id the call's own id is it.

        Raises:
            CallExistsError: the external id is taken.
            InvalidCallError, RepositoryError: as they say.
        """
        ids = {} if external_id is None else {"external_id": external_id}
        facts = {"caller": caller, "receiver": receiver, "tags": tags, "metadata": dict(metadata or {})}
        call = self._new(started_at, direction, source=source, **ids, **facts)
        self.repository.add(call)
        return call

    def attach(
        self, call_id: UUID | str, recording: AudioSource, *, name: str | None = None, replace: bool = False
    ) -> Call:
        """Store the recording of a call, and promise to process it. The same bytes again change nothing.

        Raises:
            RecordingExistsError: the call has another one.
            AudioError, CallErasedError, CallNotFoundError, StorageError, RepositoryError, OSError: as `ingest`.
        """
        call = self.get(call_id)
        with opened(recording, name) as sound:
            try:
                return self._intake.take_for(call, sound, replace=replace)
            except ExternalIdConflictError:
                raise RecordingExistsError(str(call.id)) from None

    def _new(self, started_at: datetime | None, direction: Direction | str | None, **facts: Any) -> Call:
        now = self.now()
        way = None if direction is None else _direction(direction)
        return Call(
            id=new_call_id(now, secrets.token_bytes(10)),
            started_at=started_at or now,
            created_at=now,
            updated_at=now,
            direction=way,
            **facts,
        )

    def _submit(self, call: Call) -> None:
        """Hint that there is work. The row is the promise: what is not taken now, `sweep` submits again."""
        try:
            self.runner.submit(self._work_on(call.id))
        except RunnerError as error:
            log.warning("call %s waits for sweep(): it was not submitted (%s)", call.id, error.code)

    def _work_on(self, call_id: UUID) -> ProcessCall:
        return ProcessCall(self.repository, self.storage, call_id, self.options, self.leasing, now=self.now)

    def task(self, message: Message) -> Task:
        """The work that a message names (see `callkit.protocols.Portable`): for runners whose workers are elsewhere.

        Raises:
            RunnerError: nobody knows such work.
        """
        match message:
            case {"task": "process", "call": str(call_id)}:
                return self._work_on(_to_id(call_id))
            case {"task": "probe", "key": str(key)}:
                return Probe(self.storage, key)
        raise RunnerError(f"A message asks for unknown work ({message.get('task')!r}): upgrade callkit on the workers.")

    # ---- and are found again

    def get(self, call_id: UUID | str) -> Call:
        """The call as it is now.

        Raises:
            CallNotFoundError: there is none with this id.
        """
        return self.repository.get(_to_id(call_id))

    def find(self, query: Query | str = "", *, limit: int = 20, after: str | None = None) -> Page:
        """A page of the calls that match, newest first; `after=page.next` goes on.

        Args:
            query: a `Query`, or text such as "+4420 status:ready silence>30%" (see `callkit.core.query.parse`).
            limit: at least 1.
            after: the cursor of the page before.

        Raises:
            InvalidQueryError: the text or the cursor can't be read.
        """
        return self.repository.find(_to_query(query), limit=limit, after=after)

    def calls(self, query: Query | str = "") -> Iterator[Call]:
        """All calls that match, newest first, fetched page by page.

        Raises:
            InvalidQueryError: the text can't be read.
        """
        wanted = _to_query(query)
        return turn_pages(lambda after: self.repository.find(wanted, limit=200, after=after))

    def count(self, query: Query | str = "", *, at_most: int = 1000) -> int:
        """How many calls match; `at_most + 1` if there are more than `at_most`.

        Raises:
            InvalidQueryError: the text can't be read.
        """
        return self.repository.count(_to_query(query), at_most=at_most)

    def results(self, call_id: UUID | str) -> Results | None:
        """What was measured; None while there is nothing."""
        wanted = _to_id(call_id)
        return self.repository.results([wanted]).get(wanted)

    def results_of(self, calls: Iterable[Call]) -> Mapping[UUID, Results]:
        """What was measured of several calls, by id, fetched at once."""
        return self.repository.results([call.id for call in calls])

    def open_recording(self, call_id: UUID | str) -> BinaryIO:
        """The stored bytes, to be read and closed by the caller; it can seek.

        Raises:
            RecordingNotFoundError: the call has none.
            CallNotFoundError, BlobNotFoundError, StorageError: as they say.
        """
        return self.storage.open(self._recording(call_id).key)

    def recording_url(
        self, call_id: UUID | str, *, expires: timedelta = timedelta(hours=1), download: bool = False
    ) -> str:
        """A URL that plays the recording without credentials, for a while; players may seek in it.

        Args:
            call_id: whose recording.
            expires: how long from now; a second at least, seven days at most.
            download: a browser saves it, under the recording's own name, rather than to play it.

        Raises:
            SettingsError: it can't be valid for so long, or the storage can't sign.
            RecordingNotFoundError: the call has none.
            CallNotFoundError, StorageError: as they say.
        """
        recording = self._recording(call_id)
        if not isinstance(self.storage, SignsUrls):
            raise SettingsError(
                "This storage can't sign URLs: set public_url and url_secret (CALLKIT_PUBLIC_URL and "
                "CALLKIT_URL_SECRET), or keep the recordings on S3."
            )
        name, content_type = recording.name if download else None, content_type_of(recording.container)
        return self.storage.sign(recording.key, expires=expires, filename=name, content_type=content_type)

    def peaks(self, call_id: UUID | str) -> Peaks:
        """The waveform of a ready call: the smallest and largest sample of each 100 ms, per channel.

        Raises:
            RecordingNotFoundError, CallNotFoundError, BlobNotFoundError, StorageError: as `open_recording`.
        """
        with self.storage.open(self._recording(call_id).peaks_key) as file:
            return Peaks.from_dat(file.read())

    def clip(self, call_id: UUID | str, start: float, end: float) -> "AudioSegment":
        """A piece of the recording as a pydub.AudioSegment, samples as they are.

        Args:
            call_id: whose recording.
            start: seconds from its beginning.
            end: seconds; what lies beyond the recording is cut.

        Raises:
            InvalidInputError: start is negative, or not before end.
            RecordingNotFoundError, CallNotFoundError, BlobNotFoundError, StorageError: as `open_recording`.
        """
        recording = self._recording(call_id)
        with self.storage.open(recording.key) as file, open_audio(file, name=recording.name) as reader:
            return cut(reader, start, end)

    def _recording(self, call_id: UUID | str) -> Recording:
        call = self.get(call_id)
        if call.recording is None:
            raise RecordingNotFoundError(str(call.id), call.status)
        return call.recording

    def outdated(self, query: Query | str = "") -> Iterator[Call]:
        """The ready calls among those that match that would be measured in another way now; `retry` does it.

        Another way: a newer analyser, or other `options` (see `Options.fingerprint`).

        Raises:
            InvalidQueryError: the text can't be read.
        """
        ready: dict[str, Any] = {"statuses": (Status.READY,)}
        for calls in batched(self.calls(evolve(_to_query(query), **ready)), 200):
            results = self.results_of(calls)
            for call in calls:
                if call.id not in results or results[call.id].analysis.fingerprint != self.options.fingerprint:
                    yield call

    # ---- a call's life

    def wait(self, call_id: UUID | str, timeout: float | None = None) -> Call:
        """The call, once nobody works on it any more: ready, failed, erased, or still without a recording.

        Args:
            call_id: which call.
            timeout: seconds; None waits for ever.

        Raises:
            WaitTimeoutError: it is still processing.
        """
        for pause in pauses(timeout):
            call = self.get(call_id)
            if call.status is not Status.PROCESSING:
                return call
            sleep(pause)
        raise WaitTimeoutError(str(call.id), call.status, timeout or 0.0)

    def retry(self, call_id: UUID | str) -> Call:
        """Process a failed call again, or a ready one if it would be measured in another way now.

        Raises:
            MoveNotAllowedError: it is neither.
        """
        call = self.get(call_id)
        results = self.results(call_id) if call.status is Status.READY else None
        if results and results.analysis.fingerprint == self.options.fingerprint:
            return call
        self.repository.save(call := call.retry(self.now()))
        self._submit(call)
        return call

    def annotate(
        self, call_id: UUID | str, *, tags: Iterable[str] | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Call:
        """Give a call other tags or metadata; None leaves them as they are.

        Raises:
            MoveNotAllowedError: the call was erased.
        """
        tags = None if tags is None else tuple(tags)
        return self._change(call_id, lambda call: call.annotate(self.now(), tags=tags, metadata=metadata))

    def erase(self, call_id: UUID | str, reason: str = "") -> Call:
        """Forget a call for good: numbers, sound, results. A tombstone stays, so that it can't come back by accident.

        If the storage fails the call is erased all the same, and `sweep` removes the sound later.

        Raises:
            MoveNotAllowedError: it was erased before.
            StorageError: the sound could not be removed yet.
        """
        recording = self.get(call_id).recording
        call = self._change(call_id, lambda call: call.erase(self.now(), reason))
        if recording:
            remove(self.storage, recording)
        return call

    def _change(self, call_id: UUID | str, move: Callable[[Call], Call]) -> Call:
        """Make a move on whatever the call is by now."""
        while True:
            try:
                self.repository.save(call := move(self.get(call_id)))
            except StaleCallError:
                continue
            return call

    # ---- and what goes wrong

    def sweep(self, *, grace: timedelta | None = timedelta(hours=1)) -> Swept:
        """Put right what a crash left: submit calls that wait for a worker, remove blobs that no call knows.

        Safe at any time, from anywhere, as often as you like: calls whose messages wait in a broker are left alone.

        Args:
            grace: blobs younger than this are left alone: their call may be about to be added. None leaves all
                alone, which spares a look at every blob.

        Raises:
            RepositoryError, StorageError, RunnerError: as they say.
        """
        backlog = self.runner.waiting if isinstance(self.runner, HasBacklog) else None
        sweep = Sweep(self.repository, self.storage, self._submit, self.now, self.leasing.attempts, backlog)
        return sweep(grace)

    # ---- the end

    def close(self) -> None:
        """Finish what was submitted, then let go of workers and connections. Twice is fine."""
        self.runner.close()
        self.repository.close()

    def __enter__(self) -> Self:
        """The kit itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def pauses(timeout: float | None) -> Iterator[float]:
    """Seconds to sleep between looks: short at first, 0.25 at most, and one last look when `timeout` is over."""
    begun, pause = monotonic(), 0.002
    while (left := float("inf") if timeout is None else timeout - (monotonic() - begun)) > 0:
        yield min(pause, left)
        pause = min(pause * 1.5, 0.25)
    yield 0.0


def batched(calls: Iterable[Call], size: int) -> Iterator[list[Call]]:
    """So many at a time."""
    source = iter(calls)
    while batch := list(islice(source, size)):
        yield batch


def _to_id(call_id: UUID | str) -> UUID:
    if isinstance(call_id, UUID):
        return call_id
    try:
        return UUID(call_id)
    except ValueError:
        raise CallNotFoundError(call_id) from None


def _to_query(query: Query | str) -> Query:
    return parse(query) if isinstance(query, str) else query


def _direction(direction: str) -> Direction:
    try:
        return Direction(direction)
    except ValueError:
        raise InvalidCallError(f"The direction {direction!r} is none of {', '.join(Direction)}.") from None


def _check_timeout(runner: TaskRunner, leasing: Leasing) -> None:
    timeout, longest = getattr(runner, "timeout", None), leasing.longest.total_seconds()
    if timeout is not None and timeout >= longest:
        raise SettingsError(
            f"The runner stops a task after {timeout:g} s, but a claim ends after {longest:g} s: make the timeout "
            "shorter, or `longest` longer."
        )
