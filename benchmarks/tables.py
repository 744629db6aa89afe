"""Figures → Markdown tables that are readable in a terminal too."""

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from attrs import frozen

from benchmarks.measuring import Figure

__all__ = ["Chapter", "markdown", "table", "versions"]


@frozen
class Chapter:
    """One benchmark: what was done, and what came out.

    Attributes:
        title: a heading.
        text: what was compared, under which conditions.
        figures: the lines; those of one case follow each other, its first is what its others are held against.
        crossed: a line for each contender and a column for each case, instead of a line for each figure.
    """

    title: str
    text: str
    figures: tuple[Figure, ...]
    crossed: bool = False


def markdown(chapter: Chapter) -> str:
    """The chapter as Markdown."""
    rows = _crossed(chapter.figures) if chapter.crossed else _listed(chapter.figures)
    return f"## {chapter.title}\n\n{chapter.text}\n\n{table(rows)}\n"


def _listed(figures: Sequence[Figure]) -> list[list[str]]:
    columns = {
        "case": [figure.case for figure in figures],
        "who": [figure.who for figure in figures],
        "CPU": [_time(figure.cpu) for figure in figures],
        "ratio": [_ratio(figure.ratio) for figure in figures],
        "CPU, 95 of 100 below": [_time(figure.cpu_p95) for figure in figures],
        "by the clock": [_time(figure.wall) for figure in figures],
        "peak memory": ["" if figure.megabytes is None else f"{figure.megabytes:.0f} MB" for figure in figures],
        "note": [figure.note for figure in figures],
    }
    used = {name: cells for name, cells in columns.items() if any(cells)}
    return [list(used), *(list(row) for row in zip(*used.values(), strict=True))]


def _crossed(figures: Sequence[Figure]) -> list[list[str]]:
    cases = list(dict.fromkeys(figure.case for figure in figures))
    cells = {(figure.who, figure.case): _cell(figure) for figure in figures}
    whos = list(dict.fromkeys(figure.who for figure in figures))
    return [["CPU (ratio)", *cases], *([who, *(cells.get((who, case), "") for case in cases)] for who in whos)]


def _cell(figure: Figure) -> str:
    return figure.note or f"{_time(figure.cpu)} ({_ratio(figure.ratio)})"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{_three(seconds * 1000)} ms"
    return f"{_three(seconds)} s"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{_three(ratio)}×"


def _three(number: float) -> str:
    """Three digits that mean something, and no more."""
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as Markdown; the first one is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def versions(packages: Sequence[str]) -> Iterator[str]:
    """Python's, and those of packages."""
    yield f"Python {platform.python_version()}"
    for package in packages:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} not installed"
