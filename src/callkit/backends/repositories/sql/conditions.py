"""A query as SQL conditions: `matches` of `callkit.core.query`, said to a database."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from callkit.backends.repositories.sql.columns import milliseconds
from callkit.backends.repositories.sql.rows import storable
from callkit.core.page import sort_base
from callkit.core.query import OPERATORS, Comparison, Query
from callkit.errors import InvalidQueryError

__all__ = ["Condition", "Needle", "conditions", "needles", "span"]

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1  # what a database takes as a sort key
_FIGURES = ("duration", "silence_share")


@frozen
class Condition:
    """An expression over `callkit_calls c`, and the values of its parameters."""

    sql: str
    values: Mapping[str, Any] = {}


@frozen
class Needle:
    """Part of a number, to be found in one of the columns `ends`."""

    name: str
    text: str
    ends: tuple[str, ...] = ("caller_n", "receiver_n")

    @property
    def is_anchored(self) -> bool:
        """It begins the number."""
        return self.text.startswith("+")

    def condition(self, contains: str) -> Condition:
        """Anchored or not: "+" is only ever the first character of a number."""
        within = " OR ".join(f"{contains}(c.{end}, :{self.name}) > 0" for end in self.ends)
        return Condition(f"({within})", {self.name: self.text})


def needles(query: Query) -> tuple[Needle, ...]:
    """The parts of numbers that a query asks for; an empty one is part of every number."""
    found = [Needle(f"number{place}", text) for place, text in enumerate(query.numbers)]
    found += [Needle("caller", query.caller or "", ("caller_n",))]
    found += [Needle("receiver", query.receiver or "", ("receiver_n",))]
    return tuple(needle for needle in found if needle.text)


def span(query: Query, before: int | None) -> dict[str, int]:
    """The sort keys in question: from `since` to before `before`."""
    since = sort_base(query.since) if query.since else _LEAST
    until = sort_base(query.until) if query.until else _MOST
    ends = {"since": since, "before": until if before is None else min(until, before)}
    return {name: min(max(key, _LEAST), _MOST) for name, key in ends.items()}


def conditions(query: Query, contains: str) -> Iterator[Condition]:
    """All that must hold, but for `span`; `contains` is the function that finds a text in another.

    Raises:
        InvalidQueryError: calls have no such figure to compare.
    """
    yield from (needle.condition(contains) for needle in needles(query))
    yield from _words(query)
    yield from (_comparison(f"figure{place}", one) for place, one in enumerate(query.comparisons))
    if query.sha256 == "":
        yield Condition("c.recording_sha256 IS NULL")
    if query.unclaimed_at:
        free = "(c.lease_until IS NULL OR c.lease_until <= :now)"
        yield Condition(f"c.status = 'processing' AND {free}", {"now": milliseconds(query.unclaimed_at)})


def _words(query: Query) -> Iterator[Condition]:
    """What must be equal. Text that no encoding has is nowhere in a database."""
    wanted = {
        "c.direction = :direction": query.direction,
        "c.source = :source": query.source,
        "c.external_id = :external_id": query.external_id,
        "c.recording_sha256 = :sha256": query.sha256 or None,
    }
    for sql, word in wanted.items():
        if word is not None:
            yield _equal(sql, str(word))
    if query.statuses:
        values = {f"status{place}": str(status) for place, status in enumerate(sorted(query.statuses))}
        yield Condition(f"c.status IN ({', '.join(f':{name}' for name in values)})", values)
    for place, tag in enumerate(sorted(query.tags)):
        yield _equal(f"EXISTS (SELECT 1 FROM callkit_call_tags t WHERE t.tag = :tag{place} AND t.pk = c.pk)", tag)


def _equal(sql: str, word: str) -> Condition:
    name = sql.partition(":")[2].partition(" ")[0]
    return Condition(sql if word == storable(word) else "FALSE", {name: storable(word)})


def _comparison(name: str, comparison: Comparison) -> Condition:
    if comparison.figure not in _FIGURES or comparison.operator not in OPERATORS:
        asked = f"{comparison.figure}{comparison.operator}{comparison.value}"
        raise InvalidQueryError(asked, f"only {' and '.join(_FIGURES)} can be compared")
    return Condition(f"c.{comparison.figure} {comparison.operator} :{name}", {name: float(comparison.value)})
