"""Search: `Query`, how a text becomes one (`parse`), and what it means (`matches`).

`matches` is the specification: every repository must find exactly the calls for which it is true, newest first.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, TypeVar

from attrs import converters, evolve, field, frozen

from callkit.core.call import Call, Direction, Status
from callkit.core.number import normalise
from callkit.errors import InvalidQueryError

__all__ = ["OPERATORS", "Comparison", "Query", "matches", "parse"]

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_Choice = TypeVar("_Choice", bound=StrEnum)


@frozen
class Comparison:
    """`figure` (duration in seconds, silence_share 0 to 1) compared with a value; unmeasured calls never match."""

    figure: str
    operator: str
    value: float


def _to_numbers(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(normalise(number) for number in given)


@frozen(kw_only=True)
class Query:
    """Which calls: all of what is given must hold. An empty query means every call.

    Attributes:
        numbers: each must be part of the caller's or the receiver's number; with "+" in front it must begin it.
        caller, receiver: the same for one end of the call. All are compared as `normalise` leaves them.
        statuses: any of these.
        tags: all of these.
        since, until: started at `since` or later, and before `until`.
        comparisons: of duration and silence.
        source, external_id, sha256: exactly.
        unclaimed_at: waiting for a worker at that time: processing, and no lease that is still good.
    """

    numbers: tuple[str, ...] = field(default=(), converter=_to_numbers)
    caller: str | None = field(default=None, converter=converters.optional(normalise))
    receiver: str | None = field(default=None, converter=converters.optional(normalise))
    statuses: frozenset[Status] = field(default=frozenset(), converter=frozenset)
    direction: Direction | None = None
    tags: frozenset[str] = field(default=frozenset(), converter=frozenset)
    since: datetime | None = None
    until: datetime | None = None
    comparisons: tuple[Comparison, ...] = ()
    source: str | None = None
    external_id: str | None = None
    sha256: str | None = None
    unclaimed_at: datetime | None = None


def matches(query: Query, call: Call) -> bool:
    """The specification of search: is this call part of the answer?"""
    return all(_tests(query, call))


def _tests(query: Query, call: Call) -> Iterator[bool]:
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


def _within(wanted: str, number: str) -> bool:
    return number.startswith(wanted) if wanted.startswith("+") else wanted in number


def _compares(comparison: Comparison, call: Call) -> bool:
    figure = getattr(call, comparison.figure)
    return figure is not None and OPERATORS[comparison.operator](figure, comparison.value)


def _is_unclaimed(call: Call, now: datetime) -> bool:
    return call.status is Status.PROCESSING and (call.lease is None or call.lease.until <= now)


# ---- from text

_TERM = re.compile(
    r'(?:(?P<name>[^\W\d]\w*)(?P<operator>:|>=|<=|=|>|<))?(?P<value>"[^"]*"|[^\s"]\S*)(?=\s|$)|(?P<odd>\S+)'
)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d(?:\.\d+)?)")
_SPAN = re.compile(r"(?=.)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PARTY_NAMES = {"caller": "caller", "from": "caller", "receiver": "receiver", "to": "receiver"}
_TEXT_NAMES = {"source": "source", "external_id": "external_id", "sha256": "sha256"}


def parse(text: str, *, zone: tzinfo = UTC) -> Query:
    """A query from what a person types.

    A bare word is (part of) a number or SIP name of either end; everything else is `name:value` or a comparison.
    Terms are separated by spaces and must all hold; `"…"` keeps spaces together.

    ====================================  ==================================================================
    `7946`, `+4420`, `alice`              part of a number; with "+" its beginning
    `caller:101`, `from:101`, `to:+44`    one end of the call
    `status:failed`, `status:ready,failed`  any of the statuses
    `tag:vip`                             each given tag must be there
    `direction:inbound`                   inbound, outbound, internal
    `since:2026-09-01`, `until:…`, `on:`  days (`until` takes the whole day in), or times in RFC 3339
    `duration>90`, `duration<=1m30s`      seconds, 1h2m3s or 1:30
    `silence>30%`, `silence<0.2`          share of the recording in which nobody speaks
    `source:pbx`, `external_id:…`         exactly
    ====================================  ==================================================================

    Args:
        text: what was typed; empty text finds every call.
        zone: of days and of times without an offset.

    Raises:
        InvalidQueryError: a term can't be read; the message says which and why.
    """
    query = Query()
    for term in _TERM.finditer(text):
        if term["odd"]:
            raise InvalidQueryError(text, f"{term['odd']!r} has an open quotation mark")
        value = term["value"].strip('"')
        try:
            query = _with_term(query, (term["name"] or "").lower(), term["operator"] or "", value, zone)
        except ValueError as error:
            raise InvalidQueryError(text, f"{term[0]!r}: {error}") from None
    return query


def _with_term(query: Query, name: str, sign: str, value: str, zone: tzinfo) -> Query:
    if not name:
        return evolve(query, numbers=(*query.numbers, _number(value)))
    if name in ("duration", "silence"):
        return evolve(query, comparisons=(*query.comparisons, _comparison(name, sign, value)))
    if sign not in {":", "="}:
        raise ValueError("only duration and silence can be compared")
    if name in ("since", "until", "on"):
        return evolve(query, **_days(query, name, value, zone))
    return evolve(query, **_exact(query, name, value))


def _exact(query: Query, name: str, value: str) -> dict[str, Any]:
    if name in _PARTY_NAMES:
        return {_PARTY_NAMES[name]: _number(value)}
    if name in _TEXT_NAMES:
        return {_TEXT_NAMES[name]: value}
    if name == "status":
        return {"statuses": query.statuses | {_choice(Status, word) for word in value.split(",")}}
    if name == "tag":
        return {"tags": query.tags | {value.lower()}}
    if name == "direction":
        return {"direction": _choice(Direction, value)}
    raise ValueError(
        "there is no such filter; there are caller, receiver, status, tag, direction, since, until, on, duration, "
        "silence, source, external_id and sha256"
    )


def _number(value: str) -> str:
    if not normalise(value):
        raise ValueError("nothing of it is part of a number or name")
    return value


def _choice(choices: type[_Choice], word: str) -> _Choice:
    try:
        return choices(word.lower())
    except ValueError:
        raise ValueError(f"{word!r} is none of {', '.join(choices)}") from None


def _comparison(name: str, sign: str, value: str) -> Comparison:
    if name == "duration":
        return Comparison("duration", sign.replace(":", "="), _seconds(value))
    share = float(value[:-1]) / 100 if value.endswith("%") else float(value)
    if not 0 <= share <= 1:
        raise ValueError("a share is 0 to 1, or 0% to 100%")
    return Comparison("silence_share", sign.replace(":", "="), share)


def _seconds(value: str) -> float:
    match = _CLOCK.fullmatch(value) or _SPAN.fullmatch(value)
    if match is None:
        raise ValueError("a duration is seconds, 1h2m3s or 1:30")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _days(query: Query, name: str, value: str, zone: tzinfo) -> dict[str, Any]:
    """Bounds of the days; a second `since` or `until` can only narrow them."""
    try:
        moment = datetime.fromisoformat(value)
        whole_day = bool(_DAY.fullmatch(value))
        end = datetime.combine(moment.date() + timedelta(days=whole_day), time.min) if whole_day else moment
        since, until = (_aware(edge, zone) for edge in (moment, end))
    except (ValueError, OverflowError):
        raise ValueError("a day is written 2026-09-14, a time 2026-09-14T10:30:00+02:00") from None
    bounds = {}
    if name in ("since", "on"):
        bounds["since"] = max(since, query.since or since)
    if name in ("until", "on"):
        bounds["until"] = min(until, query.until or until)
    return bounds


def _aware(moment: datetime, zone: tzinfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
