"""`report`: a call in the terminal, as a page, as a picture; and tables of many calls."""

import io
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from callkit.cli.calls import each
from callkit.cli.files import whole
from callkit.cli.lines import batches
from callkit.cli.output import complain, console, emit, sentence
from callkit.cli.subjects import subject_of
from callkit.core.parsing import parse
from callkit.core.query import Query
from callkit.core.roles import ChannelMap, roles_in
from callkit.errors import NotFoundError, SettingsError
from callkit.interop.columns import Entry
from callkit.settings import Settings, load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from callkit.kit import CallKit
    from callkit.report.page import Sound
    from callkit.report.subject import Subject

__all__ = ["report"]

_STDOUT = "-"


def report(arguments: Namespace) -> int:
    """Of one call or several, or a table of all that match."""
    settings = load(vars(arguments), config=arguments.config)
    _check(arguments)
    query, roles = parse(" ".join(arguments.terms), zone=settings.zone) if arguments.all else Query(), settings.roles
    with settings.open_archive() as kit:
        try:
            if arguments.all:
                return _table(kit, query, arguments, roles)
            return each(arguments.terms, lambda call_id: _report(kit, settings, call_id, arguments))
        except OSError as error:  # a file that was asked for can't be written
            complain(sentence(error))
            return 1


def _check(arguments: Namespace) -> None:
    """Options that make no sense together.

    Raises:
        SettingsError: the message says which.
    """
    tables, pictures = (arguments.csv, arguments.parquet), (arguments.html, arguments.png)
    if arguments.all and (sum(map(bool, tables)) != 1 or any(pictures)):
        raise SettingsError("--all makes one table: pass --csv FILE or --parquet FILE with it, and nothing else.")
    if not arguments.all and any(tables):
        raise SettingsError("A table is of many calls: pass --all, or use --html and --png for one.")
    if arguments.audio and not arguments.html:
        raise SettingsError("Sound can be in a page only: pass --html FILE with --audio.")
    if not arguments.all and not arguments.terms:
        raise SettingsError("Which call? Pass an ID as `callkit list` shows it, or --all for a table.")
    if any(pictures) and len(arguments.terms) != 1:
        raise SettingsError("A page or a picture is of one call: pass one ID.")
    if _STDOUT in {arguments.png, arguments.parquet}:
        raise SettingsError("Pictures and Parquet are no text for stdout: name a file.")


# ---- one call


def _report(kit: "CallKit", settings: Settings, call_id: str, arguments: Namespace) -> None:
    subject = subject_of(kit, call_id, settings.zone, settings.roles)
    if arguments.html:
        from callkit.report.page import page  # numpy is only for pictures

        content = page(subject, _peaks(kit, subject), _sound(kit, subject) if arguments.audio else None)
        _write(arguments.html, content)
    if arguments.png:
        from callkit.report.heatmap import heatmap

        _write(arguments.png, heatmap(subject))
    if not (arguments.html or arguments.png):
        from callkit.cli.look import Look  # rich takes 0.1 s
        from callkit.cli.overview import draw_report

        draw_report(Look(console(), settings.zone), subject)


def _peaks(kit: "CallKit", subject: "Subject") -> "NDArray[np.int16] | None":
    """None if the storage has lost them: the rest of the report is there all the same."""
    with suppress(NotFoundError):
        return kit.peaks(subject.call.id).rows
    complain(f"The waveform of call {subject.call.id} is not in the storage.")
    return None


def _sound(kit: "CallKit", subject: "Subject") -> "Sound":
    from callkit.audio.sniff import content_type_of
    from callkit.report.page import Sound

    with kit.open_recording(subject.call.id) as file:
        return Sound(file.read(), content_type_of(subject.analysis.container))


def _write(place: str, content: bytes) -> None:
    """A page is ASCII, so that stdout may have any encoding."""
    if place == _STDOUT:
        emit(content.decode("ascii").rstrip("\n"))
        return
    with whole(place) as part:
        part.write_bytes(content)


# ---- tables


def _table(kit: "CallKit", query: Query, arguments: Namespace, roles: ChannelMap | None) -> int:
    from callkit.interop.tables import write_csv, write_parquet

    entries, parties = _entries(kit, query, roles), arguments.parties
    if arguments.parquet:
        with whole(arguments.parquet) as part:
            written = write_parquet(entries, part, parties=parties)
    elif arguments.csv == _STDOUT:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        written = write_csv(entries, _Stdout(), parties=parties, byte_order_mark=arguments.bom)
    else:
        with whole(arguments.csv) as part, part.open("w", encoding="utf-8", newline="") as file:
            written = write_csv(entries, file, parties=parties, byte_order_mark=arguments.bom)
    complain(f"{written} call{'' if written == 1 else 's'} in the table")
    return 0


def _entries(kit: "CallKit", query: Query, roles: ChannelMap | None) -> Iterator[Entry]:
    """Calls with their results, some hundred in memory at a time."""
    for some in batches(kit.calls(query)):
        results = kit.results_of(some)
        for call in some:
            found = results.get(call.id)
            analysis = found.analysis if found else None
            known = roles_in(call, analysis.channels, roles) if analysis else None
            yield Entry(call, analysis, known)


class _Stdout:
    """Takes whole lines."""

    def write(self, line: str) -> None:
        """One of them."""
        emit(line.removesuffix("\r\n"))
