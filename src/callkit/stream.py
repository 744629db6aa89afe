"""`Stream`: bytes that come once, from whatever gives them, and that one can look at before they are read."""

from collections.abc import Callable

__all__ = ["Stream"]

_CHUNK = 1 << 20


class Stream:
    """A `callkit.protocols.Readable` over a function giving the next bytes, as many as it likes, none at the end."""

    def __init__(self, more: Callable[[int], bytes]) -> None:
        self._more = more
        self._data = b""

    def peek(self, count: int) -> bytes:
        """The next bytes, at least `count` if there are so many; they are still to be read."""
        while len(self._data) < count and (data := self._more(_CHUNK)):
            self._data += data
        return self._data

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes: at most `size`, none at the end; without a size, some."""
        data = self._data or self._more(size)
        if 0 <= size < len(data):
            self._data = data[size:]
            return data[:size]
        self._data = b""
        return data
