"""What a conversation was like: talk, silence, overlap, interruptions, turns and latency, as arithmetic on intervals.

It is reckoned in whole milliseconds. Published are float seconds and percent with 3 decimals, shares (0 to 1) with 4.
What can't be measured is None, never 0.
"""

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

from attrs import Attribute, field, frozen

from callkit.core.floor import Backchannel, EarlyStart, Floor, Interruption, Response, Turn, floor_of
from callkit.core.intervals import (
    Interval,
    Span,
    Spans,
    clipped,
    common,
    gaps,
    length,
    milliseconds,
    seconds,
    twice,
    united,
    without,
)
from callkit.core.party import Latency, PartyTalk, party_talk, percent, ratio
from callkit.errors import SettingsError

__all__ = [
    "Backchannel",
    "Conversation",
    "EarlyStart",
    "Interruption",
    "Latency",
    "PartyTalk",
    "Response",
    "Rules",
    "Turn",
    "measure_conversation",
    "normalised",
]


def _check(_: "Rules", attribute: "Attribute[float]", value: float) -> None:
    if not 0 <= value < math.inf:
        raise SettingsError(f"{attribute.name} must be 0 or more seconds, not {value!r}.")


@frozen
class Rules:
    """Where the lines are drawn, all in seconds.

    Attributes:
        join_gap: shorter gaps in a party's speech are part of it; 0 for exact sources (transcripts, RTTM).
        min_speech: shorter pieces of speech are dropped, once gaps are joined; 0 for exact sources.
        grace: both may speak so long before it is an interruption.
        edge: a remark may outlast the other's speech by so much and still take no floor.
        turn_pause: a party's own pause up to this long is part of its turn.
        dead_air: mutual silence longer than this is dead air.

    Raises:
        SettingsError: one is negative, infinite or no number.
    """

    join_gap: float = field(default=0.25, validator=_check)
    min_speech: float = field(default=0.12, validator=_check)
    grace: float = field(default=0.5, validator=_check)
    edge: float = field(default=0.1, validator=_check)
    turn_pause: float = field(default=3.0, validator=_check)
    dead_air: float = field(default=3.0, validator=_check)


@frozen
class Conversation:
    """What the parties did together. Times are seconds from the recording's start.

    Attributes:
        duration: seconds, of the recording.
        rules: the lines that were drawn.
        parties: in the order in which their speech was given.
        talk_span: from the first speech to the end of the last; None, as all that lies within it, without speech.
        lead_in: seconds before the talk span.
        tail: seconds after it.
        conversation_time: seconds of the talk span, hold left out.
        silence_time: seconds within it in which nobody speaks.
        silence_share: 0 to 1, of the conversation time.
        longest_silence: seconds; 0.0 if there is no silence.
        dead_air_time: seconds of silences longer than `rules.dead_air`.
        hold_time: seconds; None if it is not known when the call was on hold.
        non_talk_time: seconds of hold and dead air, as far as known; None without either.
        non_talk_percent: 0 to 100, of the duration.
        overlap_time: seconds in which two or more speak; None with fewer than two parties, or if they can't be told
            apart.
        overlap_share: 0 to 1, of the conversation time.
        floor_switches: neighbouring turns of different parties; None as the overlap.
        interactivity: floor switches per minute of conversation time.
        speech: of each party, hold left out: gaps joined and bursts dropped as the rules say; None if the parties can't
            be told apart.
        speech_on_hold: of each party, what was left out; None, too, if it is not known when the call was on hold.
        silences, dead_air, hold, overlaps: the intervals, in order; None as their sums.
        turns: None if the parties can't be told apart.
        interruptions, backchannels, early_starts, responses: in order; None as the overlap.
    """

    duration: float
    rules: Rules
    parties: tuple[PartyTalk, ...]
    talk_span: Interval | None = None
    lead_in: float | None = None
    tail: float | None = None
    conversation_time: float | None = None
    silence_time: float | None = None
    silence_share: float | None = None
    longest_silence: float | None = None
    dead_air_time: float | None = None
    hold_time: float | None = None
    non_talk_time: float | None = None
    non_talk_percent: float | None = None
    overlap_time: float | None = None
    overlap_share: float | None = None
    floor_switches: int | None = None
    interactivity: float | None = None
    speech: tuple[tuple[Interval, ...], ...] | None = None
    speech_on_hold: tuple[tuple[Interval, ...], ...] | None = None
    silences: tuple[Interval, ...] | None = None
    dead_air: tuple[Interval, ...] | None = None
    hold: tuple[Interval, ...] | None = None
    overlaps: tuple[Interval, ...] | None = None
    turns: tuple[Turn, ...] | None = None
    interruptions: tuple[Interruption, ...] | None = None
    backchannels: tuple[Backchannel, ...] | None = None
    early_starts: tuple[EarlyStart, ...] | None = None
    responses: tuple[Response, ...] | None = None

    def time_to_first_word(self, party: int | None, answered_at: float | None = None) -> float | None:
        """Seconds until a party, usually the agent, first speaks; 0.0 if it spoke before.

        Args:
            party: its place in `parties`; None if it is not known.
            answered_at: seconds from the recording's start; None counts from there.

        Raises:
            IndexError: there is no such party.
        """
        speech = None if party is None or self.speech is None else self.speech[party]
        return max(0.0, round(speech[0][0] - (answered_at or 0.0), 3)) if speech else None


