"""Conversation arithmetic: the worked example, and the lines' edges."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from callkit.core.analysis import Interval
from callkit.core.conversation import (
    Backchannel,
    Conversation,
    EarlyStart,
    Interruption,
    Latency,
    Response,
    Rules,
    Turn,
    measure_conversation,
)
from callkit.core.floor import hold_between
from callkit.errors import SettingsError

EXAMPLE = json.loads((Path(__file__).parents[1] / "data" / "timeline_worked_example.json").read_text("utf-8"))
EXPECTED = EXAMPLE["expected"]
PARTIES = ("agent", "customer")


def spoken(speech: tuple[tuple[Interval, ...], ...] | None) -> tuple[tuple[Interval, ...], ...]:
    """Of parties that can be told apart."""
    assert speech is not None
    return speech


@pytest.fixture(scope="module")
def example() -> Conversation:
    given = EXAMPLE["input"]
    rules = Rules(**{name.removesuffix("_s"): value for name, value in EXAMPLE["params"].items()})
    return measure_conversation(
        [given[party] for party in PARTIES], given["duration_s"], hold=given["hold_s"], rules=rules
    )


# ---- the worked example


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("talk_time", "talk_s"),
        ("talk_on_hold_time", "talk_on_hold_s"),
        ("talk_share", "talk_share"),
        ("talk_percent", "talk_percent"),
        ("turns", "turn_count"),
        ("mean_turn", "mean_turn_s"),
        ("longest_monologue", "longest_monologue_s"),
    ],
)
def test_parties_of_the_worked_example(example: Conversation, name: str, theirs: str) -> None:
    figures = {party: getattr(talk, name) for party, talk in zip(PARTIES, example.parties, strict=True)}
    assert figures == EXPECTED[theirs]


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("lead_in", "lead_in_s"),
        ("tail", "tail_s"),
        ("conversation_time", "conversation_s"),
        ("silence_time", "silence_s"),
        ("silence_share", "silence_share"),
        ("longest_silence", "longest_silence_s"),
        ("hold_time", "hold_s"),
        ("non_talk_time", "non_talk_s"),
        ("non_talk_percent", "non_talk_percent"),
        ("overlap_time", "overlap_s"),
        ("overlap_share", "overlap_share"),
        ("floor_switches", "floor_switches"),
        ("interactivity", "interactivity_per_min"),
    ],
)
def test_figures_of_the_worked_example(example: Conversation, name: str, theirs: str) -> None:
    assert getattr(example, name) == EXPECTED[theirs]


@pytest.mark.parametrize(
    ("name", "theirs"), [("talk_span", "talk_span_s"), ("silences", "silences_s"), ("dead_air", "dead_air_s")]
)
def test_intervals_of_the_worked_example(example: Conversation, name: str, theirs: str) -> None:
    assert json.loads(json.dumps(getattr(example, name))) == EXPECTED[theirs]


def test_remarks_of_the_worked_example(example: Conversation) -> None:
    agent, customer = 0, 1
    made = example.interruptions
    assert made == (Interruption(agent, customer, 20.0, 21.5, False), Interruption(customer, agent, 52.0, 55.0, True))
    assert [
        {
            "by": PARTIES[one.by],
            "of": PARTIES[one.of],
            "begin_s": one.start,
            "end_s": one.end,
            "duration_s": one.duration,
            "took_floor": one.took_floor,
        }
        for one in made
    ] == EXPECTED["interruptions"]
    assert example.backchannels == (Backchannel(customer, agent, 14.0, 14.3),)
    assert example.early_starts == (EarlyStart(agent, customer, 12.0, 12.3),)
    assert [talk.interruptions for talk in example.parties] == [1, 1]
    assert [talk.backchannels for talk in example.parties] == [0, 1]
    assert [talk.early_starts for talk in example.parties] == [1, 0]


def test_turns_of_the_worked_example(example: Conversation) -> None:
    assert example.turns == tuple(
        Turn(PARTIES.index(one["party"]), one["begin_s"], one["end_s"]) for one in EXPECTED["turns"]
    )


@pytest.mark.parametrize("party", [0, 1])
def test_latency_of_the_worked_example(example: Conversation, party: int) -> None:
    expected = EXPECTED["latency_s"][PARTIES[party]]
    assert [one.duration for one in example.responses or () if one.party == party] == expected["values"]
    assert example.parties[party].latency == Latency(*(expected[name] for name in ("median", "p90", "mean", "n")))


def test_normalised_speech_of_the_worked_example(example: Conversation) -> None:
    agent, customer = spoken(example.speech)
    assert agent == ((1.0, 8.0), (12.0, 15.0), (20.0, 21.5), (46.0, 55.0), (57.6, 58.3))
    assert customer == ((8.5, 12.3), (14.0, 14.3), (19.0, 24.0), (52.0, 57.0))
    assert spoken(example.speech_on_hold)[1] == ((30.0, 31.0),)
    assert example.overlaps == ((12.0, 12.3), (14.0, 14.3), (20.0, 21.5), (52.0, 55.0))
    assert example.hold == ((26.0, 44.0),)
    assert example.dead_air_time == 4.0


def test_greeting_of_the_worked_example(example: Conversation) -> None:
    assert example.time_to_first_word(0, answered_at=0.4) == 0.6
    assert example.time_to_first_word(0) == 1.0
    assert example.time_to_first_word(0, answered_at=2.0) == 0.0
    assert example.time_to_first_word(None) is None


def test_the_identities_of_the_worked_example(example: Conversation) -> None:
    assert round(sum(talk.talk_time or 0 for talk in example.parties), 3) == 35.3
    assert round(35.3 - 30.2, 3) == example.overlap_time
    assert round((example.silence_time or 0) + 30.2, 3) == example.conversation_time


# ---- where the lines are drawn


def talks(agent: Sequence[Interval], customer: Sequence[Interval], duration: float = 60.0, **more: Any) -> Conversation:
    return measure_conversation([agent, customer], duration, **more)


@pytest.mark.parametrize(("gap", "speech"), [(0.25, ((1.0, 2.0), (2.25, 3.0))), (0.249, ((1.0, 3.0),))])
def test_a_gap_is_joined_if_it_is_shorter(gap: float, speech: tuple[Interval, ...]) -> None:
    assert spoken(talks([(1, 2), (2 + gap, 3)], []).speech)[0] == speech


@pytest.mark.parametrize(("length", "pieces"), [(0.12, 1), (0.119, 0)])
def test_a_piece_is_dropped_if_it_is_shorter(length: float, pieces: int) -> None:
    assert len(spoken(talks([(1, 1 + length)], []).speech)[0] or ()) == pieces


def test_gaps_are_joined_before_pieces_are_dropped() -> None:
    assert spoken(talks([(1, 1.1), (1.3, 1.4)], []).speech)[0] == ((1.0, 1.4),)


@pytest.mark.parametrize(("length", "dead_air"), [(3.0, 0.0), (3.001, 3.001)])
def test_dead_air_is_longer_than_the_line(length: float, dead_air: float) -> None:
    conversation = talks([(1, 2)], [(2 + length, 20)])
    assert conversation.dead_air_time == dead_air
    assert conversation.longest_silence == length


@pytest.mark.parametrize(("begin", "interruptions"), [(4.5, 0), (4.499, 1)])
def test_an_interruption_is_longer_than_the_grace(begin: float, interruptions: int) -> None:
    conversation = talks([(1, 5)], [(begin, 8)])
    assert conversation.parties[1].interruptions == interruptions
    assert conversation.parties[1].early_starts == 1 - interruptions


@pytest.mark.parametrize(("end", "inside"), [(5.1, True), (5.101, False)])
def test_a_remark_may_outlast_the_other_by_the_edge(end: float, inside: bool) -> None:
    short, long = talks([(1, 5)], [(4.8, end)]), talks([(1, 5)], [(3, end)])
    assert (short.backchannels != ()) == inside == (short.early_starts == ())
    assert [one.took_floor for one in long.interruptions or ()] == [not inside]
    assert len(short.turns or ()) == len(long.turns or ()) == (1 if inside else 2)


def test_a_backchannel_lasts_until_its_own_end() -> None:
    assert talks([(1, 5)], [(4.8, 5.1)]).backchannels == (Backchannel(1, 0, 4.8, 5.1),)


@pytest.mark.parametrize(("pause", "turns"), [(3.0, 1), (3.001, 2)])
def test_a_turn_goes_on_after_a_pause_up_to_the_line(pause: float, turns: int) -> None:
    conversation = talks([(1, 2), (2 + pause, 9)], [])
    assert conversation.parties[0].turns == turns
    assert conversation.parties[0].longest_monologue == (8.0 if turns == 1 else round(9 - 2 - pause, 3))


def test_who_begins_together_interrupts_nobody() -> None:
    conversation = talks([(1, 5)], [(1, 3)])
    assert (conversation.interruptions, conversation.backchannels, conversation.early_starts) == ((), (), ())
    assert conversation.turns == (Turn(1, 1.0, 3.0), Turn(0, 1.0, 5.0))


def test_who_begins_as_another_ends_just_answers() -> None:
    conversation = talks([(1, 5)], [(5, 8)])
    assert (conversation.interruptions, conversation.backchannels, conversation.early_starts) == ((), (), ())
    assert conversation.responses == (Response(1, 5.0, 5.0),)


def test_who_began_first_is_the_one_that_is_interrupted() -> None:
    conversation = measure_conversation([[(2, 9)], [(1, 4)], [(3, 8)]], 10)
    assert conversation.interruptions == (Interruption(0, 1, 2.0, 4.0, True), Interruption(2, 1, 3.0, 4.0, True))
    assert conversation.overlaps == ((2.0, 8.0),)


def test_no_turn_and_no_answer_goes_across_a_hold() -> None:
    conversation = talks([(1, 2), (4, 5)], [(7, 8)], hold=[(2.5, 2.6), (5.5, 6)])
    assert conversation.parties[0].turns == 2
    assert conversation.floor_switches == 1
    assert conversation.responses == ()
    assert talks([(1, 2), (4, 5)], [(7, 8)], hold=[]).responses == (Response(1, 5.0, 7.0),)


@pytest.mark.parametrize(
    ("hold", "between"),
    [((0, 10), False), ((0, 11), True), ((10, 20), True), ((12, 13), True), ((19, 30), True), ((20, 30), False)],
)
def test_hold_that_only_touches_is_not_between(hold: tuple[int, int], between: bool) -> None:
    assert hold_between([hold], 10, 20) is between
    assert not hold_between([hold], 15, 15)
    assert hold_between([hold, (40, 50)], 10, 20) is between


def test_speech_that_a_hold_cuts_is_two_turns() -> None:
    conversation = talks([(1, 9)], [], hold=[(3, 5)])
    assert spoken(conversation.speech)[0] == ((1.0, 3.0), (5.0, 9.0))
    assert spoken(conversation.speech_on_hold)[0] == ((3.0, 5.0),)
    assert conversation.parties[0].turns == 2
    assert conversation.silence_time == 0.0


def test_what_lies_outside_of_the_recording_is_left_out() -> None:
    conversation = talks([(-5, 2), (8, 99)], [(20, 30), (4, 4), (6, 5)], 10, hold=[(9, 99)])
    assert spoken(conversation.speech)[0] == ((0.0, 2.0), (8.0, 9.0))
    assert spoken(conversation.speech)[1] == ()
    assert conversation.hold == ((9.0, 10.0),)


def test_the_end_of_a_recording_falls_anywhere() -> None:
    """1000 * 1.001 is less than 1001 in binary, and 1.0006 s is between two milliseconds."""
    assert talks([(0, 1.001)], [], 1.001).parties[0].talk_time == 1.001
    conversation = talks([(0, 1.0006)], [], 1.0006)
    assert conversation.parties[0].talk_time == 1.0
    assert conversation.tail == 0.0


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", [rule.name for rule in attrs.fields(Rules)])
def test_rules_are_seconds(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be 0 or more seconds"):
        Rules(**{name: value})
