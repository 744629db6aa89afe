"""A piece of a recording as a pydub.AudioSegment."""

from typing import TYPE_CHECKING

from callkit.audio.reader import AudioReader
from callkit.errors import InvalidCutError

if TYPE_CHECKING:
    from pydub import AudioSegment

__all__ = ["cut"]


def cut(reader: AudioReader, start: float, end: float) -> "AudioSegment":
    """The samples of `[start, end)` seconds, with the width that pydub would give the file.

    Nothing after `end` is decoded. An end beyond the recording is cut; a start beyond it gives an empty segment.

    Raises:
        InvalidCutError: start is negative, or not before end.
    """
    from pydub import AudioSegment  # noqa: PLC0415 - pydub is imported only when somebody asks for it

    if not 0 <= start < end:
        raise InvalidCutError(start, end)
    kind = reader.format
    first, last = (round(moment * kind.sample_rate) * kind.channels for moment in (start, end))
    pieces, position = list[bytes](), 0
    for block in reader.native():
        pieces.append(block[max(0, first - position) : max(0, last - position)].tobytes())
        position += len(block)
        if position >= last:
            break
    return AudioSegment(
        data=b"".join(pieces), sample_width=kind.width, frame_rate=kind.sample_rate, channels=kind.channels
    )
