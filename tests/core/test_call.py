"""The life of a call: every pair of status and event, in MOVES or not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.analysis import Analysis
from callkit.core.call import MOVES, Call, Event, Lease, Recording, Status
from callkit.core.ids import new_call_id
from callkit.errors import InvalidCallError, LeaseHeldError, MoveNotAllowedError

NOW = datetime(2026, 9, 14, 10, 32, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
LEASE = timedelta(seconds=30)
RECORDING = Recording("ab/c/1.wav", "call.wav", 44, "0" * 64, "wav", NOW)
ANALYSIS = Analysis(
    duration=10.0,
    sample_rate=8000,
    channels=1,
    frames=80_000,
    container="wav",
    codec="pcm_s16le",
    declared_duration=10.0,
    truncated=False,
    warnings=(),
    silence=(),
    silence_time=4.0,
    parties=(),
    overlap_time=None,
    method="adaptive",
    parameters={},
    fingerprint="test/1",
)
CALL = Call(id=UUID(int=1), started_at=NOW, created_at=NOW, updated_at=NOW, caller="100", receiver="+44")

EVENTS: dict[Event, Callable[[Call], Call]] = {
    Event.ATTACH: lambda call: call.attach(RECORDING, LATER),
    Event.CLAIM: lambda call: call.claim("me", LATER, LEASE),
    Event.RENEW: lambda call: call.renew(LATER, LEASE),
    Event.RELEASE: lambda call: call.release(LATER),
    Event.FINISH: lambda call: call.finish(ANALYSIS, LATER),
    Event.FAIL: lambda call: call.fail("damaged_audio", "It is damaged.", LATER),
    Event.RETRY: lambda call: call.retry(LATER),
    Event.REPLACE: lambda call: call.replace(RECORDING, LATER),
    Event.ANNOTATE: lambda call: call.annotate(LATER, tags=["vip"]),
    Event.ERASE: lambda call: call.erase(LATER, "asked to"),
}


def test_every_event_has_a_method_here() -> None:
    assert set(EVENTS) == set(Event)


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)), ids=str)
def test_every_pair_of_status_and_event(status: Status, event: Event) -> None:
    call = evolve(CALL, status=status, version=7)
    if (status, event) in MOVES:
        moved = EVENTS[event](call)
        assert (moved.status, moved.version, moved.updated_at) == (MOVES[status, event], 8, LATER)
    else:
        with pytest.raises(MoveNotAllowedError) as caught:
            EVENTS[event](call)
        assert (caught.value.status, caught.value.event) == (status, event)


def test_every_status_can_be_reached_and_all_but_erased_be_left() -> None:
    assert set(MOVES.values()) | {Status.CREATED} == set(Status)
    assert {before for before, _ in MOVES} == set(Status) - {Status.ERASED}


def test_a_lease_keeps_others_away_until_it_runs_out() -> None:
    claimed = CALL.attach(RECORDING, NOW).claim("me", NOW, LEASE)
    assert (claimed.lease, claimed.attempts) == (Lease("me", NOW + LEASE), 1)
    with pytest.raises(LeaseHeldError):
        claimed.claim("you", NOW + LEASE - timedelta(milliseconds=1), LEASE)
    assert claimed.claim("you", NOW + LEASE, LEASE).attempts == 2


def test_renewing_moves_the_end_and_keeps_the_owner() -> None:
    renewed = CALL.attach(RECORDING, NOW).claim("me", NOW, LEASE).renew(LATER, LEASE)
    assert renewed.lease == Lease("me", LATER + LEASE)


def test_finishing_keeps_what_is_searched_by() -> None:
    ready = CALL.attach(RECORDING, NOW).claim("me", NOW, LEASE).finish(ANALYSIS, LATER)
    assert (ready.duration, ready.silence_share, ready.lease) == (10.0, 0.4, None)


def test_failing_says_why_and_a_retry_forgets_it() -> None:
    failed = CALL.attach(RECORDING, NOW).claim("me", NOW, LEASE).fail("damaged_audio", "It is damaged.", LATER)
    assert failed.failure is not None
    assert failed.failure.code == "damaged_audio"
    again = failed.retry(LATER)
    assert (again.failure, again.attempts) == (None, 0)


def test_another_recording_voids_what_was_measured() -> None:
    ready = CALL.attach(RECORDING, NOW).finish(ANALYSIS, NOW)
    replaced = ready.replace(evolve(RECORDING, key="ab/c/2.wav"), LATER)
    assert (replaced.duration, replaced.silence_share, replaced.status) == (None, None, Status.PROCESSING)


def test_erasing_leaves_nothing_personal() -> None:
    call = evolve(CALL, tags=["vip"], metadata={"name": "Anna"}, external_id="pbx-1")
    erased = call.attach(RECORDING, NOW).finish(ANALYSIS, NOW).erase(LATER, "asked to")
    assert (erased.caller, erased.receiver, erased.tags, dict(erased.metadata)) == ("", "", (), {})
    assert (erased.recording, erased.duration, erased.failure) == (None, None, None)
    assert erased.tombstone is not None
    assert (erased.tombstone.reason, erased.tombstone.sha256) == ("asked to", RECORDING.sha256)
    assert (erased.source, erased.external_id) == ("callkit", "pbx-1")


def test_times_are_utc_milliseconds() -> None:
    there = datetime(2026, 9, 14, 12, 32, 12, 345678, tzinfo=timezone(timedelta(hours=2)))
    assert evolve(CALL, started_at=there).started_at == datetime(2026, 9, 14, 10, 32, 12, 345000, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 9, 14),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
        datetime(6001, 1, 1, tzinfo=UTC),
    ],
)
def test_times_that_can_not_be_kept_are_refused(moment: datetime) -> None:
    with pytest.raises(InvalidCallError, match="The time"):
        evolve(CALL, started_at=moment)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 1001])
def test_text_that_no_database_takes_is_refused(text: str) -> None:
    with pytest.raises(InvalidCallError, match="caller must be text"):
        evolve(CALL, caller=text)


@pytest.mark.parametrize("tag", ["", "two words", 'a"b', "x" * 101])
def test_odd_tags_are_refused(tag: str) -> None:
    with pytest.raises(InvalidCallError, match="tag"):
        evolve(CALL, tags=[tag])


def test_tags_are_sorted_once_and_in_lower_case() -> None:
    assert evolve(CALL, tags=["VIP", "срочно", "vip "]).tags == ("vip", "срочно")


def test_numbers_and_names_of_files_are_not_in_the_repr() -> None:
    call = evolve(CALL, caller="+442079460018", recording=evolve(RECORDING, name="in-442079460018.wav"))
    assert "442079460018" not in repr(call)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.binary(min_size=10, max_size=10))
def test_ids_are_version_7_and_ordered_by_time(moment: datetime, random: bytes) -> None:
    moment = moment.replace(tzinfo=UTC)
    call_id = new_call_id(moment, random)
    assert (call_id.version, call_id.variant) == (7, "specified in RFC 4122")
    assert call_id < new_call_id(moment + timedelta(milliseconds=1), b"\0" * 10)
    assert call_id.int >> 80 == int(moment.timestamp() * 1000)


def test_a_text_is_no_list_of_tags() -> None:
    with pytest.raises(InvalidCallError, match=r"such as \['vip'\]"):
        evolve(CALL, tags="vip")
    with pytest.raises(InvalidCallError, match="caller must be text, not int"):
        evolve(CALL, caller=5)  # type: ignore[arg-type]  # that is the test
