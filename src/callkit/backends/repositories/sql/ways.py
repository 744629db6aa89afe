"""`Ways`: how a search gets through the indexes of one database."""

from collections.abc import Callable, Mapping, Sequence
from json import dumps
from typing import Any

from attrs import evolve, frozen

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
    """

    keys: str
    where: str = "TRUE"
    key: str = "c.pk"
    to_calls: str = ""
    least: str = ":since"


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
    limits=Limits(),
)
