"""From what a person types to a `Query`: `parse`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from enum import StrEnum
from itertools import chain
from typing import TypeVar

from attrs import frozen

from callkit.core.call import Direction, Status
from callkit.core.number import normalise
from callkit.core.query import Comparison, Query
from callkit.core.said import Phrase
from callkit.core.words import stems
from callkit.errors import InvalidQueryError

__all__ = ["parse"]

_Choice = TypeVar("_Choice", bound=StrEnum)
_TERM = re.compile(
    r"(?P<minus>-(?=[^\s-]))?(?:(?P<name>[^\W\d]\w*)(?P<sign>:|>=|<=|=|>|<))?"
    r'(?P<value>"[^"]*"|[^\s"]\S*)(?=\s|$)|(?P<odd>\S+)'
)
_MOST_TERMS = 200
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d(?:\.\d+)?)")
_SPAN = re.compile(r"(?=.)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"[\d\s+()\-./*#]*\d[\d\s+()\-./*#]*|\+")
_SHORTEST_NAME = 3  # characters: of shorter parts of a name there is no index


def parse(text: str, *, zone: tzinfo = UTC) -> Query:
    """A query from what a person types.

    Terms are separated by spaces and must all hold; `a b OR c` means a, and b or c; `-` in front of a term means that
    it must not hold; `"…"` keeps spaces together.

    ==========================================  ==================================================================
    `refund`                                    said by anybody, or part of a name; in whatever form: refunds, refunded
    `"cancel my order"`                         said by one party, in this order
    `7946`, `+4420`                             part of a number; with "+" its beginning
    `agent:refund`, `customer:"my order"`       said by that side
    `said:4711`, `number:alice`                 only in the transcript, only in numbers and names
    `caller:101`, `from:101`, `to:+44`          one end of the call
    `status:failed`, `status:ready,failed`      any of the statuses
    `tag:vip`                                   each given tag must be there
    `direction:inbound`                         inbound, outbound, internal
    `after:2026-09-01`, `since:…`               on that day or later; or at that time, written in RFC 3339
    `before:2026-09-30`, `until:…`, `on:…`      before that day; until its end; on it
    `duration>90`, `duration<=1m30s`            seconds, 1h2m3s or 1:30
    `silence>30%`, `talk<0.2`, `overlap>5%`     shares of the recording: nobody speaks, somebody, two or more
    `source:pbx`, `external_id:…`, `sha256:…`   exactly
    ==========================================  ==================================================================

    Args:
        text: what was typed; empty text finds every call.
        zone: of days and of times without an offset.

    Raises:
        InvalidQueryError: a term can't be read; the message says which, where and why.
    """
    groups: list[list[_Term]] = []
    reader, is_open = _Reader(zone), False
    for count, match in enumerate(_TERM.finditer(text)):
        try:
            if match[0] == "OR":
                _check(not is_open and bool(groups), "OR stands between two terms")
                is_open = True
                continue
            _check(count < _MOST_TERMS, f"there are more than {_MOST_TERMS} terms")
            term = reader.term(match)
        except ValueError as error:
            raise InvalidQueryError(text, f"{match[0]!r} (character {match.start() + 1}): {error}") from None
        if is_open:
            groups[-1].append(term)
        else:
            groups.append([term])
        is_open = False
    if is_open:
        raise InvalidQueryError(text, f"'OR' (character {text.rindex('OR') + 1}): OR stands between two terms")
    return _all_of(groups)


def _check(is_right: bool, why: str) -> None:
    if not is_right:
        raise ValueError(why)


@frozen
class _Term:
    """Of the alternatives one must hold; none, if it is negative."""

    alternatives: tuple[Query, ...]
    is_negative: bool = False

    def either(self) -> tuple[Query, ...]:
        """As alternatives, whatever it is."""
        return (Query(without=self.alternatives),) if self.is_negative else self.alternatives


def _all_of(groups: Iterable[list[_Term]]) -> Query:
    query = Query()
    for group in groups:
        either = tuple(chain.from_iterable(term.either() for term in group))
        query &= either[0] if len(either) == 1 else Query(any_of=(either,))
    return query


@frozen
class _Reader:
    """Reads terms; raises ValueError with the reason why one can't be read."""

    zone: tzinfo

    def term(self, match: re.Match[str]) -> _Term:
        """A term, positive or negative."""
        _check(not match["odd"], "it has an open quotation mark")
        value = match["value"]
        quoted = value.startswith('"')
        value = value[1:-1] if quoted else value
        if match["name"]:
            alternatives: tuple[Query, ...] = (self._named(match["name"].lower(), match["sign"], value),)
        else:
            alternatives = _quoted(value) if quoted else _bare(value)
        return _Term(alternatives, bool(match["minus"]))

    def _named(self, name: str, sign: str, value: str) -> Query:
        if name in _FIGURES:
            return Query(comparisons=(_comparison(name, sign, value),))
        if name not in _EXACT and name not in _BOUNDS:
            near = get_close_matches(name, [*_EXACT, *_BOUNDS, *_FIGURES], 1)
            hint = f"perhaps {near[0]} is meant" if near else f"there are {', '.join([*_EXACT, *_BOUNDS, *_FIGURES])}"
            raise ValueError(f"there is no such filter; {hint}")
        _check(sign in {":", "="}, "only duration, silence, talk and overlap can be compared")
        _check(bool(value), "nothing is asked for")
        return _EXACT[name](value) if name in _EXACT else self._bounds(name, value)

    def _bounds(self, name: str, value: str) -> Query:
        """Of a day, its begin or end; of a time, itself."""
        try:
            moment = datetime.fromisoformat(value)
            whole_day = bool(_DAY.fullmatch(value))
            end = datetime.combine(moment.date() + timedelta(days=whole_day), time.min) if whole_day else moment
            begin, end = (self._aware(edge) for edge in (moment, end))
        except (ValueError, OverflowError):
            raise ValueError("a day is written 2026-09-14, a time 2026-09-14T10:30:00+02:00") from None
        since, until = _BOUNDS[name]
        edges = {"begin": begin, "end": end, "": None}
        return Query(since=edges[since], until=edges[until])

    def _aware(self, moment: datetime) -> datetime:
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)


