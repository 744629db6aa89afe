"""A server that is away for a moment is waited for."""

import logging
from collections.abc import Callable
from random import uniform
from time import monotonic, sleep
from typing import TypeVar

__all__ = ["patiently"]

log = logging.getLogger("callkit.storages")

T = TypeVar("T")

_PATIENCE = 30.0  # seconds from the first failure
_PAUSES = 0.1, 2.0  # seconds: the first, and the longest


def patiently(action: Callable[[], T], may_pass: Callable[[Exception], bool], place: str) -> T:
    """Do something that can be done twice, again and again while it fails in a way that may pass.

    Pauses double, and differ from caller to caller, so that a server that comes back is not run over.

    Args:
        action: what to do.
        may_pass: whether it is worth while to try again after this error.
        place: what the log calls the server.
    """
    pause, longest = _PAUSES
    until = None
    while True:
        try:
            return action()
        except Exception as error:
            if not may_pass(error):
                raise
            if until is None:
                until = monotonic() + _PATIENCE
                log.warning("%s does not answer (%s): it is asked again", place, type(error).__name__)
            if monotonic() + pause > until:
                raise
        sleep(uniform(pause / 2, pause))
        pause = min(2 * pause, longest)
