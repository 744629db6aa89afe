"""What can be typed: the commands, their options and their help. Imports nothing that costs time."""

from argparse import Action, ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from textwrap import fill
from typing import Any, Protocol

__all__ = ["SHELLS", "build"]

SHELLS = ("bash", "zsh", "fish", "powershell")

_EXAMPLES = """Examples:
  callkit process recordings/           measure every recording in a folder
  callkit search 'silence>30%'          find calls
  callkit show ID                       everything about one call
  callkit doctor                        is everything there that callkit needs?
"""


class Commands(Protocol):
    """What `add_subparsers` returns, as far as it is used here."""

    def add_parser(self, name: str, **options: Any) -> ArgumentParser:
        """One more command."""


def build() -> ArgumentParser:
    """The whole command line. `run` in what it parses names the function to call, as "module:function"."""
    parser = ArgumentParser(
        prog="callkit",
        description="Turns phone-call recordings into measured, searchable calls.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = _common()
    for add in (_process, _list, _search, _show, _erase, _sweep, _doctor, _config, _completion):
        add(commands, common)
    return parser


class _Version(Action):
    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # 30 ms that only --version needs

        print("callkit", version("callkit"))
        parser.exit()


def _common() -> ArgumentParser:
    common = ArgumentParser(add_help=False)
    group = common.add_argument_group("where calls are kept")
    group.add_argument("--data", metavar="DIR", help="folder for everything (default: callkit-data)")
    group.add_argument("--database", metavar="URL", help="file or URL of the database (default: calls.db in --data)")
    group.add_argument("--storage", metavar="URL", help="folder or URL for the sound (default: recordings in --data)")
    group.add_argument("--runner", metavar="NAME", help="who does the work: inline, threads[:N] or processes[:N]")
    group.add_argument("--config", metavar="FILE", help="settings file (default: callkit.toml, if there is one)")
    common.add_argument("--timezone", metavar="ZONE", help="of times in names, searches and tables (default: local)")
    common.add_argument("-v", "--verbose", action="count", default=0, help="log to stderr; -vv logs more")
    return common


def _command(
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


def _process(commands: Commands, common: ArgumentParser) -> None:
    parser = _command(
        commands,
        common,
        "process:process",
        "Measure recordings, and keep them. What was done before is not done again; what failed is tried again.",
        [
            ("callkit process recordings/", "a folder, with all its folders"),
            ("callkit process call.wav --tag vip", "one file"),
            ("callkit process . --names '{direction}-{number}-{extension}-{date}-{time}-{uniqueid}'", ""),
        ],
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="files and folders")
    parser.add_argument(
        "--processes", metavar="N", type=_count, help="worker processes (default: as many as are worth it)"
    )
    parser.add_argument("--names", metavar="TEMPLATE", help="what the files' names tell, such as '{caller}_{date}'")
    parser.add_argument("--source", metavar="NAME", help="who the recordings come from (default: upload)")
    parser.add_argument(
        "--tag", metavar="TAG", type=_tag, action="append", default=[], help="for each new call; may be repeated"
    )
    parser.add_argument("--replace", action="store_true", help="take another recording of a known call")
    parser.add_argument("--min-silence", metavar="SECONDS", type=_positive, help="shortest silence to be marked")
    _json(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="neither progress nor table: only what went wrong")


def _list(commands: Commands, common: ArgumentParser) -> None:
    examples = [("callkit list", "the newest 20"), ("callkit list --limit 100 --json", "for other programs")]
    parser = _command(commands, common, "calls:list_", "List calls, newest first.", examples)
    _pages(parser)
    _json(parser)


def _search(commands: Commands, common: ArgumentParser) -> None:
    parser = _command(
        commands,
        common,
        "calls:search",
        "Find calls. Quote terms with < or >, which mean something else to a shell.",
        [
            ("callkit search 7946 'silence>30%'", "part of a number, and much silence"),
            ("callkit search from:101 since:2026-09-01", "who called, and when"),
            ("callkit search status:failed --count", "how many"),
        ],
        more=_GRAMMAR,
    )
    parser.add_argument("query", metavar="QUERY", nargs="+", help="terms that must all hold")
    _pages(parser)
    parser.add_argument("--count", action="store_true", help="print only how many there are")
    _json(parser)


_GRAMMAR = """

Terms:
  7946, +4420, alice         part of a number; with + its beginning
  from:101, to:+44           one end of the call (also caller:, receiver:)
  direction:inbound          inbound, outbound or internal
  since:2026-09-01, until:…  days, or times such as 2026-09-14T10:30; on: is one day
  duration>90, duration<5m   seconds, 1h2m3s or 1:30
  silence>30%                share of the recording in which nobody speaks
  status:ready,failed        any of created, processing, ready, failed, erased
  tag:vip                    each given tag must be there
  source:…, external_id:…    exactly"""


def _show(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit show 01993f6e-…", "who, when, how long, and when nobody spoke"),
        ("callkit show ID --json", ""),
    ]
    parser = _command(commands, common, "calls:show", "Show everything about calls.", examples)
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `callkit list` shows them")
    _json(parser)


def _erase(commands: Commands, common: ArgumentParser) -> None:
    parser = _command(
        commands,
        common,
        "calls:erase",
        "Erase calls for good: numbers, sound and results. A mark stays, so that they can't come back by accident.",
        [("callkit erase ID", "asks first"), ("callkit erase ID ID --reason 'request 17' --yes", "does not ask")],
    )
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `callkit list` shows them")
    parser.add_argument("--reason", metavar="TEXT", default="", help="kept with the mark: no names or numbers")
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")


def _sweep(commands: Commands, common: ArgumentParser) -> None:
    parser = _command(
        commands,
        common,
        "upkeep:sweep",
        "Put right what a crash left: do work that was promised, remove sound that no call knows.",
        [("callkit sweep", "safe at any time"), ("callkit sweep --grace 24", "leave the sound of a day alone")],
    )
    parser.add_argument(
        "--grace", metavar="HOURS", type=_hours, default=1.0, help="sound younger than this is left alone (default: 1)"
    )


def _doctor(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit doctor", "a line for everything"),
        ("callkit doctor --data /srv/calls --json", "for monitoring"),
    ]
    parser = _command(commands, common, "doctor:doctor", "Check that everything is there and works.", examples)
    _json(parser)


def _config(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit config", "every setting"),
        ("CALLKIT_DATA=/srv/calls callkit config", "with the environment's"),
    ]
    parser = _command(commands, common, "upkeep:config", "Show the settings, and where each comes from.", examples)
    _json(parser)


def _completion(commands: Commands, common: ArgumentParser) -> None:
    parser = _command(
        commands,
        common,
        "upkeep:completion",
        "Print a script with which a shell completes commands and options.",
        [
            ("callkit completion zsh > ~/.zfunc/_callkit", "a folder in fpath"),
            ("callkit completion bash > ~/.local/share/bash-completion/completions/callkit", ""),
        ],
    )
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def _pages(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="N", type=_count, default=20, help="how many at most (default: 20)")
    parser.add_argument("--after", metavar="CURSOR", help="go on where a page ended, which it told on stderr")


def _json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, and nothing else")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _tag(text: str) -> str:
    if not text.strip() or len(text.strip().split()) > 1 or '"' in text:
        raise ArgumentTypeError(f"{text!r} is no tag: a tag is a word without spaces and quotes")
    return text


def _positive(text: str) -> float:
    number = _hours(text)
    if number == 0:
        raise ArgumentTypeError("it must be above 0")
    return number


def _hours(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise ArgumentTypeError(f"{text!r} is no number that makes sense here")
    return number
