"""`list`, `show`, `erase`."""

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from callkit.cli.lines import print_json
from callkit.cli.output import complain, console, emit, sentence
from callkit.core.page import Page
from callkit.errors import CallKitError
from callkit.settings import Settings, load

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["each", "erase", "list_", "show", "show_page"]


def list_(arguments: Namespace) -> int:
    """Calls, newest first."""
    settings = load(vars(arguments), config=arguments.config)
    with settings.open_archive() as kit:
        page = kit.find(limit=arguments.limit, after=arguments.after)
        return show_page(kit, settings, page, as_json=arguments.json)


def show_page(kit: "CallKit", settings: Settings, page: Page, *, as_json: bool, draw: "Draw | None" = None) -> int:
    """A page of calls, as a table unless their passages are to be drawn."""
    if as_json:
        print_json(kit, page, page.passages if draw else None)
    elif page:
        (draw or _draw_table)(kit, settings, page)
    else:
        print("No calls.", file=sys.stderr)
    if page.next:
        print(f"There are more: --after {page.next}", file=sys.stderr)
    return 0


Draw = Callable[["CallKit", Settings, Page], None]


def _draw_table(kit: "CallKit", settings: Settings, page: Page) -> None:
    from callkit.cli.look import Look  # rich takes 0.1 s, and JSON does without
    from callkit.cli.tables import CallTable

    CallTable(Look(console(), settings.zone), ids=True).draw(kit, page)


def show(arguments: Namespace) -> int:
    """Everything about calls."""
    settings = load(vars(arguments), config=arguments.config)
    with settings.open_archive() as kit:
        if arguments.explain:
            from callkit.cli.explain import Explained  # only what is asked for

            return each(arguments.ids, Explained(kit, tuple(arguments.explain), arguments.json, settings.roles).show)
        if arguments.transcript and not arguments.json:
            from callkit.cli.export import show_transcript  # only what is asked for

            return each(arguments.ids, lambda call_id: show_transcript(kit, settings, call_id))
        return each(arguments.ids, lambda call_id: _show(kit, settings, call_id, arguments.json))


def _show(kit: "CallKit", settings: Settings, call_id: str, as_json: bool) -> None:
    if as_json:
        print_json(kit, [kit.get(call_id)])
        return
    from callkit.cli.details import draw_call  # rich takes 0.1 s, and JSON does without
    from callkit.cli.look import Look

    call, found = kit.look(call_id, words=False)
    draw_call(Look(console(), settings.zone), call, found.analysis if found else None)


def erase(arguments: Namespace) -> int:
    """Erase calls, after asking."""
    settings = load(vars(arguments), config=arguments.config)
    if not arguments.yes and not sys.stdin.isatty():
        complain("nobody can be asked whether that is meant: pass --yes.")
        return 2
    with settings.open_archive() as kit:
        if not arguments.yes and not _confirmed(len(arguments.ids)):
            complain("nothing was erased.")
            return 1
        return each(arguments.ids, lambda call_id: _erase(kit, call_id, arguments.reason))


def _erase(kit: "CallKit", call_id: str, reason: str) -> None:
    kit.erase(call_id, reason)
    emit(f"Call {call_id} is erased.")


def _confirmed(calls: int) -> bool:
    print(f"Erase {calls} call{'s' if calls > 1 else ''} for good? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def each(call_ids: list[str], work: Callable[[str], None]) -> int:
    """One after the other; what goes wrong with one does not stop the others."""
    code = 0
    for call_id in call_ids:
        try:
            work(call_id)
        except CallKitError as error:
            complain(sentence(error))
            code = 1
    return code
