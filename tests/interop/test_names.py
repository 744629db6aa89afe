"""What file names tell."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.call import Direction
from callkit.errors import SettingsError
from callkit.interop.names import DIRECTIONS, Facts, NameTemplate

OURS = NameTemplate("{direction}-{number}-{extension}-{date}-{time}-{uniqueid}")
FREEPBX = NameTemplate("{direction}-{receiver}-{caller}-{date}-{time}-{uniqueid}")
LONDON = ZoneInfo("Europe/London")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("stem", "facts"),
    [
        (
            "in-0442079460018-101-20260914-103212-1789381932.4",
            Facts("0442079460018", "101", Direction.INBOUND, at("2026-09-14T10:32:12"), "1789381932.4"),
        ),
        (
            "internal-204-102-20260915-093153-1789463913.23",
            Facts("204", "102", Direction.INTERNAL, at("2026-09-15T09:31:53"), "1789463913.23"),
        ),
        (
            "out-0442079460053-103-20260915-122328-1789474208.31",
            Facts("103", "0442079460053", Direction.OUTBOUND, at("2026-09-15T12:23:28"), "1789474208.31"),
        ),
        (
            "OUT-+442079460053-sip.anna-2026-09-15-12:23:28-pbx1-17.31",
            Facts("sip.anna", "+442079460053", Direction.OUTBOUND, at("2026-09-15T12:23:28"), "pbx1-17.31"),
        ),
    ],
)
def test_number_is_the_outside_party(stem: str, facts: Facts) -> None:
    assert OURS.read(stem, UTC) == facts


@pytest.mark.parametrize(
    ("stem", "caller", "receiver", "direction", "uniqueid"),
    [
        ("external-101-02079460123-20261123-120000-1795435200.17", "02079460123", "101", "inbound", "1795435200.17"),
        ("out-02079460145-101-20261123-121000-1795435800.21", "101", "02079460145", "outbound", "1795435800.21"),
        ("in-02079460100-unknown-20261123-123000-1795437000.40", "unknown", "02079460100", "inbound", "1795437000.40"),
        ("exten-101-102-20261123-124500-1795437900.0", "102", "101", "internal", "1795437900.0"),
        ("rg-700-+442079460123-20261123-125000-1795438200.51", "+442079460123", "700", "inbound", "1795438200.51"),
        ("force-800-anonymous-20261123-125500-1795438500.55", "anonymous", "800", None, "1795438500.55"),
        ("q-600-02079460123-20261025-013000-pbx1-17.88", "02079460123", "600", "inbound", "pbx1-17.88"),
    ],
)
def test_freepbx_writes_the_called_end_first(
    stem: str, caller: str, receiver: str, direction: str | None, uniqueid: str
) -> None:
    facts = FREEPBX.read(stem, UTC)
    assert facts is not None
    assert (facts.caller, facts.receiver, facts.direction, facts.external_id) == (caller, receiver, direction, uniqueid)


@pytest.mark.parametrize(
    "stem",
    [
        "conference-notes",
        "in-0442079460018-101-20260914-103212",
        "in-0442079460018-101-20261332-103212-1.4",
        "in-0442079460018-101-20260914-106012-1.4",
        "sideways-0442079460018-101-20260914-103212-1.4",
        "in--101-20260914-103212-1.4",
        "in-044-207-101-20260914-103212-1.4",
        "",
    ],
)
def test_what_does_not_fit_is_no_guess(stem: str) -> None:
    assert OURS.read(stem, UTC) is None


def test_other_words_are_metadata_and_any_is_dropped() -> None:
    template = NameTemplate("{any}_{queue}_{agent_name}_{any} {{x}}{date}")
    assert template.read("17_sales_Анна Б_zz {x}2026-09-14", UTC) == Facts(
        started_at=at("2026-09-14T00:00:00"), metadata={"queue": "sales", "agent_name": "Анна Б"}
    )


def test_fields_of_fixed_shape_need_nothing_between_them() -> None:
    facts = NameTemplate("{date}{time}{caller}").read("20260914103212101", UTC)
    assert facts == Facts(caller="101", started_at=at("2026-09-14T10:32:12"))


def test_times_are_the_exchanges_own() -> None:
    facts = NameTemplate("{date}-{time}").read("20260714-103212", LONDON)
    assert facts is not None
    assert facts.started_at == at("2026-07-14T09:32:12")


@pytest.mark.parametrize("hour", [0, 1])
def test_the_unique_id_tells_which_of_the_two_hours_it_was(hour: int) -> None:
    """On 25 October 2026 London has 01:30 twice: at 00:30 and at 01:30 UTC."""
    then = at("2026-10-25T00:30:00") + timedelta(hours=hour)
    stem = f"q-600-02079460123-20261025-013000-pbx1-{then.timestamp() - 4:.0f}.88"
    facts = FREEPBX.read(stem, LONDON)
    assert facts is not None
    assert facts.started_at == then


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no field"),
        ("call-{any}", "no field"),
        ("{caller", "braces"),
        ("{}", "is no field"),
        ("{Caller}", "is no field"),
        ("{date:%Y}", "is no field"),
        ("{caller!r}", "is no field"),
        ("{0}", "is no field"),
        ("{caller}-{caller}", "there twice"),
        ("{caller}-{number}", "don't go together"),
        ("{time}-{caller}", "needs a {date}"),
        ("{caller}{receiver}", "nothing stands between {caller}"),
        ("{extention}-{number}", "did you mean {extension}?"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused(text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(why)):
        NameTemplate(text)


def test_a_template_is_a_value() -> None:
    assert NameTemplate("{caller}") == NameTemplate("{caller}") != NameTemplate("{receiver}")


numbers = st.text(st.characters(categories=["L", "N"], include_characters="+.@"), min_size=1, max_size=20)
moments = st.datetimes(datetime(1000, 1, 1), datetime(6000, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


@given(st.sampled_from(sorted(DIRECTIONS)), numbers, numbers, moments, st.from_regex(r"[\w.-]+", fullmatch=True))
def test_what_an_exchange_writes_is_read_back(
    word: str, caller: str, receiver: str, moment: datetime, uniqueid: str
) -> None:
    stem = f"{word}-{receiver}-{caller}-{moment:%Y%m%d-%H%M%S}-{uniqueid}".replace(
        f"{moment:%Y%m%d}", f"{moment.year:04}{moment:%m%d}", 1
    )
    facts = FREEPBX.read(stem, UTC)
    assert facts == Facts(caller, receiver, DIRECTIONS[word], moment.replace(tzinfo=UTC), uniqueid)


@given(st.text())
def test_no_name_makes_it_fail(stem: str) -> None:
    facts = FREEPBX.read(stem, UTC)
    assert facts is None or facts.started_at is not None


@pytest.mark.parametrize("shape", ["{:%Y%m%d-%H%M%S}", "{:%Y-%m-%d-%H-%M-%S}", "{:%Y-%m-%d-%H:%M:%S}"])
def test_dates_and_times_have_several_shapes(shape: str, read: Callable[[str], datetime]) -> None:
    moment = at("2026-09-14T10:32:12")
    assert read(shape.format(moment)) == moment


@pytest.fixture
def read() -> Callable[[str], datetime]:
    def reader(stem: str) -> datetime:
        facts = NameTemplate("{date}-{time}").read(stem, UTC)
        assert facts is not None
        assert facts.started_at is not None
        return facts.started_at

    return reader
