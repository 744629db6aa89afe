"""What a report is about: `Subject`, and what its parties are called."""

from collections import Counter
from datetime import tzinfo
from functools import cached_property

from attrs import frozen

from callkit.core.analysis import Analysis
from callkit.core.call import Call
from callkit.core.intervals import Interval
from callkit.core.roles import Roles
from callkit.core.transcript import Transcript
from callkit.report.strip import merged

__all__ = ["Subject", "party_names"]


@frozen
class Subject:
    """A call, and all that a report tells of it.

    Attributes:
        call: whose numbers are shown as they are.
        analysis: what was measured.
        roles: who is on which channel.
        zone: of the times on the clock.
        transcript: what was said, if somebody wrote it down.
    """

    call: Call
    analysis: Analysis
    roles: Roles
    zone: tzinfo
    transcript: Transcript | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the parties."""
        return party_names(self.roles, separable=self.analysis.separable)

    @cached_property
    def speech(self) -> tuple[tuple[Interval, ...], ...]:
        """Of each party: what the figures are made of, or all that was heard if nobody knows who spoke."""
        return self.analysis.conversation.speech or tuple(party.speech for party in self.analysis.parties)

    @cached_property
    def together(self) -> tuple[Interval, ...]:
        """When anybody speaks; the rest is silence."""
        return merged(interval for speech in self.speech for interval in speech)


def party_names(roles: Roles, *, separable: bool = True) -> tuple[str, ...]:
    """What the parties are called: "agent" or "caller" where that is known, else "channel 0" and so on.

    Args:
        roles: who is on which channel.
        separable: whether the channels tell people apart at all.
    """
    if not separable:
        channels = len(roles.channels)
        return ("everybody",) if channels == 1 else tuple(f"channel {number}" for number in range(channels))
    roots = [str(it.side or it.end or "channel") for it in roles.channels]
    many = Counter(roots)
    return tuple(
        f"{root} {number}" if root == "channel" or many[root] > 1 else root for number, root in enumerate(roots)
    )
