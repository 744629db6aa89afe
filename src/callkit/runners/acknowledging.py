"""How the end of a task is told to the broker, so that a worker notices when its broker was restarted."""

from logging import getLogger

from celery.worker import state
from celery.worker.request import Request
from kombu.transport.virtual import Channel

__all__ = ["Acknowledging"]

log = getLogger("callkit.runners")


class Acknowledging(Request):  # type: ignore[misc]  # Celery has no types
    """A message on Redis whose acknowledgement fails makes the worker connect anew.

    Celery would log that and go on. But its connection counts the message as unacknowledged for ever, and asks for
    no more while it holds as many as there are processes: if all of them finish while the broker is away, the worker
    never hears that it is back.
    """

    acknowledged: bool

    def acknowledge(self) -> None:
        """Acknowledge; what fails in the worker's event loop ends the connection."""
        if self.acknowledged:
            return
        stopping = state.should_stop is not None or state.should_terminate is not None
        # AMQP tells of a lost connection by itself, and refuses what belongs to the one before: that is no reason
        passing = self._connection_errors if stopping or not isinstance(self.message.channel, Channel) else ()
        self.on_ack(log, passing)
        self.acknowledged = True
