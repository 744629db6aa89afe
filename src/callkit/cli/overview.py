"""A call as a report in the terminal: who spoke when, the figures, and what is wrong with the recording."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from callkit.cli.look import Look, length, style_of
from callkit.cli.output import draw, plain
from callkit.report.figures import Section, health_lines, on_one_line, sections
from callkit.report.lanes import EVENT_NAMES, Lane, clock, lanes
from callkit.report.strip import blocks, shares
from callkit.report.subject import Subject
from callkit.report.timeline import ticks

__all__ = ["draw_report"]

_FEWEST_CELLS, _MOST_CELLS = 16, 120
_TICK = 10  # columns that a time on the axis may take
_LETTERS = {
    "dtmf": "k",
    "ringback": "r",
    "busy": "b",
    "congestion": "c",
    "dial": "d",
    "beep": "p",
    "fax": "f",
    "sit": "s",
    "tone": "t",
    "music": "m",
}


def draw_report(look: Look, subject: Subject) -> None:
    """On stdout; at 80 columns and without colours nothing is lost."""
    shown: list[RenderableType] = [_headline(look, subject), "", _strips(look, subject)]
    for section in sections(subject):
        if section.figures:
            shown += ["", _table(subject.names, section)]
    if alone := on_one_line(subject):
        shown += ["", Text(alone)]
    notes = [*health_lines(subject), *subject.analysis.warnings]
    if notes:
        shown += ["", *(Text(f"! {plain(note)}", style="yellow") for note in notes)]
    draw(Group(*shown), look.console)


def _headline(look: Look, subject: Subject) -> Text:
    call = subject.call
    told = [look.clock(call.started_at), look.ends(call), call.direction or "", length(subject.analysis.duration)]
    return Text("  ".join(filter(None, told)), style="bold")


# ---- who spoke when


def _strips(look: Look, subject: Subject) -> Group:
    """A row for each lane that has something in it, over an axis of times."""
    found = [lane for lane in lanes(subject) if lane.name != "turns" and (lane.marks or lane.party is not None)]
    names = [plain(lane.name) for lane in found]
    margin = max(map(len, names), default=0) + 2
    cells = min(_MOST_CELLS, max(_FEWEST_CELLS, look.console.width - margin))
    rows = [
        Text(name.ljust(margin)).append_text(_strip(look, lane, subject.analysis.duration, cells))
        for name, lane in zip(names, found, strict=True)
    ]
    axis = Text(" " * margin + _axis(subject.analysis.duration, cells), style="dim")
    return Group(*rows, axis, *_legend(found))


def _strip(look: Look, lane: Lane, duration: float, cells: int) -> Text:
    if lane.name == "events":
        return Text(_lettered(lane, duration, cells))
    filled = shares(((mark.start, mark.end) for mark in lane.marks), duration, cells)
    if lane.party is not None:
        return Text(blocks(filled, look.glyphs), style=style_of(lane.party))
    return Text(blocks(filled, f" {look.glyphs[1:]}"))


def _lettered(lane: Lane, duration: float, cells: int) -> str:
    row = [" "] * cells
    for mark in lane.marks:
        first, last = (min(cells - 1, int(time / duration * cells)) for time in (mark.start, mark.end))
        row[first : last + 1] = _LETTERS[mark.kind] * (last + 1 - first)
    return "".join(row)


def _axis(duration: float, cells: int) -> str:
    row = ""
    for second in ticks(duration, cells // _TICK):
        label = clock(second, 0)
        column = int(second / duration * cells)
        if column + len(label) <= cells:
            row = row.ljust(column) + label
    return row


def _legend(found: Sequence[Lane]) -> Iterator[Text]:
    kinds = {mark.kind for lane in found if lane.name == "events" for mark in lane.marks}
    if kinds:
        told = (f"{_LETTERS[kind]} {name}" for kind, name in EVENT_NAMES.items() if kind in kinds)
        yield Text(f"events: {', '.join(told)}", style="dim")


# ---- figures


def _table(names: Sequence[str], section: Section) -> Table:
    titles = (*names, "call")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(section.title.lower(), no_wrap=True, min_width=18)
    for place in section.columns:
        table.add_column(titles[place], justify="right", overflow="fold")
    for figure in section.figures:
        table.add_row(figure.name, *(figure.cells[place] for place in section.columns))
    return table
