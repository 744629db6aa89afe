"""The frames of an MP3 file: found, counted, and handed on without tags and damage, in bounded memory."""

import io
import re

from attrs import frozen

from callkit.audio import pcm

__all__ = ["Encoder", "Frame", "FrameSource", "id3_size", "is_mono", "parse", "sync"]

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)

_CHUNK = 1 << 16
_LONGEST = 1441  # bytes: 320 kbit/s at 32 kHz, padded
_GIVE_UP = 1 << 24  # bytes without a frame after which the rest is not searched
_CANDIDATE = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")


@frozen
class Frame:
    """What a frame header says.

    Attributes:
        size: bytes, the header included.
        samples: per channel: 1152 or 576.
        sample_rate: hertz.
        kbps: bit rate, kbit/s.
    """

    size: int
    samples: int
    sample_rate: int
    kbps: int


def _table() -> dict[tuple[int, int], Frame]:
    """{(second byte without the CRC bit, third byte without the private bit): Frame} for layer III."""
    table = {}
    for version, rates in _RATES.items():
        samples = 1152 if version == 3 else 576
        for index, kbps in enumerate(_KBPS_1 if version == 3 else _KBPS_2):
            for row, rate in enumerate(rates):
                for padding in (0, 1) if kbps else ():
                    size = samples // 8 * kbps * 1000 // rate + padding
                    key = (0xE2 | version << 3, index << 4 | row << 2 | padding << 1)
                    table[key] = Frame(size, samples, rate, kbps)
    return table


_TABLE = _table()


def parse(data: bytes, position: int) -> Frame | None:
    """The frame header at `position`, or None.

    Source:
        ISO/IEC 11172-3, section 2.4.1.3, and ISO/IEC 13818-3; sampling rates below 16 kHz are MPEG 2.5.
    """
    if position + 4 > len(data) or data[position] != 0xFF:
        return None
    return _TABLE.get((data[position + 1] & 0xFE, data[position + 2] & 0xFE))


def sync(data: bytes, start: int = 0, stop: int | None = None, *, chain: int = 2) -> int | None:
    """Find the first frame in `data[start:stop]` that others like it follow, `chain` in all, or the data's end."""
    for match in _CANDIDATE.finditer(data, start, len(data) if stop is None else stop):
        if _chained(data, match.start(), chain):
            return match.start()
    return None


def _chained(data: bytes, position: int, chain: int) -> bool:
    kind = None
    for _ in range(chain):
        frame = parse(data, position)
        if frame is None:
            return kind is not None and position == len(data)
        found = (frame.sample_rate, is_mono(data, position))
        if kind not in (None, found):
            return False
        kind, position = found, position + frame.size
    return True


def is_mono(data: bytes, position: int) -> bool:
    """Whether the frame at `position` has one channel."""
    return data[position + 3] >> 6 == 3


def id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that `head` starts with; 0 if there is none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


@frozen
class Encoder:
    """What an Xing, Info or VBRI frame says of the frames that follow.

    Attributes:
        frames: how many there are; None if it does not say.
        delay: samples that the encoder put in front; None if it does not say.
        padding: samples that it added at the end.
    """

    frames: int | None
    delay: int | None = None
    padding: int = 0


def _encoder(frame: bytes) -> Encoder | None:
    """Read an Xing, Info or VBRI frame; None for a frame of sound.

    Source:
        Gabriel Bouvigne, "MP3 Info Tag revision 1"; Fraunhofer's VBRI header stands 32 bytes after the frame header.
    """
    if frame[36:40] == b"VBRI":
        return Encoder(int.from_bytes(frame[50:54], "big"))
    mpeg1, mono, crc = frame[1] & 8, frame[3] >> 6 == 3, not frame[1] & 1
    side_information = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    tag = frame[4 + 2 * crc + side_information :]
    if tag[:4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(tag[4:8], "big")
    frames = int.from_bytes(tag[8:12], "big") if flags & 1 else None
    lame = tag[8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit) :]
    if lame[:4] not in (b"LAME", b"Lavc", b"Lavf") or len(lame) < 24:
        return Encoder(frames)
    return Encoder(frames, lame[21] << 4 | lame[22] >> 4, (lame[22] & 15) << 8 | lame[23])


