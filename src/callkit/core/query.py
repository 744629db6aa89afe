"""Search: `Query`, and what it means (`matches`). `callkit.core.parsing` makes one from text.

`matches` is the specification: every repository must find exactly the calls for which it is true, newest first.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Self

from attrs import converters, evolve, field, fields, frozen

from callkit.core.call import Call, Direction, Status
from callkit.core.number import normalise
from callkit.core.said import Phrase, Said

__all__ = ["FIGURES", "OPERATORS", "Comparison", "Phrase", "Query", "matches"]

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
FIGURES = ("duration", "silence_share", "talk_share", "overlap_share")
"""The attributes of a call that can be compared."""


@frozen
class Comparison:
    """`figure` (duration in seconds, a share 0 to 1) compared with a value; unmeasured calls never match."""

    figure: str
    operator: str
    value: float


def _to_numbers(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(normalise(number) for number in given)


def _to_statuses(given: Iterable[Status]) -> frozenset[Status]:
    return frozenset(given)


def _to_tags(given: Iterable[str]) -> frozenset[str]:
    return frozenset(given)


def _to_phrases(given: Iterable[Phrase]) -> tuple[Phrase, ...]:
    return tuple(given)


def _to_queries(given: "Iterable[Query]") -> "tuple[Query, ...]":
    return tuple(given)


def _to_groups(given: "Iterable[Iterable[Query]]") -> "tuple[tuple[Query, ...], ...]":
    return tuple(map(_to_queries, given))


@frozen(kw_only=True)
class Query:
    """Which calls: all of what is given must hold. An empty query means every call.

    `one & other` is the query for which both must hold.

    Attributes:
        numbers: each must be part of the caller's or the receiver's number; with "+" in front it must begin it.
        caller, receiver: the same for one end of the call. All are compared as `normalise` leaves them.
        statuses: any of these.
        tags: all of these.
        since, until: started at `since` or later, and before `until`.
        comparisons: of `FIGURES`.
        source, external_id, sha256: exactly.
        unclaimed_at: waiting for a worker at that time: processing, and no lease that is still good.
        phrases: each must have been said, according to a transcript that is not synthetic.
        without: none of these queries may hold.
        any_of: of each group, at least one query must hold.
    """

    numbers: tuple[str, ...] = field(default=(), converter=_to_numbers)
    caller: str | None = field(default=None, converter=converters.optional(normalise))
    receiver: str | None = field(default=None, converter=converters.optional(normalise))
    statuses: frozenset[Status] = field(default=frozenset(), converter=_to_statuses)
    direction: Direction | None = None
    tags: frozenset[str] = field(default=frozenset(), converter=_to_tags)
    since: datetime | None = None
    until: datetime | None = None
    comparisons: tuple[Comparison, ...] = ()
    source: str | None = None
    external_id: str | None = None
    sha256: str | None = None
    unclaimed_at: datetime | None = None
    phrases: tuple[Phrase, ...] = field(default=(), converter=_to_phrases)
    without: tuple["Query", ...] = field(default=(), converter=_to_queries)
    any_of: tuple[tuple["Query", ...], ...] = field(default=(), converter=_to_groups)

    def __and__(self, other: Self) -> Self:
        """Both must hold."""
        changes: dict[str, Any] = {}
        clashes: list[Query] = []
        for name, value in other._given():
            mine = getattr(self, name)
            if name in _ALL_OF:
                changes[name] = tuple(dict.fromkeys((*mine, *value)))
            elif mine in {None, frozenset(), value}:
                changes[name] = value
            elif name in _NARROWER:
                changes[name] = _NARROWER[name](mine, value)
            else:
                clashes.append(Query(**{name: value}))
        both = evolve(self, **changes)
        return evolve(both, any_of=(*both.any_of, *((one,) for one in clashes))) if clashes else both

    def _given(self) -> Iterator[tuple[str, Any]]:
        """What is asked for, by name."""
        for one in fields(Query):
            if (value := getattr(self, one.name)) not in (None, (), frozenset()):
                yield one.name, value

    @property
    def spares_erased(self) -> bool:
        """Something is asked for that is erased with a call: a number, a tag, a figure, words, and so on."""
        personal = (self.caller, self.receiver, self.direction, self.tags, self.comparisons, self.sha256, self.phrases)
        nested = (all(one.spares_erased for one in group) for group in self.any_of)
        return any(self.numbers) or any(personal) or any(nested)

    @property
    def is_only_said(self) -> bool:
        """Nothing but phrases is asked for."""
        return bool(self.phrases) and [name for name, _ in self._given()] == ["phrases"]

    @property
    def mentioned(self) -> tuple[Phrase, ...]:
        """All phrases that may be why a call is found."""
        nested = (phrase for group in self.any_of for one in group for phrase in one.mentioned)
        return tuple(dict.fromkeys((*self.phrases, *nested)))


_ALL_OF = frozenset({"numbers", "comparisons", "phrases", "without", "any_of"})
_NARROWER: Mapping[str, Callable[[Any, Any], Any]] = {"since": max, "until": min, "tags": operator.or_}


def matches(query: Query, call: Call, said: Said | None = None) -> bool:
    """The specification of search: is this call part of the answer?

    Args:
        query: what is asked.
        call: of which call.
        said: what was said in it (`callkit.core.said.said_in`); None if that is not known.
    """
    return all(_tests(query, call, said))


def _tests(query: Query, call: Call, said: Said | None) -> Iterator[bool]:
    caller, receiver = normalise(call.caller), normalise(call.receiver)
    yield from (_within(number, caller) or _within(number, receiver) for number in query.numbers)
    yield query.caller is None or _within(query.caller, caller)
    yield query.receiver is None or _within(query.receiver, receiver)
    yield not query.statuses or call.status in query.statuses
    yield query.direction in {None, call.direction}
    yield query.tags.issubset(call.tags)
    yield query.since is None or call.started_at >= query.since
    yield query.until is None or call.started_at < query.until
    yield from (_compares(comparison, call) for comparison in query.comparisons)
    yield query.source in {None, call.source}
    yield query.external_id in {None, call.external_id}
    yield query.sha256 in {None, call.recording.sha256 if call.recording else ""}
    yield query.unclaimed_at is None or _is_unclaimed(call, query.unclaimed_at)
    yield from (said is not None and said.holds(phrase) for phrase in query.phrases)
    yield from (not matches(one, call, said) for one in query.without)
    yield from (any(matches(one, call, said) for one in group) for group in query.any_of)


def _within(wanted: str, number: str) -> bool:
    return number.startswith(wanted) if wanted.startswith("+") else wanted in number


def _compares(comparison: Comparison, call: Call) -> bool:
    figure = getattr(call, comparison.figure)
    return figure is not None and OPERATORS[comparison.operator](figure, comparison.value)


def _is_unclaimed(call: Call, now: datetime) -> bool:
    return call.status is Status.PROCESSING and (call.lease is None or call.lease.until <= now)
