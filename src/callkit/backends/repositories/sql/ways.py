"""`Ways`: how a search gets through the indexes of one database."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from json import dumps
from typing import Any

from attrs import evolve, frozen

from callkit.core.query import Phrase, Query

__all__ = ["POSTGRES_WAYS", "SQLITE_WAYS", "Limits", "Way", "Ways"]


@frozen
class Limits:
    """When to try another way.

    Attributes:
        numbers: more numbers are common ones; a quarter of them is looked up first.
        tiny: the newest so many calls are looked through before anything else.
        wide: so many later on; a fifth if the numbers are common, or the needle is short; none if they have no more
            calls than an eighth.
    """

    numbers: int = 2000
    tiny: int = 400
    wide: int = 40_000


@frozen
class Way:
    """Calls by descending sort key.

    Attributes:
        keys: what the sort keys are read from.
        where: which of them.
        key: the sort key in it.
        to_calls: how one gets from there to the calls. CROSS JOIN: in this order.
        least: the lowest key. Of two lower bounds SQLite may seek one and test the other on every row.
        test: what else must be true of a key. It is not asked where calls on the way are counted.
    """

    keys: str
    where: str = "TRUE"
    key: str = "c.pk"
    to_calls: str = ""
    least: str = ":since"
    test: str = "TRUE"


@frozen
class Ways:
    """All of one database's.

    Attributes:
        have_more: whether the numbers `nids` have more than `few` calls.
        beginning: the numbers that begin with `needle`, up to `end`, at most `most`.
        inside: the numbers that hold a needle, given what `sought` makes of it.
        at_once: the newest calls of the numbers that `beginning` or `inside` gives (put in for `{numbers}`), in one
            statement; none if there are `most` numbers. None: two statements cost no more.
        contains: the function that finds a text in another.
        unlocked: put behind a search for calls that wait: leave out those that somebody is writing this moment.
        nids: makes of numbers' ids what the statements take.
        by_words: the calls in which phrases may have been said, given what `phrases` makes of them.
        by_speech: all calls in which something was said, newest first, tested for the same. None: `by_words` finds the
            newest first, however many there are.
        by_words_in_order: the same, sorted before anything else of them is looked at; none, if there are more than
            `few`.
        with_words: of a way and the bounds of its keys, the way that tests for the same what it finds, in order.
        by_numbers_with_words: `by_numbers`, tested for the same.
        segments: those of call `c` as JSON, in order, with `{words}` of each.
        gathers: rows of calls come as one value.
        listed: the lists that `:listed`, a JSON text, is made of, each as `value`.
    """

    by_time: Way
    by_external_id: Way
    by_sha256: Way
    by_tag: Way
    unready: Way
    by_numbers: Way
    by_newest_of_each_number: Way
    have_more: str
    beginning: str
    inside: str
    at_once: str | None
    sought: Callable[[str], Mapping[str, str]]
    contains: str
    unlocked: str
    nids: Callable[[Sequence[int]], Any]
    by_words: Way
    by_speech: Way | None
    by_words_in_order: Way
    with_words: Callable[[Way, str], Way]
    by_numbers_with_words: Way
    phrases: Callable[[Query], Mapping[str, Any]]
    segments: str
    gathers: bool
    listed: str
    limits: Limits


_BEGINNING = "SELECT nid FROM callkit_numbers WHERE num >= :needle AND num < :end LIMIT :most"
_EXTERNAL_ID = "c.external_id = :external_id"
_SHA256 = "c.recording_sha256 = :sha256"
_UNREADY = "c.status <> 'ready'"  # a partial index is used only if its own condition is repeated

# ---- SQLite: the statement says which index, and joins in the order that is written

_OF_NUMBERS = """
    SELECT DISTINCT x.pk FROM json_each(:nids) j CROSS JOIN callkit_call_numbers x ON x.nid = j.value
    WHERE x.pk < :before AND x.pk >= """
_NEWEST_OF_EACH = """max(:since, coalesce((
        SELECT y.pk FROM callkit_call_numbers y WHERE y.nid = j.value AND y.pk < :before
        ORDER BY y.pk DESC LIMIT 1 OFFSET :count - 1), :since))
    ORDER BY x.pk DESC LIMIT :count"""
_TRIGRAMS = 32  # of a long needle so many will do


def _by_keys(sql: str) -> Way:
    return Way(f"({sql}) g", key="g.pk", to_calls=" CROSS JOIN callkit_calls c ON c.pk = g.pk")


def _trigrams(needle: str) -> Mapping[str, str]:
    """What the full-text index is asked; quoting makes its operators harmless."""
    parts = dict.fromkeys(needle[place : place + 3] for place in range(len(needle) - 2))
    asked = " AND ".join('"' + part.replace('"', '""') + '"' for part in list(parts)[:_TRIGRAMS])
    return {"trigrams": asked, "needle": needle}


def _match(query: Query) -> Mapping[str, str]:
    """Phrases as the full-text index is asked for them: it knows who said what, and in which order."""
    unsaid = (one.phrases for one in query.without if one.is_only_said)
    return {"match": " NOT ".join(map(_all_said, [query.phrases, *unsaid]))}


def _all_said(phrases: Sequence[Phrase]) -> str:
    quoted = (f'"{" ".join(phrase.words)}"' for phrase in phrases)
    asked = (f"{phrase.side} : {text}" if phrase.side else text for phrase, text in zip(phrases, quoted, strict=True))
    return f"({' AND '.join(asked)})"


_SQLITE_WORDS = Way(
    "callkit_speech_fts g",
    "callkit_speech_fts MATCH :match",
    "g.rowid",
    " CROSS JOIN callkit_calls c ON c.pk = g.rowid",
)

SQLITE_WAYS = Ways(
    by_time=Way("callkit_calls c NOT INDEXED"),
    by_external_id=Way("callkit_calls c INDEXED BY uq_callkit_calls_external_id", _EXTERNAL_ID),
    by_sha256=Way("callkit_calls c INDEXED BY ix_callkit_calls_sha256", _SHA256),
    by_tag=Way("callkit_call_tags g", "g.tag = :tag0", "g.pk", " CROSS JOIN callkit_calls c ON c.pk = g.pk"),
    unready=Way("callkit_calls c INDEXED BY ix_callkit_calls_unready", _UNREADY),
    by_numbers=_by_keys(_OF_NUMBERS + ":since"),
    by_newest_of_each_number=_by_keys(_OF_NUMBERS + _NEWEST_OF_EACH),
    have_more=f"{_OF_NUMBERS.replace('DISTINCT ', '')}:since LIMIT 1 OFFSET :few",
    beginning=_BEGINNING,
    inside="""
        SELECT n.nid FROM callkit_numbers_fts f CROSS JOIN callkit_numbers n ON n.nid = f.rowid
        WHERE callkit_numbers_fts MATCH :trigrams AND instr(n.num, :needle) LIMIT :most""",
    at_once=None,
    sought=_trigrams,
    contains="instr",
    unlocked="",
    nids=dumps,
    by_words=_SQLITE_WORDS,
    by_speech=None,
    by_words_in_order=_SQLITE_WORDS,
    with_words=lambda way, _: way,  # `by_words` alone is as quick
    by_numbers_with_words=_by_keys(_OF_NUMBERS + ":since"),
    phrases=_match,
    # `quote` writes a number so that it comes back as it is; as rows, each would take the interpreter's lock once more
    segments="""(
    SELECT json_group_array(json_array(
        quote(starts), quote(ends), text, channel, speaker, language,
        CASE WHEN confidence IS NOT NULL THEN quote(confidence) END, json({words})))
    FROM (SELECT * FROM callkit_segments s WHERE s.pk = c.pk ORDER BY n))""",
    gathers=True,
    listed="json_each(:listed)",
    limits=Limits(),
)

# ---- PostgreSQL: the planner knows how many numbers there are, for each statement is planned with its values

_JOINED = """
    FROM unnest(CAST(:nids AS bigint[])) j(nid) JOIN callkit_call_numbers x ON x.nid = j.nid
    WHERE x.pk < :before AND x.pk >= :since"""


def _joined(way: Way) -> Way:
    return evolve(way, to_calls=" JOIN callkit_calls c ON c.pk = g.pk")


def _pattern(needle: str) -> Mapping[str, str]:
    escaped = needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"pattern": f"%{escaped}%"}


def _numbers(query: Query) -> Mapping[str, list[int]]:
    """Words, and pairs of words, as the index has them: it knows no longer phrases, and not who said what."""
    words = {phrase.words[0] for phrase in query.phrases if len(phrase.words) == 1}
    pairs = {" ".join(pair) for phrase in query.phrases for pair in pairwise(phrase.words)}
    numbers = {_number(word) & 0x7FFFFFFF for word in words} | {-1 - (_number(pair) & 0xFFFFF) for pair in pairs}
    return {"words": sorted(numbers)}


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")


_WORDS = "g.words @> CAST(:words AS int[])"
_SPOKEN = _joined(Way("callkit_speech_fts g", key="g.pk"))
_FEW_SPOKEN = f"""
    WITH m AS MATERIALIZED (
        SELECT g.pk FROM callkit_speech_fts g WHERE {_WORDS} AND g.pk < :before AND g.pk >= :since LIMIT :few + 1)
    SELECT pk FROM m WHERE (SELECT count(*) FROM m) <= :few"""
_WITH_WORDS = " JOIN callkit_speech_fts f ON f.pk = g.pk AND f.words @> CAST(:words AS int[])"


def _in_order(keys: str, test: str = "") -> Way:
    """Calls by keys that are sorted first; OFFSET 0 keeps the planner from looking at all that else is asked for."""
    return Way(
        f"({keys} ORDER BY pk DESC OFFSET 0) g", key="g.pk", to_calls=f"{test} JOIN callkit_calls c ON c.pk = g.pk"
    )


def _with_words(way: Way, within: str) -> Way:
    return _in_order(f"SELECT {way.key} AS pk FROM {way.keys} WHERE {within}", _WITH_WORDS)


POSTGRES_WAYS = Ways(
    by_time=Way("callkit_calls c"),
    by_external_id=Way("callkit_calls c", _EXTERNAL_ID),
    by_sha256=Way("callkit_calls c", _SHA256),
    by_tag=_joined(SQLITE_WAYS.by_tag),
    unready=Way("callkit_calls c", _UNREADY),
    by_numbers=_joined(_by_keys(f"SELECT DISTINCT x.pk {_JOINED}")),
    by_newest_of_each_number=_joined(
        _by_keys("""
    SELECT DISTINCT x.pk FROM unnest(CAST(:nids AS bigint[])) j(nid) CROSS JOIN LATERAL (
        SELECT y.pk FROM callkit_call_numbers y WHERE y.nid = j.nid AND y.pk < :before AND y.pk >= :since
        ORDER BY y.pk DESC LIMIT :count) x
    ORDER BY x.pk DESC LIMIT :count""")
    ),
    have_more=f"SELECT x.pk {_JOINED} LIMIT 1 OFFSET :few",
    beginning=_BEGINNING,
    inside="SELECT nid FROM callkit_numbers WHERE num LIKE :pattern LIMIT :most",
    at_once="""
    WITH n AS MATERIALIZED ({numbers}) SELECT DISTINCT x.pk FROM n CROSS JOIN LATERAL (
        SELECT y.pk FROM callkit_call_numbers y WHERE y.nid = n.nid AND y.pk < :before AND y.pk >= :since
        ORDER BY y.pk DESC LIMIT :count) x
    WHERE (SELECT count(*) FROM n) < :most ORDER BY x.pk DESC LIMIT :count""",
    sought=_pattern,
    contains="strpos",
    unlocked=" FOR NO KEY UPDATE OF c SKIP LOCKED",
    nids=list,
    by_words=evolve(_SPOKEN, where=_WORDS),
    by_speech=evolve(_SPOKEN, test=_WORDS),
    by_words_in_order=_in_order(_FEW_SPOKEN),
    with_words=_with_words,
    by_numbers_with_words=_in_order(f"SELECT DISTINCT x.pk {_JOINED}", _WITH_WORDS),
    phrases=_numbers,
    segments="""(
    SELECT CAST(json_agg(json_build_array(
        starts, ends, text, channel, speaker, language, confidence, CAST({words} AS json)) ORDER BY n) AS text)
    FROM callkit_segments s WHERE s.pk = c.pk)""",
    gathers=False,
    listed="jsonb_array_elements(CAST(:listed AS jsonb))",
    limits=Limits(),
)
