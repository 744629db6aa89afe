"""What is dear to load and can't travel: once in each process."""

import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["PerProcess"]

_T = TypeVar("_T")


class PerProcess(Generic[_T]):
    """Things by key, each loaded when it is first asked for, by one thread while others wait.

    A forked child loads its own: threads and memory of a model don't survive a fork. What it inherited is kept, for
    to let go of it would touch threads that are not there.

    Args:
        at_most: how many are kept; the one asked for least recently goes first.
    """

    def __init__(self, at_most: int = 2) -> None:
        self._at_most = at_most
        self._by_pid: dict[int, tuple[threading.Lock, dict[Hashable, _T]]] = {}

    def get(self, key: Hashable, load: Callable[[], _T]) -> _T:
        """The thing; whatever `load` raises passes through, and the next one to ask tries again."""
        lock, kept = self._by_pid.setdefault(os.getpid(), (threading.Lock(), {}))
        with lock:
            kept[key] = found = kept.pop(key) if key in kept else load()
            while len(kept) > self._at_most:
                del kept[next(iter(kept))]
            return found