def measure_conversation(
    speech: Sequence[Iterable[Interval]],
    duration: float,
    *,
    hold: Iterable[Interval] | None = None,
    rules: Rules | None = None,
    separable: bool = True,
) -> Conversation:
    """Measure who spoke, how long, and what the parties did together.

    Args:
        speech: of each party, seconds, in any order; what lies beyond the recording is left out.
        duration: seconds, decoded frames / sample rate.
        hold: when the call was on hold; None if that is not known, () if it never was.
        rules: where the lines are drawn.
        separable: whether it is known who of them spoke: not so in a mono recording of several people, nor if both
            channels are the same.
    """
    rules = rules or Rules()
    total = math.floor(duration * 1000 + 1e-6)  # rounded down, so that no figure exceeds the duration
    held = None if hold is None else united(clipped(hold, total))
    spoken = [_spoken(intervals, total, rules) for intervals in speech]
    heard = _Heard(total, held, spoken, [without(spans, held or ()) for spans in spoken])
    floor = heard.floor(rules) if separable else None
    return Conversation(
        duration=duration,
        rules=rules,
        parties=_parties(heard, floor),
        **(_apart(heard, floor) if floor else {}),
        **_non_talk(heard, milliseconds(rules.dead_air)),
        **(_within(heard, heard.span) if heard.span else {}),
        **(_between(heard, floor) if floor and len(heard.talk) > 1 else {}),
    )


def normalised(speech: Iterable[Interval], duration: float, rules: Rules) -> tuple[Interval, ...]:
    """A party's speech as it counts: in order and apart, short gaps joined, short pieces dropped. Twice is the same."""
    return seconds(_spoken(speech, math.floor(duration * 1000 + 1e-6), rules))


def _spoken(intervals: Iterable[Interval], total: int, rules: Rules) -> list[Span]:
    shortest = milliseconds(rules.min_speech)
    joined = united(clipped(intervals, total), milliseconds(rules.join_gap))
    return [(begin, end) for begin, end in joined if end - begin >= shortest]


@frozen
class _Heard:
    """What the figures are made of, in milliseconds."""

    total: int
    hold: Spans | None  # None: not known
    spoken: Sequence[Spans]  # by each party, whenever
    talk: Sequence[Spans]  # by each party, hold left out

    @cached_property
    def together(self) -> Spans:
        return united(chain.from_iterable(self.talk))

    @cached_property
    def span(self) -> Span | None:
        """From the first speech to the end of the last."""
        return (self.together[0][0], self.together[-1][1]) if self.together else None

    @cached_property
    def hold_inside(self) -> Spans:
        """The hold within the talk span."""
        return common([self.span], self.hold) if self.span and self.hold else ()

    @cached_property
    def present(self) -> int:
        """How much of the talk span is not on hold."""
        return self.span[1] - self.span[0] - length(self.hold_inside) if self.span else 0

    @cached_property
    def silences(self) -> Spans:
        return gaps(united([*self.together, *self.hold_inside]), self.span) if self.span else ()

    def floor(self, rules: Rules) -> Floor:
        grace, edge, turn_pause = map(milliseconds, (rules.grace, rules.edge, rules.turn_pause))
        return floor_of(self.talk, self.hold or (), grace=grace, edge=edge, turn_pause=turn_pause)


def _parties(heard: _Heard, floor: Floor | None) -> tuple[PartyTalk, ...]:
    if floor is None:
        return (PartyTalk(),) * len(heard.talk)
    on_hold = [None if heard.hold is None else common(spans, heard.hold) for spans in heard.spoken]
    return tuple(party_talk(party, heard.talk, held, floor, heard.total) for party, held in enumerate(on_hold))


def _apart(heard: _Heard, floor: Floor) -> dict[str, Any]:
    """What may be known of parties that can be told apart."""
    on_hold = [common(spans, heard.hold) for spans in heard.spoken] if heard.hold is not None else None
    return {
        "turns": floor.turns,
        "speech": tuple(map(seconds, heard.talk)),
        "speech_on_hold": None if on_hold is None else tuple(map(seconds, on_hold)),
    }


def _non_talk(heard: _Heard, longest_pause: int) -> dict[str, Any]:
    """What may be known of recordings without speech, too."""
    dead_air = [(begin, end) for begin, end in heard.silences if end - begin > longest_pause]
    known = {"hold": heard.hold, "dead_air": dead_air if heard.span else None}
    parts = {name: spans for name, spans in known.items() if spans is not None}
    non_talk = sum(map(length, parts.values())) if heard.span or heard.hold else None
    return {
        **{name: seconds(spans) for name, spans in parts.items()},
        **{f"{name}_time": length(spans) / 1000 for name, spans in parts.items()},
        "non_talk_time": None if non_talk is None else non_talk / 1000,
        "non_talk_percent": percent(non_talk, heard.total),
    }


def _within(heard: _Heard, span: Span) -> dict[str, Any]:
    """What lies in the talk span, and around it."""
    begin, end = span
    silence = length(heard.silences)
    return {
        "talk_span": (begin / 1000, end / 1000),
        "lead_in": begin / 1000,
        "tail": (heard.total - end) / 1000,
        "conversation_time": heard.present / 1000,
        "silence_time": silence / 1000,
        "silence_share": ratio(silence, heard.present),
        "longest_silence": max([stop - start for start, stop in heard.silences], default=0) / 1000,
        "silences": seconds(heard.silences),
    }


def _between(heard: _Heard, floor: Floor) -> dict[str, Any]:
    """What takes two parties."""
    overlaps = twice(chain.from_iterable(heard.talk))
    switches = sum([one.party != after.party for one, after in pairwise(floor.turns)])
    return {
        "overlaps": seconds(overlaps),
        "overlap_time": length(overlaps) / 1000,
        "overlap_share": ratio(length(overlaps), heard.present),
        "floor_switches": switches,
        "interactivity": round(switches * 60_000 / heard.present, 3) if heard.present else None,
        "interruptions": floor.interruptions,
        "backchannels": floor.backchannels,
        "early_starts": floor.early_starts,
        "responses": floor.responses,
    }
