"""Time zones by name, and the machine's own."""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callkit.errors import SettingsError

__all__ = ["MachineZone", "zone_of"]


def zone_of(name: str | None) -> tzinfo:
    """A time zone by its IANA name such as "Europe/Berlin"; None or "" is the machine's own.

    Raises:
        SettingsError: there is no such zone, or this machine has no table of zones.
    """
    if not name:
        return MachineZone()
    if name.upper() in ("UTC", "Z"):
        return UTC  # there is always one, even where no table of zones is installed
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"There is no time zone {name!r}: write an IANA name such as 'Europe/Berlin', or 'UTC' "
            "(where no zone is found at all, `pip install tzdata` brings them)."
        ) from None


class MachineZone(tzinfo):
    """The zone that this machine is set to, with its summer times (a fixed offset would be wrong for half a year)."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """The offset on that day; see `datetime.tzinfo`."""
        if moment is None:
            return None
        try:
            return moment.replace(tzinfo=None).astimezone().utcoffset()
        except (OSError, OverflowError, ValueError):  # Windows knows no local time before 1970
            return timedelta(seconds=-time.timezone)

    def dst(self, _: datetime | None) -> timedelta | None:
        """Not told apart from the offset."""
        return None

    def tzname(self, _: datetime | None) -> str:
        """What it is called in `callkit config`."""
        return "local"

    def fromutc(self, moment: datetime) -> datetime:
        """See `datetime.tzinfo`: `moment` holds a time in UTC."""
        try:
            local = moment.replace(tzinfo=UTC).astimezone()
        except (OSError, OverflowError, ValueError):
            return moment - timedelta(seconds=time.timezone)
        told = local.replace(tzinfo=self)
        return told if told.utcoffset() == local.utcoffset() else told.replace(fold=1)
