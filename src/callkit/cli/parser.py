"""What can be typed: the commands, their options and their help. Imports nothing that costs time."""

from argparse import Action, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence

from callkit.cli.command import Commands, add_command, common_options, count, json_option, page_options, positive, tag
from callkit.cli.parser_export import EXPORT
from callkit.cli.parser_http import HTTP
from callkit.cli.parser_transcripts import TRANSCRIPTS, transcript_options
from callkit.cli.parser_upkeep import UPKEEP

__all__ = ["build", "shielded"]

_EXAMPLES = """Examples:
  callkit process recordings/           measure every recording in a folder
  callkit search 'silence>30%'          find calls
  callkit show ID                       everything about one call
  callkit report ID --html call.html    a page about it
  callkit doctor                        is everything there that callkit needs?
"""


_SEARCHES = frozenset({"search", "transcribe", "report"})
_SHORT = frozenset("hqvy")  # options of one letter


def shielded(arguments: Sequence[str]) -> list[str]:
    """With a space before `-refund` and other terms of a search that argparse would take for options."""
    if not _SEARCHES & set(arguments[:1]):
        return list(arguments)
    return [f" {one}" if one[:1] == "-" != one[1:2] and not set(one[1:]) <= _SHORT else one for one in arguments]


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
    common = common_options()
    for add in (_process, _list, _search, _show, _report, *TRANSCRIPTS, *EXPORT, _erase, *HTTP, *UPKEEP):
        add(commands, common)
    return parser


class _Version(Action):
    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # 30 ms that only --version needs

        print("callkit", version("callkit"))
        parser.exit()


