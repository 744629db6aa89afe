"""A file that is read in blocks from elsewhere."""

import io
from collections.abc import Callable
from typing import BinaryIO

__all__ = ["open_ranges"]

_KEPT = 2  # blocks: a look at the end of a file, or back to its header, does not cost the place where one was


def open_ranges(first: bytes, size: int, fetch: Callable[[int, int], bytes]) -> BinaryIO:
    """A file for reading, of which `first` is at hand and the rest is fetched when it is read.

    Args:
        first: the beginning; as long as all blocks are to be, or the whole file.
        size: bytes of the whole.
        fetch: called with start and stop, gives exactly these bytes.
    """
    return io.BufferedReader(_Ranges(first, size, fetch), 1 << 16)


class _Ranges(io.RawIOBase):
    def __init__(self, first: bytes, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self._blocks = {0: first}
        self._length = max(len(first), 1)
        self._size = size
        self._fetch = fetch
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence] + offset
        if position < 0:
            raise ValueError(f"there is no byte {position}")
        self._position = position
        return position

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]  # Buffer is 3.12's
        if self._position >= self._size:
            return 0
        index, skip = divmod(self._position, self._length)
        data = memoryview(self._block(index))[skip : skip + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _block(self, index: int) -> bytes:
        block = self._blocks.pop(index, None)
        if block is None:
            for oldest in list(self._blocks)[: 1 - _KEPT]:
                del self._blocks[oldest]
            start = index * self._length
            block = self._fetch(start, min(start + self._length, self._size))
        self._blocks[index] = block  # the last in order is the latest used
        return block
