"""The service of the specification as a team would write it: FastAPI, pydantic, SQLAlchemy's asyncio ORM, pydub.

    REFERENCE_DATABASE=sqlite+aiosqlite:///calls.db REFERENCE_FOLDER=recordings \
        uvicorn --factory benchmarks.reference_service:create_app

What `callkit serve` is measured against. It does what the specification names and no more: its search reads all calls,
it knows no leases and no ranges, and a recording whose process dies stays `processing`. Each piece is as the manuals
of its libraries advise: a session for each request, one statement with a join for a call and its recording, answers by
`response_model`, an index for the order of the list, SQLite with a write-ahead log.
"""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import JSON, DateTime, ForeignKey, TypeDecorator, event, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship

__all__ = ["Base", "Call", "Recording", "Status", "create_app", "engine_of"]

SUFFIXES = (".wav", ".mp3")


# ---- tables


class Status(StrEnum):
    CREATED = "created"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class SqliteMoment(TypeDecorator[datetime]):
    """SQLite keeps times without a zone: they are UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Any) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _: Any) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


MOMENT = DateTime(timezone=True).with_variant(SqliteMoment(), "sqlite")


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    pass


class Call(Base):
    __tablename__ = "calls"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    caller: Mapped[str]
    receiver: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(MOMENT, index=True)
    status: Mapped[str] = mapped_column(default=Status.CREATED)
    created_at: Mapped[datetime] = mapped_column(MOMENT, default=now)
    updated_at: Mapped[datetime] = mapped_column(MOMENT, default=now, onupdate=now)
    recording: Mapped["Recording | None"] = relationship(back_populates="call")


class Recording(Base):
    __tablename__ = "recordings"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    call_id: Mapped[UUID] = mapped_column(ForeignKey(Call.id), unique=True)
    filename: Mapped[str]
    path: Mapped[str]
    duration_sec: Mapped[float | None]
    transcription: Mapped[str | None]
    silence_marks: Mapped[list[dict[str, float]] | None] = mapped_column(JSON)
    call: Mapped[Call] = relationship(back_populates="recording")


# ---- answers


class NewCall(BaseModel):
    caller: str
    receiver: str
    started_at: AwareDatetime


class CallOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    caller: str
    receiver: str
    started_at: datetime
    status: Status
    created_at: datetime
    updated_at: datetime


class SilenceMark(BaseModel):
    start: float
    end: float


class RecordingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    filename: str
    duration_sec: float | None
    transcription: str | None
    silence_marks: list[SilenceMark] | None


class CallDetails(CallOut):
    recording: RecordingOut | None


class Download(BaseModel):
    url: str


# ---- the application


def create_app() -> FastAPI:
    """By the environment: REFERENCE_DATABASE is SQLAlchemy's URL, REFERENCE_FOLDER holds the recordings."""
    engine = engine_of(os.environ["REFERENCE_DATABASE"])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(title="Calls", lifespan=lifespan)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.folder = Path(os.environ["REFERENCE_FOLDER"])
    app.post("/calls", status_code=201, response_model=CallOut)(create)
    app.post("/calls/{call_id}/recording", response_model=CallOut)(upload)
    app.get("/calls/{call_id}", response_model=CallDetails)(get)
    app.get("/calls", response_model=list[CallOut])(find)
    app.get("/calls/{call_id}/download", response_model=Download)(download)
    return app


def engine_of(url: str) -> AsyncEngine:
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _write_ahead)
    return engine


def _write_ahead(connection: Any, _: Any) -> None:
    for pragma in ("journal_mode = wal", "synchronous = normal", "foreign_keys = on"):
        connection.execute(f"PRAGMA {pragma}").close()


async def session_of(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(session_of)]


async def create(new: NewCall, session: Session) -> Call:
    call = Call(**new.model_dump())
    session.add(call)
    await session.commit()
    return call


async def upload(call_id: UUID, file: UploadFile, request: Request, later: BackgroundTasks, session: Session) -> Call:
    call, name = await with_recording(call_id, session), file.filename or ""
    if call.recording is not None:
        raise HTTPException(409, "recording_already_exists")
    if not name.lower().endswith(SUFFIXES):
        raise HTTPException(422, "unsupported_extension")
    path = request.app.state.folder / f"{call_id}{Path(name).suffix.lower()}"
    await run_in_threadpool(store, file, path)
    call.recording = Recording(filename=name, path=str(path))
    call.status = Status.PROCESSING
    await session.commit()
    later.add_task(process, request.app.state.sessions, call_id)
    return call


async def get(call_id: UUID, session: Session) -> Call:
    return await with_recording(call_id, session)


async def find(
    session: Session,
    query: str = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Sequence[Call]:
    wanted = select(Call).order_by(Call.started_at.desc()).limit(limit).offset(offset)
    if query:
        wanted = wanted.where(
            or_(Call.caller.contains(query, autoescape=True), Call.receiver.contains(query, autoescape=True))
        )
    return (await session.scalars(wanted)).all()


async def download(call_id: UUID, session: Session) -> Download:
    if (await with_recording(call_id, session)).recording is None:
        raise HTTPException(404, "recording_not_found")
    raise HTTPException(501, "presign_not_configured")  # a folder can't sign


async def with_recording(call_id: UUID, session: AsyncSession) -> Call:
    call = await session.get(Call, call_id, options=[joinedload(Call.recording)])
    if call is None:
        raise HTTPException(404, "call_not_found")
    return call


# ---- recordings


def store(file: UploadFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target)


async def process(sessions: "async_sessionmaker[AsyncSession]", call_id: UUID) -> None:
    async with sessions() as session:
        call = await with_recording(call_id, session)
        assert call.recording is not None
        try:
            duration, silence = await run_in_threadpool(measure, call.recording.path)
        except Exception:  # whatever ffmpeg and pydub raise
            call.status = Status.FAILED
        else:
            call.recording.duration_sec, call.recording.silence_marks = duration, silence
            call.status = Status.READY
        await session.commit()


def measure(path: str) -> tuple[float, list[dict[str, float]]]:
    """Seconds, and the silence of a second or longer, by pydub."""
    from pydub import AudioSegment  # noqa: PLC0415  # warns where there is no ffmpeg
    from pydub.silence import detect_silence  # noqa: PLC0415  # the same

    sound = AudioSegment.from_file(path)
    marks = detect_silence(sound, min_silence_len=1000, silence_thresh=sound.dBFS - 16, seek_step=100)
    return sound.duration_seconds, [{"start": start / 1000, "end": end / 1000} for start, end in marks]
