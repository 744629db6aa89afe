"""`HttpSettings`: what the HTTP side needs to know."""

from datetime import UTC, tzinfo
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from attrs import field, frozen

from callkit.core.roles import ChannelMap
from callkit.settings import Settings

__all__ = ["HttpSettings", "is_loopback"]

_MEGABYTE = 1 << 20
_KEYS_FILE = "keys.json"
_BUSY = 100.0  # requests a second of one client, where keys are needed


@frozen(kw_only=True)
class HttpSettings:
    """How calls are served.

    Attributes:
        keys: the file of `callkit keys`. Once it is there, every request needs a key of it. Without it only clients on
            this machine are answered; None: never a key.
        trusted: the application around this one has checked who asks: everybody may do everything.
        max_bytes: of a recording.
        rate: requests a second of one client (a key, or an address); None: 100 where keys are needed, else no limit.
        origins: of other web sites whose pages may ask (CORS).
        patience: seconds that a body may keep us waiting, and after which it must come faster than `slowest`.
        slowest: bytes a second.
        zone: of days in searches, and of times in reports.
        channel_map: who is on which channel; None: the direction of each call tells.
        sweep_every: seconds between two looks for work that was lost; 0: never.
    """

    keys: Path | None = None
    trusted: bool = False
    max_bytes: int = 2048 * _MEGABYTE
    rate: float | None = None
    origins: tuple[str, ...] = ()
    patience: float = 30.0
    slowest: float = 1000.0
    zone: tzinfo = UTC
    channel_map: ChannelMap | None = field(default=None)
    sweep_every: float = 30.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What options, environment and files say.

        Raises:
            SettingsError: the zone or the channel map can't be used.
        """
        origins = (settings.http_origins or "").replace(",", " ").split()
        return cls(
            keys=keys_file(settings),
            max_bytes=settings.http_max_size * _MEGABYTE,
            rate=settings.http_rate,
            origins=tuple(origins),
            patience=settings.http_patience,
            zone=settings.zone,
            channel_map=settings.roles,
        )

    def rate_of(self, *, locked: bool) -> float | None:
        """Requests a second of one client, where keys are needed (`locked`) or not."""
        return self.rate or (_BUSY if locked else None)


def keys_file(settings: Settings) -> Path:
    """Where the keys are."""
    return Path(settings.http_keys or Path(settings.data) / _KEYS_FILE)


@lru_cache
def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own, which nobody else can reach."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
