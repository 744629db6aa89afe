"""Who spoke when, as diarisation tools write it: RTTM files (NIST's Rich Transcription Time Marked).

A line has ten fields between spaces: `SPEAKER file channel start duration <NA> <NA> label <NA> <NA>`, times in seconds.

    >>> read_rttm("SPEAKER call_1 1 1.000 7.000 <NA> <NA> agent <NA> <NA>")
    {'call_1': {'agent': ((1.0, 8.0),)}}

No field can hold a space. In labels and file ids, `write_rttm` writes white space as %20 and so on, and `read_rttm`
reads it so; it also understands tools that write spaces as they are.

Source: NIST, RTTM-format-v13; tools of today write SPEAKER lines only.
"""

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import quote, unquote

from callkit.core.analysis import Interval
from callkit.errors import InvalidCallError

__all__ = ["Speakers", "read_rttm", "write_rttm"]

Speakers = Mapping[str, tuple[Interval, ...]]
"""The speech of each label: seconds, in order of start. A speaker's stretches may overlap."""

_MISSING = "<NA>"
_FIELDS = (9, 10)  # older files have no last one
_FIELD = re.compile(r"[^ \t]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_SPECIAL = re.compile(r"[\s\x00-\x1f\x7f%]")


def read_rttm(source: str | bytes, *, name: str = "the RTTM file") -> dict[str, dict[str, tuple[Interval, ...]]]:
    """The speakers of each file id, in the order in which they appear.

    Blank lines, `;;` comments, lines of other types and stretches without length are skipped. Channels are not kept: a
    label is one speaker, whatever the channel.

    Args:
        source: the text, or the bytes of the file, UTF-8 with or without a byte order mark.
        name: what errors call it.

    Raises:
        InvalidCallError: a SPEAKER line can't be read, the message says which and why; or it is not UTF-8.
    """
    files: dict[str, dict[str, list[Interval]]] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", _decoded(source, name)), 1):
        fields = _FIELD.findall(line)
        if fields and fields[0].upper() == "SPEAKER":
            try:
                file, label, interval = _speaker(fields)
            except ValueError as why:
                raise InvalidCallError(f"Line {number} of {name} is no SPEAKER line of RTTM: {why}.") from None
            if interval[0] < interval[1]:
                files.setdefault(file, {}).setdefault(label, []).append(interval)
    return {file: {label: tuple(sorted(found)) for label, found in labels.items()} for file, labels in files.items()}


def write_rttm(files: Mapping[str, Speakers], *, channels: Mapping[str, int] = MappingProxyType({})) -> str:
    """RTTM with three decimals, by file id and start; what is shorter than half a millisecond is left out.

    Args:
        files: the speakers of each file id.
        channels: the channel of a label, 0 for the first (in the file it counts from 1); by default 0.
    """
    return "".join(
        f"SPEAKER {_escaped(file)} {channels.get(label, 0) + 1} {start / 1000:.3f} {(end - start) / 1000:.3f} "
        f"{_MISSING} {_MISSING} {_escaped(label)} {_MISSING} {_MISSING}\n"
        for file, speakers in files.items()
        for start, end, label in sorted(_stretches(speakers))
        if start < end
    )


def _stretches(speakers: Speakers) -> Iterator[tuple[int, int, str]]:
    """Start and end in milliseconds, and the label."""
    for label, intervals in speakers.items():
        for start, end in intervals:
            yield max(round(start * 1000), 0), round(end * 1000), label


def _decoded(source: str | bytes, name: str) -> str:
    try:
        return (source if isinstance(source, str) else source.decode()).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise InvalidCallError(f"{name} is not UTF-8: save it so, and try again.") from None


def _speaker(fields: list[str]) -> tuple[str, str, Interval]:
    """File id, label and interval of a line.

    Raises:
        ValueError: what is wrong with it.
    """
    times = _place_of_times(fields)
    start, duration = (_seconds(fields[times + more], what) for more, what in enumerate(("start", "duration")))
    return _plain(fields[1 : times - 1]), _plain(_label(fields[times + 4 :])), (start, round(start + duration, 6))


def _place_of_times(fields: list[str]) -> int:
    """Where the start is: the fourth field, or further on if there are spaces in the file id."""
    for place in range(3, len(fields) - 4):
        start, duration, word = fields[place : place + 3]
        if word == _MISSING and _NUMBER.fullmatch(start) and _NUMBER.fullmatch(duration):
            return place
    if len(fields) not in _FIELDS:
        raise ValueError(f"it has {len(fields)} fields, not {_FIELDS[-1]}")
    return 3


def _label(fields: list[str]) -> list[str]:
    """Without the confidence and the lookahead time behind it, if they are there."""
    for _ in range(2):
        if len(fields) > 1 and (fields[-1] == _MISSING or _NUMBER.fullmatch(fields[-1])):
            fields = fields[:-1]
    return fields


def _seconds(text: str, what: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"its {what} is {text!r}, not a number of seconds from 0 on")
    return value


def _escaped(text: str) -> str:
    """As one field."""
    if text in {"", _MISSING}:
        return "%3CNA>" if text else _MISSING
    return _SPECIAL.sub(lambda special: quote(special[0]), text)


def _plain(fields: list[str]) -> str:
    """The text of a field, or of several that were one with spaces; what `_escaped` did not write is left alone."""
    text = " ".join(fields)
    plain = "" if text == _MISSING else unquote(text)
    return plain if _escaped(plain) == text else text
