"""Who is on which channel: caller or receiver, agent or customer.

It is told by the call's direction, or by an explicit map. It is never guessed from who speaks first.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen

from callkit.core.call import Call, Direction
from callkit.errors import SettingsError

__all__ = ["MAP_KEY", "Channel", "ChannelMap", "End", "RoleSource", "Roles", "Side", "roles_in", "roles_of"]

MAP_KEY = "channel_map"
"""The key of a call's metadata that may hold a map of its own."""


class End(StrEnum):
    """Which end of the line."""

    CALLER = "caller"
    RECEIVER = "receiver"


class Side(StrEnum):
    """Which side of the counter."""

    AGENT = "agent"
    CUSTOMER = "customer"


class RoleSource(StrEnum):
    """What the roles were told by."""

    MAP = "map"  # an explicit map
    DIRECTION = "direction"  # the order of the channels, and the call's direction
    ORDER = "order"  # the order of the channels alone: nobody is known as agent or customer
    NONE = "none"  # nothing can be told


@frozen
class Channel:
    """Who is on a channel; None where that is not known."""

    end: End | None = None
    side: Side | None = None


@frozen
class Roles:
    """Who is on the channels of a recording.

    Attributes:
        channels: one for each channel, in order.
        source: what told it; kept with the results as `role_source`.
    """

    channels: tuple[Channel, ...]
    source: RoleSource

    def channels_of(self, role: str) -> tuple[int, ...]:
        """The channels of "caller", "receiver", "agent" or "customer"; of no other word there are any."""
        return tuple(number for number, it in enumerate(self.channels) if role in {it.end, it.side})


@frozen
class ChannelMap:
    """Who is on which channel, told explicitly: "0=agent,1=customer", or "0=caller,0=agent,1=receiver"; 0 is the first.

    Several channels may have the same side (two agents), but there is one caller and one receiver.

    Raises:
        SettingsError: the text can't be read; the message says why.
    """

    text: str
    _channels: Mapping[int, Channel] = field(init=False, repr=False, eq=False)

    @_channels.default
    def _read(self) -> dict[int, Channel]:
        ends: dict[int, End] = {}
        sides: dict[int, Side] = {}
        for entry in self.text.split(","):
            match = _ENTRY.fullmatch(entry)
            if match is None:
                raise self._bad(f"{entry.strip()!r} is not like 0=agent; the roles are {', '.join([*End, *Side])}")
            number, role = int(match[1]), match[2].lower()
            if number in (ends if role in set(End) else sides):
                raise self._bad(f"channel {number} has two roles that exclude each other")
            if role in set(End):
                ends[number] = End(role)
            else:
                sides[number] = Side(role)
        if len(set(ends.values())) < len(ends):
            raise self._bad("there can be but one caller and one receiver")
        return {number: Channel(ends.get(number), sides.get(number)) for number in sorted({*ends, *sides})}

    def _bad(self, why: str) -> SettingsError:
        return SettingsError(f"The channel map {self.text!r} can't be used: {why}.")

    def of(self, channels: int) -> tuple[Channel, ...] | None:
        """Who is on the channels of a recording; None if the map names one that it has not."""
        if max(self._channels) >= channels:
            return None
        return tuple(self._channels.get(number, Channel()) for number in range(channels))


_ENTRY = re.compile(rf"\s*([0-9]{{1,3}})\s*=\s*({'|'.join([*End, *Side])})\s*", re.IGNORECASE)
_SIDES: Mapping[Direction | None, Mapping[End, Side]] = MappingProxyType(
    {
        Direction.INBOUND: {End.CALLER: Side.CUSTOMER, End.RECEIVER: Side.AGENT},
        Direction.OUTBOUND: {End.CALLER: Side.AGENT, End.RECEIVER: Side.CUSTOMER},
    }
)
"""Which side each end is on; of internal calls, and where the direction is unknown, that can't be told."""


def roles_of(
    channels: int, direction: Direction | None, *, caller_channel: int = 0, channel_map: ChannelMap | None = None
) -> Roles:
    """Who is on the channels of a recording.

    Of an inbound call the receiver is the agent, of an outbound call the caller; internal calls have neither agent nor
    customer. A map wins over all that, and the direction adds what it leaves open: an end's side, a side's end.

    Args:
        channels: how many the recording has. Of one channel nothing can be told, for everybody may be on it, unless the
            map names it alone; of three or more, only what the map says.
        direction: of the call, None if unknown.
        caller_channel: of a recording with two channels, the one with the caller: 0 or 1.
        channel_map: explicit. One that names a channel that is not there does not fit this recording: nothing is told.

    Raises:
        SettingsError: `caller_channel` is neither 0 nor 1.
    """
    if caller_channel not in {0, 1}:
        raise SettingsError(f"caller_channel must be 0 or 1, not {caller_channel!r}.")
    sides = _SIDES.get(direction, {})
    if channel_map is not None and (named := channel_map.of(channels)):
        return Roles(_completed(named, sides), RoleSource.MAP)
    if channel_map is not None or channels != 2:
        return Roles((Channel(),) * channels, RoleSource.NONE)
    ends = (End.CALLER, End.RECEIVER) if caller_channel == 0 else (End.RECEIVER, End.CALLER)
    source = RoleSource.DIRECTION if sides else RoleSource.ORDER
    return Roles(tuple(Channel(end, sides.get(end)) for end in ends), source)


def roles_in(call: Call, channels: int, channel_map: ChannelMap | None = None) -> Roles:
    """Who is on the channels of a call's recording.

    Args:
        call: its own map, `metadata["channel_map"]`, beats the one for all. What is no map there tells nothing.
        channels: how many the recording has.
        channel_map: for all calls.
    """
    return roles_of(channels, call.direction, channel_map=_own_map(call) or channel_map)


def _own_map(call: Call) -> ChannelMap | None:
    text = call.metadata.get(MAP_KEY)
    with suppress(SettingsError):
        return ChannelMap(text) if isinstance(text, str) else None
    return None


def _completed(named: Sequence[Channel], sides: Mapping[End, Side]) -> tuple[Channel, ...]:
    """With the side of each end, and the end of each side that is there once."""
    count, taken = Counter(it.side for it in named), {it.end for it in named}
    ends = {side: end for end, side in sides.items() if count[side] == 1 and end not in taken}
    return tuple(
        Channel(it.end or (ends.get(it.side) if it.side else None), it.side or (sides.get(it.end) if it.end else None))
        for it in named
    )
