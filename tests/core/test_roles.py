"""Who is on which channel."""

import pickle
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from callkit.core.call import Call, Direction
from callkit.core.roles import Channel, ChannelMap, End, Roles, RoleSource, Side, roles_in, roles_of
from callkit.errors import SettingsError

NOW = datetime(2026, 9, 14, tzinfo=UTC)
CALLER, RECEIVER = End.CALLER, End.RECEIVER
AGENT, CUSTOMER = Side.AGENT, Side.CUSTOMER
INBOUND, OUTBOUND, INTERNAL = Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL


@pytest.mark.parametrize(
    ("direction", "channels", "source"),
    [
        (INBOUND, (Channel(CALLER, CUSTOMER), Channel(RECEIVER, AGENT)), RoleSource.DIRECTION),
        (OUTBOUND, (Channel(CALLER, AGENT), Channel(RECEIVER, CUSTOMER)), RoleSource.DIRECTION),
        (INTERNAL, (Channel(CALLER), Channel(RECEIVER)), RoleSource.ORDER),
        (None, (Channel(CALLER), Channel(RECEIVER)), RoleSource.ORDER),
    ],
)
def test_the_direction_tells(direction: Direction | None, channels: tuple[Channel, ...], source: RoleSource) -> None:
    assert roles_of(2, direction) == Roles(channels, source)
    assert roles_of(2, direction, caller_channel=1) == Roles(channels[::-1], source)


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_of_other_recordings_nothing_can_be_told(channels: int) -> None:
    assert roles_of(channels, INBOUND) == Roles((Channel(),) * channels, RoleSource.NONE)


@pytest.mark.parametrize(
    ("text", "direction", "channels"),
    [
        ("0=agent,1=customer", None, (Channel(None, AGENT), Channel(None, CUSTOMER))),
        ("0=agent,1=customer", INTERNAL, (Channel(None, AGENT), Channel(None, CUSTOMER))),
        ("0=agent,1=customer", INBOUND, (Channel(RECEIVER, AGENT), Channel(CALLER, CUSTOMER))),
        ("0=agent,1=customer", OUTBOUND, (Channel(CALLER, AGENT), Channel(RECEIVER, CUSTOMER))),
        ("1=caller,0=receiver", INBOUND, (Channel(RECEIVER, AGENT), Channel(CALLER, CUSTOMER))),
        ("1=caller,0=receiver", None, (Channel(RECEIVER), Channel(CALLER))),
        (" 0 = Agent , 0=CALLER,1=receiver", None, (Channel(CALLER, AGENT), Channel(RECEIVER))),
        ("0=caller,0=agent", INBOUND, (Channel(CALLER, AGENT), Channel())),
        ("0=agent,1=receiver", INBOUND, (Channel(None, AGENT), Channel(RECEIVER, AGENT))),
        ("1=agent", None, (Channel(), Channel(None, AGENT))),
        (
            "0=customer,1=agent,2=agent",
            INBOUND,
            (Channel(CALLER, CUSTOMER), Channel(None, AGENT), Channel(None, AGENT)),
        ),
        ("0=agent", OUTBOUND, (Channel(CALLER, AGENT),)),
    ],
)
def test_a_map_wins_and_the_direction_adds(
    text: str, direction: Direction | None, channels: tuple[Channel, ...]
) -> None:
    roles = roles_of(len(channels), direction, channel_map=ChannelMap(text))
    assert roles == Roles(channels, RoleSource.MAP)


@pytest.mark.parametrize("channels", [0, 1])
def test_a_map_that_does_not_fit_tells_nothing(channels: int) -> None:
    roles = roles_of(channels, INBOUND, channel_map=ChannelMap("0=agent,1=customer"))
    assert roles == Roles((Channel(),) * channels, RoleSource.NONE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is not like 0=agent; the roles are caller, receiver, agent, customer"),
        ("0=agent,", "'' is not like 0=agent"),
        ("left=agent", "'left=agent' is not like"),
        ("0=boss", "'0=boss' is not like"),
        ("-1=agent", "'-1=agent' is not like"),
        ("0=agent,0=customer", "channel 0 has two roles that exclude each other"),
        ("0=agent,0=agent", "channel 0 has two roles"),
        ("1=caller,1=receiver", "channel 1 has two roles"),
        ("0=caller,1=caller", "there can be but one caller and one receiver"),
    ],
)
def test_a_map_that_cannot_be(text: str, why: str) -> None:
    with pytest.raises(SettingsError) as error:
        ChannelMap(text)
    assert str(error.value).startswith(f"The channel map {text!r} can't be used: {why}")


def test_a_map_is_a_value() -> None:
    channel_map = ChannelMap("0=agent,1=customer")
    copy = pickle.loads(pickle.dumps(channel_map))
    assert copy == channel_map == ChannelMap("0=agent,1=customer")
    assert hash(copy) == hash(channel_map)
    assert roles_of(2, None, channel_map=copy) == roles_of(2, None, channel_map=channel_map)
    assert repr(channel_map) == "ChannelMap(text='0=agent,1=customer')"


def test_channels_of_a_role() -> None:
    roles = roles_of(3, INBOUND, channel_map=ChannelMap("0=customer,1=agent,2=agent"))
    assert roles.channels_of("agent") == (1, 2)
    assert roles.channels_of("caller") == (0,)
    assert roles.channels_of("receiver") == ()
    assert roles.channels_of("boss") == ()


def test_the_caller_is_on_one_of_two_channels() -> None:
    with pytest.raises(SettingsError, match="caller_channel must be 0 or 1, not 2"):
        roles_of(2, INBOUND, caller_channel=2)


def test_a_call_s_own_map_beats_the_one_for_all() -> None:
    def told(metadata: dict[str, Any], channel_map: ChannelMap | None = None) -> tuple[Side | None, ...]:
        call = Call(
            id=UUID(int=1), started_at=NOW, created_at=NOW, updated_at=NOW, direction=INBOUND, metadata=metadata
        )
        return tuple(channel.side for channel in roles_in(call, 2, channel_map).channels)

    assert told({}) == (CUSTOMER, AGENT)
    assert told({"channel_map": "0=agent,1=customer"}) == (AGENT, CUSTOMER)
    assert told({"channel_map": "0=customer,1=agent"}, ChannelMap("0=agent,1=customer")) == (CUSTOMER, AGENT)
    for unusable in ("left is agent", 7, None, ""):
        assert told({"channel_map": unusable}) == (CUSTOMER, AGENT)
        assert told({"channel_map": unusable}, ChannelMap("0=agent,1=customer")) == (AGENT, CUSTOMER)
