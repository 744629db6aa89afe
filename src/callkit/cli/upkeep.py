"""`sweep`, `config`, `completion`."""

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

from callkit.cli.output import draw, emit, emit_json, finish, plain
from callkit.cli.parser import build
from callkit.errors import SettingsError
from callkit.settings import SECRETS, Settings, load, masked

if TYPE_CHECKING:
    from callkit.kit import Swept

__all__ = ["completion", "config", "sweep"]


def sweep(arguments: Namespace) -> int:
    """Put right what a crash left."""
    settings = load(vars(arguments), config=arguments.config)
    if arguments.every:
        from callkit.runners.sweeper import keep_sweeping  # brings the whole kit along

        keep_sweeping(settings, arguments.every, Event(), _tell)
    with settings.open_kit(must_exist=True) as kit:
        _tell(kit.sweep(grace=timedelta(hours=arguments.grace)))
    return 0


def _tell(swept: "Swept") -> None:
    emit(f"submitted again: {swept.resubmitted}, given up: {swept.failed}, removed from the storage: {swept.orphans}")
    finish()


def config(arguments: Namespace) -> int:
    """The settings, and where each comes from."""
    settings = load(vars(arguments), config=arguments.config)
    if arguments.json:
        for name, value, origin in _rows(settings):
            emit_json({"name": name, "value": value, "origin": origin})
        return 0
    from rich.table import Table  # 0.1 s that JSON does without

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("setting", "value", "from"):
        table.add_column(title, overflow="fold")
    for name, value, origin in _rows(settings):
        table.add_row(name, "" if value is None else plain(str(value)), plain(origin))
    draw(table)
    return 0


def _rows(settings: Settings) -> Iterator[tuple[str, str | float | None, str]]:
    for name, origin in settings.origins.items():
        value = getattr(settings, name)
        shown = "***" if name in SECRETS and value else masked(value) if isinstance(value, str) else value
        yield name, shown, origin


def completion(arguments: Namespace) -> int:
    """A script for a shell."""
    import shtab  # only what is asked for

    if arguments.shell not in shtab.SUPPORTED_SHELLS:
        raise SettingsError(f"The installed shtab knows no {arguments.shell}: pip install --upgrade shtab.")
    parser = build()
    kinds = {"PATH": shtab.FILE, "FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
    for action in _actions(parser):
        if action.metavar in kinds:
            action.complete = kinds[str(action.metavar)]  # type: ignore[attr-defined]  # that is how shtab is told
    emit(shtab.complete(parser, arguments.shell))
    return 0


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    """All options and arguments, of the commands too."""
    for action in parser._actions:
        yield action
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from _actions(command)
