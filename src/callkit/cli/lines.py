"""Calls as lines of JSON."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from callkit.cli.output import emit_json
from callkit.core.call import Call
from callkit.wire import call_to_dict

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["batches", "print_json"]


def print_json(kit: "CallKit", calls: Iterable[Call]) -> None:
    """Calls with all their results, one object a line."""
    for some in batches(calls):
        results = kit.results_of(some)
        for call in some:
            emit_json(call_to_dict(call, results.get(call.id)))


def batches(calls: Iterable[Call]) -> Iterator[Sequence[Call]]:
    """Some hundred at a time, whose results can be fetched at once."""
    left = iter(calls)
    while some := list(islice(left, 200)):
        yield some
