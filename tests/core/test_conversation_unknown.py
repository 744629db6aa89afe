"""Conversation arithmetic: what can't be known is None, and what is known is not."""

from typing import Any

import attrs

from callkit.core.conversation import PartyTalk, measure_conversation


def unknown(value: Any) -> set[str]:
    return {one.name for one in attrs.fields(type(value)) if getattr(value, one.name) is None}


OF_THE_SPAN = {"talk_span", "lead_in", "tail", "conversation_time", "silence_time", "silence_share", "longest_silence"}
OF_THE_SPAN |= {"silences", "dead_air", "dead_air_time", "overlap_share", "interactivity"}
OF_TWO = {"overlap_time", "overlap_share", "overlaps", "floor_switches", "interactivity", "responses"}
OF_TWO |= {"interruptions", "backchannels", "early_starts"}


def test_parties_that_cannot_be_told_apart() -> None:
    conversation = measure_conversation([[(1, 2), (6, 8)]], 10, hold=[(3, 4)], separable=False)
    assert unknown(conversation) == OF_TWO | {"turns", "speech", "speech_on_hold"}
    assert conversation.parties == (PartyTalk(),)
    assert (conversation.silence_time, conversation.hold_time, conversation.non_talk_time) == (3.0, 1.0, 1.0)
    assert conversation.time_to_first_word(0) is None


def test_both_channels_the_same() -> None:
    one = [(1.0, 2.0), (6.5, 8.0)]
    conversation = measure_conversation([one, one], 60.0, separable=False)
    assert unknown(conversation) == OF_TWO | {"turns", "speech", "speech_on_hold", "hold", "hold_time"}
    assert conversation.parties == (PartyTalk(), PartyTalk())
    assert conversation.non_talk_time == 4.5


def test_one_party_alone() -> None:
    conversation = measure_conversation([[(1, 2), (6, 8)]], 10, hold=())
    assert unknown(conversation) == OF_TWO
    assert unknown(conversation.parties[0]) == {"interruptions", "backchannels", "early_starts", "latency"}
    assert conversation.parties[0].turns == 2


def test_nobody_speaks() -> None:
    conversation = measure_conversation([[], []], 60.0, hold=[(1, 2)])
    assert unknown(conversation) == OF_THE_SPAN
    assert unknown(conversation.parties[0]) == {"talk_share", "mean_turn", "longest_monologue", "latency"}
    assert (conversation.overlap_time, conversation.floor_switches, conversation.non_talk_time) == (0.0, 0, 1.0)
    assert conversation.parties[0].talk_percent == 0.0


def test_nobody_speaks_and_hold_is_unknown() -> None:
    conversation = measure_conversation([[], []], 60.0)
    of_hold = {"hold", "hold_time", "speech_on_hold", "non_talk_time", "non_talk_percent"}
    assert unknown(conversation) == OF_THE_SPAN | of_hold
    assert conversation.parties[0].talk_on_hold_time is None


def test_one_way() -> None:
    conversation = measure_conversation([[(0, 20)], []], 60.0)
    assert [talk.talk_time for talk in conversation.parties] == [20.0, 0.0]
    assert [talk.latency for talk in conversation.parties] == [None, None]
    assert conversation.time_to_first_word(1) is None


def test_an_empty_recording() -> None:
    conversation = measure_conversation([[(0, 1)], []], 0.0, hold=[(0, 1)])
    assert conversation.parties[0].talk_percent is None
    assert (conversation.hold_time, conversation.non_talk_time, conversation.non_talk_percent) == (0.0, None, None)


def test_nobody_at_all() -> None:
    assert measure_conversation([], 10.0).parties == ()
