"""What can be typed about transcripts: `transcribe`, and options of other commands."""

from argparse import ArgumentParser

from callkit.cli.command import Commands, add_command, json_option

__all__ = ["TRANSCRIPTS", "transcript_options"]


def transcript_options(parser: ArgumentParser, name: str) -> None:
    """Options of commands that transcribe; `name` is the one that names the engine."""
    parser.add_argument(
        name,
        metavar="ENGINE",
        dest="transcriber",
        help="who writes down what is said: whisper:base, whispercpp:base, openai+https://…, placeholder, auto, none",
    )
    parser.add_argument("--language", metavar="CODE", help="what is spoken, such as en (default: it is found out)")
    parser.add_argument("--hints", metavar="TERMS", help="names and terms that are likely, with commas between")
    parser.add_argument(
        "--small-memory", action="store_const", const=True, help="transcribe with less memory, in more time"
    )


def _transcribe(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(
        commands,
        common,
        "transcribe:transcribe",
        "Write down what is said in calls, by whom and when. What was written down before is not done again.",
        [
            ("callkit transcribe ID --transcriber whisper:base", "one call"),
            ("callkit transcribe --since 2026-09-01", "with the engine that is set"),
            ("callkit transcribe tag:vip 'duration>60' --language en", "what a search finds"),
        ],
    )
    parser.add_argument("terms", metavar="ID", nargs="*", help="as `callkit list` shows it; or terms of a search")
    parser.add_argument("--since", metavar="DAY", help="only calls that began then or later")
    parser.add_argument("--all", action="store_true", help="all calls")
    transcript_options(parser, "--transcriber")
    json_option(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="neither progress nor table: only what went wrong")


TRANSCRIPTS = (_transcribe,)
"""Each adds a command."""
