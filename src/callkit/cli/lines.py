"""Calls as lines of JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from callkit.cli.output import emit_json
from callkit.core.call import Call
from callkit.core.passages import Passage
from callkit.wire import call_to_dict, to_values

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["batches", "print_json"]


def print_json(kit: "CallKit", calls: Iterable[Call], passages: Mapping[UUID, Sequence[Passage]] | None = None) -> None:
    """Calls with all their results, one object a line; and with what was found in them, if they were searched."""
    for some in batches(calls):
        results = kit.results_of(some)
        for call in some:
            found = {} if passages is None else {"passages": to_values(passages.get(call.id, ()))}
            emit_json(call_to_dict(call, results.get(call.id)) | found)


def batches(calls: Iterable[Call]) -> Iterator[Sequence[Call]]:
    """Some hundred at a time, whose results can be fetched at once."""
    left = iter(calls)
    while some := list(islice(left, 200)):
        yield some
