"""A query as SQL conditions: `matches` of `callkit.core.query`, said to a database."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from callkit.backends.repositories.sql.rows import storable
from callkit.core.page import sort_base
from callkit.core.query import FIGURES, OPERATORS, Comparison, Phrase, Query
from callkit.core.said import SIDES
from callkit.errors import InvalidQueryError

__all__ = ["Condition", "Needle", "conditions", "needles", "span"]

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1  # what a database takes as a sort key


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


def needles(query: Query, prefix: str = "") -> tuple[Needle, ...]:
    """The parts of numbers that a query asks for; an empty one is part of every number."""
    found = [Needle(f"{prefix}number{place}", text) for place, text in enumerate(query.numbers)]
    found += [Needle(f"{prefix}caller", query.caller or "", ("caller_n",))]
    found += [Needle(f"{prefix}receiver", query.receiver or "", ("receiver_n",))]
    return tuple(needle for needle in found if needle.text)


def span(query: Query, before: int | None) -> dict[str, int]:
    """The sort keys in question: from `since` to before `before`."""
    since = sort_base(query.since) if query.since else _LEAST
    until = sort_base(query.until) if query.until else _MOST
    ends = {"since": since, "before": until if before is None else min(until, before)}
    return {name: min(max(key, _LEAST), _MOST) for name, key in ends.items()}


def conditions(query: Query, contains: str, prefix: str = "") -> Iterator[Condition]:
    """All that must hold, but for `span`.

    Args:
        query: what is asked.
        contains: the function that finds a text in another.
        prefix: of all parameters' names: each query in another has its own.

    Raises:
        InvalidQueryError: calls have no such figure to compare.
    """
    yield from (needle.condition(contains) for needle in needles(query, prefix))
    yield from _words(query, prefix)
    yield from (_comparison(f"{prefix}figure{place}", one) for place, one in enumerate(query.comparisons))
    if query.sha256 == "":
        yield Condition("c.recording_sha256 IS NULL")
    if query.unclaimed_at:
        free = f"(c.lease_until IS NULL OR c.lease_until <= :{prefix}now)"
        yield Condition(f"c.status = 'processing' AND {free}", {f"{prefix}now": query.unclaimed_at})
    said, unsaid = query.phrases, [one for one in query.without if query.phrases and one.is_only_said]
    for place, one in enumerate(query.without):
        if one in unsaid:
            continue
        inner = _whole(one, contains, f"{prefix}not{place}_")
        yield Condition(f"({inner.sql}) IS NOT TRUE", inner.values)
    for place, group in enumerate(query.any_of):
        parts = [_whole(one, contains, f"{prefix}any{place}_{number}_") for number, one in enumerate(group)]
        yield _joined("OR", parts, "FALSE")
    if said:
        yield _said(said, [one.phrases for one in unsaid], contains, prefix)


def _whole(query: Query, contains: str, prefix: str) -> Condition:
    """A query within another, its days included."""
    parts = list(conditions(query, contains, prefix))
    days = span(query, None)
    if query.since:
        parts.append(Condition(f"c.pk >= :{prefix}since", {f"{prefix}since": days["since"]}))
    if query.until:
        parts.append(Condition(f"c.pk < :{prefix}until", {f"{prefix}until": days["before"]}))
    return _joined("AND", parts, "TRUE")


def _joined(word: str, parts: Sequence[Condition], nothing: str) -> Condition:
    """In pairs of pairs: how deep an expression may be is limited."""
    if len(parts) <= 1:
        return parts[0] if parts else Condition(nothing)
    half = len(parts) // 2
    both = [_joined(word, some, nothing) for some in (parts[:half], parts[half:])]
    return Condition(f"(({both[0].sql}) {word} ({both[1].sql}))", {**both[0].values, **both[1].values})


def _said(phrases: Sequence[Phrase], unsaid: Sequence[Sequence[Phrase]], contains: str, prefix: str) -> Condition:
    """One look at what was said. As a value, not as a join: calls that fail other conditions are spared it."""
    parts = [_all_said(phrases, contains, f"{prefix}said")]
    for place, group in enumerate(unsaid):
        inner = _all_said(group, contains, f"{prefix}unsaid{place}_")
        parts.append(Condition(f"NOT ({inner.sql})", inner.values))
    whole = _joined("AND", parts, "TRUE")
    return Condition(f"(SELECT {whole.sql} FROM callkit_speech s WHERE s.pk = c.pk)", whole.values)


def _all_said(phrases: Sequence[Phrase], contains: str, name: str) -> Condition:
    parts = []
    for place, phrase in enumerate(phrases):
        sides = [phrase.side] if phrase.side else SIDES
        either = _joined("OR", [Condition(f"{contains}(s.{side}, :{name}{place}) > 0") for side in sides], "FALSE")
        parts.append(Condition(either.sql, {f"{name}{place}": phrase.pattern}))
    return _joined("AND", parts, "TRUE")


def _words(query: Query, prefix: str) -> Iterator[Condition]:
    """What must be equal. Text that no encoding has is nowhere in a database."""
    wanted = {
        "direction": query.direction,
        "source": query.source,
        "external_id": query.external_id,
        "sha256": query.sha256 or None,
    }
    for name, word in wanted.items():
        if word is not None:
            column = "recording_sha256" if name == "sha256" else name
            yield _equal(f"c.{column} = :{prefix}{name}", f"{prefix}{name}", str(word))
    if query.statuses:
        values = {f"{prefix}status{place}": str(status) for place, status in enumerate(sorted(query.statuses))}
        yield Condition(f"c.status IN ({', '.join(f':{name}' for name in values)})", values)
    for place, tag in enumerate(sorted(query.tags)):
        name = f"{prefix}tag{place}"
        yield _equal(f"EXISTS (SELECT 1 FROM callkit_call_tags t WHERE t.tag = :{name} AND t.pk = c.pk)", name, tag)


def _equal(sql: str, name: str, word: str) -> Condition:
    return Condition(sql if word == storable(word) else "FALSE", {name: storable(word)})


def _comparison(name: str, comparison: Comparison) -> Condition:
    if comparison.figure not in FIGURES or comparison.operator not in OPERATORS:
        asked = f"{comparison.figure}{comparison.operator}{comparison.value}"
        raise InvalidQueryError(asked, f"only {', '.join(FIGURES)} can be compared")
    return Condition(f"c.{comparison.figure} {comparison.operator} :{name}", {name: float(comparison.value)})
