"""What happened when."""

import doctest
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from callkit.core.events import Event
from callkit.report import lanes as module
from callkit.report.lanes import Lane, Mark, clock, lanes, moments
from callkit.report.subject import Subject

MakeSubject = Callable[..., Subject]


def by_name(subject: Subject) -> dict[str, Lane]:
    return {lane.name: lane for lane in lanes(subject)}


def test_lanes(subject: Subject) -> None:
    found = by_name(subject)
    assert list(found) == [
        "customer", "agent", "turns", "overlap", "interruptions", "dead air", "hold", "events"
    ]  # fmt: skip
    assert [lane.party for lane in found.values()] == [0, 1, *[None] * 6]
    assert [(round(mark.start), round(mark.end)) for mark in found["customer"].marks] == [(1, 9), (17, 20), (50, 55)]
    assert [mark.label for mark in found["interruptions"].marks] == ["customer interrupts agent and goes on"]
    assert found["hold"].marks == (Mark(31.0, 48.0, "hold"),)


def test_keys_are_counted_and_never_told(subject: Subject) -> None:
    labels = [mark.label for mark in by_name(subject)["events"].marks]
    assert labels == [
        "4 keys from customer", "ringing (440+480 Hz) from agent", "music from agent", "beep (1400 Hz) from agent"
    ]  # fmt: skip


def test_keys_with_a_pause_between_them_are_two_numbers(make_subject: MakeSubject) -> None:
    keys = [Event("dtmf", start, start + 0.1, 0, "7", 1.0) for start in (1.0, 2.0, 9.0)]
    beep = Event("beep", 1.5, 1.6, 0, "1400 Hz", 1.0)
    marks = by_name(make_subject(events=(*keys, beep)))["events"].marks
    assert [(mark.label, mark.start, mark.end) for mark in marks] == [
        ("key from customer", 1.0, 1.1),
        ("beep (1400 Hz) from customer", 1.5, 1.6),
        ("key from customer", 2.0, 2.1),
        ("key from customer", 9.0, 9.1),
    ]
    marks = by_name(make_subject(events=tuple(keys)))["events"].marks
    assert [mark.label for mark in marks] == ["2 keys from customer", "key from customer"]


def test_moments_are_in_order_and_name_lost_sound(subject: Subject) -> None:
    found = moments(subject)
    assert [mark.start for mark in found] == sorted(mark.start for mark in found)
    assert Mark(19.0, 19.8, "zero gap from agent", 1) in found
    assert {"hold", "dead air", "4 keys from customer"} <= {mark.label for mark in found}


def test_a_recording_without_anything_has_empty_lanes(make_subject: MakeSubject) -> None:
    empty = make_subject(parties=(), channels=0, events=(), hold=None, health=None, duration=0.0)
    assert not any(lane.marks for lane in lanes(empty))
    assert moments(empty) == ()


@given(st.floats(0, 1e6), st.integers(0, 3))
def test_a_clock_goes_right(seconds: float, decimals: int) -> None:
    total = 0.0
    for part in clock(seconds, decimals).split(":"):
        total = 60 * total + float(part)
    assert abs(total - seconds) <= 0.5000001 * 10**-decimals


def test_the_examples() -> None:
    assert doctest.testmod(module).attempted
    assert not doctest.testmod(module).failed
