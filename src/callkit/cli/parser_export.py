"""What can be typed to hand calls over to other programs: `export`."""

from argparse import ArgumentParser

from callkit.cli.command import Commands, add_command

__all__ = ["EXPORT"]


def _export(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit export ID --format vtt", "subtitles for a browser; also srt, txt, json"),
        ("callkit export ID ID --format srt --output subtitles/", "a file for each call, named ID.srt"),
    ]
    what = "Write what was said in calls, with who said it, in the formats of other programs."
    parser = add_command(commands, common, "export:export", what, examples)
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `callkit list` shows them")
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        choices=("vtt", "srt", "txt", "json"),
        default="txt",
        help="vtt, srt, txt or json (default: txt)",
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="a folder for the files (default: stdout)")


EXPORT = (_export,)
"""Each adds a command."""
