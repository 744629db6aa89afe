"""The intervals that a figure is made of. Each function takes the conversation and a party, None for the whole call."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from attrs import frozen

from callkit.core.conversation import Backchannel, Conversation, EarlyStart, Interruption, Response, Turn
from callkit.core.intervals import Interval, clipped, milliseconds, seconds, without

__all__ = ["Evidence", "Stretch"]


@frozen
class Stretch:
    """An interval in seconds, and whose it is; None: everybody's."""

    start: float
    end: float
    party: int | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        return round(self.end - self.start, 3)


Evidence = Callable[[Conversation, int | None], list[Stretch]]


def speech(conversation: Conversation, party: int | None) -> list[Stretch]:
    """Hold left out."""
    return _of_parties(conversation, party, conversation.speech)


def speech_on_hold(conversation: Conversation, party: int | None) -> list[Stretch]:
    """What was left out."""
    return _of_parties(conversation, party, conversation.speech_on_hold)


def all_speech(conversation: Conversation, _: int | None) -> list[Stretch]:
    """Also the other parties'."""
    return speech(conversation, None)


def first_speech(conversation: Conversation, party: int | None) -> list[Stretch]:
    """One at most."""
    return speech(conversation, party)[:1]


def _of_parties(
    conversation: Conversation, party: int | None, intervals: Sequence[Sequence[Interval]] | None
) -> list[Stretch]:
    parties = range(len(conversation.parties)) if party is None else (party,)
    return [Stretch(start, end, one) for one in parties for start, end in (intervals[one] if intervals else ())]


def turns(conversation: Conversation, party: int | None) -> list[Stretch]:
    """In which the party has the floor."""
    return _made(conversation.turns, party)


def longest_turn(conversation: Conversation, party: int | None) -> list[Stretch]:
    """One at most; the first of several."""
    return _longest(turns(conversation, party))


def responses(conversation: Conversation, party: int | None) -> list[Stretch]:
    """The waits before the party's turns."""
    return _made(conversation.responses, party)


def interruptions(conversation: Conversation, party: int | None) -> list[Stretch]:
    """Made by the party."""
    return _made(conversation.interruptions, party)


def backchannels(conversation: Conversation, party: int | None) -> list[Stretch]:
    """Made by the party."""
    return _made(conversation.backchannels, party)


def early_starts(conversation: Conversation, party: int | None) -> list[Stretch]:
    """Made by the party."""
    return _made(conversation.early_starts, party)


def _made(
    items: Iterable[Turn | Response | Interruption | Backchannel | EarlyStart] | None, party: int | None
) -> list[Stretch]:
    made = ((it, it.party if isinstance(it, Turn | Response) else it.by) for it in items or ())
    return [Stretch(it.start, it.end, by) for it, by in made if party in {None, by}]


def silences(conversation: Conversation, _: int | None) -> list[Stretch]:
    """In the conversation time."""
    return _everybodys(conversation.silences)


def longest_silence(conversation: Conversation, party: int | None) -> list[Stretch]:
    """One at most; the first of several."""
    return _longest(silences(conversation, party))


def dead_air(conversation: Conversation, _: int | None) -> list[Stretch]:
    """The long silences."""
    return _everybodys(conversation.dead_air)


def hold(conversation: Conversation, _: int | None) -> list[Stretch]:
    """As it was told, or heard."""
    return _everybodys(conversation.hold)


def non_talk(conversation: Conversation, _: int | None) -> list[Stretch]:
    """Hold and dead air."""
    return _everybodys(sorted(chain(conversation.hold or (), conversation.dead_air or ())))


def overlaps(conversation: Conversation, _: int | None) -> list[Stretch]:
    """In which two or more speak."""
    return _everybodys(conversation.overlaps)


def whole(conversation: Conversation, _: int | None) -> list[Stretch]:
    """The recording."""
    return _everybodys([(0.0, conversation.duration)])


def lead_in(conversation: Conversation, _: int | None) -> list[Stretch]:
    """Before the talk span."""
    span = conversation.talk_span
    return _everybodys([(0.0, span[0])] if span else [])


def tail(conversation: Conversation, _: int | None) -> list[Stretch]:
    """After the talk span."""
    span = conversation.talk_span
    return _everybodys([(span[1], conversation.duration)] if span else [])


def talk_span(conversation: Conversation, _: int | None) -> list[Stretch]:
    """One at most."""
    return _everybodys([conversation.talk_span] if conversation.talk_span else [])


def conversation_time(conversation: Conversation, _: int | None) -> list[Stretch]:
    """The talk span, hold left out."""
    span = conversation.talk_span
    end = milliseconds(span[1]) if span else 0
    return _everybodys(seconds(without(clipped([span] if span else [], end), clipped(conversation.hold or (), end))))


def _everybodys(intervals: Iterable[Interval] | None) -> list[Stretch]:
    return [Stretch(*interval) for interval in intervals or ()]


def _longest(stretches: list[Stretch]) -> list[Stretch]:
    return [max(stretches, key=lambda it: it.duration)] if stretches else []
