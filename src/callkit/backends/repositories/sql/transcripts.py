"""Transcripts in tables: their segments, and what was said as it is searched."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from json import loads
from typing import Any
from uuid import UUID

from attrs import evolve
from sqlalchemy import BindParameter, Connection, Text, TextClause, TextualSelect, bindparam, column, text

from callkit.backends.repositories.sql.columns import CALL_ID
from callkit.backends.repositories.sql.rows import storable, storable_json
from callkit.backends.repositories.sql.tables import calls, results
from callkit.backends.repositories.sql.ways import Ways
from callkit.core.analysis import Results
from callkit.core.passages import Hit, Passage, hits, passage
from callkit.core.query import Query
from callkit.core.said import Said, said_in
from callkit.core.transcript import Segment, Word
from callkit.core.words import stemmer
from callkit.wire import results_from_json, to_json

__all__ = [
    "add_transcripts",
    "drop_transcript",
    "look",
    "passages_of",
    "restem",
    "save_transcript",
    "scores_of",
    "segments_of",
    "with_segments",
]

_CHUNK = 500  # keys in one statement
_PK = text("SELECT pk FROM callkit_calls WHERE id = :id").bindparams(bindparam("id", type_=CALL_ID))
_DROPS = tuple(text(f"DELETE FROM callkit_{table} WHERE pk = :pk") for table in ("speech", "segments"))
_ADD_SEGMENTS = text("""
INSERT INTO callkit_segments (pk, n, starts, ends, text, channel, speaker, language, confidence, words)
VALUES (:pk, :n, :starts, :ends, :text, :channel, :speaker, :language, :confidence, :words)""")
_ADD_SPEECH = text("""
INSERT INTO callkit_speech (pk, stemmer, agent, customer, others, layouts)
VALUES (:pk, :stemmer, :agent, :customer, :others, :layouts)""")
_OF_CALLS: BindParameter[int] = bindparam("pks", expanding=True)
_COLUMNS = "pk, n, starts, ends, text, channel, speaker, language, confidence, words"
_NO_WORDS = "'[]'"
_SEGMENTS = text(f"SELECT {_COLUMNS} FROM callkit_segments WHERE pk IN :pks ORDER BY pk, n").bindparams(_OF_CALLS)
_OUTDATED = text("""
SELECT s.pk, r.document FROM callkit_speech s JOIN callkit_results r ON r.pk = s.pk
WHERE s.stemmer <> :stemmer LIMIT :most""").columns(results.c.pk, results.c.document)


def save_transcript(connection: Connection, call_id: UUID, found: Results) -> None:
    """Keep it in place of what the call had."""
    pk = connection.execute(_PK, {"id": call_id}).scalar_one()
    _drop(connection, pk)
    add_transcripts(connection, {pk: found})


def add_transcripts(connection: Connection, found: Mapping[int, Results]) -> None:
    """Keep those of calls, by sort key, that have none yet."""
    with_some = {pk: it.transcript.segments for pk, it in found.items() if it.transcript}
    if rows := [_to_row(pk, n, segment) for pk, own in with_some.items() for n, segment in enumerate(own)]:
        connection.execute(_ADD_SEGMENTS, rows)
    if speech := [_speech(pk, said) for pk, it in found.items() if (said := said_in(it))]:
        connection.execute(_ADD_SPEECH, speech)


def drop_transcript(connection: Connection, call_id: UUID) -> None:
    """Forget what was said in a call."""
    _drop(connection, connection.execute(_PK, {"id": call_id}).scalar_one())


def _drop(connection: Connection, pk: int) -> None:
    for statement in _DROPS:
        connection.execute(statement, {"pk": pk})


def _speech(pk: int, said: Said) -> dict[str, Any]:
    texts = {"agent": said.agent, "customer": said.customer, "others": said.others}
    return {"pk": pk, "stemmer": stemmer(), **texts, "layouts": to_json(said.layouts)}


def _to_row(pk: int, n: int, segment: Segment) -> dict[str, Any]:
    words = to_json([[word.start, word.end, word.text, word.confidence] for word in segment.words])
    return {
        "pk": pk,
        "n": n,
        "starts": segment.start,
        "ends": segment.end,
        "text": storable(segment.text),
        "channel": segment.channel,
        "speaker": None if segment.speaker is None else storable(segment.speaker),
        "language": None if segment.language is None else storable(segment.language),
        "confidence": segment.confidence,
        "words": storable_json(words),
    }


def _to_segment(row: Sequence[Any]) -> Segment:
    segment = _without_words(row)
    return segment if row[-1] == "[]" else evolve(segment, words=tuple([Word(*word) for word in loads(row[-1])]))


def _without_words(row: Sequence[Any]) -> Segment:
    _, _, start, end, said, channel, speaker, language, confidence, _ = row
    return Segment(start, end, said, channel, speaker, language, confidence)


def look(
    connection: Connection, ways: Ways, call_id: UUID, *, words: bool
) -> tuple[Sequence[Any], Results | None] | None:
    """The row of a call, and its results; None if there is none. Words of segments only if somebody wants them."""
    wanted = "words" if words else _NO_WORDS
    row = connection.execute(_look(ways.segments.format(words=wanted)), {"id": call_id}).first()
    if row is None or row.document is None:
        return row and (row, None)
    found = results_from_json(row.document)
    if found.transcript is None:
        return row, found
    return row, with_segments(found, map(_from_json, loads(row.segments or "[]")))


@lru_cache
def _look(segments: str) -> TextualSelect:
    columns = ", ".join(f"c.{column.name}" for column in calls.c)
    return (
        text(f"""
