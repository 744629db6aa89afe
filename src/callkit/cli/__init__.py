"""The command line: `main`. Each command is a facade call plus printing, imported when it is called."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module

from callkit.cli import output
from callkit.cli.parser import build, shielded

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the arguments; default: the program's own.

    Returns:
        The exit code: 0 done, 1 something failed, 2 the arguments or settings can't be used, 130 interrupted.
    """
    output.forgive_consoles()
    try:
        code = _run(build().parse_args(shielded(sys.argv[1:] if argv is None else argv)))
        output.finish()
    except SystemExit as stop:  # argparse has printed its help, or what is wrong with the arguments
        return stop.code if isinstance(stop.code, int) else 2
    except output.OutputClosedError:  # `callkit list | head` has seen enough
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _run(arguments: Namespace) -> int:
    module, _, name = arguments.run.partition(":")
    _configure_logging(arguments.verbose)
    try:
        return int(getattr(import_module(module), name)(arguments))
    except Exception as error:
        from callkit.errors import CallKitError, InvalidInputError  # --help loads no third party

        if not isinstance(error, CallKitError):
            raise
        output.complain(output.sentence(error))
        return 2 if isinstance(error, InvalidInputError) else 1


def _configure_logging(verbose: int) -> None:
    import logging  # --help has nothing to log

    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=logging.WARNING, format="callkit: %(message)s", stream=sys.stderr)
    logging.getLogger("callkit").setLevel(level)