def _process(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(
        commands,
        common,
        "process:process",
        "Measure recordings, and keep them. What was done before is not done again; what failed is tried again.",
        [
            ("callkit process recordings/", "a folder, with all its folders"),
            ("callkit process call.wav --tag vip", "one file"),
            ("callkit process . --names '{direction}-{number}-{extension}-{date}-{time}-{uniqueid}'", ""),
            ("callkit process calls/ --transcribe whisper:base", "and write down what is said"),
            ("callkit process --again --since 2026-09-01", "what a newer callkit would measure in another way"),
        ],
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and folders")
    parser.add_argument(
        "--again", action="store_true", help="measure kept calls once more, where figures would come out differently"
    )
    parser.add_argument("--since", metavar="DAY", help="with --again: only calls that began then or later")
    parser.add_argument(
        "--processes", metavar="N", type=count, help="worker processes (default: as many as are worth it)"
    )
    parser.add_argument("--names", metavar="TEMPLATE", help="what the files' names tell, such as '{caller}_{date}'")
    parser.add_argument("--source", metavar="NAME", help="who the recordings come from (default: upload)")
    parser.add_argument(
        "--tag", metavar="TAG", type=tag, action="append", default=[], help="for each new call; may be repeated"
    )
    parser.add_argument("--replace", action="store_true", help="take another recording of a known call")
    parser.add_argument("--min-silence", metavar="SECONDS", type=positive, help="shortest silence to be marked")
    transcript_options(parser, "--transcribe")
    json_option(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="neither progress nor table: only what went wrong")


def _list(commands: Commands, common: ArgumentParser) -> None:
    examples = [("callkit list", "the newest 20"), ("callkit list --limit 100 --json", "for other programs")]
    parser = add_command(commands, common, "calls:list_", "List calls, newest first.", examples)
    page_options(parser)
    json_option(parser)


def _search(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(
        commands,
        common,
        "search:search",
        'Find calls by who called, when, and what was said. Quote the query: <, > and " mean something to a shell.',
        [
            ("callkit search 'refund agent:\"cancel my order\"'", "what was said, and by whom"),
            ("callkit search 'refund -delivery after:2026-09-01' --best", "the best matches first"),
            ("callkit search 7946 'silence>30%'", "part of a number, and much silence"),
            ("callkit search from:101 since:2026-09-01", "who called, and when"),
            ("callkit search status:failed --count", "how many"),
        ],
        more=_GRAMMAR,
    )
    parser.add_argument("query", metavar="QUERY", nargs="+", help="terms that must all hold")
    page_options(parser)
    parser.add_argument(
        "--best", action="store_true", help="the best of the newest thousand that match, not the newest"
    )
    parser.add_argument("--count", action="store_true", help="print only how many there are")
    json_option(parser)


_GRAMMAR = """

Terms:
  refund                     said by anybody, in whatever form, or part of a name
  "cancel my order"          said by one party, in this order
  agent:refund, customer:"…" said by that side; said: by anybody
  7946, +4420                part of a number; with + its beginning (also number:)
  from:101, to:+44           one end of the call (also caller:, receiver:)
  direction:inbound          inbound, outbound or internal
  after:2026-09-01           on that day or later, or at a time such as 2026-09-14T10:30 (also since:)
  before:…, until:…, on:…    before that day, until its end, on it
  duration>90, duration<5m   seconds, 1h2m3s or 1:30
  silence>30%, talk<20%      shares of the recording; overlap: two or more speak
  status:ready,failed        any of created, processing, ready, failed, erased
  tag:vip                    each given tag must be there
  source:…, external_id:…    exactly

All terms must hold. -term must not; a b OR c means a, and b or c."""


def _show(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit show 01993f6e-…", "who, when, how long, and when nobody spoke"),
        ("callkit show ID --explain talk_share", "what the figure means, and how it was made"),
        ("callkit show ID --transcript", "what was said, and by whom"),
        ("callkit show ID --json", ""),
    ]
    parser = add_command(commands, common, "calls:show", "Show everything about calls.", examples)
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `callkit list` shows them")
    parser.add_argument(
        "--explain",
        metavar="FIGURE",
        action="append",
        default=[],
        help='what a figure means, and how it was made; may be repeated; "all": every one',
    )
    parser.add_argument("--transcript", action="store_true", help="only what was said, and by whom")
    json_option(parser)


def _report(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(
        commands,
        common,
        "report:report",
        "Report what happened in a call: in the terminal, as a page, as a picture. Or make a table of many calls.",
        [
            ("callkit report ID", "who spoke when, the figures, and what is wrong with the recording"),
            ("callkit report ID --html call.html --png call.png", "a page of its own, a picture"),
            ("callkit report --all --csv calls.csv since:2026-09-01", "a row for each call that a search finds"),
        ],
    )
    parser.add_argument(
        "terms", metavar="ID", nargs="*", help="as `callkit list` shows it; with --all: terms of a search"
    )
    parser.add_argument("--html", metavar="FILE", help="a page that needs nothing else; - is stdout")
    parser.add_argument(
        "--audio", action="store_true", help="put the recording into the page, too, which makes it large"
    )
    parser.add_argument("--png", metavar="FILE", help="a picture of who speaks when, and when nobody does")
    parser.add_argument("--all", action="store_true", help="a table of all calls, or of those that a search finds")
    parser.add_argument("--csv", metavar="FILE", help="where the table goes; - is stdout")
    parser.add_argument("--parquet", metavar="FILE", help="the same as a Parquet file")
    parser.add_argument("--bom", action="store_true", help="begin the CSV so that Excel knows it is UTF-8")
    parser.add_argument(
        "--parties", metavar="N", type=count, default=2, help="that get columns in a table (default: 2)"
    )


def _erase(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(
        commands,
        common,
        "calls:erase",
        "Erase calls for good: numbers, sound and results. A mark stays, so that they can't come back by accident.",
        [("callkit erase ID", "asks first"), ("callkit erase ID ID --reason 'request 17' --yes", "does not ask")],
    )
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `callkit list` shows them")
    parser.add_argument("--reason", metavar="TEXT", default="", help="kept with the mark: no names or numbers")
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")
