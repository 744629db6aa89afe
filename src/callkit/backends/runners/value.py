"""What runners have in common: they are values, and what does their work is made in each process."""

import os
from abc import ABC, abstractmethod
from threading import TIMEOUT_MAX
from types import TracebackType
from typing import Any, Protocol, Self, cast
from urllib.parse import parse_qsl

from attrs import Attribute, AttrsInstance, field, fields, frozen

from callkit.core.masking import check_address, masked
from callkit.errors import RunnerError, SettingsError
from callkit.protocols import Task

__all__ = ["Closing", "Engine", "RunnerValue", "positive", "split_options"]


def split_options(url: str, *names: str) -> tuple[str, dict[str, Any]]:
    """A URL without those of its options that are a runner's own, and these by name.

    Raises:
        SettingsError: the timeout is no number, or the password can't be told from the rest.
    """
    check_address(url)
    place, _, query = url.partition("?")
    pairs = [pair for pair in query.split("&") if pair]
    own: dict[str, Any] = dict(parse_qsl("&".join(pairs), keep_blank_values=True))
    own = {name: own[name] for name in names if name in own}
    others = "&".join(pair for pair in pairs if pair.partition("=")[0] not in own)
    try:
        own |= {"timeout": float(own["timeout"])} if "timeout" in own else {}
    except ValueError:
        raise SettingsError(f"The timeout in {masked(url)!r} must be seconds, such as 600.") from None
    return f"{place}?{others}" if others else place, own


def positive(_: object, attribute: "Attribute[Any]", value: float) -> None:
    """A validator: above 0, and what threads can wait for or a machine can run."""
    most = TIMEOUT_MAX if attribute.name == "timeout" else 1024
    if not 0 < value <= most:
        raise SettingsError(f"A runner's {attribute.name} must be above 0 and at most {most:g}, not {value!r}.")


class Closing(ABC):
    """A `with` block closes the runner, and so waits until everything is done."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """See `callkit.protocols.TaskRunner.close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """It travels as its configuration: the copy has no tasks, and is open."""
        found = fields(cast("type[AttrsInstance]", type(self)))
        return type(self), tuple(getattr(self, one.name) for one in found if one.init)


class Engine(Protocol):
    """What takes a runner's tasks, in one process: threads, pipes, connections."""

    def submit(self, task: Task) -> object:
        """Take on a task; RuntimeError if it was closed."""

    def close(self) -> None:
        """See to what was submitted, take no more."""

    def stop(self) -> None:
        """Forget what can be forgotten, take no more."""


@frozen
class RunnerValue(Closing):
    """Equal to others of the same configuration. Its engine starts with the first task."""

    _engines: dict[int, Engine] = field(factory=dict, init=False, repr=False, eq=False)

    def submit(self, task: Task) -> None:
        """See `callkit.protocols.TaskRunner.submit`; the queue has no limit, and is first in, first out."""
        try:
            self._engine().submit(task)
        except RuntimeError as error:
            raise RunnerError(f"The runner takes no more tasks: {error}.") from None

    def close(self) -> None:
        """See `callkit.protocols.TaskRunner.close`; a program that ends without it finishes the work all the same."""
        self._engine().close()

    def _engine(self) -> Engine:
        """That of this process: threads and pipes that were inherited through a fork are of no use."""
        return self._engines.get(os.getpid()) or self._engines.setdefault(os.getpid(), self._new_engine())

    @abstractmethod
    def _new_engine(self) -> Engine:
        """What does this runner's work."""
