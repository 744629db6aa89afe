"""File names that tell about the call: `NameTemplate`.

    >>> from datetime import UTC
    >>> template = NameTemplate("{direction}-{number}-{extension}-{date}-{time}-{uniqueid}")
    >>> facts = template.read("in-0442079460018-101-20260914-103212-1789381932.4", UTC)
    >>> facts.caller, facts.receiver, facts.started_at.isoformat()
    ('0442079460018', '101', '2026-09-14T10:32:12+00:00')

Exchanges disagree about the order of the parts (FreePBX writes the called end first), so nothing is guessed.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from string import Formatter
from types import MappingProxyType

from attrs import field, frozen

from callkit.core.call import Direction
from callkit.errors import SettingsError

__all__ = ["DIRECTIONS", "FIELDS", "Facts", "NameTemplate"]

DIRECTIONS: Mapping[str, Direction | None] = MappingProxyType(
    {
        "in": Direction.INBOUND,
        "inbound": Direction.INBOUND,
        "incoming": Direction.INBOUND,
        "external": Direction.INBOUND,  # FreePBX: from outside to an extension
        "q": Direction.INBOUND,  # FreePBX: to a queue
        "rg": Direction.INBOUND,  # FreePBX: to a ring group
        "out": Direction.OUTBOUND,
        "outbound": Direction.OUTBOUND,
        "outgoing": Direction.OUTBOUND,
        "internal": Direction.INTERNAL,
        "exten": Direction.INTERNAL,  # FreePBX: from extension to extension
        "force": None,  # FreePBX: recorded on demand, either way
    }
)
"""The words that `{direction}` reads, in any case, and what they mean; None: it can't be told."""

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "direction": "in, inbound, incoming, out, outbound, outgoing, internal (and FreePBX's external, q, rg, exten)",
        "caller": "who called",
        "receiver": "who was called",
        "number": "the outside party: who was called of an outbound call, else who called",
        "extension": "the other end of {number}",
        "date": "20260914 or 2026-09-14",
        "time": "103212, 10-32-12 or 10:32:12",
        "uniqueid": "what the exchange calls the call: becomes its external id",
        "any": "whatever stands there; it is not kept",
    }
)
"""The fields of a template; any other word is kept as metadata under that word."""

_DATE = r"\d{8}|\d{4}-\d\d-\d\d"
_TIME = r"\d{6}|\d\d-\d\d-\d\d|\d\d:\d\d:\d\d"
_FIXED = {"direction": "|".join(map(re.escape, DIRECTIONS)), "date": _DATE, "time": _TIME}
_EPOCH = re.compile(r"(?<!\d)(\d{10})\.\d+$")
_ENDS = ({"caller", "receiver"}, {"number", "extension"})


@frozen
class Facts:
    """What a name says of a call; "" and None where it says nothing. `started_at` is in UTC."""

    caller: str = ""
    receiver: str = ""
    direction: Direction | None = None
    started_at: datetime | None = None
    external_id: str | None = None
    metadata: Mapping[str, str] = field(factory=dict, hash=False)


@frozen
class NameTemplate:
    """How the recordings of an exchange are named, without the file's suffix: plain text with `{fields}` in it.

    A field ends where the plain text behind it begins; only the last one may hold that text itself, so a `{uniqueid}`
    with dashes belongs at the end. See `FIELDS`; "{{" and "}}" are plain braces.

    Raises:
        SettingsError: the template makes no sense; the message says why.
    """

    text: str
    _pattern: re.Pattern[str] = field(init=False, repr=False, eq=False)

    @_pattern.default
    def _compiled(self) -> re.Pattern[str]:
        parts = list(_parts(self.text))
        _check(self.text, [name for _, name in parts if name])
        return re.compile("".join(_expressions(self.text, parts)), re.IGNORECASE)

    def read(self, stem: str, zone: tzinfo) -> Facts | None:
        """The facts in a name without its suffix; None if it does not fit, or holds a date that can't be.

        Args:
            stem: such as "in-0442079460018-101-20260914-103212-1789381932.4".
            zone: of the exchange's clock.
        """
        match = self._pattern.fullmatch(stem)
        if match is None:
            return None
        found = match.groupdict()
        try:
            started_at = _started_at(found, zone)
        except (ValueError, OverflowError):
            return None
        direction = DIRECTIONS[found["direction"].lower()] if "direction" in found else None
        caller, receiver = _ends(found, direction)
        metadata = {name: value for name, value in found.items() if name not in FIELDS}
        return Facts(caller, receiver, direction, started_at, found.get("uniqueid"), metadata)


def _parts(text: str) -> Iterator[tuple[str, str | None]]:
    """(plain text, field behind it or None), from left to right."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise _bad(text, "its braces don't match") from None
    for literal, name, spec, conversion in parts:
        if name is not None and (spec or conversion or not re.fullmatch(r"[a-z_][a-z0-9_]*", name)):
            raise _bad(text, f"{{{name}}} is no field; a field is a word in lower case, such as {{caller}}")
        yield literal, name


def _check(text: str, names: list[str]) -> None:
    kept = [name for name in names if name != "any"]
    if not kept:
        raise _bad(text, "it has no field such as {caller}")
    if twice := next((name for name in kept if kept.count(name) > 1), None):
        raise _bad(text, f"{{{twice}}} is there twice")
    if all(ends & set(kept) for ends in _ENDS):
        raise _bad(text, "{caller} and {receiver} don't go together with {number} and {extension}")
    if "time" in kept and "date" not in kept:
        raise _bad(text, "{time} needs a {date}")
    for name in set(kept) - set(FIELDS):
        if close := get_close_matches(name, FIELDS, 1, 0.85):
            raise _bad(text, f"{{{name}}} would be metadata; did you mean {{{close[0]}}}?")


def _expressions(text: str, parts: list[tuple[str, str | None]]) -> Iterator[str]:
    behind = [literal for literal, _ in parts[1:]] + [None]
    for (literal, name), end in zip(parts, behind, strict=True):
        yield re.escape(literal)
        if name is None:
            continue
        if name not in _FIXED and end == "":
            raise _bad(text, f"nothing stands between {{{name}}} and the next field, so its end can't be told")
        value = _FIXED.get(name) or (f"(?:(?!{re.escape(end)}).)+" if end else ".+")
        yield f"(?:{value})" if name == "any" else f"(?P<{name}>{value})"


def _bad(text: str, why: str) -> SettingsError:
    return SettingsError(f"The name template {text!r} can't be used: {why}.")


def _ends(found: Mapping[str, str], direction: Direction | None) -> tuple[str, str]:
    """Caller and receiver."""
    if "number" not in found and "extension" not in found:
        return found.get("caller", ""), found.get("receiver", "")
    number, extension = found.get("number", ""), found.get("extension", "")
    return (extension, number) if direction is Direction.OUTBOUND else (number, extension)


def _started_at(found: Mapping[str, str], zone: tzinfo) -> datetime | None:
    if "date" not in found:
        return None
    digits = re.sub(r"\D", "", found["date"] + found.get("time", "000000"))
    told = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone)
    moment, again = told.astimezone(UTC), told.replace(fold=1).astimezone(UTC)
    epoch = _EPOCH.search(found.get("uniqueid", ""))
    if epoch is None or moment == again:
        return moment
    # when clocks are set back an hour comes twice: the exchange's unique id, made of the epoch, tells which it was
    near = datetime.fromtimestamp(int(epoch[1]), UTC)
    return min(moment, again, key=lambda one: abs(one - near))
