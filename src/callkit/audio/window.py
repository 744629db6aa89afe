"""A stretch of a file that looks like a file of its own."""

import io

from callkit.audio.pcm import File

__all__ = ["Window"]


class Window(io.RawIOBase):
    """Bytes `start` to `start + length` of `handle`, after an optional `head` of our own.

    Decoder libraries get a repaired header this way, without a copy of the sound. Closing it leaves `handle` open.
    """

    def __init__(self, handle: File, start: int, length: int, head: bytes = b"") -> None:
        self._handle = handle
        self._start = start
        self._head = head
        self._size = len(head) + length
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]  # Buffer is 3.12's
        data = self._next(min(len(buffer), max(0, self._size - self._position)))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _next(self, count: int) -> bytes:
        if self._position < len(self._head):
            return self._head[self._position : self._position + count]
        self._handle.seek(self._start + self._position - len(self._head))
        return self._handle.read(count)
