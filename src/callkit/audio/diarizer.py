"""`Diarizer`: a plug-in that tells speakers apart."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from callkit.audio.source import AudioSource
from callkit.core.intervals import Interval

__all__ = ["Diarizer"]


@runtime_checkable
class Diarizer(Protocol):
    """Tells speakers apart, in recordings that have everybody on one channel."""

    def speakers(self, source: AudioSource) -> Mapping[str, Iterable[Interval]]:
        """The speech of each, in seconds from the recording's start, by a name of its own.

        Args:
            source: as it was passed to `analyse`; of a file object it is what is left to read: pass a path, or bytes.
        """
