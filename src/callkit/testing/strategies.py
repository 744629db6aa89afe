"""Hypothesis strategies: calls, results and searches that are made to meet each other.

Numbers, times, tags and ids come from small stocks, so that calls collide and searches find something.
"""

import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from callkit.core.analysis import Analysis, Party, Results, SilenceMark
from callkit.core.call import Call, Direction, Failure, Lease, Recording, Status, Tombstone
from callkit.core.query import FIGURES, OPERATORS, Comparison, Query
from callkit.testing.sayings import phrases, sayings, transcripts

__all__ = ["Story", "analyses", "calls", "moments", "numbers", "queries", "recordings", "results", "stories"]

_NOON = datetime(2026, 9, 14, 12, tzinfo=UTC)
_NUMBERS = (
    *("", "+44 20 7946 0018", "0044 (20) 7946-0018", "+442079460018", "+44 20 7946 0019", "+7 900 123-45-67"),
    *("8 900 123 45 67", "101", "1010", "*21#", "anonymous", "Withheld", "Anna", "sip:anna@pbx.example", "Анна"),
    *('"Отдел продаж" <sip:+74950000101@pbx.example>', "ДЯДЯ Ёж 7", "٠٠٤٤", "ａｂｃ", "ß", "a\u0301b", '1"0"1', "%_1'"),
)
_TAGS = ("vip", "refund", "жалоба", "c'est", "a%b")
_WORDS = ("pbx", "upload", "1789381932.4", "звонок", "a'b")
_SHA256 = tuple(digit * 64 for digit in "0af")
_SPANS = (-9_999_999_999.0, -86400.0, -0.002, -0.001, -0.0005, 0.0, 0.0004, 0.001, 0.002, 1.0, 86400.0, 9_999_999_999.0)
_FIGURES = st.sampled_from([0.0, 0.25, 0.3, 1.0])
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def moments() -> st.SearchStrategy[datetime]:
    """Aware times, many in the same millisecond; some lie between two."""
    return st.sampled_from(_SPANS).map(lambda seconds: _NOON + timedelta(seconds=seconds))


def numbers() -> st.SearchStrategy[str]:
    """Numbers and names as exchanges write them: with spaces, letters, Cyrillic, withheld, unknown."""
    few = st.text("+179", min_size=1, max_size=6)
    return st.sampled_from(_NUMBERS) | few | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)


def recordings() -> st.SearchStrategy[Recording]:
    """Recordings; several have the same bytes."""
    return st.builds(
        Recording,
        key=st.text(string.ascii_lowercase + "/.", min_size=1, max_size=20),
        name=_TEXT,
        size=st.integers(0, 2**40),
        sha256=st.sampled_from(_SHA256),
        container=st.sampled_from(["wav", "mp3"]),
        stored_at=moments(),
    )


def _json() -> st.SearchStrategy[Any]:
    plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
    return st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=3)