class FrameSource:
    """An MP3 file as stretches of whole frames that have the same rate and number of channels.

    `next_stretch()` goes to the next one; `read()` gives its frames' bytes, and b"" at its end. Info frames, tags and
    what is no frame are left out.

    Attributes:
        first: header of the first frame of the stretch.
        channels: 1 or 2, of the stretch.
        encoder: what the Info frame of the stretch says; None if it has none.
        start: offset in the file of the stretch's first frame.
        skipped: bytes before and between frames, so far, that are neither frames nor tags.
        cut: whether the file ends inside a frame.
    """

    def __init__(self, handle: pcm.File) -> None:
        self._handle = handle
        self.size = handle.seek(0, io.SEEK_END)
        self._data, self._at, self._base = b"", 0, handle.seek(0)  # _base: offset of _data in the file
        self._ended = False
        self._may_have_info = False
        self._sizes: dict[tuple[int, int], int] = {}
        self.first = Frame(0, 0, 0, 0)
        self.channels = self.start = self.skipped = 0
        self.encoder: Encoder | None = None
        self.cut = False

    def next_stretch(self) -> bool:
        """Go to the next stretch, past what is left of this one; False at the end of the file."""
        while self.read(_CHUNK):
            pass
        frame = self._find()
        if frame is None:
            return False
        self.first, self.channels, self.start = frame, self._channels(), self._base + self._at
        self._sizes = {key: other.size for key, other in _TABLE.items() if other.sample_rate == frame.sample_rate}
        self.encoder = _encoder(self._data[self._at : self._at + frame.size])
        self._at += frame.size if self.encoder else 0
        return True

    def read(self, limit: int = _CHUNK) -> bytes:
        """Whole frames of the stretch, about `limit` bytes of them; b"" at its end."""
        while self._sizes:
            if taken := self._take(limit):
                return taken
            if self._more():
                continue
            frame = self._find()
            if frame is None or self._differs(frame):
                break
        self._sizes = {}
        return b""

    def _take(self, limit: int) -> bytes:
        """Walk over the frames that follow each other in `_data`."""
        data, size_of, mono = self._data, self._sizes.get, self.channels == 1
        start = position = self._at
        stop = min(len(data) - 3, start + limit)
        while position < stop and data[position] == 0xFF:
            size = size_of((data[position + 1] & 0xFE, data[position + 2] & 0xFE))
            if size is None or position + size > len(data) or (data[position + 3] >> 6 == 3) != mono:
                break
            if self._may_have_info and _encoder(data[position : position + size]):
                break
            position += size
        self._at = position
        return data[start:position]

    def _differs(self, frame: Frame) -> bool:
        other = (frame.sample_rate, self._channels()) != (self.first.sample_rate, self.channels)
        return other or _encoder(self._data[self._at : self._at + frame.size]) is not None

    def _channels(self) -> int:
        return 1 if is_mono(self._data, self._at) else 2

    def _more(self) -> bool:
        """Make sure that the next frame and the header after it are in `_data`; False if they were, or at the end."""
        if self._ended or len(self._data) - self._at > _LONGEST + 4:
            return False
        self._base += self._at
        found = pcm.read(self._handle, _CHUNK)
        self._data, self._at, self._ended = self._data[self._at :] + found, 0, len(found) < _CHUNK
        self._may_have_info = any(tag in self._data for tag in (b"Xing", b"Info", b"VBRI"))
        return True

    def _find(self) -> Frame | None:
        """Go to the next frame, over tags and whatever else; None if there is no more."""
        lost = 0
        while lost < _GIVE_UP:
            self._more()
            if self._skip_tag():
                continue
            stop = len(self._data) - (0 if self._ended else _LONGEST + 4)
            found = sync(self._data, self._at, stop)
            lost += (stop if found is None else found) - self._at
            if found is not None:
                self._at = found
                self.skipped += lost
                return parse(self._data, found)
            if self._ended:
                self.cut |= bool(self._sizes) and parse(self._data, self._at) is not None
                return None
            self._at = stop
        self.skipped += lost
        return None

    def _skip_tag(self) -> bool:
        """Step over an ID3 tag in front (version 2) or at the end (version 1) of a file; several may be joined."""
        head = self._data[self._at : self._at + 10]
        size = 128 if head[:3] == b"TAG" else id3_size(head)
        position = self._base + self._at + size
        if not size or position > self.size:
            return False
        if self._at + size <= len(self._data):
            self._at += size
            return True
        self._data, self._at, self._base = b"", 0, self._handle.seek(position)
        return True
