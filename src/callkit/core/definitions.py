"""What every published figure of a conversation means: `DEFINITIONS`, the one table that explanations are made of."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from callkit.core import evidence
from callkit.core.evidence import Evidence

__all__ = ["DEFINITIONS", "Definition"]


@frozen
class Definition:
    """What a figure means.

    Attributes:
        unit: "s", "ratio" (0 to 1), "percent" (0 to 100), "count" or "per minute".
        text: what it is, to be read behind the figure's value.
        evidence: finds the intervals that it is made of.
        rules: the fields of `Rules` that it depends on.
    """

    unit: str
    text: str
    evidence: Evidence
    rules: tuple[str, ...] = ()


_SPEECH = ("join_gap", "min_speech")
_REMARKS = (*_SPEECH, "grace", "edge")
_TURNS = (*_SPEECH, "edge", "turn_pause")
_DEAD_AIR = (*_SPEECH, "dead_air")

_OF_A_PARTY = {
    "talk_time": Definition("s", "how long the party speaks, hold left out", evidence.speech, _SPEECH),
    "talk_on_hold_time": Definition(
        "s", "how long the party speaks while the call is on hold", evidence.speech_on_hold, _SPEECH
    ),
    "talk_share": Definition(
        "ratio", "the party's talk time, of the sum of all parties' talk time", evidence.all_speech, _SPEECH
    ),
    "talk_percent": Definition(
        "percent", "the party's talk time, of the recording's duration", evidence.speech, _SPEECH
    ),
    "mean_turn": Definition("s", "the mean length of the party's turns", evidence.turns, _TURNS),
    "longest_monologue": Definition(
        "s", "the longest turn of the party, its own short pauses included", evidence.longest_turn, _TURNS
    ),
    "latency": Definition(
        "s",
        "how long the party takes to begin its turn after another party's turn has ended, 0 if it begins before; not "
        "counted across a hold",
        evidence.responses,
        _TURNS,
    ),
    "time_to_first_word": Definition(
        "s", "from the answer, or the recording's start, to the party's first speech", evidence.first_speech, _SPEECH
    ),
}

_OF_BOTH = {
    "turns": Definition(
        "count",
        "stretches in which one party has the floor: its speech, its own pauses up to turn_pause included, without "
        "what it says while another speaks on",
        evidence.turns,
        _TURNS,
    ),
    "interruptions": Definition(
        "count",
        "speech begun while another party speaks, if both speak for longer than grace",
        evidence.interruptions,
        _REMARKS,
    ),
    "backchannels": Definition(
        "count", "short remarks within another party's speech, which take no floor", evidence.backchannels, _REMARKS
    ),
    "early_starts": Definition(
        "count",
        "speech begun at most grace before another party is done, which takes the floor",
        evidence.early_starts,
        _REMARKS,
    ),
}

_OF_THE_CALL = {
    "duration": Definition("s", "the length of the recording: decoded frames / sample rate", evidence.whole),
    "talk_span": Definition("s", "from the first speech to the end of the last", evidence.talk_span, _SPEECH),
    "lead_in": Definition("s", "what comes before the first speech", evidence.lead_in, _SPEECH),
    "tail": Definition("s", "what comes after the last speech", evidence.tail, _SPEECH),
    "conversation_time": Definition("s", "the talk span, hold left out", evidence.conversation_time, _SPEECH),
    "silences": Definition(
        "count", "the stretches of the conversation time in which nobody speaks", evidence.silences, _SPEECH
    ),
    "silence_time": Definition("s", "how long nobody speaks within the conversation time", evidence.silences, _SPEECH),
    "silence_share": Definition("ratio", "the silence, of the conversation time", evidence.silences, _SPEECH),
    "longest_silence": Definition(
        "s", "the longest silence within the conversation time", evidence.longest_silence, _SPEECH
    ),
    "dead_air": Definition("count", "the silences longer than dead_air", evidence.dead_air, _DEAD_AIR),
    "dead_air_time": Definition("s", "the sum of the silences longer than dead_air", evidence.dead_air, _DEAD_AIR),
    "hold": Definition("count", "the stretches in which the call was on hold", evidence.hold),
    "hold_time": Definition("s", "how long the call was on hold", evidence.hold),
    "non_talk_time": Definition("s", "hold and dead air together", evidence.non_talk, _DEAD_AIR),
    "non_talk_percent": Definition(
        "percent", "hold and dead air, of the recording's duration", evidence.non_talk, _DEAD_AIR
    ),
    "overlaps": Definition("count", "the stretches in which two or more parties speak", evidence.overlaps, _SPEECH),
    "overlap_time": Definition("s", "how long two or more parties speak at once", evidence.overlaps, _SPEECH),
    "overlap_share": Definition(
        "ratio", "the time in which two or more parties speak, of the conversation time", evidence.overlaps, _SPEECH
    ),
    "floor_switches": Definition("count", "how often the next turn is another party's", evidence.turns, _TURNS),
    "interactivity": Definition("per minute", "floor switches per minute of conversation time", evidence.turns, _TURNS),
    "responses": Definition(
        "count",
        "the waits between one party's turn and the next of another, empty if they meet; not counted across a hold",
        evidence.responses,
        _TURNS,
    ),
}

DEFINITIONS: Mapping[str, Definition] = MappingProxyType({**_OF_A_PARTY, **_OF_BOTH, **_OF_THE_CALL})
"""By the name of the field of `PartyTalk` or `Conversation`. A list is explained as how many there are."""
