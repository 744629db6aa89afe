"""What a report is about."""

import pytest

from callkit.core.call import Direction
from callkit.core.roles import ChannelMap, roles_of
from callkit.report.subject import Subject, party_names


@pytest.mark.parametrize(
    ("direction", "names"),
    [
        (Direction.INBOUND, ("customer", "agent")),
        (Direction.OUTBOUND, ("agent", "customer")),
        (Direction.INTERNAL, ("caller", "receiver")),
        (None, ("caller", "receiver")),
    ],
)
def test_names_are_told_by_the_direction(direction: Direction | None, names: tuple[str, ...]) -> None:
    assert party_names(roles_of(2, direction)) == names


def test_nobody_is_guessed() -> None:
    assert party_names(roles_of(1, Direction.INBOUND), separable=False) == ("everybody",)
    assert party_names(roles_of(2, Direction.INBOUND), separable=False) == ("channel 0", "channel 1")
    assert party_names(roles_of(3, Direction.INBOUND)) == ("channel 0", "channel 1", "channel 2")


def test_names_are_unique() -> None:
    roles = roles_of(3, None, channel_map=ChannelMap("0=agent,1=agent,2=customer"))
    assert party_names(roles) == ("agent 0", "agent 1", "customer")


def test_when_anybody_speaks(subject: Subject) -> None:
    speech = sorted(interval for own in subject.speech for interval in own)
    assert sum(end - start for start, end in subject.together) < sum(end - start for start, end in speech)
    assert (subject.together[0][0], subject.together[-1][1]) == (speech[0][0], max(end for _, end in speech))
