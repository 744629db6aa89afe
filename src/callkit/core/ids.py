"""Ids of calls, in the order of time."""

from datetime import datetime
from uuid import UUID

__all__ = ["new_call_id"]


def new_call_id(now: datetime, random: bytes) -> UUID:
    """A time-ordered id: UUID version 7 of `now` (to the millisecond) and 10 random bytes.

    Source: RFC 9562, section 5.7.
    """
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF000 << 64) | 0x7000 << 64
    return UUID(int=value & ~(0xC000 << 48) | 0x8000 << 48)
