"""Who has the floor: turns, and what happens where one party speaks while another does.

A *piece* is a stretch of one party's speech. Another party is *under way* if its piece began before this one and has
not ended when this one begins; of several, the one that began first. A piece is *inside* if it ends with the other's,
or before.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from attrs import frozen

from callkit.core.intervals import Spans

__all__ = [
    "Backchannel",
    "EarlyStart",
    "Floor",
    "Interruption",
    "Piece",
    "Response",
    "Turn",
    "floor_of",
    "hold_between",
    "pieces_of",
]


class _Stretch:
    """Something between two times, in seconds from the recording's start."""

    __slots__ = ()
    start: float
    end: float

    @property
    def duration(self) -> float:
        """Seconds."""
        return round(self.end - self.start, 3)


@frozen
class Turn(_Stretch):
    """A party has the floor, its own short pauses included."""

    party: int
    start: float
    end: float


@frozen
class Interruption(_Stretch):
    """One party speaks over another for longer than the grace.

    Attributes:
        by: the party that began later.
        of: the party that was speaking.
        start: seconds, where both begin to speak at once.
        end: seconds, where the first of them stops.
        took_floor: the interrupter still spoke when the other had stopped.
    """

    by: int
    of: int
    start: float
    end: float
    took_floor: bool


@frozen
class Backchannel(_Stretch):
    """A short remark ("mhm") while another party has the floor, from its start to its end."""

    by: int
    of: int
    start: float
    end: float


@frozen
class EarlyStart(_Stretch):
    """A party takes the floor just before the other is done; `start` to `end` is where both speak."""

    by: int
    of: int
    start: float
    end: float


@frozen
class Response(_Stretch):
    """The wait before a party answers: from the end of another's turn to the start of its own; empty if they meet."""

    party: int
    start: float
    end: float


class Piece(NamedTuple):
    """A stretch of a party's speech, in milliseconds, and who was speaking when it began.

    Attributes:
        party: whose.
        begin: milliseconds.
        end: milliseconds.
        of: the party that was under way, None if nobody was.
        until: milliseconds, when that party's piece ends; `begin` if nobody was under way.
    """

    party: int
    begin: int
    end: int
    of: int | None
    until: int


def pieces_of(parties: Sequence[Spans]) -> Iterator[Piece]:
    """The speech of all parties, in the order in which it begins.

    Of pieces that begin together the longer one comes last, for it has the floor in the end. Where they end together,
    too, the parties' whole speech decides, never their numbers: so swapping channels changes nothing.
    """
    ranks = sorted(range(len(parties)), key=lambda party: tuple(parties[party]))
    ordered = sorted([(begin, end, rank) for rank, party in enumerate(ranks) for begin, end in parties[party]])
    latest = [(0, 0)] * len(parties)  # by rank: the last piece that has begun
    for begin, end, rank in ordered:
        first, speaker, until = begin, None, begin
        for other, (since, ends) in enumerate(latest):
            if ends > begin and since < first:  # its own has ended
                first, speaker, until = since, ranks[other], ends
        latest[rank] = (begin, end)
        yield Piece(ranks[rank], begin, end, speaker, until)


def hold_between(hold: Spans, begin: int, end: int) -> bool:
    """Whether there is hold, of any length, between two times."""
    if begin >= end or not hold:
        return False
    after = bisect_right(hold, (begin, begin))
    reaches = after > 0 and hold[after - 1][1] > begin
    begins = after < len(hold) and hold[after][0] < end
    return reaches or begins


@frozen
class Floor:
    """Everything about it, in the order in which it begins."""

    turns: tuple[Turn, ...]
    interruptions: tuple[Interruption, ...]
    backchannels: tuple[Backchannel, ...]
    early_starts: tuple[EarlyStart, ...]
    responses: tuple[Response, ...]


def floor_of(parties: Sequence[Spans], hold: Spans, *, grace: int, edge: int, turn_pause: int) -> Floor:
    """Who has the floor, and who speaks although another party does.

    Args:
        parties: what each says, in milliseconds, in order and apart, hold left out.
        hold: no turn goes on across it, and nobody answers across it.
        grace: milliseconds of overlap that are no interruption yet.
        edge: milliseconds by which a piece may outlast the other and still be inside.
        turn_pause: milliseconds of a party's own pause within a turn, at most.
    """
    remarks: list[Interruption | Backchannel | EarlyStart] = []
    turns: list[tuple[int, int, int]] = []  # party, begin, end
    for piece in pieces_of(parties):
        inside = piece.of is not None and piece.end <= piece.until + edge
        if piece.of is not None:
            remarks.append(_remark(piece, piece.of, grace, inside=inside))
        if not inside:
            _take(turns, piece, hold, turn_pause)
    return Floor(
        tuple([Turn(party, begin / 1000, end / 1000) for party, begin, end in turns]),
        tuple([one for one in remarks if isinstance(one, Interruption)]),
        tuple([one for one in remarks if isinstance(one, Backchannel)]),
        tuple([one for one in remarks if isinstance(one, EarlyStart)]),
        tuple(_responses(turns, hold)),
    )


def _remark(piece: Piece, of: int, grace: int, *, inside: bool) -> Interruption | Backchannel | EarlyStart:
    start, both = piece.begin / 1000, min(piece.end, piece.until)
    if both - piece.begin > grace:
        return Interruption(piece.party, of, start, both / 1000, not inside)
    if inside:
        return Backchannel(piece.party, of, start, piece.end / 1000)
    return EarlyStart(piece.party, of, start, both / 1000)


def _take(turns: list[tuple[int, int, int]], piece: Piece, hold: Spans, turn_pause: int) -> None:
    """The piece takes the floor: it extends the last turn, or is a new one."""
    party, begin, end = turns[-1] if turns else (None, 0, 0)
    goes_on = party == piece.party and piece.begin - end <= turn_pause
    if goes_on and not hold_between(hold, end, piece.begin):
        turns[-1] = (piece.party, begin, piece.end)
    else:
        turns.append((piece.party, piece.begin, piece.end))


def _responses(turns: Iterable[tuple[int, int, int]], hold: Spans) -> list[Response]:
    return [
        Response(party, min(ended, begin) / 1000, begin / 1000)
        for (before, _, ended), (party, begin, _) in pairwise(turns)
        if party != before and (begin <= ended or not hold_between(hold, ended, begin))
    ]
