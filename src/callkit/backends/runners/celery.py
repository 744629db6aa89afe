"""The runner that sends work to Celery workers on any machine. `callkit worker` starts them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from attrs import Attribute, field, frozen
from celery import Celery

from callkit.backends.runners.publisher import Publisher
from callkit.backends.runners.value import Engine, RunnerValue, positive, split_options
from callkit.core.masking import masked
from callkit.errors import RunnerError, SettingsError
from callkit.protocols import Message

__all__ = ["SLICE", "WORK", "CeleryRunner"]

WORK = "callkit.work"
"""The name of the Celery task. Its one argument is a list of messages (see `callkit.protocols.Message`)."""

SLICE = 5.0
"""Seconds that a worker spends on one list of messages; what it has not begun then is sent once more."""

_BROKERS = ("redis", "rediss", "amqp", "amqps")
_SPARE = 60.0  # seconds between a task's own timeout, Celery's, and the broker's
_PATIENCE = 3.0  # seconds for a connection, and for an answer


def _check_url(_: object, __: "Attribute[str]", url: str) -> None:
    if url.partition("://")[0] not in _BROKERS:
        brokers = ", ".join(f"celery+{scheme}://" for scheme in _BROKERS)
        raise SettingsError(f"{masked(url)!r} is no broker that keeps what it was given: use one of {brokers}.")


@frozen
class CeleryRunner(RunnerValue):
    """Sends messages that hold ids only; workers elsewhere, which know the same database and storage, do the work.

    Attributes:
        url: of the broker, such as "redis://:password@host:6379/0" or "amqp://user:password@host//".
        timeout: seconds. A worker process that works on a task for longer is killed.
        queue: where the messages wait.
        prefix: of all keys on Redis, so that it can be shared with other applications.
    """

    url: str = field(repr=masked, validator=_check_url)
    timeout: float = field(default=600.0, validator=positive)
    queue: str = "callkit"
    prefix: str = "callkit:"
    _apps: dict[int, Celery] = field(factory=dict, init=False, repr=False, eq=False)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """From "celery+redis://host:6379/0?timeout=600&queue=callkit&prefix=callkit:"; each option may be left out.

        Raises:
            SettingsError: the URL can't be used.
        """
        broker, own = split_options(url.removeprefix("celery+"), "timeout", "queue", "prefix")
        return cls(broker, **own)

    @property
    def _on_redis(self) -> bool:
        return self.url.startswith("redis")

    @property
    def longest(self) -> float:
        """Seconds that a worker may need for one message."""
        return SLICE + self.timeout

    def waiting(self) -> int:
        """See `callkit.protocols.HasBacklog`: messages, each of which holds up to 20 tasks."""
        with self._translated(), self.app().connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=_PATIENCE)
            # Passive is how to ask, but on Redis kombu looks for the key without its prefix, and finds none
            asked = {"passive": True} if not self._on_redis else {}
            try:
                return int(connection.default_channel.queue_declare(self.queue, **asked).message_count)
            except connection.channel_errors:  # nobody has made the queue yet
                return 0

    def app(self) -> Celery:
        """The Celery application of this process."""
        return self._apps.get(os.getpid()) or self._apps.setdefault(os.getpid(), self._new_app())

    def _new_engine(self) -> Engine:
        return Publisher(self._send)

    def _send(self, messages: Sequence[Message]) -> None:
        with self._translated():
            self.app().send_task(
                WORK,
                args=[list(messages)],
                queue=self.queue,
                serializer="json",
                ignore_result=True,
                time_limit=self.longest + _SPARE,  # of a worker that can't keep time itself
            )

    def _new_app(self) -> Celery:
        """Settings for the sender and for `callkit worker`; what the task needs anywhere stands at the task."""
        app = Celery("callkit", broker=self.url, set_as_current=False)
        app.conf.update(
            task_default_queue=self.queue,
            accept_content=["json"],
            task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
            broker_connection_timeout=_PATIENCE,
            broker_transport_options=self._redis_options() if self._on_redis else {},
        )
        return app

    def _redis_options(self) -> dict[str, Any]:
        return {
            "global_keyprefix": self.prefix,
            # A message whose worker was lost is given to another one after this time: above the longest work on it,
            # or it would be done twice. The looks for such messages are as frequent as can be.
            "visibility_timeout": self.longest + 2 * _SPARE,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": _PATIENCE,
            "socket_timeout": 2 * _PATIENCE,
            "socket_keepalive": True,
        }

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Whatever the broker's client raises. There are several clients, and none promises what it raises."""
        try:
            yield
        except Exception as error:
            why = masked(error).rstrip(".")
            raise RunnerError(f"The broker {masked(self.url)} can't be used: {why}.") from None
