"""`CallKit`: one short method for each thing a team does with its recordings."""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
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
from callkit.backends.transcribers import open_transcriber
from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.backends.transcribers.driver import OnProgress
from callkit.changes import changed
from callkit.core.analysis import Results
from callkit.core.call import Call, Direction, Recording, Status
from callkit.core.ids import new_call_id
from callkit.core.page import Order, Page, turn_pages
from callkit.core.parsing import parse
from callkit.core.query import Query
from callkit.core.roles import ChannelMap
from callkit.errors import (
    CallNotFoundError,
    ExternalIdConflictError,
    InvalidCallError,
    LeaseHeldError,
    RecordingExistsError,
    RecordingNotFoundError,
    RunnerError,
    SettingsError,
    StaleCallError,
    WaitTimeoutError,
)
from callkit.intake import Duplicates, Intake, remove
from callkit.protocols import (
    HasBacklog,
    Message,
    Readable,
    Repository,
    SignsUrls,
    Storage,
    Task,
    TaskRunner,
    Transcriber,
)
from callkit.shortcuts import find_at, look
from callkit.sound import opened
from callkit.upkeep import Sweep, Swept
from callkit.upload import UploadLink, Uploads
from callkit.work import Clock, Leasing, Probe, ProcessCall, utc_now
from callkit.writing import forget_words

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
    transcriber: Transcriber | None = None
    transcription: TranscriptOptions = field(factory=TranscriptOptions)
    channel_map: ChannelMap | None = None

    @property
    def _intake(self) -> Intake:
        return Intake(self.repository, self.storage, self._submit, self.now)

    @property
    def _uploads(self) -> Uploads:
        return Uploads(self.repository, self.storage, self._submit, self.now)

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
        transcriber: str | Transcriber | None = None,
        transcription: TranscriptOptions | None = None,
        channel_map: ChannelMap | None = None,
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
            transcriber: who writes down what is said: "whisper:base", "placeholder", "auto", another text that
                `callkit.backends.transcribers.open_transcriber` knows, or a transcriber; default: nobody.
            transcription: language, hints, memory.
            channel_map: who is on which channel; default: the direction of each call tells.

        Raises:
            SettingsError: a URL or an option can't be used.
            MissingExtraError: the runner or the transcriber needs a package that is not installed.
        """
        transcription = transcription or TranscriptOptions()
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
            transcriber=_opened_transcriber(transcriber, transcription),
            transcription=transcription,
            channel_map=channel_map,
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

    def upload(self, call_id: UUID | str, source: Readable, *, name: str = "") -> Call:
        """As `attach`, for what arrives as a stream: it is read once, and never held in memory or in another file.

        Args:
            call_id: whose recording.
            source: read to its end; if it raises, nothing is kept.
            name: of the recording.

        Raises:
            RecordingExistsError: the call has one, be it the same.
            AudioError, CallErasedError, CallNotFoundError, StorageError, RepositoryError: as `ingest`.
        """
        return self._uploads.take(_to_id(call_id), source, name)

    def upload_link(self, call_id: UUID | str, *, expires: timedelta = timedelta(minutes=15)) -> UploadLink:
        """A URL to which a client PUTs the recording by itself; `finish_upload` is told when it has.

        Raises:
            SettingsError: the storage can't sign.
            RecordingExistsError, CallErasedError, CallNotFoundError: as `upload`.
        """
        return self._uploads.link(_to_id(call_id), expires)

    def finish_upload(
        self, call_id: UUID | str, link_id: str, *, name: str = "", accept: Callable[[int], object] | None = None
    ) -> Call:
        """Attach what a client has put where a link led. Told twice, it is the same call, and no more work.

        Args:
            call_id: whose recording.
            link_id: `UploadLink.id`.
            name: of the recording.
            accept: called with its size in bytes; what it raises refuses the recording.

        Raises:
            BlobNotFoundError: nothing was put there.
            RecordingExistsError, AudioError, CallErasedError, CallNotFoundError, StorageError: as `upload`.
        """
        return self._uploads.finish(_to_id(call_id), link_id, name, accept)

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
        return ProcessCall(
            self.repository,
            self.storage,
            call_id,
            self.options,
            self.leasing,
            now=self.now,
            transcriber=self.transcriber,
            transcription=self.transcription,
            channel_map=self.channel_map,
        )

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

    def find(
        self, query: Query | str = "", *, limit: int = 20, after: str | None = None, order: Order = "newest"
    ) -> Page:
        """A page of the calls that match; `after=page.next` goes on. `page.passages` shows where it was said.

        Args:
            query: a `Query`, or text such as 'refund +4420 silence>30%' (see `callkit.core.parsing.parse`).
            limit: at least 1.
            after: the cursor of the page before.
            order: "newest" first, or the "best" of the newest thousand that match.

        Raises:
            InvalidQueryError: the text or the cursor can't be read.
        """
        return self.repository.find(_to_query(query), limit=limit, after=after, order=order)

    def find_at(self, query: Query | str, offset: int, *, limit: int = 20) -> Page:
        """The page of `find` that begins behind the newest `offset` calls; by `after` one goes further, and faster.

        Raises:
            InvalidQueryError: the text can't be read.
        """
        return find_at(self.repository, _to_query(query), offset, limit)

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
        """What was measured and said; None while there is nothing."""
        wanted = _to_id(call_id)
        return self.repository.results([wanted]).get(wanted)

    def look(self, call_id: UUID | str, *, words: bool = True) -> tuple[Call, Results | None]:
        """A call, and what was measured and said, at once. Words are many: who needs none is sooner served.

        Raises:
            CallNotFoundError: there is no such call.
        """
        return look(self.repository, _to_id(call_id), words=words)

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

    def changed(self, since: datetime, *, limit: int = 500) -> Sequence[Call]:
        """The calls that were saved at `since` or later, by anybody, in the order of `updated_at`, as they are now.

        Clocks of several machines differ, and what is saved last may be seen first: look back some seconds.
        """
        return changed(self.repository, since, limit)

    def outdated(self, query: Query | str = "") -> Iterator[Call]:
        """The ready calls among those that match that would come out in another way now; `retry` does it.

        Another way: a newer analyser, or other `options` (see `Options.fingerprint`); with a transcriber, no
        transcript, or one of another engine; and calls whose transcription failed: if no transcriber is set any more,
        nothing is wrong with them.

        Raises:
            InvalidQueryError: the text can't be read.
        """
        ready: dict[str, Any] = {"statuses": (Status.READY,)}
        task: ProcessCall | None = None
        for calls in batched(self.calls(evolve(_to_query(query), **ready)), 200):
            results = self.results_of(calls)
            for call in calls:
                task = task or self._work_on(call.id)
                if call.id not in results or task.outdated(call, results[call.id]):
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
        """Process a failed call again, or a ready one if it would come out in another way now (see `outdated`).

        Raises:
            MoveNotAllowedError: it is neither.
        """
        call = self.get(call_id)
        results = self.results(call_id) if call.status is Status.READY else None
        if results and not self._work_on(call.id).outdated(call, results):
            return call
        self.repository.save(call := call.retry(self.now()))
        self._submit(call)
        return call

    def transcribe(
        self,
        call_id: UUID | str,
        transcriber: str | Transcriber | None = None,
        *,
        transcription: TranscriptOptions | None = None,
        on_progress: OnProgress | None = None,
    ) -> Call:
        """Write down what is said in a call, here and now; `kit.results(call_id).transcript` has it then.

        A transcript of the same engine and options is left as it is. If the engine fails, the call is ready all the
        same, keeps the transcript that it had, and its `failure` says why. What was not measured yet is measured, too.

        Args:
            call_id: which call.
            transcriber: in place of the kit's own.
            transcription: the same.
            on_progress: called with seconds of speech that are written down, and that there are, again and again.

        Raises:
            SettingsError: there is no transcriber.
            MoveNotAllowedError: the call has no recording.
            LeaseHeldError: somebody works on it.
            CallNotFoundError, MissingExtraError, RepositoryError: as they say.
        """
        wanted = transcription or self.transcription
        engine = self.transcriber if transcriber is None else _opened_transcriber(transcriber, wanted)
        if engine is None:
            raise SettingsError("Nobody can write down what is said: pass a transcriber, such as 'whisper:base'.")
        call = self.get(call_id)
        begun = call.attempts if call.status is Status.PROCESSING else 0
        # whoever waits for an answer tries again if they want to
        task = evolve(
            self._work_on(call.id),
            leasing=evolve(self.leasing, attempts=begun + 1),
            transcriber=engine,
            transcription=wanted,
            on_progress=on_progress,
        )
        results = self.results(call.id) if call.status is Status.READY else None
        if results and not task.outdated(call, results):
            return call
        if call.status is not Status.PROCESSING:
            with suppress(StaleCallError):  # somebody else wants the same: one of us gets the claim
                self.repository.save(call.retry(self.now()))
        task()
        call = self.get(call.id)
        if call.lease and call.lease.owner != task.owner:
            raise LeaseHeldError(str(call.id), call.lease.owner, call.lease.until.isoformat())
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
            forget_words(self.repository, self.storage, recording)
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


def _opened_transcriber(transcriber: str | Transcriber | None, wanted: TranscriptOptions) -> Transcriber | None:
    if isinstance(transcriber, str):
        return open_transcriber(transcriber, small_memory=wanted.small_memory)
    return transcriber


def _check_timeout(runner: TaskRunner, leasing: Leasing) -> None:
    timeout, longest = getattr(runner, "timeout", None), leasing.longest.total_seconds()
    if timeout is not None and timeout >= longest:
        raise SettingsError(
            f"The runner stops a task after {timeout:g} s, but a claim ends after {longest:g} s: make the timeout "
            "shorter, or `longest` longer."
        )
