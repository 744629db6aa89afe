"""A clock that goes when it is told to: pass it as `now`."""

from datetime import UTC, datetime, timedelta

from attrs import define

__all__ = ["Clock"]


@define
class Clock:
    """Called, it tells `time`; `forward(minutes=5)` lets it go on."""

    time: datetime = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.time

    def forward(self, **span: float) -> None:
        """Go on by so many `seconds=`, `minutes=`, `hours=` … (as `datetime.timedelta` takes them)."""
        self.time += timedelta(**span)
