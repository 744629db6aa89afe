"""`AsyncCallKit`: the methods of `CallKit`, awaited. The work runs in threads, so the event loop never waits.

Runs on asyncio and trio.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, ParamSpec, Self, TypeVar
from uuid import UUID

from anyio import sleep, to_thread
from attrs import define

from callkit.audio.analyser import Options
from callkit.audio.peaks import Peaks
from callkit.audio.source import AudioSource
from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.backends.transcribers.driver import OnProgress
from callkit.core.analysis import Results
from callkit.core.call import Call, Direction, Status
from callkit.core.page import Order, Page
from callkit.core.query import Query
from callkit.core.roles import ChannelMap
from callkit.errors import WaitTimeoutError
from callkit.intake import Duplicates
from callkit.kit import CallKit, pauses
from callkit.protocols import Readable, Repository, Storage, TaskRunner, Transcriber
from callkit.upkeep import Swept
from callkit.upload import UploadLink
from callkit.work import Leasing

if TYPE_CHECKING:
    from pydub import AudioSegment

__all__ = ["AsyncCallKit"]

P = ParamSpec("P")
T = TypeVar("T")


async def _run(method: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    return await to_thread.run_sync(partial(method, *args, **options))


@define(eq=False)
class AsyncCallKit:
    """`CallKit` for asyncio and trio: same names, same arguments, same results, same errors.

    `async with AsyncCallKit.open() as kit` finishes what was submitted when it ends. `kit.sync` is the kit inside.
    """

    sync: CallKit

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
        """See `CallKit.open`. Nothing is read or connected yet."""
        return cls(
            CallKit.open(
                data,
                database=database,
                storage=storage,
                runner=runner,
                options=options,
                leasing=leasing,
                public_url=public_url,
                url_secret=url_secret,
                transcriber=transcriber,
                transcription=transcription,
                channel_map=channel_map,
            )
        )

    async def ingest(
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
        """See `CallKit.ingest`."""
        return await _run(
            self.sync.ingest,
            recording,
            caller=caller,
            receiver=receiver,
            started_at=started_at,
            direction=direction,
            source=source,
            external_id=external_id,
            tags=tags,
            metadata=metadata,
            name=name,
            replace=replace,
            duplicates=duplicates,
        )

    async def create(
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
        """See `CallKit.create`."""
        return await _run(
            self.sync.create,
            caller=caller,
            receiver=receiver,
            started_at=started_at,
            direction=direction,
            source=source,
            external_id=external_id,
            tags=tags,
            metadata=metadata,
        )

    async def attach(
        self, call_id: UUID | str, recording: AudioSource, *, name: str | None = None, replace: bool = False
    ) -> Call:
        """See `CallKit.attach`."""
        return await _run(self.sync.attach, call_id, recording, name=name, replace=replace)

    async def upload(self, call_id: UUID | str, source: Readable, *, name: str = "") -> Call:
        """See `CallKit.upload`. The source is read in a thread."""
        return await _run(self.sync.upload, call_id, source, name=name)

    async def upload_link(self, call_id: UUID | str, *, expires: timedelta = timedelta(minutes=15)) -> UploadLink:
        """See `CallKit.upload_link`."""
        return await _run(self.sync.upload_link, call_id, expires=expires)

    async def finish_upload(
        self, call_id: UUID | str, link_id: str, *, name: str = "", accept: Callable[[int], object] | None = None
    ) -> Call:
        """See `CallKit.finish_upload`."""
        return await _run(self.sync.finish_upload, call_id, link_id, name=name, accept=accept)

    async def get(self, call_id: UUID | str) -> Call:
        """See `CallKit.get`."""
        return await _run(self.sync.get, call_id)

    async def find(
        self, query: Query | str = "", *, limit: int = 20, after: str | None = None, order: Order = "newest"
    ) -> Page:
        """See `CallKit.find`."""
        return await _run(self.sync.find, query, limit=limit, after=after, order=order)

    async def find_at(self, query: Query | str, offset: int, *, limit: int = 20) -> Page:
        """See `CallKit.find_at`."""
        return await _run(self.sync.find_at, query, offset, limit=limit)

    async def calls(self, query: Query | str = "") -> AsyncIterator[Call]:
        """See `CallKit.calls`: `async for call in kit.calls("status:failed")`."""
        page = await self.find(query, limit=200)
        while True:
            for call in page:
                yield call
            if page.next is None:
                return
            page = await self.find(query, limit=200, after=page.next)

    async def outdated(self, query: Query | str = "") -> AsyncIterator[Call]:
        """See `CallKit.outdated`: `async for call in kit.outdated("since:2026-09-01")`."""
        found = self.sync.outdated(query)
        while batch := await _run(lambda: list(islice(found, 200))):
            for call in batch:
                yield call

    async def changed(self, since: datetime, *, limit: int = 500) -> Sequence[Call]:
        """See `CallKit.changed`."""
        return await _run(self.sync.changed, since, limit=limit)

    async def count(self, query: Query | str = "", *, at_most: int = 1000) -> int:
        """See `CallKit.count`."""
        return await _run(self.sync.count, query, at_most=at_most)

    async def results(self, call_id: UUID | str) -> Results | None:
        """See `CallKit.results`."""
        return await _run(self.sync.results, call_id)

    async def look(self, call_id: UUID | str, *, words: bool = True) -> tuple[Call, Results | None]:
        """See `CallKit.look`."""
        return await _run(self.sync.look, call_id, words=words)

    async def results_of(self, calls: Iterable[Call]) -> Mapping[UUID, Results]:
        """See `CallKit.results_of`."""
        return await _run(self.sync.results_of, calls)

    async def open_recording(self, call_id: UUID | str) -> BinaryIO:
        """See `CallKit.open_recording`. The file itself is a plain one: read it in a thread."""
        return await _run(self.sync.open_recording, call_id)

    async def recording_url(
        self, call_id: UUID | str, *, expires: timedelta = timedelta(hours=1), download: bool = False
    ) -> str:
        """See `CallKit.recording_url`."""
        return await _run(self.sync.recording_url, call_id, expires=expires, download=download)

    async def peaks(self, call_id: UUID | str) -> Peaks:
        """See `CallKit.peaks`."""
        return await _run(self.sync.peaks, call_id)

    async def clip(self, call_id: UUID | str, start: float, end: float) -> "AudioSegment":
        """See `CallKit.clip`."""
        return await _run(self.sync.clip, call_id, start, end)

    async def wait(self, call_id: UUID | str, timeout: float | None = None) -> Call:
        """See `CallKit.wait`. Cancelling it is fine; thousands may wait at once without a thread each."""
        for pause in pauses(timeout):
            call = await self.get(call_id)
            if call.status is not Status.PROCESSING:
                return call
            await sleep(pause)
        raise WaitTimeoutError(str(call.id), call.status, timeout or 0.0)

    async def retry(self, call_id: UUID | str) -> Call:
        """See `CallKit.retry`."""
        return await _run(self.sync.retry, call_id)

    async def transcribe(
        self,
        call_id: UUID | str,
        transcriber: str | Transcriber | None = None,
        *,
        transcription: TranscriptOptions | None = None,
        on_progress: OnProgress | None = None,
    ) -> Call:
        """See `CallKit.transcribe`. `on_progress` is called in the thread that does the work."""
        return await _run(
            self.sync.transcribe, call_id, transcriber, transcription=transcription, on_progress=on_progress
        )

    async def annotate(
        self, call_id: UUID | str, *, tags: Iterable[str] | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Call:
        """See `CallKit.annotate`."""
        return await _run(self.sync.annotate, call_id, tags=tags, metadata=metadata)

    async def erase(self, call_id: UUID | str, reason: str = "") -> Call:
        """See `CallKit.erase`."""
        return await _run(self.sync.erase, call_id, reason)

    async def sweep(self, *, grace: timedelta | None = timedelta(hours=1)) -> Swept:
        """See `CallKit.sweep`."""
        return await _run(self.sync.sweep, grace=grace)

    async def close(self) -> None:
        """See `CallKit.close`."""
        await _run(self.sync.close)

    async def __aenter__(self) -> Self:
        """The kit itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()
