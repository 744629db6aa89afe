"""The calls of `benchmarks.http_reads`: the same in callkit's database and in that of the reference service."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from benchmarks import reference_service as reference
from benchmarks.number_search import row
from callkit import analyse
from callkit.backends.repositories.sql import SqlRepository, tables
from callkit.backends.repositories.sql.transcripts import add_transcripts, with_segments
from callkit.core.analysis import Analysis, Results
from callkit.core.call import Call, Recording
from callkit.core.transcript import Segment, Transcript, Word
from callkit.testing.factory import make_call
from callkit.wire import results_to_json

__all__ = ["caller_of", "fill", "gist", "has_transcript", "id_of"]

_FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)
_KINDS = 8
_SECONDS = 180.0
_LEASE = timedelta(minutes=1)
_WORD = 0.4  # seconds
_WORDS = ("yes", "the", "invoice", "number", "please", "hold", "on", "tomorrow", "thank", "you", "delivery", "address")
_BATCH = 1000


def id_of(number: int) -> UUID:
    return UUID(int=random.Random(number).getrandbits(128), version=4)


def caller_of(number: int) -> str:
    return f"+4420{random.Random(-number).randrange(10**8):08}"


def has_transcript(number: int) -> bool:
    return number % 2 == 1


def fill(own: str, other: str, calls: int) -> None:
    """Put the calls into both databases.

    Args:
        own: callkit's, a URL or the path of a SQLite file.
        other: the reference service's, SQLAlchemy's URL.
        calls: how many.
    """
    with closing(SqlRepository.open(own)) as repository:
        repository.upgrade()
        taken: dict[int, int] = {}
        for numbers in _batches(calls):
            rows = {number: row(call_of(number), taken) for number in numbers}
            with repository.writing() as connection:
                connection.execute(insert(tables.calls), list(rows.values()))
                connection.execute(
                    insert(tables.results), [_document(rows[number]["pk"], number) for number in numbers]
                )
                add_transcripts(connection, {int(str(one["pk"])): results(number) for number, one in rows.items()})
    asyncio.run(_fill_reference(other, calls))


def _batches(calls: int) -> Iterator[range]:
    for start in range(0, calls, _BATCH):
        yield range(start, min(start + _BATCH, calls))


def call_of(number: int) -> Call:
    """It is ready."""
    moment = _FIRST + timedelta(minutes=number)
    call = Call(
        id=id_of(number),
        caller=caller_of(number),
        receiver="+442079460000",
        started_at=moment,
        created_at=moment,
        updated_at=moment,
    )
    sha256 = f"{number:064x}"
    recording = Recording(f"{sha256[-2:]}/{call.id}/1.wav", f"{number}.wav", 2_880_044, sha256, "wav", moment)
    claimed = call.attach(recording, moment).claim("benchmark", moment, _LEASE)
    return claimed.finish(analysis(number % _KINDS), moment)


@cache
def analysis(kind: int) -> Analysis:
    return analyse(make_call(seconds=_SECONDS, seed=kind).wav("pcm_s16le"))


@cache
def transcript(kind: int) -> Transcript:
    """Words for as long as somebody speaks."""
    found = analysis(kind)
    segments = [
        Segment(start, end, " ".join(word.text for word in words), channel, None, "en", 0.9, words)
        for channel, party in enumerate(found.parties)
        for start, end in party.speech
        if (words := tuple(_words(start, end)))
    ]
    return Transcript(tuple(sorted(segments, key=lambda one: one.start)), "en", found.duration, "whisper", "base")


def _words(start: float, end: float) -> Iterator[Word]:
    for place in range(int((end - start) / _WORD)):
        begin = round(start + place * _WORD, 2)
        yield Word(begin, round(begin + _WORD, 2), _WORDS[(place + int(start)) % len(_WORDS)], 0.9)


def results(number: int) -> Results:
    kind = number % _KINDS
    return Results(analysis(kind), transcript(kind) if has_transcript(number) else None)


def _document(pk: object, number: int) -> dict[str, object]:
    """As `SqlRepository.save` keeps it: segments have a table of their own."""
    found = results(number)
    return {
        "pk": pk,
        "fingerprint": found.analysis.fingerprint,
        "document": results_to_json(with_segments(found, ())),
    }


async def _fill_reference(url: str, calls: int) -> None:
    engine = reference.engine_of(url)
    async with engine.begin() as connection:
        await connection.run_sync(reference.Base.metadata.create_all)
        for numbers in _batches(calls):
            await connection.execute(insert(reference.Call), [_reference_call(number) for number in numbers])
            await connection.execute(insert(reference.Recording), [_reference_recording(number) for number in numbers])
    async with engine.connect() as connection:  # both services' tables, as their databases' own upkeep would do
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


def _reference_call(number: int) -> dict[str, Any]:
    call = call_of(number)
    names = ("id", "caller", "receiver", "started_at", "created_at", "updated_at")
    return {name: getattr(call, name) for name in names} | {"status": reference.Status.READY}


def _reference_recording(number: int) -> dict[str, Any]:
    call, found = call_of(number), results(number)
    assert call.recording is not None
    return {
        "call_id": call.id,
        "filename": call.recording.name,
        "path": call.recording.key,
        "duration_sec": found.analysis.duration,
        "silence_marks": [{"start": one.start, "end": one.end} for one in found.analysis.silence],
        "transcription": found.transcript.text if found.transcript else None,
    }


def gist(document: Any) -> Any:
    """What both services tell of a call, or of each call of a page."""
    if isinstance(document, list) or "items" in document:
        calls = document if isinstance(document, list) else document["items"]
        return [_facts(call) for call in calls]
    recording = document["recording"]
    return _facts(document), {
        name: recording[name] for name in ("filename", "duration_sec", "silence_marks", "transcription")
    }


def _facts(call: dict[str, Any]) -> dict[str, Any]:
    return {name: call[name] for name in ("id", "caller", "receiver", "started_at", "status", "created_at")}
