"""Who does the work. `open_runner` knows them by name."""

from importlib.metadata import entry_points
from typing import cast

from callkit.core.masking import masked
from callkit.errors import MissingExtraError, SettingsError
from callkit.protocols import TaskRunner

__all__ = ["open_runner"]

_KNOWN = {"inline": "InlineRunner", "threads": "ThreadRunner", "processes": "ProcessRunner"}


def open_runner(name: str, database: str | None = None) -> TaskRunner:
    """The runner of a name: "inline", "threads", "threads:4", "processes", "processes:4", or of a URL.

    Without a number there is one worker for each processor. "celery+redis://host/0" (also rediss, amqp, amqps) sends
    work to Celery workers, "procrastinate" through the calls' own PostgreSQL, "procrastinate+postgresql://…" through
    another one. Other names, up to the first ":", are looked up among the entry points `callkit.runners`, whose values
    are called with the whole text.

    Args:
        name: which runner.
        database: URL of the calls' own database, if it has one.

    Raises:
        SettingsError: nobody knows the name, the number is none, or the URL can't be used.
        MissingExtraError: the runner needs a package that is not installed.
    """
    kind, _, workers = name.partition(":")
    where = kind.partition("+")[0].partition("?")[0]
    if where == "celery":
        return _celery(name)
    if where == "procrastinate":
        return _procrastinate(name, database)
    if kind not in _KNOWN:
        return _installed(kind, name)
    from callkit.backends.runners import pools  # noqa: PLC0415 - only what is asked for

    made = getattr(pools, _KNOWN[kind])
    if kind == name:
        return cast(TaskRunner, made())
    if kind == "inline" or not (workers.isascii() and workers.isdigit()):
        raise SettingsError(f"{name!r} is no runner: write inline, threads, threads:4, processes or processes:4.")
    return cast(TaskRunner, made(int(workers)))


def _celery(name: str) -> TaskRunner:
    try:
        from callkit.backends.runners.celery import CeleryRunner  # noqa: PLC0415 - only what is asked for
    except ImportError:
        raise MissingExtraError(f"The runner {masked(name)}", "celery") from None
    return CeleryRunner.from_url(name)


def _procrastinate(name: str, database: str | None) -> TaskRunner:
    try:
        from callkit.backends.runners.procrastinate import ProcrastinateRunner  # noqa: PLC0415 - as above
    except ImportError:
        raise MissingExtraError(f"The runner {masked(name)}", "procrastinate") from None
    return ProcrastinateRunner.from_url(name, database)


def _installed(kind: str, name: str) -> TaskRunner:
    for found in entry_points(group="callkit.runners", name=kind):
        return cast(TaskRunner, found.load()(name))
    others = "".join(f", {other}" for other in sorted(entry_points(group="callkit.runners").names))
    raise SettingsError(
        f"No runner is known as {kind!r}: use inline, threads, threads:4, processes, processes:4, "
        f"celery+redis://…, procrastinate{others}."
    )
