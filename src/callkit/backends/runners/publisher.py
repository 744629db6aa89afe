"""A thread that sends messages, several at once when they come in bursts, and spares a broker that is away."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic

from callkit.errors import RunnerError
from callkit.protocols import Message, Portable, Task

__all__ = ["CHUNK", "Breaker", "Publisher", "message_of"]

log = logging.getLogger("callkit.runners")

CHUNK = 20
"""Tasks in a message at most: a message costs about 5 ms on its way, a task as good as nothing."""

_LINGER = 0.03  # seconds that a message waits for company
_PAUSE = 5.0  # seconds for which a server that did not answer is not asked again

Send = Callable[[Sequence[Message]], None]


def message_of(task: Task) -> Message:
    """What a runner elsewhere sends.

    Raises:
        RunnerError: the task can't travel so.
    """
    if not isinstance(task, Portable):
        raise RunnerError(f"{type(task).__name__} can't be sent to workers elsewhere: it has no `message` method.")
    return task.message()


class Breaker:
    """Spares everybody the wait for a server that did not answer a moment ago."""

    def __init__(self) -> None:
        self._closed_until = 0.0

    def check(self) -> None:
        """Let pass, or not.

        Raises:
            RunnerError: it was tripped a moment ago.
        """
        if monotonic() < self._closed_until:
            raise RunnerError("The queue does not answer: it is asked again in a few seconds.")

    def trip(self) -> None:
        """It did not answer."""
        self._closed_until = monotonic() + _PAUSE

    def reset(self) -> None:
        """It did."""
        self._closed_until = 0.0


class Publisher:
    """Sends what is submitted, in its order, from a thread of its own.

    What can't be sent is told once and forgotten: the repository knows what is not done, and `sweep()` submits again.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._thread = ThreadPoolExecutor(1, "callkit-publisher")
        self._messages: deque[Message] = deque()
        self._closing = Event()
        self._breaker = Breaker()

    def submit(self, task: Task) -> None:
        """Take it on, and return at once.

        Raises:
            RunnerError: it can't travel, or the queue did not answer a moment ago.
            RuntimeError: the publisher was closed.
        """
        message = message_of(task)
        self._breaker.check()
        self._messages.append(message)
        self._thread.submit(self._publish)

    def close(self) -> None:
        """Send what is left."""
        self._closing.set()
        self._thread.shutdown(wait=True)

    def stop(self) -> None:
        """Forget what is left."""
        self._messages.clear()
        self.close()

    # ---- in the thread: called once for each message, but the first of a burst takes the others along

    def _publish(self) -> None:
        if not self._messages:
            return
        if len(self._messages) < CHUNK:
            self._closing.wait(_LINGER)
        chunk = [self._messages.popleft() for _ in range(min(CHUNK, len(self._messages)))]
        try:
            self._send(chunk)
        except RunnerError as error:
            self._give_up(error, len(chunk))
        else:
            self._breaker.reset()

    def _give_up(self, error: RunnerError, unsent: int) -> None:
        """Nobody need wait for each single message of a burst: those who come next are told at once."""
        self._breaker.trip()
        unsent += len(self._messages)
        self._messages.clear()
        log.warning("%s %d tasks wait for sweep().", error, unsent)
