"""What goes to stdout and stderr: lines, JSON lines, and errors as sentences. Third-party modules only on demand."""

import contextlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = [
    "OutputClosedError",
    "complain",
    "console",
    "draw",
    "emit",
    "emit_json",
    "finish",
    "forgive_consoles",
    "plain",
    "sentence",
]

_WIDE = 200  # columns, where nobody looks: a file or another program


class OutputClosedError(Exception):
    """Whoever read our output has gone."""


def forgive_consoles() -> None:
    """What a console can't show becomes "?" instead of a crash (Windows code pages, names that are no text)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def emit(text: str) -> None:
    """A line on stdout."""
    try:
        sys.stdout.write(text + "\n")
    except OSError as error:
        _closed(error)


def emit_json(value: dict[str, Any]) -> None:
    """An object as one line of JSON; escaped where the encoding of stdout has not all of its characters."""
    from callkit.wire import to_json  # cattrs takes 0.1 s

    line = to_json(value)
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value, allow_nan=False, separators=(",", ":"))
    emit(line)


def finish() -> None:
    """Make sure that stdout has everything."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _closed(error)


def _closed(error: OSError) -> None:
    """Python flushes stdout once more when it ends: into nowhere, not into another error."""
    if not isinstance(error, BrokenPipeError) and sys.platform != "win32":
        raise error
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise OutputClosedError from None


def complain(text: str) -> None:
    """A line on stderr, with our name in front."""
    print(f"callkit: {text}", file=sys.stderr)


def sentence(error: Exception) -> str:
    """An error as one sentence, in the words of the command line."""
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename else ""
        return plain(f"{name}{error.strerror}.")
    return plain(str(error)).replace("pass replace=True", "pass --replace")


def plain(text: str) -> str:
    """Text without what would steer a terminal: callers choose their own names."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def console(stream: Any = None) -> "Console":
    """A rich console on stdout (or another stream): colours only for a terminal that wants them."""
    from rich.console import Console  # 0.1 s that only a table is worth

    made = Console(file=stream or sys.stdout, markup=False, emoji=False, highlight=False)
    if os.environ.get("NO_COLOR"):
        made = Console(file=made.file, markup=False, emoji=False, highlight=False, color_system=None)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _WIDE
    return made


def draw(what: "RenderableType", on: "Console | None" = None) -> None:
    """A table on stdout."""
    made = on or console()
    with made.capture() as captured:  # rich would end the program itself when the pipe is closed
        made.print(what)
    emit("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))
