"""How many processes a run is worth."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from callkit.settings import Settings

__all__ = ["default_runner", "processors"]

_START = 2.0
"""Seconds of work that are worth a worker: it takes one to start, and a processor that others may want."""


def default_runner(settings: Settings, recordings: Iterable[Path] | None = None) -> str:
    """The runner that is set; else processes, as many as are set, or as there are processors and work for them.

    Args:
        settings: an option beats what files and the environment say.
        recordings: what is to be done; None: a lot.
    """
    options = {name for name, origin in settings.origins.items() if origin.startswith("--")}
    if settings.runner and ("runner" in options or "processes" not in options):
        return settings.runner
    workers = settings.processes or _at_once(settings)
    if recordings is not None and settings.processes is None:
        workers = min(workers, int(sum(map(_seconds, recordings)) / _START))
    return f"processes:{workers}" if workers > 1 else "inline"


def _at_once(settings: Settings) -> int:
    """A processor each; four, where each worker holds a model of its own, whose threads use them."""
    light = settings.transcriber is None or settings.transcriber.partition(":")[0] in {"none", "placeholder"}
    return processors() if light else max(1, processors() // 4)


def processors() -> int:
    """Those that this process may use (a container may have fewer than the machine)."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _seconds(recording: Path) -> float:
    """About how long it takes to measure: decoding what is packed takes ten times as long for each byte."""
    try:
        megabytes = recording.stat().st_size / 1e6
    except OSError:
        return 0.0
    return 0.02 + megabytes * (0.015 if recording.suffix.lower() == ".wav" else 0.1)
