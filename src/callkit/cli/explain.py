"""`show --explain`: what a figure means, how it was made, and of which stretches of the call."""

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from callkit.cli.output import emit, emit_json
from callkit.cli.subjects import subject_of
from callkit.core.conversation import measure_conversation
from callkit.core.definitions import DEFINITIONS
from callkit.core.explaining import Explanation, explain
from callkit.core.party import Latency
from callkit.core.roles import ChannelMap
from callkit.report.lanes import clock
from callkit.report.subject import Subject
from callkit.wire import call_to_dict

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["Explained"]

_ALL = "all"


def _to_metrics(asked: tuple[str, ...]) -> tuple[str, ...]:
    """Each once.

    Raises:
        SettingsError: there is no such figure; said before any call is looked at.
    """
    if _ALL in asked:
        return tuple(DEFINITIONS)
    nothing = measure_conversation([], 0.0)
    return tuple(explain(name, nothing).metric for name in dict.fromkeys(asked))


@frozen
class Explained:
    """Figures of calls, on stdout: as text, or as part of each call's object."""

    kit: "CallKit"
    metrics: tuple[str, ...] = field(converter=_to_metrics)
    as_json: bool = False
    channel_map: ChannelMap | None = None

    def show(self, call_id: str) -> None:
        """Of one call.

        Raises:
            CallNotFoundError, InvalidCallError: as `subject_of`.
        """
        subject = subject_of(self.kit, call_id, UTC, self.channel_map)
        found = [subject.analysis.explain(name) for name in self.metrics]
        if self.as_json:
            results = self.kit.results(call_id)
            explained = [_to_dict(one, subject.names) for one in found]
            emit_json(call_to_dict(subject.call, results) | {"explanations": explained})
        else:
            emit("\n".join(line for one in found for line in _lines(one, subject)))


def _lines(found: Explanation, subject: Subject) -> Iterator[str]:
    yield found.sentence(subject.names)
    for it in found.intervals:
        party = "" if it.party is None else f"  {subject.names[it.party]}"
        yield f"  {clock(it.start, 2):>10}  {clock(it.end, 2):>10}  {it.duration:8.2f} s{party}"


def _to_dict(found: Explanation, names: tuple[str, ...]) -> dict[str, Any]:
    """As JSON values; parties by name."""
    return {
        "metric": found.metric,
        "values": [asdict(value) if isinstance(value, Latency) else value for value in found.values],
        "parties": [None if party is None else names[party] for party in found.parties],
        "unit": found.unit,
        "definition": found.definition,
        "method": found.method,
        "parameters": dict(found.parameters),
        "intervals": [asdict(it) for it in found.intervals],
    }
