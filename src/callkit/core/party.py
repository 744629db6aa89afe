"""One party's part in a conversation: talk time, turns, remarks and latency."""

from collections.abc import Sequence
from statistics import fmean, median

from attrs import frozen

from callkit.core.floor import Floor
from callkit.core.intervals import Spans, length, milliseconds

__all__ = ["Latency", "PartyTalk", "latency_of", "party_talk", "percent", "ratio"]


@frozen
class Latency:
    """How long a party took to answer.

    Attributes:
        median: seconds.
        p90: seconds, the 90th percentile by linear interpolation.
        mean: seconds.
        n: how many answers there were, 1 or more.
    """

    median: float
    p90: float
    mean: float
    n: int


@frozen
class PartyTalk:
    """One party's part in the conversation. All is None if the parties can't be told apart.

    Attributes:
        talk_time: seconds of its speech, hold left out.
        talk_on_hold_time: seconds of its speech on hold; None, too, if it is not known when the call was on hold.
        talk_share: 0 to 1, of all parties' talk time; None if nobody spoke.
        talk_percent: 0 to 100, talk time of the recording's duration; None if that is 0.
        turns: how many.
        mean_turn: seconds; None without a turn.
        longest_monologue: seconds of the longest turn; None without a turn.
        interruptions: how many it made; None if there is no other party.
        backchannels: how many it made; None if there is no other party.
        early_starts: how many it made; None if there is no other party.
        latency: of its answers; None if it gave none.
    """

    talk_time: float | None = None
    talk_on_hold_time: float | None = None
    talk_share: float | None = None
    talk_percent: float | None = None
    turns: int | None = None
    mean_turn: float | None = None
    longest_monologue: float | None = None
    interruptions: int | None = None
    backchannels: int | None = None
    early_starts: int | None = None
    latency: Latency | None = None


def party_talk(party: int, talk: Sequence[Spans], on_hold: Spans | None, floor: Floor, total: int) -> PartyTalk:
    """The figures of one of the parties, which can be told apart.

    Args:
        party: its place in `talk`.
        talk: what each party said, in milliseconds, hold left out.
        on_hold: what this one said on hold; None if it is not known when that was.
        floor: made of `talk`.
        total: milliseconds of the recording.
    """
    own, everybody = length(talk[party]), sum(map(length, talk))
    turns = [milliseconds(it.end - it.start) for it in floor.turns if it.party == party]
    waits = [milliseconds(it.end - it.start) for it in floor.responses if it.party == party]
    remarks = (floor.interruptions, floor.backchannels, floor.early_starts)
    counts = [sum(one.by == party for one in made) if len(talk) > 1 else None for made in remarks]
    return PartyTalk(
        talk_time=own / 1000,
        talk_on_hold_time=None if on_hold is None else length(on_hold) / 1000,
        talk_share=ratio(own, everybody),
        talk_percent=percent(own, total),
        turns=len(turns),
        mean_turn=_seconds(fmean(turns)) if turns else None,
        longest_monologue=_seconds(max(turns)) if turns else None,
        interruptions=counts[0],
        backchannels=counts[1],
        early_starts=counts[2],
        latency=latency_of(waits),
    )


def latency_of(waits: Sequence[int]) -> Latency | None:
    """Of a party's waits, in milliseconds and any order; None without one.

    Source: the percentile is interpolated linearly at 0.9 * (n - 1), as numpy's "linear" method does.

    >>> latency_of([500, 4000, 0])
    Latency(median=0.5, p90=3.3, mean=1.5, n=3)
    """
    if not waits:
        return None
    ranked = sorted(waits)
    place = 9 * (len(ranked) - 1)  # in tenths
    below, above = ranked[place // 10], ranked[-(-place // 10)]
    p90 = below + (above - below) * (place % 10) / 10
    return Latency(_seconds(median(ranked)), _seconds(p90), _seconds(fmean(ranked)), len(ranked))


def _seconds(milliseconds: float) -> float:
    return round(milliseconds / 1000, 3)


def ratio(part: int, whole: int) -> float | None:
    """0 to 1, with 4 decimals; None if there is no whole."""
    return round(part / whole, 4) if whole else None


def percent(part: int | None, whole: int) -> float | None:
    """0 to 100, with 3 decimals; None if the part is not known, or there is no whole."""
    return round(100 * part / whole, 3) if part is not None and whole else None
