"""Conversation arithmetic: what holds for every conversation, and what a small change may change."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from callkit.core.analysis import Interval
from callkit.core.conversation import Conversation, Rules, measure_conversation

Stretches = list[tuple[int, int]]  # in frames of 10 ms
EXACT = Rules(join_gap=0, min_speech=0)
FRAMES = 3000  # 30 s


def spoken(speech: tuple[tuple[Interval, ...], ...] | None) -> tuple[tuple[Interval, ...], ...]:
    """Of parties that can be told apart."""
    assert speech is not None
    return speech


def frames(most: int = 8) -> st.SearchStrategy[Stretches]:
    """Stretches of 10 ms frames, in order and apart from each other."""
    edges = st.lists(st.integers(0, FRAMES), max_size=2 * most, unique=True).map(sorted)
    return edges.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))


def seconds(stretches: Stretches, shift: int = 0) -> list[Interval]:
    return [((begin + shift) / 100, (end + shift) / 100) for begin, end in stretches]


PAIRS = st.tuples(frames(), frames())
HOLD = st.none() | frames(2)
RULES = st.sampled_from([Rules(), EXACT])
DURATION = FRAMES / 100


def measured(speech: Sequence[Stretches], hold: Stretches | None, rules: Rules, shift: int = 0) -> Conversation:
    held = None if hold is None else seconds(hold, shift)
    talk = [seconds(one, shift) for one in speech]
    return measure_conversation(talk, DURATION + shift / 100, hold=held, rules=rules)


def total(intervals: Sequence[Interval] | None) -> float:
    return round(sum(end - start for start, end in intervals or ()), 3)


def grid(intervals: Sequence[Interval] | None) -> set[int]:
    """The 10 ms frames that intervals cover: the slow, obvious way to reckon."""
    return {frame for start, end in intervals or () for frame in range(round(start * 100), round(end * 100))}


@given(PAIRS, HOLD, RULES)
def test_sets_of_frames_say_the_same(speech: tuple[Stretches, ...], hold: Stretches | None, rules: Rules) -> None:
    conversation = measured(speech, hold, rules)
    held = grid(conversation.hold)
    said = [grid(one) for one in spoken(conversation.speech)]
    if rules == EXACT:
        assert said == [grid(seconds(one)) - held for one in speech]
    both, either = said[0] & said[1], said[0] | said[1]
    assert [talk.talk_time for talk in conversation.parties] == [len(one) / 100 for one in said]
    assert grid(conversation.overlaps) == both
    assert conversation.overlap_time == len(both) / 100
    if either:
        present = set(range(min(either), max(either) + 1)) - held
        assert conversation.conversation_time == len(present) / 100
        assert grid(conversation.silences) == present - either
        assert conversation.silence_time == len(present - either) / 100


@given(PAIRS, HOLD, RULES)
def test_identities(speech: tuple[Stretches, ...], hold: Stretches | None, rules: Rules) -> None:
    it = measured(speech, hold, rules)
    assert it.hold is None or it.hold_time == total(it.hold)
    assert sum(talk.turns or 0 for talk in it.parties) == len(it.turns or ())
    for name in ("interruptions", "backchannels", "early_starts"):
        assert sum(getattr(talk, name) for talk in it.parties) == len(getattr(it, name))
    assert sum(talk.latency.n for talk in it.parties if talk.latency) == len(it.responses or ())
    if it.talk_span is None or it.lead_in is None or it.tail is None or it.silence_time is None:
        assert (it.talk_span, it.lead_in, it.tail, it.silence_time, it.dead_air_time) == (None,) * 5
        return
    talk_time = sum(talk.talk_time or 0 for talk in it.parties)
    somebody = talk_time - (it.overlap_time or 0)
    assert it.silence_time + somebody == pytest.approx(it.conversation_time, abs=1e-9)
    assert it.lead_in + (it.talk_span[1] - it.talk_span[0]) + it.tail == pytest.approx(DURATION, abs=1e-9)
    assert sum(talk.talk_share or 0 for talk in it.parties) == pytest.approx(1, abs=1e-4)
    assert it.non_talk_time == pytest.approx((it.hold_time or 0) + (it.dead_air_time or 0), abs=1e-9)
    assert it.dead_air_time == total([one for one in it.silences or () if one[1] - one[0] > rules.dead_air + 1e-9])


@given(PAIRS, HOLD, RULES)
def test_bounded_by_the_duration(speech: tuple[Stretches, ...], hold: Stretches | None, rules: Rules) -> None:
    it = measured(speech, hold, rules)
    times = [one for one in attrs.asdict(it, recurse=False).items() if one[0].endswith("_time") and one[1] is not None]
    assert all(0 <= value <= DURATION for _, value in times)
    shares = (it.silence_share, it.overlap_share, *(talk.talk_share for talk in it.parties))
    assert all(0 <= share <= 1 for share in shares if share is not None)
    for talk in it.parties:
        assert 0 <= (talk.talk_time or 0) + (talk.talk_on_hold_time or 0) <= DURATION
        assert 0 <= (talk.talk_percent or 0) <= 100
        assert (talk.longest_monologue or 0) <= DURATION


def renamed(it: Conversation, places: Sequence[int]) -> Conversation:
    """The conversation as it would be if party p were given in place `places[p]`."""
    by = dict(enumerate(places))
    parties = [it.parties[places.index(place)] for place in range(len(places))]
    made: dict[str, Any] = {
        name: tuple(attrs.evolve(one, by=by[one.by], of=by[one.of]) for one in getattr(it, name))
        for name in ("interruptions", "backchannels", "early_starts")
    }
    made |= {
        name: tuple(attrs.evolve(one, party=by[one.party]) for one in getattr(it, name))
        for name in ("turns", "responses")
    }
    made |= {
        name: said and tuple(said[places.index(place)] for place in range(len(places)))
        for name in ("speech", "speech_on_hold")
        for said in [getattr(it, name)]
    }
    return attrs.evolve(it, parties=tuple(parties), **made)


@given(st.lists(frames(5), min_size=2, max_size=3), HOLD, RULES)
def test_symmetric_under_a_swap_of_channels(speech: list[Stretches], hold: Stretches | None, rules: Rules) -> None:
    it = measured(speech, hold, rules)
    said = spoken(it.speech)
    assume(len(set(said)) == len(said))  # parties that say all the same at once can't be told apart
    for places in permutations(range(len(speech))):
        swapped = [speech[places.index(place)] for place in range(len(speech))]
        assert measured(swapped, hold, rules) == renamed(it, places)


@given(
    st.lists(frames(3).map(lambda found: [(b // 300 * 300, e // 300 * 300) for b, e in found]), min_size=2, max_size=2)
)
def test_symmetric_where_many_begin_and_end_together(speech: list[Stretches]) -> None:
    it = measured(speech, None, EXACT)
    assume(spoken(it.speech)[0] != spoken(it.speech)[1])
    assert measured(speech[::-1], None, EXACT) == renamed(it, (1, 0))


@given(PAIRS, HOLD, RULES, st.integers(0, 100_000))
def test_invariant_under_a_shift_in_time(
    speech: tuple[Stretches, ...], hold: Stretches | None, rules: Rules, shift: int
) -> None:
    still, moved = measured(speech, hold, rules), measured(speech, hold, rules, shift)
    for name in ("conversation_time", "silence_time", "silence_share", "longest_silence", "dead_air_time", "tail"):
        assert getattr(moved, name) == getattr(still, name)
    for name in ("hold_time", "non_talk_time", "overlap_time", "overlap_share", "floor_switches", "interactivity"):
        assert getattr(moved, name) == getattr(still, name)
    for name in ("interruptions", "backchannels", "early_starts", "turns", "responses"):
        back = [attrs.evolve(one, start=round(one.start - shift / 100, 3)) for one in getattr(moved, name)]
        back = [attrs.evolve(one, end=round(one.end - shift / 100, 3)) for one in back]
        assert back == list(getattr(still, name))
    for before, after in zip(still.parties, moved.parties, strict=True):
        assert attrs.evolve(before, talk_percent=None) == attrs.evolve(after, talk_percent=None)
    if still.lead_in is not None:
        assert moved.lead_in == pytest.approx(still.lead_in + shift / 100, abs=1e-9)


@given(PAIRS, HOLD, RULES, st.sampled_from([8000, 8001, 11_025, 16_000, 44_100, 48_000]))
def test_invariant_under_the_sample_rate(
    speech: tuple[Stretches, ...], hold: Stretches | None, rules: Rules, rate: int
) -> None:
    """An edge that falls between two samples is at most 0.07 ms off, which the rounding to milliseconds takes away."""

    def sampled(intervals: list[Interval]) -> list[Interval]:
        return [(round(start * rate) / rate, round(end * rate) / rate) for start, end in intervals]

    held = None if hold is None else sampled(seconds(hold))
    it = measure_conversation([sampled(seconds(one)) for one in speech], DURATION, hold=held, rules=rules)
    assert it == measured(speech, hold, rules)


@given(PAIRS, PAIRS, HOLD, RULES)
def test_additive(
    first: tuple[Stretches, ...],
    second: tuple[Stretches, ...],
    hold: Stretches | None,
    rules: Rules,
) -> None:
    """One call behind the other, more than a pause within a turn between them."""
    apart = FRAMES + 301
    later = [[(begin + apart, end + apart) for begin, end in one] for one in second]
    held = None if hold is None else hold + [(begin + apart, end + apart) for begin, end in hold]
    speech = [seconds([*one, *other]) for one, other in zip(first, later, strict=True)]
    both = measure_conversation(speech, 2 * DURATION + 3.01, hold=None if held is None else seconds(held), rules=rules)
    parts = [measured(one, hold, rules) for one in (first, second)]
    for name in ("hold_time", "overlap_time"):
        assert (getattr(both, name) or 0) == pytest.approx(sum(getattr(it, name) or 0 for it in parts), abs=1e-9)
    for party, talk in enumerate(both.parties):
        apiece = [it.parties[party] for it in parts]
        for name in ("talk_time", "talk_on_hold_time", "turns", "interruptions", "backchannels", "early_starts"):
            expected = sum(getattr(one, name) or 0 for one in apiece)
            assert (getattr(talk, name) or 0) == pytest.approx(expected, abs=1e-9)
        assert (talk.longest_monologue or 0) == max(one.longest_monologue or 0 for one in apiece)


# ---- what a change of one frame may change
#
# Continuous, if no gaps are joined and no bursts dropped: talk_time, talk_on_hold_time and overlap_time; without hold
# also lead_in, tail, conversation_time, silence_time and longest_silence, as long as no piece of speech vanishes. The
# rules draw lines, and there figures jump: talk_time by less than join_gap + 2 * min_speech, dead_air_time by dead_air.
# Counts, turns and latencies jump by their definition.


@st.composite
def nudges(draw: st.DrawFn) -> tuple[list[Stretches], list[Stretches]]:
    """Speech of two parties, and the same with one edge a frame earlier or later."""
    speech = [[one for one in draw(frames()) if one[1] - one[0] > 1] for _ in range(2)]
    places = [(party, number) for party in range(2) for number in range(len(speech[party]))]
    party, number = draw(st.sampled_from(places or [(0, 0)]))
    nudged = [list(one) for one in speech]
    if places:
        begin, end = nudged[party][number]
        later = draw(st.sampled_from([-1, 1]))
        moved = (begin + later, end) if draw(st.booleans()) else (begin, end + later)
        nudged[party][number] = max(moved[0], 0), min(moved[1], FRAMES)
    return speech, nudged


def changed(before: Any, after: Any, name: str) -> float:
    return round(abs(float(getattr(after, name) or 0) - float(getattr(before, name) or 0)), 3)


@given(nudges(), frames(2))
def test_speech_and_overlap_are_continuous(pair: tuple[list[Stretches], list[Stretches]], hold: Stretches) -> None:
    before, after = (measured(speech, hold, EXACT) for speech in pair)
    assert changed(before, after, "overlap_time") <= 0.01
    for one, other in zip(before.parties, after.parties, strict=True):
        assert changed(one, other, "talk_time") <= 0.01
        assert changed(one, other, "talk_on_hold_time") <= 0.01


@given(nudges())
def test_silence_and_span_are_continuous(
    pair: tuple[list[Stretches], list[Stretches]],
) -> None:
    before, after = (measured(speech, [], EXACT) for speech in pair)
    for name in ("lead_in", "tail", "conversation_time", "silence_time", "longest_silence"):
        assert changed(before, after, name) <= 0.01
    assert changed(before, after, "dead_air_time") <= EXACT.dead_air + 0.01


@given(nudges())
def test_jumps_are_bounded_by_the_rules(pair: tuple[list[Stretches], list[Stretches]]) -> None:
    before, after = (measured(speech, [], Rules()) for speech in pair)
    jump = Rules().join_gap + 2 * Rules().min_speech
    for one, other in zip(before.parties, after.parties, strict=True):
        assert changed(one, other, "talk_time") <= jump + 0.01