def _bare(value: str) -> tuple[Query, ...]:
    """A number; or a word that was said, or is part of a name."""
    if _NUMBER.fullmatch(value):
        return (Query(numbers=(_number(value),)),)
    _check('"' not in value, "it has an open quotation mark")
    _check(not set("()") & set(value), "there are no brackets: `a b OR c` means a, and b or c")
    _check(value not in {"AND", "NOT"}, 'terms must all hold, without AND; "-" in front of one means NOT')
    _check(value[-1] not in ":<>=", "nothing is asked for")
    words, name = stems(value), normalise(value)
    if not words:
        return (Query(numbers=(_number(value),)),)
    said = Query(phrases=(Phrase(words),))
    return (said, Query(numbers=(value,))) if len(name) >= _SHORTEST_NAME else (said,)


def _quoted(value: str) -> tuple[Query, ...]:
    """What was said; digits may be a number, too."""
    if _NUMBER.fullmatch(value):
        return (*_phrases(value), Query(numbers=(_number(value),)))
    return (Query(phrases=(_phrase(value),)),)


def _phrases(value: str) -> Iterator[Query]:
    if words := stems(value):
        yield Query(phrases=(Phrase(words),))


def _phrase(value: str) -> Phrase:
    words = stems(value)
    _check(bool(words), "there is no word in it")
    return Phrase(words)


def _number(value: str) -> str:
    _check(bool(normalise(value)), "nothing of it is part of a number or name")
    return value


def _choice(choices: type[_Choice], word: str) -> _Choice:
    try:
        return choices(word.lower())
    except ValueError:
        raise ValueError(f"{word!r} is none of {', '.join(choices)}") from None


def _comparison(name: str, sign: str, value: str) -> Comparison:
    if name == "duration":
        return Comparison(_FIGURES[name], sign.replace(":", "="), _seconds(value))
    try:
        share = float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        share = -1.0
    _check(0 <= share <= 1, "a share is 0 to 1, or 0% to 100%")
    return Comparison(_FIGURES[name], sign.replace(":", "="), share)


def _seconds(value: str) -> float:
    match = _CLOCK.fullmatch(value) or _SPAN.fullmatch(value)
    if match is None:
        raise ValueError("a duration is seconds, 1h2m3s or 1:30")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


_FIGURES: Mapping[str, str] = {
    "duration": "duration",
    "silence": "silence_share",
    "talk": "talk_share",
    "overlap": "overlap_share",
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "after": ("begin", ""),
    "since": ("begin", ""),
    "before": ("", "begin"),
    "until": ("", "end"),
    "on": ("begin", "end"),
}
"""Which end of the day is `since`, and which is `until`."""
_EXACT: Mapping[str, Callable[[str], Query]] = {
    "number": lambda value: Query(numbers=(_number(value),)),
    "caller": lambda value: Query(caller=_number(value)),
    "from": lambda value: Query(caller=_number(value)),
    "receiver": lambda value: Query(receiver=_number(value)),
    "to": lambda value: Query(receiver=_number(value)),
    "status": lambda value: Query(statuses={_choice(Status, word) for word in value.split(",")}),
    "tag": lambda value: Query(tags={value.lower()}),
    "direction": lambda value: Query(direction=_choice(Direction, value)),
    "said": lambda value: Query(phrases=(_phrase(value),)),
    "agent": lambda value: Query(phrases=(Phrase(_phrase(value).words, "agent"),)),
    "customer": lambda value: Query(phrases=(Phrase(_phrase(value).words, "customer"),)),
    "source": lambda value: Query(source=value),
    "external_id": lambda value: Query(external_id=value),
    "sha256": lambda value: Query(sha256=value),
}
