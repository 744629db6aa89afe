"""What a search means, and how it is read."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.call import Call, Direction, Lease, Recording, Status
from callkit.core.page import TIES, cursor, cursor_key, sort_base
from callkit.core.parsing import parse
from callkit.core.query import Comparison, Query, matches
from callkit.errors import InvalidQueryError
from callkit.testing.strategies import calls, queries

NOW = datetime(2026, 9, 14, 10, 32, 12, tzinfo=UTC)
CALL = Call(
    id=UUID(int=1),
    started_at=NOW,
    created_at=NOW,
    updated_at=NOW,
    caller="+44 20 7946 0018",
    receiver="sip:Anna@pbx.example",
    direction=Direction.INBOUND,
    source="pbx",
    external_id="1789381932.4",
    status=Status.READY,
    tags=["vip", "refund"],
    duration=89.7,
    silence_share=0.25,
    recording=Recording("k.wav", "call.wav", 44, "ab" * 32, "wav", NOW),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7946",
        "+4420",
        "anna",
        "ANNA 7946",
        "caller:7946",
        "from:+44 to:anna",
        '"+44 20 7946"',
        'caller:"+44 20"',
        "status:ready",
        "status:failed,ready",
        "tag:vip tag:refund",
        "direction:inbound",
        "since:2026-09-14",
        "until:2026-09-14",
        "on:2026-09-14",
        "since:2026-09-14T10:32:12Z",
        "since:2026-09-14T12:32:12+02:00",
        "until:2026-09-14T10:32:13Z",
        "duration>89",
        "duration<1m30s",
        "duration>=1:29.7",
        "duration<=0:01:30",
        "silence>20%",
        "silence<=0.25",
        "silence=25%",
        "source:pbx external_id:1789381932.4",
        "sha256:" + "ab" * 32,
    ],
)
def test_found(text: str) -> None:
    assert matches(parse(text), CALL)


@pytest.mark.parametrize(
    "text",
    [
        "7947",
        "+7946",
        "anna 101",
        "caller:anna",
        "to:7946",
        "status:failed",
        "tag:vip tag:other",
        "direction:outbound",
        "since:2026-09-15",
        "until:2026-09-13",
        "on:2026-09-13",
        "until:2026-09-14T10:32:12Z",
        "duration>90",
        "silence>30%",
        "source:other",
        "external_id:1789381932",
        "sha256:" + "cd" * 32,
    ],
)
def test_not_found(text: str) -> None:
    assert not matches(parse(text), CALL)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("status:lost", "none of created, processing, ready, failed, erased"),
        ("colour:red", "no such filter"),
        ("duration>long", "a duration is"),
        ("silence>40", "a share is 0 to 1"),
        ("silence>nan", "a share is 0 to 1"),
        ("since:yesterday", "a day is written"),
        ("caller>3", "only duration, silence, talk and overlap"),
        ('"open', "open quotation mark"),
        ("---", "nothing of it is part of a number"),
        ("direction:up", "none of inbound"),
    ],
)
def test_what_can_not_be_read_is_said(text: str, why: str) -> None:
    with pytest.raises(InvalidQueryError, match=why):
        parse(text)


@given(st.text(alphabet=st.sampled_from('ab1:><="+ -%,.éя\u0660'), max_size=20) | st.text(max_size=30))
def test_any_text_is_a_query_or_an_error(text: str) -> None:
    try:
        query = parse(text)
    except InvalidQueryError:
        return
    assert matches(query, CALL) in {True, False}


def test_a_day_is_the_zones_day() -> None:
    query = parse("on:2026-09-14", zone=ZoneInfo("Asia/Vladivostok"))
    assert query.since == datetime(2026, 9, 13, 14, tzinfo=UTC)
    assert query.until == datetime(2026, 9, 14, 14, tzinfo=UTC)


def test_two_bounds_narrow() -> None:
    assert parse("since:2026-09-10 since:2026-09-01").since == datetime(2026, 9, 10, tzinfo=UTC)
    assert parse("on:2026-09-10 until:2026-09-30").until == datetime(2026, 9, 11, tzinfo=UTC)


def test_what_is_not_measured_is_in_no_comparison() -> None:
    unmeasured = evolve(CALL, duration=None, silence_share=None)
    for sign in ("<", "<=", ">", ">=", "="):
        assert not matches(Query(comparisons=(Comparison("duration", sign, 0.0),)), unmeasured)


@pytest.mark.parametrize(
    ("status", "lease", "waits"),
    [
        (Status.PROCESSING, None, True),
        (Status.PROCESSING, Lease("me", NOW), True),
        (Status.PROCESSING, Lease("me", NOW + timedelta(seconds=1)), False),
        (Status.READY, None, False),
    ],
)
def test_waiting_for_a_worker(status: Status, lease: Lease | None, waits: bool) -> None:
    assert matches(Query(unclaimed_at=NOW), evolve(CALL, status=status, lease=lease)) is waits


@given(st.integers(-(2**62), 2**62))
def test_a_cursor_is_text_that_comes_back(key: int) -> None:
    text = cursor(key)
    assert text.isalnum()
    assert cursor_key(text) == key


@pytest.mark.parametrize("text", ["", "!", "é", "aaaa", "a" * 100])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidQueryError, match="no cursor"):
        cursor_key(text)


@given(st.datetimes(datetime(1, 1, 2), datetime(6000, 1, 1)), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_sort_keys_follow_time_and_fit_63_bits(moment: datetime, more: timedelta) -> None:
    moment = moment.replace(tzinfo=UTC)
    base = sort_base(moment)
    assert -(2**63) < base < 2**63 - TIES
    assert base % TIES == 0
    assert sort_base(moment + more) >= base


def test_a_moment_between_two_milliseconds_belongs_to_the_later() -> None:
    assert sort_base(NOW + timedelta(microseconds=1)) == sort_base(NOW + timedelta(milliseconds=1))


@given(queries(), calls())
def test_a_query_that_spares_the_erased_finds_none(query: Query, call: Call) -> None:
    erased = call if call.status is Status.ERASED else evolve(call, status=Status.CREATED).erase(call.updated_at)
    assert not (query.spares_erased and matches(query, erased))


@pytest.mark.parametrize("text", ["7946", "from:101", "tag:vip", "refund", 'agent:"a refund"', "silence>30%"])
def test_what_is_erased_with_a_call_spares_the_erased(text: str) -> None:
    assert parse(text).spares_erased
    assert parse(f"{text} after:2026-01-01").spares_erased


@pytest.mark.parametrize("text", ["", "status:erased", "after:2026-01-01", "-refund", "-tag:vip", "7946 OR -7946"])
def test_what_an_erased_call_may_have_does_not(text: str) -> None:
    assert not parse(text).spares_erased