SELECT {columns}, r.document, {segments} AS segments
FROM callkit_calls c LEFT JOIN callkit_results r ON r.pk = c.pk WHERE c.id = :id""")
        .bindparams(bindparam("id", type_=CALL_ID))
        .columns(*calls.c, results.c.document, column("segments", Text))
    )


def _from_json(values: Sequence[Any]) -> Segment:
    """JSON has no floats that are whole, and SQLite's are not exact: there they are text."""
    start, end, said, channel, speaker, language, confidence, words = values
    sure = None if confidence is None else float(confidence)
    return Segment(
        float(start), float(end), said, channel, speaker, language, sure, tuple([Word(*word) for word in words])
    )


def segments_of(connection: Connection, pks: Sequence[int]) -> Mapping[int, tuple[Segment, ...]]:
    """The segments of calls, by the calls' sort keys."""
    found: dict[int, list[Segment]] = {}
    for start in range(0, len(pks), _CHUNK):
        for row in connection.execute(_SEGMENTS, {"pks": pks[start : start + _CHUNK]}).all():
            found.setdefault(row.pk, []).append(_to_segment(row))
    return {pk: tuple(segments) for pk, segments in found.items()}


def _said_of(connection: Connection, ways: Ways, pks: Sequence[int]) -> Iterable[tuple[int, Said]]:
    rows = connection.execute(_speech_of(ways.listed), {"listed": to_json([[pk] for pk in pks])})
    for pk, agent, customer, others, layouts in rows.all():
        yield pk, Said(agent, customer, others, loads(layouts))


@lru_cache
def _speech_of(listed: str) -> TextClause:
    """CROSS JOIN: in this order."""
    return text(
        f"SELECT s.pk, agent, customer, others, layouts FROM {listed} j CROSS JOIN callkit_speech s "
        "WHERE s.pk = CAST(j.value->>0 AS BIGINT)"
    )


def passages_of(
    connection: Connection, ways: Ways, query: Query, calls: Mapping[int, UUID]
) -> Mapping[UUID, tuple[Passage, ...]]:
    """Where it was said what a query mentions; `calls` are ids by sort key. Only what is shown is read."""
    phrases = query.mentioned
    if not phrases or not calls:
        return {}
    found = {pk: hits(said, phrases) for pk, said in _said_of(connection, ways, list(calls))}
    places = to_json([(pk, hit.segment) for pk, own in found.items() for hit in own])
    rows = {(row[0], row[1]): row for row in connection.execute(_segments_at(ways.listed), {"listed": places}).all()}
    shown = {  # what is gone was erased, or transcribed anew, between the two statements
        call_id: tuple([_shown(rows[pk, hit.segment], hit) for hit in found.get(pk, ()) if (pk, hit.segment) in rows])
        for pk, call_id in calls.items()
    }
    return {call_id: own for call_id, own in shown.items() if own}


@lru_cache
def _segments_at(listed: str) -> TextClause:
    columns = ", ".join(f"s.{name}" for name in _COLUMNS.split(", "))
    return text(
        f"SELECT {columns} FROM {listed} j CROSS JOIN callkit_segments s "
        "WHERE s.pk = CAST(j.value->>0 AS BIGINT) AND s.n = CAST(j.value->>1 AS INTEGER)"
    )


def _shown(row: Sequence[Any], hit: Hit) -> Passage:
    """Its words are many: no value is made of them."""
    timed = [(start, said) for start, _, said, _ in loads(row[-1])]
    return passage(_without_words(row), hit, timed)


def scores_of(connection: Connection, ways: Ways, query: Query, pks: Sequence[int]) -> Mapping[int, float]:
    """How well calls answer, by their sort keys; those of whose words nothing is known are left out."""
    phrases = query.mentioned
    return {pk: said.score(phrases) for pk, said in _said_of(connection, ways, pks)} if phrases else {}


def with_segments(found: Results, segments: Iterable[Segment]) -> Results:
    """The same with these segments, if there is a transcript."""
    if found.transcript is None:
        return found
    return evolve(found, transcript=evolve(found.transcript, segments=tuple(segments)))


def restem(connection: Connection, most: int) -> int:
    """Make anew what another version of the stemmer made, for so many calls; how many they were."""
    rows = connection.execute(_OUTDATED, {"stemmer": stemmer(), "most": most}).all()
    segments = segments_of(connection, [row.pk for row in rows])
    for pk, document in rows:
        connection.execute(_DROPS[0], {"pk": pk})
        if said := said_in(with_segments(results_from_json(document), segments.get(pk, ()))):
            connection.execute(_ADD_SPEECH, _speech(pk, said))
    return len(rows)
