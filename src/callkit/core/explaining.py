"""What a figure means, how it was made, and of which intervals: `explain`.

>>> from callkit.core.conversation import measure_conversation
>>> conversation = measure_conversation([[(0.0, 6.0)], [(7.0, 9.0)]], 10.0)
>>> print(explain("talk_percent", conversation, party=0).sentence())
talk_percent is 60 % for party 0: the party's talk time, of the recording's duration (channel_energy, 1 interval, \
join_gap 0.25 s, min_speech 0.12 s).
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from operator import attrgetter
from typing import cast

from attrs import field, fields_dict, frozen

from callkit.core.conversation import Conversation, Latency, PartyTalk
from callkit.core.definitions import DEFINITIONS
from callkit.core.evidence import Stretch
from callkit.core.intervals import Interval
from callkit.errors import SettingsError

__all__ = ["Explanation", "Stretch", "Value", "explain"]

Value = float | Interval | Latency | None
"""Of one party, or of the call; None: it can't be measured."""

FIRST_WORD = "time_to_first_word"


@frozen
class Explanation:
    """A figure, and how it came to be.

    Attributes:
        metric: its name.
        values: one; of a party's figure that was asked for without a party, one for each party.
        parties: whose they are, in the same order; None: the call's.
        unit: "s", "ratio" (0 to 1), "percent" (0 to 100), "count" or "per minute".
        definition: what it is.
        method: what found the speech: "channel_energy", "vad_model", "diarizer", "events" or "transcript".
        parameters: what it was made with, by name; seconds.
        intervals: what it was made of, in order.
    """

    metric: str
    values: tuple[Value, ...]
    parties: tuple[int | None, ...]
    unit: str
    definition: str
    method: str
    parameters: Mapping[str, float] = field(hash=False)
    intervals: tuple[Stretch, ...]

    @property
    def value(self) -> Value | tuple[Value, ...]:
        """The value, or the tuple of them."""
        return self.values[0] if len(self.values) == 1 else self.values

    def sentence(self, names: Sequence[str] = ()) -> str:
        """All of it in one sentence.

        Args:
            names: of the parties, such as ("agent", "customer"); by default "party 0" and so on.
        """
        values = " and ".join(
            self._said(value, names, party) for value, party in zip(self.values, self.parties, strict=True)
        )
        many = f"{len(self.intervals)} interval{'' if len(self.intervals) == 1 else 's'}"
        made = [self.method, many, *(f"{name} {seconds:g} s" for name, seconds in self.parameters.items())]
        return f"{self.metric} is {values}: {self.definition} ({', '.join(made)})."

    def _said(self, value: Value, names: Sequence[str], party: int | None) -> str:
        if party is None:
            return _text(value, self.unit)
        return f"{_text(value, self.unit)} for {names[party] if party < len(names) else f'party {party}'}"


_SUFFIXES = {"s": " s", "percent": " %", "per minute": " per minute"}


def _text(value: Value, unit: str) -> str:
    if value is None:
        return "not measurable"
    if isinstance(value, Latency):
        return f"{value.median:g} s (median; 90th percentile {value.p90:g} s, mean {value.mean:g} s, n {value.n})"
    if isinstance(value, tuple):
        return f"{value[0]:.15g} to {value[1]:.15g} s"
    return f"{value:.15g}{_SUFFIXES.get(unit, '')}"


def explain(
    metric: str,
    conversation: Conversation,
    *,
    party: int | None = None,
    method: str = "channel_energy",
    answered_at: float | None = None,
) -> Explanation:
    """Explain a figure: any in `DEFINITIONS`.

    Args:
        metric: its name, such as "talk_share".
        conversation: that has it.
        party: whose, by its place in `conversation.parties`; None: every party's, or the call's.
        method: what found the speech.
        answered_at: seconds from the recording's start, for "time_to_first_word".

    Raises:
        SettingsError: there is no such figure, or no such party.
    """
    if metric not in DEFINITIONS:
        raise SettingsError(f"There is no figure {metric!r}: {_hint(metric)}")
    parties = _parties(metric, conversation, party)
    definition = DEFINITIONS[metric]
    values = tuple(_value(metric, conversation, one, answered_at) for one in parties)
    parameters = {name: float(getattr(conversation.rules, name)) for name in definition.rules}
    if metric == FIRST_WORD and answered_at is not None:
        parameters["answered_at"] = answered_at
    stretches = {stretch for one in parties for stretch in definition.evidence(conversation, one)}
    return Explanation(
        metric=metric,
        values=values,
        parties=parties,
        unit=definition.unit,
        definition=definition.text,
        method=method,
        parameters=parameters,
        intervals=tuple(sorted(stretches, key=attrgetter("start", "end", "party"))),
    )


def _hint(metric: str) -> str:
    if close := get_close_matches(metric, DEFINITIONS, 3):
        return f"did you mean {' or '.join(close)}?"
    return f"there are {', '.join(sorted(DEFINITIONS))}."


def _parties(metric: str, conversation: Conversation, party: int | None) -> tuple[int | None, ...]:
    """Whose figures are asked for; None: the call's."""
    everybody = range(len(conversation.parties))
    if metric not in fields_dict(PartyTalk) and metric != FIRST_WORD:
        if party is not None:
            raise SettingsError(f"{metric} is a figure of the whole call: leave the party out.")
        return (None,)
    if party is None:
        return tuple(everybody)
    if party not in everybody:
        raise SettingsError(f"There is no party {party!r}: the call has {len(everybody)}, and the first is 0.")
    return (party,)


def _value(metric: str, conversation: Conversation, party: int | None, answered_at: float | None) -> Value:
    if metric == FIRST_WORD:
        return conversation.time_to_first_word(party, answered_at)
    value = getattr(conversation if party is None else conversation.parties[party], metric)
    counted = DEFINITIONS[metric].unit == "count" and value is not None and not isinstance(value, int)
    return len(value) if counted else cast("Value", value)
