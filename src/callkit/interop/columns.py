"""The columns of a flat table of calls: `columns`.

Names are those of the figures (`callkit.core.definitions`), with `_s` behind seconds. What belongs to a party begins
with `party0_` for the first channel and `party1_` for the second; `party0_end` and `party0_side` say who that is.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any, get_args

from attrs import fields, fields_dict, frozen

from callkit.core.analysis import Analysis
from callkit.core.call import Call
from callkit.core.definitions import DEFINITIONS
from callkit.core.events import EventKind
from callkit.core.explaining import FIRST_WORD
from callkit.core.loudness import Loudness
from callkit.core.party import Latency, PartyTalk
from callkit.core.roles import Roles

__all__ = ["Cell", "Column", "Entry", "columns"]

Cell = str | int | float | bool | datetime | None
"""None: not known, or not measurable."""


@frozen
class Entry:
    """A call, what was measured of it, and who is on its channels; the last two are None while there are no results."""

    call: Call
    analysis: Analysis | None = None
    roles: Roles | None = None


@frozen
class Column:
    """A column.

    Attributes:
        name: unique.
        kind: the type of the cells that are not None: str, int, float, bool or datetime (aware, UTC).
        read: gives the cell of a call.
    """

    name: str
    kind: type
    read: Callable[[Entry], Cell]


def columns(parties: int = 2) -> tuple[Column, ...]:
    """All columns, with those for so many parties; what more parties have is left out.

    >>> [column.name for column in columns(1) if "talk_share" in column.name or column.name.startswith("recording")]
    ['recording_silence_time_s', 'recording_silence_share', 'party0_talk_share']
    """
    own = (column for party in range(parties) for column in _of_party(party))
    return (*_of_call(), *_of_recording(), *_of_conversation(), *own)


def _of_call() -> Iterator[Column]:
    yield Column("id", str, lambda entry: str(entry.call.id))
    for name in ("source", "external_id", "status", "caller", "receiver"):
        yield _told(name)
    yield _told("started_at", datetime)
    yield _told("direction")
    yield Column("failure", str, lambda entry: entry.call.failure.code if entry.call.failure else None)
    yield Column("tags", str, lambda entry: " ".join(entry.call.tags) or None)
    yield Column("metadata", str, lambda entry: _json(entry.call.metadata))
    yield Column("duplicate_of", str, lambda entry: str(entry.call.duplicate_of) if entry.call.duplicate_of else None)


def _told(name: str, kind: type = str) -> Column:
    """A fact of the call; an empty text is none."""
    read = attrgetter(name)
    return Column(name, kind, lambda entry: (_text(read(entry.call)) if kind is str else read(entry.call)) or None)


def _text(value: str | None) -> str | None:
    """A word of a list (Status, Side) as plain text, which is all that other libraries know."""
    return None if value is None else str(value)


def _json(metadata: Any) -> str | None:
    return json.dumps(dict(metadata), ensure_ascii=False, separators=(",", ":")) if metadata else None


# ---- what was measured


def _measured(name: str, kind: type, read: Callable[[Analysis], Cell]) -> Column:
    return Column(name, kind, lambda entry: None if entry.analysis is None else read(entry.analysis))


def _of_recording() -> Iterator[Column]:
    kinds = {"container": str, "codec": str, "sample_rate": int, "channels": int, "truncated": bool}
    for name, kind in kinds.items():
        yield _measured(name, kind, attrgetter(name))
    yield _measured("recording_silence_time_s", float, attrgetter("silence_time"))
    yield _measured("recording_silence_share", float, _silence_share)
    for loudness in fields(Loudness):
        yield _measured(loudness.name, float, _deep("loudness", loudness.name))
    yield _measured("health", str, _flags)
    for kind_of_event in get_args(EventKind):
        yield _measured(f"{kind_of_event}_events", int, _counter(kind_of_event))
    yield Column("role_source", str, lambda entry: str(entry.roles.source) if entry.roles else None)
    yield _measured("fingerprint", str, attrgetter("fingerprint"))


def _silence_share(analysis: Analysis) -> float | None:
    return None if analysis.silence_share is None else round(analysis.silence_share, 4)


def _deep(*names: str) -> Callable[[Any], Any]:
    """An attribute of an attribute; None as soon as one is."""

    def read(value: Any) -> Any:
        for name in names:
            value = None if value is None else getattr(value, name)
        return value

    return read


def _flags(analysis: Analysis) -> str | None:
    """The codes of what is wrong, with the channel if it is one's; None if nobody looked."""
    if analysis.health is None:
        return None
    flags = analysis.health.flags
    return " ".join(flag.code if flag.channel is None else f"{flag.code}:{flag.channel}" for flag in flags)


