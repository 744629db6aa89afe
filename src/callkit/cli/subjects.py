"""What reports and explanations are about: measured calls."""

from datetime import tzinfo
from typing import TYPE_CHECKING

from callkit.core.roles import ChannelMap, roles_in
from callkit.errors import InvalidCallError
from callkit.report.subject import Subject

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["subject_of"]


def subject_of(kit: "CallKit", call_id: str, zone: tzinfo, channel_map: ChannelMap | None = None) -> Subject:
    """A call, what was measured of it, and who is on its channels.

    Raises:
        CallNotFoundError: there is no such call.
        InvalidCallError: nothing was measured yet.
    """
    call, found = kit.look(call_id)
    if found is None:
        raise InvalidCallError(f"Nothing was measured of call {call.id} (status {call.status}): process it first.")
    roles = roles_in(call, found.analysis.channels, channel_map)
    return Subject(call, found.analysis, roles, zone, found.transcript)
