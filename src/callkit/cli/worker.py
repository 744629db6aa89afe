"""`worker`: does the work that others submit."""

import sys
from argparse import Namespace
from contextlib import nullcontext
from importlib import import_module
from typing import cast

from callkit.cli.output import complain
from callkit.cli.workers import processors
from callkit.core.masking import masked
from callkit.errors import SettingsError
from callkit.protocols import HasBacklog, TaskRunner
from callkit.settings import Settings, load

__all__ = ["worker"]

_KINDS = ("celery", "procrastinate")


def worker(arguments: Namespace) -> int:
    """Work until SIGTERM or Ctrl-C; what runs is finished then."""
    settings = load(vars(arguments), config=arguments.config)
    if sys.platform == "win32":
        raise SettingsError("Workers need processes that fork, which Windows has not: run them on Linux, or in WSL.")
    kind = (settings.runner or "").partition(":")[0].partition("+")[0]
    if kind not in _KINDS:
        raise SettingsError(
            "There is nobody to work for: set `runner`, here and where calls come in, to a broker that both reach, "
            "such as celery+redis://host:6379/0."
        )
    processes = settings.processes or processors()
    runner = _ready(settings)
    complain(f"{processes} processes work for {masked(runner)}; SIGTERM or Ctrl-C ends them when they are done.")
    from callkit.runners.desk import Desk  # brings the whole kit along
    from callkit.runners.sweeper import sweeper

    every = arguments.sweep_every
    with sweeper(settings, every) if every else nullcontext():
        return int(import_module(f"callkit.runners.{kind}").serve(runner, Desk(settings).task, processes))


def _ready(settings: Settings) -> TaskRunner:
    """The runner, once database and broker have answered: what is wrong with them had better be said now."""
    with settings.open_kit(must_exist=True) as kit:
        cast(HasBacklog, kit.runner).waiting()
        kit.count(at_most=1)
        return kit.runner
