"""When a flag is raised, and when it is not yet."""

from typing import Any, get_args

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.health import ADVICE, ChannelHealth, Code, Flag, Health, Leak, Reason, assessed, missing_time
from callkit.core.health import parts_within as within

GOOD = ChannelHealth(
    channel=0,
    clipping_percent=0.0,
    dc_offset=0.0,
    peak_dbfs=-3.0,
    noise_floor_dbfs=-60.0,
    snr_db=40.0,
    zero_gap_count=0,
    zero_gap_time=0.0,
    longest_zero_gap=0.0,
    zero_gaps=(),
)


def call(*channels: ChannelHealth, talk_times: tuple[float, ...] = (20.0, 20.0), **facts: Any) -> Health:
    both = channels or (GOOD, evolve(GOOD, channel=1))
    return assessed(both, **{"duration": 60.0, "talk_times": talk_times[: len(both)], **facts})


def codes(health: Health) -> list[tuple[str, int | None]]:
    return [(flag.code, flag.channel) for flag in health.flags]


def test_a_good_call_has_no_flags() -> None:
    assert call().flags == ()
    assert not call().truncated


@pytest.mark.parametrize(
    ("code", "fine", "wrong"),
    [
        ("clipping", {"clipping_percent": 0.05}, {"clipping_percent": 0.1}),
        ("clipping", {"clipping_percent": 0.0999}, {"clipping_percent": 100.0}),
        ("dc_offset", {"dc_offset": 0.01}, {"dc_offset": 0.01001}),
        ("dc_offset", {"dc_offset": -0.01}, {"dc_offset": -0.05}),
        ("noise_floor", {"noise_floor_dbfs": -40.0}, {"noise_floor_dbfs": -39.99}),
        ("noise_floor", {"noise_floor_dbfs": None}, {"noise_floor_dbfs": 0.0}),
        ("snr", {"snr_db": 15.0}, {"snr_db": 14.99}),
        ("snr", {"snr_db": None}, {"snr_db": 0.0}),
        ("zero_gap", {"zero_gap_count": 5, "longest_zero_gap": 2.0}, {"zero_gaps": ((1.0, 1.5),)}),
    ],
)
def test_the_limits_of_a_channel(code: str, fine: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert codes(call(GOOD, evolve(GOOD, channel=1, **fine))) == []
    assert codes(call(GOOD, evolve(GOOD, channel=1, **wrong))) == [(code, 1)]


def test_a_gap_is_flagged_with_its_times() -> None:
    gaps = ((1.0, 1.5), (3.0, 9.0))
    assert call(evolve(GOOD, zero_gaps=gaps)).flags == (Flag("zero_gap", 0, ADVICE["zero_gap"], gaps),)


@pytest.mark.parametrize(
    ("duration", "talk_times", "expected"),
    [
        (10.0, (5.0, 0.49), [("one_way", 1)]),
        (10.0, (0.0, 20.0), [("one_way", 0)]),
        (9.99, (5.0, 0.0), []),
        (10.0, (4.99, 0.0), []),
        (10.0, (5.0, 0.5), []),
        (60.0, (0.0, 0.0), []),
    ],
)
def test_one_way(duration: float, talk_times: tuple[float, ...], expected: list[tuple[str, int]]) -> None:
    found = call(duration=duration, talk_times=talk_times)
    assert codes(found) == expected
    assert [flag.reason for flag in found.flags] == ["no_speech"] * len(expected)


@pytest.mark.parametrize(("silent", "reason"), [(59.4, "digital_zero"), (59.39, "no_speech"), (60.0, "digital_zero")])
def test_why_a_call_is_one_way(silent: float, reason: Reason) -> None:
    other = evolve(GOOD, channel=1, zero_gap_count=1, zero_gap_time=silent)
    assert call(GOOD, other, talk_times=(20.0, 0.0)).flags == (Flag("one_way", 1, ADVICE[reason], (), reason),)


def test_a_mono_recording_is_never_one_way() -> None:
    assert call(GOOD, talk_times=(0.0,)).flags == ()
    assert call(GOOD, talk_times=(20.0,)).flags == ()


@pytest.mark.parametrize(
    ("correlation", "dual"), [(0.9801, True), (1.0, True), (0.98, False), (-1.0, False), (0.12, False)]
)
def test_dual_mono(correlation: float, dual: bool) -> None:
    found = call(correlation=correlation)
    assert found.dual_mono is dual
    assert codes(found) == [("dual_mono", None)] * dual


def test_without_a_correlation_nobody_knows() -> None:
    assert call().dual_mono is None


@pytest.mark.parametrize(("leak_db", "flags"), [(-24.4, [("leak", 1)]), (-34.99, [("leak", 1)]), (-35.0, [])])
def test_leaks(leak_db: float, flags: list[tuple[str, int]]) -> None:
    found = call(leaks=[Leak(source=0, channel=1, leak_db=leak_db)])
    assert codes(found) == flags
    assert found.leaks == (Leak(0, 1, leak_db),)


@pytest.mark.parametrize(
    ("declared", "kind", "decoded", "missing", "truncated"),
    [
        (120.0, "count", 60.0, 60.0, True),
        (1144.2, "estimate", 360.14, None, False),
        (None, "none", 60.0, None, False),
        (60.5, "count", 60.0, 0.5, False),
        (60.7, "count", 60.0, 0.7, True),
        (20.6, "count", 20.0, 0.6, True),
        (100.0, "count", 99.0, 1.0, False),
        (100.0, "count", 98.99, 1.01, True),
        (30.0, "count", 60.0, 0.0, False),
    ],
)
def test_truncated(declared: float | None, kind: Any, decoded: float, missing: float | None, truncated: bool) -> None:
    found = call(duration=decoded, declared_duration=declared, declared_kind=kind)
    assert found.missing_time == missing_time(declared, kind, decoded) == missing
    assert found.truncated is truncated
    assert codes(found) == [("truncated", None)] * truncated
    assert (found.declared_duration, found.declared_kind) == (declared, kind)


@pytest.mark.parametrize(
    ("gaps", "span", "parts"),
    [
        ([(1.0, 1.5), (2.0, 2.4999)], (0.0, 9.0), ((1.0, 1.5),)),
        ([(0.0, 3.0)], (2.0, 9.0), ((2.0, 3.0),)),
        ([(0.0, 2.4)], (2.0, 9.0), ()),
        ([(0.0, 60.0)], (2.0, 9.0), ((2.0, 9.0),)),
        ([(0.0, 1.0), (9.0, 60.0)], (2.0, 9.0), ()),
        ([(0.0, 60.0)], None, ()),
        ([(0.9, 1.4)], (0.0, 2.0), ((0.9, 1.4),)),
    ],
)
def test_gaps_count_between_the_first_and_the_last_speech(gaps: Any, span: Any, parts: Any) -> None:
    assert within(gaps, span) == parts


def test_every_flag_has_its_advice_in_one_sentence() -> None:
    assert set(ADVICE) == {*get_args(Code), *get_args(Reason)} - {"one_way"}
    assert all(advice[0].isupper() and advice.endswith(".") and "\n" not in advice for advice in ADVICE.values())


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.01, 10)), max_size=6),
    st.floats(0, 50),
    st.floats(0, 50),
)
def test_what_is_within_is_within(lengths: list[tuple[float, float]], start: float, length: float) -> None:
    gaps = [(begin, begin + duration) for begin, duration in lengths]
    found = within(gaps, (start, start + length))
    assert all(start <= begin < end <= start + length and end - begin > 0.499999 for begin, end in found)
    assert all(any(begin >= gap[0] and end <= gap[1] for gap in gaps) for begin, end in found)


def test_a_recording_of_nothing_is_flagged() -> None:
    dead = evolve(GOOD, zero_gap_time=59.5, noise_floor_dbfs=None, snr_db=None)
    both = (dead, evolve(dead, channel=1))
    assert codes(call(*both, talk_times=(0.0, 0.0))) == [("silent", None)]
    assert codes(call(dead, talk_times=(0.0,), duration=2.0)) == [("silent", None)]
    assert codes(call(dead, GOOD, talk_times=(0.0, 0.0))) == [], "there is something"
    assert codes(assessed((), duration=60.0, talk_times=())) == []