def _counter(kind: str) -> Callable[[Analysis], int]:
    return lambda analysis: sum(event.kind == kind for event in analysis.events)


def _of_conversation() -> Iterator[Column]:
    for name in DEFINITIONS:
        if name not in fields_dict(PartyTalk) and name != FIRST_WORD:
            yield from _figure("", name, _deep("conversation", name))
    for name in ("turns", "interruptions", "backchannels", "early_starts"):
        yield from _figure("", name, _deep("conversation", name))


def _of_party(number: int) -> Iterator[Column]:
    prefix = f"party{number}_"
    for role in ("end", "side"):
        yield Column(f"{prefix}{role}", str, _role(number, role))
    for name in DEFINITIONS:
        if name == FIRST_WORD:
            yield from _figure(prefix, name, lambda found: _first_word(found, number))
        elif name in fields_dict(PartyTalk):
            yield from _figure(prefix, name, _nth("conversation.parties", number, name))
    for name in ("rms_dbfs", "peak_dbfs", "clipping_percent"):
        yield _measured(f"{prefix}{name}", float, _nth("parties", number, name))
    for loudness in fields(Loudness):
        yield _measured(f"{prefix}{loudness.name}", float, _nth("parties", number, "loudness", loudness.name))
    for name in ("noise_floor_dbfs", "snr_db"):
        yield _measured(f"{prefix}{name}", float, _nth("health.channels", number, name))


def _nth(path: str, number: int, *names: str) -> Callable[[Any], Any]:
    """An attribute of one of several; None if there are not so many."""
    several, own = _deep(*path.split(".")), _deep(*names)

    def read(value: Any) -> Any:
        found = several(value)
        return own(found[number]) if found is not None and number < len(found) else None

    return read


def _role(number: int, role: str) -> Callable[[Entry], Cell]:
    read = _nth("channels", number, role)
    return lambda entry: _text(read(entry.roles)) if entry.roles else None


def _first_word(found: Analysis, number: int) -> float | None:
    return found.conversation.time_to_first_word(number) if number < len(found.parties) else None


def _figure(prefix: str, name: str, read: Callable[[Any], Any]) -> Iterator[Column]:
    """One column, or several for a value of several numbers."""
    if name == "latency":
        for part in fields(Latency):
            kind, end = (int, "") if part.name == "n" else (float, "_s")
            yield _measured(f"{prefix}{name}_{part.name}{end}", kind, _part(read, part.name))
    elif name == "talk_span":
        yield _measured(f"{prefix}{name}_start_s", float, lambda found: span[0] if (span := read(found)) else None)
        yield _measured(f"{prefix}{name}_end_s", float, lambda found: span[1] if (span := read(found)) else None)
    elif DEFINITIONS[name].unit == "count":
        yield _measured(f"{prefix}{name}", int, lambda found: _count(read(found)))
    else:
        yield _measured(f"{prefix}{name}{'_s' if DEFINITIONS[name].unit == 's' else ''}", float, read)


def _part(read: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    part = _deep(name)
    return lambda found: part(read(found))


def _count(value: Any) -> int | None:
    return value if value is None or isinstance(value, int) else len(value)