def calls(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    """Calls in any state, sensible or not: a repository keeps what it is given.

    Args:
        fields: strategies for fields, in place of callkit's.
    """
    some: dict[str, st.SearchStrategy[Any]] = {
        "id": st.uuids(),
        "started_at": moments(),
        "created_at": moments(),
        "updated_at": moments(),
        "caller": numbers(),
        "receiver": numbers(),
        "status": st.sampled_from(Status),
    }
    rarely = {
        "direction": st.sampled_from(Direction),
        "recording": recordings(),
        "duplicate_of": st.uuids(),
        "lease": st.builds(Lease, st.sampled_from(_WORDS), moments()),
        "failure": st.builds(Failure, st.sampled_from(_WORDS), _TEXT, moments()),
        "tombstone": st.builds(Tombstone, moments(), _TEXT, st.none() | st.sampled_from(_SHA256)),
    }
    left_out = {
        "source": st.sampled_from(_WORDS),
        "external_id": st.sampled_from(_WORDS),
        "tags": st.lists(st.sampled_from(_TAGS), max_size=3),
        "metadata": st.dictionaries(_TEXT, _json(), max_size=2),
        "attempts": st.integers(0, 9),
        "duration": _FIGURES,
        "silence_share": _FIGURES,
        "talk_share": _FIGURES,
        "overlap_share": _FIGURES,
    }
    optional = left_out | {name: st.none() | strategy for name, strategy in rarely.items()}
    required = {name: strategy for name, strategy in some.items() if name not in fields} | fields
    return st.fixed_dictionaries(
        required, optional={name: strategy for name, strategy in optional.items() if name not in fields}
    ).map(lambda given: Call(**given))


def _intervals() -> st.SearchStrategy[tuple[tuple[float, float], ...]]:
    edges = st.lists(st.floats(0, 60), max_size=6, unique=True).map(sorted)
    return edges.map(lambda found: tuple(zip(found[::2], found[1::2], strict=False)))


def _parties(channel: int) -> st.SearchStrategy[Party]:
    level = st.floats(-120, 0)
    return st.builds(Party, st.just(channel), _intervals(), st.floats(0, 60), level, level, st.floats(0, 100))


def analyses() -> st.SearchStrategy[Analysis]:
    """Analyses whose parts need not fit together."""
    marks = _intervals().map(lambda found: tuple(SilenceMark(*interval) for interval in found))
    return st.builds(
        Analysis,
        duration=st.floats(0, 3600),
        sample_rate=st.sampled_from([8000, 44100]),
        channels=st.integers(1, 2),
        frames=st.integers(0, 2**40),
        container=st.sampled_from(["wav", "mp3"]),
        codec=st.sampled_from(["pcm_s16le", "mp3"]),
        declared_duration=st.none() | st.floats(0, 3600),
        truncated=st.booleans(),
        warnings=st.lists(_TEXT, max_size=2).map(tuple),
        silence=marks,
        silence_time=st.floats(0, 3600),
        parties=st.tuples(_parties(0)) | st.tuples(_parties(0), _parties(1)),
        overlap_time=st.none() | st.floats(0, 60),
        method=st.sampled_from(["adaptive", "pydub"]),
        parameters=st.dictionaries(_TEXT, st.none() | st.integers() | st.floats(0, 1) | _TEXT, max_size=3),
        fingerprint=_TEXT,
    )


def results() -> st.SearchStrategy[Results]:
    """What processing a call gives."""
    sides = st.sampled_from([(), ("customer", "agent"), (None,)])
    return st.builds(Results, analyses(), st.none() | transcripts(), sides)


def _needles(among: Sequence[Call]) -> st.SearchStrategy[str]:
    """Pieces of the calls' numbers (of `numbers()` if there are none), and what may be in none of them."""
    theirs = [number for call in among for number in (call.caller, call.receiver)]
    cut = st.tuples(st.sampled_from(theirs or _NUMBERS), st.integers(0, 9), st.integers(1, 9))
    piece = cut.map(lambda it: it[0][it[1] :][: it[2]])
    return st.one_of(piece, piece, st.sampled_from(theirs or _NUMBERS), st.text("+179", max_size=4))


def queries(among: Sequence[Call] = ()) -> st.SearchStrategy[Query]:
    """Searches, of which many find something, plain ones and ones with alternatives and exceptions.

    Args:
        among: in these calls; if there are none, among `calls()`.
    """
    plain = _plain_queries(among)
    inner = st.lists(plain, max_size=2)
    nested = st.builds(
        lambda one, without, any_of: one & Query(without=without, any_of=any_of),
        plain,
        inner,
        st.lists(inner, max_size=2),
    )
    twice = st.builds(lambda one, other: one & Query(without=[other]), plain, nested)
    return st.one_of(plain, plain, nested, twice)


def _plain_queries(among: Sequence[Call]) -> st.SearchStrategy[Query]:
    needles = _needles(among)
    comparison = st.builds(Comparison, st.sampled_from(FIGURES), st.sampled_from(list(OPERATORS)), _FIGURES)
    filters = {
        "numbers": st.lists(needles, min_size=1, max_size=2),
        "caller": needles,
        "receiver": needles,
        "statuses": st.sets(st.sampled_from(Status), min_size=1, max_size=3),
        "direction": st.sampled_from(Direction),
        "tags": st.sets(st.sampled_from(_TAGS), min_size=1, max_size=2),
        "since": moments(),
        "until": moments(),
        "comparisons": st.tuples(comparison),
        "source": st.sampled_from(_WORDS),
        "external_id": st.sampled_from(_WORDS),
        "sha256": st.sampled_from([*_SHA256, ""]),
        "unclaimed_at": moments(),
        "phrases": st.lists(phrases(), min_size=1, max_size=2),
    }
    some = st.sampled_from(list(filters))
    only_one = st.sampled_from([{"numbers"}, {"phrases"}])  # what there are most ways for
    chosen = only_one | st.sets(some, max_size=1) | st.sets(some, max_size=3)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: filters[name] for name in sorted(names)})).map(
        lambda given: Query(**given)
    )


@frozen
class Story:
    """What happens to a repository: calls come, some are changed, then it is searched.

    Attributes:
        calls: to be added, in this order.
        changes: which call (modulo their number) is saved as what, and with which results.
        searches: each with the size of its pages.
    """

    calls: tuple[Call, ...]
    changes: tuple[tuple[int, Call, Results | None], ...]
    searches: tuple[tuple[Query, int], ...]


def stories() -> st.SearchStrategy[Story]:
    """Stories with up to 10 calls, and searches among them as they came and as they were changed."""
    added = st.lists(calls(), max_size=10).map(tuple)
    changes = st.lists(st.tuples(st.integers(0, 9), calls(), st.none() | sayings() | sayings()), max_size=5).map(tuple)
    return st.tuples(added, changes).flatmap(lambda both: st.builds(Story, *map(st.just, both), _searches(*both)))


def _searches(
    added: tuple[Call, ...], changes: tuple[tuple[int, Call, Results | None], ...]
) -> st.SearchStrategy[tuple[tuple[Query, int], ...]]:
    wanted = queries((*added, *(changed for _, changed, _ in changes)))
    return st.lists(st.tuples(wanted, st.integers(1, 4)), min_size=1, max_size=4).map(tuple)
