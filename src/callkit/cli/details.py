"""One call in full."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table

from callkit.cli.look import Look, length, percent
from callkit.cli.output import draw, plain
from callkit.core.analysis import Analysis
from callkit.core.call import Call
from callkit.core.health import Flag

__all__ = ["draw_call"]

_FEWEST_CELLS, _MOST_CELLS = 16, 96


def draw_call(look: Look, call: Call, found: Analysis | None) -> None:
    """What is known of a call, who spoke when, and the silence marks; on stdout."""
    shown: list[RenderableType] = [_facts(look, call, found)]
    if found:
        shown += ["", _channels(look, found)]
    if found and found.silence:
        shown += ["", _marks(found)]
    draw(Group(*shown), look.console)


def _facts(look: Look, call: Call, found: Analysis | None) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (*_told(look, call), *_measured(call, found)):
        table.add_row(name, value)
    return table


def _told(look: Look, call: Call) -> Iterator[tuple[str, str]]:
    yield "id", str(call.id)
    yield "status", call.status
    if call.failure:
        yield "failure", plain(call.failure.message)
    if call.tombstone:
        yield "erased", plain(f"{look.clock(call.tombstone.at)} {call.tombstone.reason}".rstrip())
    yield "caller", plain(call.caller) or "unknown"
    yield "receiver", plain(call.receiver) or "unknown"
    yield "direction", call.direction or "unknown"
    yield "started", look.clock(call.started_at, "%Y-%m-%d %H:%M:%S")
    yield "external id", plain(f"{call.external_id} (source: {call.source})")
    if call.tags:
        yield "tags", " ".join(map(plain, call.tags))
    yield from ((plain(name), plain(str(value))) for name, value in call.metadata.items())


def _measured(call: Call, found: Analysis | None) -> Iterator[tuple[str, str]]:
    if call.recording:
        yield "recording", plain(f"{call.recording.name}, {call.recording.size:,} bytes")
    if call.duplicate_of:
        yield "same bytes", f"as call {call.duplicate_of}"
    if found is None:
        return
    yield "format", f"{found.container}, {found.codec}, {found.sample_rate} Hz, channels: {found.channels}"
    yield "length", f"{length(found.duration)} ({found.duration:.3f} s)"
    yield "silence", f"{percent(found.silence_time, found.duration)} ({found.silence_time:.3f} s)"
    if found.overlap_time is not None:
        yield "overlap", f"{percent(found.overlap_time, found.duration)} ({found.overlap_time:.3f} s)"
    yield from (("note", plain(warning)) for warning in found.warnings)
    yield from (("advice", _advice(flag)) for flag in (found.health.flags if found.health else ()))


def _advice(flag: Flag) -> str:
    return flag.advice if flag.channel is None else f"channel {flag.channel}: {flag.advice}"


def _channels(look: Look, found: Analysis) -> Table:
    cells = min(_MOST_CELLS, max(_FEWEST_CELLS, look.console.width - 32))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("channel", "talk", "level"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"speech ({found.duration / cells:.2f} s in a cell)")
    for party in found.parties:
        strip = look.strip([party], found.duration, cells)
        talk = percent(party.talk_time, found.duration)
        table.add_row(str(party.channel), talk, f"{party.rms_dbfs:.1f} dBFS", strip)
    return table


def _marks(found: Analysis) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("silence from", "to", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for mark in found.silence:
        table.add_row(_exact(mark.start), _exact(mark.end), f"{mark.duration:.2f}")
    return table


def _exact(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{rest / 100:05.2f}"
