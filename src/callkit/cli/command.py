"""What the commands on the command line have in common. Imports nothing that costs time."""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from textwrap import fill
from typing import Any, Protocol

__all__ = [
    "Commands",
    "add_command",
    "common_options",
    "count",
    "json_option",
    "number",
    "page_options",
    "positive",
    "tag",
]


class Commands(Protocol):
    """What `add_subparsers` returns, as far as it is used here."""

    def add_parser(self, name: str, **options: Any) -> ArgumentParser:
        """One more command."""


def common_options() -> ArgumentParser:
    """Options of all commands."""
    common = ArgumentParser(add_help=False)
    group = common.add_argument_group("where calls are kept")
    group.add_argument("--data", metavar="DIR", help="folder for everything (default: callkit-data)")
    group.add_argument("--database", metavar="URL", help="file or URL of the database (default: calls.db in --data)")
    group.add_argument("--storage", metavar="URL", help="folder or URL for the sound (default: recordings in --data)")
    group.add_argument(
        "--runner", metavar="NAME", help="who does the work: inline, threads[:N], processes[:N], or a broker"
    )
    group.add_argument("--config", metavar="FILE", help="settings file (default: callkit.toml, if there is one)")
    common.add_argument("--timezone", metavar="ZONE", help="of times in names, searches and tables (default: local)")
    common.add_argument("-v", "--verbose", action="count", default=0, help="log to stderr; -vv logs more")
    return common


def add_command(
    commands: Commands,
    common: ArgumentParser,
    run: str,
    what: str,
    examples: Sequence[tuple[str, str]],
    *,
    more: str = "",
) -> ArgumentParser:
    """A command, called as the function in `run` (which ends in "_" where its name is taken in Python)."""
    module, _, name = run.partition(":")
    width = max(len(line) for line, meaning in examples if meaning or len(examples) == 1)
    shown = "\n".join(f"  {line:{width}}  {meaning}".rstrip() for line, meaning in examples)
    parser = commands.add_parser(
        name.rstrip("_"),
        parents=[common],
        help=what[0].lower() + what[1:].partition(".")[0].partition(":")[0],
        description=fill(what, 78) + more,
        epilog=f"Examples:\n{shown}\n",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=f"callkit.cli.{module}:{name}")
    return parser


def page_options(parser: ArgumentParser) -> None:
    """Options of what gives calls in pages."""
    parser.add_argument("--limit", metavar="N", type=count, default=20, help="how many at most (default: 20)")
    parser.add_argument("--after", metavar="CURSOR", help="go on where a page ended, which it told on stderr")


def json_option(parser: ArgumentParser) -> None:
    """Output for other programs."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, and nothing else")


def count(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def tag(text: str) -> str:
    """A word."""
    if not text.strip() or len(text.strip().split()) > 1 or '"' in text:
        raise ArgumentTypeError(f"{text!r} is no tag: a tag is a word without spaces and quotes")
    return text


def positive(text: str) -> float:
    """A number above 0."""
    above = number(text)
    if above == 0:
        raise ArgumentTypeError("it must be above 0")
    return above


def number(text: str) -> float:
    """A number from 0 to a million."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise ArgumentTypeError(f"{text!r} is no number that makes sense here")
    return found
