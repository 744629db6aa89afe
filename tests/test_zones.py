"""Time zones by name, and the machine's own."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from callkit.errors import SettingsError
from callkit.zones import MachineZone, zone_of

pytestmark = pytest.mark.usefixtures("berlin")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands in Berlin, as far as its system can be told so."""
    if sys.platform == "win32":
        yield
        return
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_utc_needs_no_table_of_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.zones.ZoneInfo", None)
    assert zone_of("UTC") is UTC
    assert zone_of("utc") is UTC


def test_a_zone_has_its_summer_time() -> None:
    zone = zone_of("Europe/London")
    assert datetime(2026, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=1)
    assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "Europe", "Europe/Berl\0in"])
def test_no_such_zone(name: str) -> None:
    with pytest.raises(SettingsError, match="no time zone"):
        zone_of(name)


@pytest.mark.parametrize("month", range(1, 13))
def test_the_machines_zone_has_its_summer_time(month: int) -> None:
    moment = datetime(2026, month, 15, 12)
    expected = moment.astimezone()
    told = moment.replace(tzinfo=zone_of(None))
    assert told.utcoffset() == expected.utcoffset()
    assert told.astimezone(UTC) == expected
    assert expected.astimezone(MachineZone()).isoformat() == expected.isoformat()


@pytest.mark.parametrize("hour", range(-3, 4))
def test_no_hour_is_lost_when_clocks_are_set_back(hour: int) -> None:
    moment = datetime(2026, 10, 25, 1, tzinfo=UTC) + timedelta(hours=hour)
    there = moment.astimezone(MachineZone())
    assert there.astimezone(UTC) == moment
    assert there.isoformat() == moment.astimezone().isoformat()


def test_no_moment_no_offset() -> None:
    assert MachineZone().utcoffset(None) is None
    assert MachineZone().dst(None) is None


def test_times_that_no_clock_shows_have_the_standard_offset() -> None:
    first = datetime.min.replace(tzinfo=MachineZone())
    assert first.utcoffset() == timedelta(seconds=-time.timezone)
    last = datetime.max.replace(tzinfo=timezone(timedelta(0)))
    assert MachineZone().tzname(last) == "local"
