"""What can be typed to keep callkit running: `worker`, `sweep`, `db`, `doctor`, `config`, `completion`."""

from argparse import ArgumentParser

from callkit.cli.command import Commands, add_command, count, json_option, number, positive

__all__ = ["SHELLS", "UPKEEP"]

SHELLS = ("bash", "zsh", "fish", "powershell")


def _worker(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit worker --runner celery+redis://queue:6379/0", "until it is told to end (SIGTERM)"),
        ("callkit worker --processes 8 --sweep-every 0", "settings from files; another one sweeps"),
    ]
    what = "Do the work that others submit, on this machine. Start as many workers, on as many machines, as you like."
    parser = add_command(commands, common, "worker:worker", what, examples)
    parser.add_argument("--processes", metavar="N", type=count, help="tasks at once (default: one a processor)")
    parser.add_argument(
        "--sweep-every",
        metavar="SECONDS",
        type=number,
        default=30.0,
        help="find work that was lost, so often; 0: never (default: 30)",
    )


def _sweep(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(
        commands,
        common,
        "upkeep:sweep",
        "Put right what a crash left: do work that was promised, remove sound that no call knows.",
        [
            ("callkit sweep", "safe at any time"),
            ("callkit sweep --grace 24", "leave the sound of a day alone"),
            ("callkit sweep --every 30", "again and again, but only for work"),
        ],
    )
    parser.add_argument(
        "--every", metavar="SECONDS", type=positive, help="do not end; never look for sound that no call knows"
    )
    parser.add_argument(
        "--grace", metavar="HOURS", type=number, default=1.0, help="sound younger than this is left alone (default: 1)"
    )


def _db(commands: Commands, common: ArgumentParser) -> None:
    parser = commands.add_parser("db", help="the database's schema, and copies of it", allow_abbrev=False)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    url = "--database postgresql://me@db.example/calls"
    examples = [("callkit db upgrade", "of the database that is set"), (f"callkit db upgrade {url}", "")]
    what = "Make the tables, or bring them to this version. SQLite files are by themselves, when they are used."
    add_command(inner, common, "database:upgrade", what, examples)
    examples = [("callkit db status", "exit code 1: run `callkit db upgrade`")]
    json_option(add_command(inner, common, "database:status", "Show which schema the database has.", examples))
    examples = [("callkit db downgrade base --yes", "all tables of callkit's, and all calls, are gone")]
    parser = add_command(inner, common, "database:downgrade", "Undo migrations down to a revision.", examples)
    parser.add_argument("revision", metavar="REVISION", help='such as 0001; "base" undoes all')
    parser.add_argument("-y", "--yes", action="store_true", help="you have a backup")
    examples = [("callkit db copy callkit-data/calls.db postgresql://me@db.example/calls", "")]
    what = "Copy all calls and results into an empty database, and compare both. The sound stays where it is."
    parser = add_command(inner, common, "database:copy", what, examples)
    parser.add_argument("source", metavar="FROM", help="file or URL")
    parser.add_argument("target", metavar="TO", help="file or URL; its tables are made")


def _doctor(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit doctor", "a line for everything"),
        ("callkit doctor --data /srv/calls --json", "for monitoring"),
    ]
    parser = add_command(commands, common, "doctor:doctor", "Check that everything is there and works.", examples)
    json_option(parser)


def _config(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit config", "every setting"),
        ("CALLKIT_DATA=/srv/calls callkit config", "with the environment's"),
    ]
    parser = add_command(commands, common, "upkeep:config", "Show the settings, and where each comes from.", examples)
    json_option(parser)


def _completion(commands: Commands, common: ArgumentParser) -> None:
    parser = add_command(
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


UPKEEP = (_worker, _sweep, _db, _doctor, _config, _completion)
"""Each adds one command."""
