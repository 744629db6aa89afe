"""Who does the work. `open_runner` knows them by name."""

from importlib.metadata import entry_points
from typing import cast

from callkit.errors import SettingsError
from callkit.protocols import TaskRunner

__all__ = ["open_runner"]

_KNOWN = {"inline": "InlineRunner", "threads": "ThreadRunner", "processes": "ProcessRunner"}


def open_runner(name: str) -> TaskRunner:
    """The runner of a name: "inline", "threads", "threads:4", "processes" or "processes:4".

    Without a number there is one worker for each processor. Other names, up to the first ":", are looked up among
    the entry points `callkit.runners`, whose values are called with the whole text.

    Raises:
        SettingsError: nobody knows the name, or the number is none.
    """
    kind, _, workers = name.partition(":")
    if kind not in _KNOWN:
        return _installed(kind, name)
    from callkit.backends.runners import pools  # noqa: PLC0415 - only what is asked for

    made = getattr(pools, _KNOWN[kind])
    if kind == name:
        return cast(TaskRunner, made())
    if kind == "inline" or not (workers.isascii() and workers.isdigit()):
        raise SettingsError(f"{name!r} is no runner: write inline, threads, threads:4, processes or processes:4.")
    return cast(TaskRunner, made(int(workers)))


def _installed(kind: str, name: str) -> TaskRunner:
    for found in entry_points(group="callkit.runners", name=kind):
        return cast(TaskRunner, found.load()(name))
    others = "".join(f", {other}" for other in sorted(entry_points(group="callkit.runners").names))
    raise SettingsError(
        f"No runner is known as {kind!r}: use inline, threads, threads:4, processes, processes:4{others}."
    )
