"""`process --again`: kept calls, measured once more."""

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from callkit.cli.lines import print_json
from callkit.cli.output import complain, console
from callkit.cli.process import report_failures
from callkit.cli.progress import progress
from callkit.cli.waiting import Waiting
from callkit.cli.workers import default_runner
from callkit.core.parsing import parse
from callkit.core.query import Query
from callkit.errors import ConflictError
from callkit.settings import Settings

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["again"]

_AT_ONCE = 64
"""Calls under way: the others stay ready until it is their turn, and a run that breaks off leaves few behind."""


def again(settings: Settings, arguments: Namespace) -> int:
    """Measure once more what would come out differently. One that breaks off goes on where it was."""
    query = parse(f"since:{arguments.since}" if arguments.since else "", zone=settings.zone)
    with settings.open_kit(default_runner(settings), must_exist=True) as kit:
        kit.sweep(grace=None)  # what a run before this one left behind
        with progress(kit.count(query, at_most=10**9), wanted=not arguments.quiet) as bar:
            waiting, ids = Waiting(kit, bar.advance), list[UUID]()
            for call_id in _retried(kit, query):
                ids.append(call_id)
                waiting.add(call_id)
                waiting.glance()
                waiting.until_below(_AT_ONCE)
            waiting.to_the_end()
        calls = [kit.get(call_id) for call_id in ids]
        if arguments.json:
            print_json(kit, calls)
        elif calls and not arguments.quiet:
            from callkit.cli.look import Look
            from callkit.cli.tables import CallTable

            CallTable(Look(console(), settings.zone)).draw(kit, calls)
    if not calls:
        complain("all calls are measured as they would be now.")
    return 1 if report_failures(calls) else 0


def _retried(kit: "CallKit", query: Query) -> Iterator[UUID]:
    for call in kit.outdated(query):
        try:
            yield kit.retry(call.id).id
        except ConflictError:  # somebody else was faster
            continue
