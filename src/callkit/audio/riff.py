"""RIFF/WAVE, read as recorders write it: sizes never patched, pad bytes forgotten, tags before the sound."""

import io
import struct
from collections.abc import Iterator

from attrs import evolve, frozen

from callkit.audio import pcm
from callkit.audio.reader import AudioFormat, Block
from callkit.audio.window import Window
from callkit.errors import DamagedAudioError

__all__ = ["WavHeader", "WavReader", "read_header", "repaired"]

PCM, MS_ADPCM, FLOAT, A_LAW, MU_LAW, IMA_ADPCM, GSM, MP3, EXTENSIBLE = 1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE
_KNOWN = frozenset(
    b"fmt |data|LIST|fact|bext|cue |smpl|inst|junk|JUNK|PEAK|id3 |ID3 |iXML|axml|afsp|ds64|note|labl|plst|DISP|PAD |"
    b"FLLR|_PMX|chna|cart|levl|acid".split(b"|")
)
_BLOCKS = (MS_ADPCM, IMA_ADPCM, GSM)  # a block holds many frames, as many as the fmt chunk says
_NOT_YET_WRITTEN = 0xFFFFF000, 0x7FFFF000  # what writers to a pipe leave in the size, or a little more


@frozen
class WavHeader:
    """What stands before the samples of a WAVE file.

    Attributes:
        tag: WAVE format tag; of an extensible format the one in its sub-format.
        fmt: the fmt chunk as it stands.
        channels: at least 1.
        sample_rate: hertz, at least 1.
        bits: bits per sample.
        align: bytes of a frame, or of a block of frames.
        samples_per_block: frames in a block of ADPCM or GSM; 0 if it is another codec or does not say.
        data_start: offset of the first sample.
        data_bytes: how many bytes of sound there really are.
        declared_bytes: how many the header claims; None if it was never written.
        warnings: what is odd, a sentence each.
    """

    tag: int
    fmt: bytes
    channels: int
    sample_rate: int
    bits: int
    align: int
    samples_per_block: int = 0
    data_start: int = 0
    data_bytes: int = 0
    declared_bytes: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def codec(self) -> pcm.Codec | None:
        """How the samples are stored; None if that takes a decoder library."""
        return pcm.CODECS.get(self._codec_name)

    @property
    def _codec_name(self) -> str:
        width = self.width
        if self.tag == PCM:
            return "pcm_u8" if width == 1 else f"pcm_s{8 * width}le"
        if self.tag == FLOAT:
            return f"pcm_f{8 * width}le"
        return {A_LAW: "pcm_alaw", MU_LAW: "pcm_mulaw"}.get(self.tag, "")

    @property
    def width(self) -> int:
        """Bytes of a sample: its bits, or more if each frame takes more (24 bits in four bytes)."""
        needed = 1 if self.tag in (A_LAW, MU_LAW) else (self.bits + 7) // 8
        padded = self.tag == PCM and self.align > needed * self.channels and self.align % self.channels == 0
        return self.align // self.channels if padded else needed

    @property
    def declared_duration(self) -> float | None:
        """Seconds that the size of the data chunk promises; None if it was never written or can't tell."""
        frames = None if self.declared_bytes is None else self._frames(self.declared_bytes)
        return None if frames is None else frames / self.sample_rate

    @property
    def frames(self) -> int | None:
        """Frames that are there; None if only decoding can tell."""
        return self._frames(self.data_bytes)

    def _frames(self, size: int) -> int | None:
        if self.codec:
            return size // (self.codec.width * self.channels)
        if self.samples_per_block and self.align:
            return size // self.align * self.samples_per_block
        return None


def read_header(handle: pcm.File, name: str) -> WavHeader:
    """Find the samples of a WAVE file.

    Args:
        handle: seekable, at any position.
        name: what errors call the file.

    Raises:
        DamagedAudioError: the chunks do not lead to any samples.

    Source:
        Multimedia Programming Interface and Data Specifications 1.0 (IBM, Microsoft), chapter 3; EBU Tech 3306 (RF64).
    """
    end = handle.seek(0, io.SEEK_END)
    position, header, size64 = 12, None, None
    while True:
        chunk, size = _chunk_at(handle, position, name, "fmt " if header is None else "data")
        if chunk == b"data" and header is not None:
            return _locate(handle, header, position + 8, _declared(size, size64, end - position - 8), end)
        if chunk == b"fmt ":
            header = _parse_format(pcm.read(handle, min(size, 64)), name)
        elif chunk == b"ds64":
            size64 = pcm.read(handle, 16)[8:]
        position = _after(handle, position + 8 + size, size)


def _chunk_at(handle: pcm.File, position: int, name: str, wanted: str) -> tuple[bytes, int]:
    handle.seek(position)
    found = pcm.read(handle, 8)
    if len(found) < 8:
        raise DamagedAudioError(name, f"the file ends before its {wanted.strip()} chunk")
    if not _printable(found[:4]):
        raise DamagedAudioError(name, f"no {wanted.strip()} chunk where one should be, at byte {position}")
    if found[:4] == b"data" and wanted == "fmt ":
        raise DamagedAudioError(name, "its samples come before their format (no fmt chunk)")
    return found[:4], struct.unpack("<I", found[4:])[0]


def _parse_format(fmt: bytes, name: str) -> WavHeader:
    if len(fmt) < 16:
        raise DamagedAudioError(name, "its fmt chunk is too short")
    tag, channels, rate, _, align, bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == EXTENSIBLE and len(fmt) >= 26:
        tag = struct.unpack("<H", fmt[24:26])[0]  # the sub-format's GUID starts with the plain tag
    if not channels or not rate:
        raise DamagedAudioError(name, f"its header says {channels} channels at {rate} Hz")
    per_block = struct.unpack("<H", fmt[18:20])[0] if tag in _BLOCKS and len(fmt) >= 20 else 0
    return WavHeader(tag, fmt, channels, rate, bits, align, per_block)


def _declared(size: int, size64: bytes | None, left: int) -> int | None:
    """The size that the header claims for the data; None for the marks of a writer that never came back."""
    if size == 0xFFFFFFFF and size64 is not None and len(size64) == 8:
        size = struct.unpack("<Q", size64)[0]
    unset = size > left and (size >= _NOT_YET_WRITTEN[0] or _NOT_YET_WRITTEN[1] <= size <= 0x80000000)
    return None if unset else size


def _locate(handle: pcm.File, header: WavHeader, start: int, declared: int | None, end: int) -> WavHeader:
    """Decide how many bytes after `start` are sound."""
    left = end - start
    found = evolve(header, data_start=start, data_bytes=left, declared_bytes=declared)
    if not left:
        return evolve(found, declared_bytes=declared or None, warnings=("The file holds a header and no sound.",))
    if declared == 0 and _is_chunk(handle, start, left):
        return evolve(found, data_bytes=0, warnings=("The data chunk is empty: there is no sound.",))
    if not declared:
        unset = "The header's data size was never written: what follows was read to the end of the file."
        return evolve(found, declared_bytes=None, warnings=(unset,))
    if declared > left:
        return found  # whoever counts what was decoded will tell
    return evolve(found, data_bytes=declared, warnings=_what_follows(handle, start + declared, declared, end))


def _is_chunk(handle: pcm.File, position: int, left: int) -> bool:
    handle.seek(position)
    found = pcm.read(handle, 8)
    return len(found) == 8 and found[:4] in _KNOWN and struct.unpack("<I", found[4:])[0] <= left - 8


def _what_follows(handle: pcm.File, position: int, size: int, end: int) -> tuple[str, ...]:
    position = _after(handle, position, size)
    handle.seek(position)
    found = pcm.read(handle, 4)
    if not found or found in _KNOWN:
        return ()
    return (f"{end - position} bytes after the data chunk are no chunk and were left out.",)


def _after(handle: pcm.File, end: int, size: int) -> int:
    """Where the chunk after one that ends at `end` starts: odd sizes want a pad byte, not every writer knows."""
    if size % 2 == 0:
        return end
    handle.seek(end)
    found = pcm.read(handle, 5)
    forgotten = found[:4] in _KNOWN or (_printable(found[:4]) and not _printable(found[1:]))
    return end if forgotten else end + 1


def _printable(chunk: bytes) -> bool:
    return len(chunk) == 4 and all(0x20 <= byte < 0x7F for byte in chunk)


def repaired(handle: pcm.File, header: WavHeader) -> Window:
    """The same file with a header whose sizes are right and nothing around the sound, for a decoder library."""
    size = min(header.data_bytes, 0xFFFFFFFF)
    body = b"WAVEfmt " + struct.pack("<I", len(header.fmt)) + header.fmt + b"\0" * (len(header.fmt) % 2)
    head = body + b"data" + struct.pack("<I", size)
    riff = b"RIFF" + struct.pack("<I", min(len(head) + size, 0xFFFFFFFF))
    return Window(handle, header.data_start, header.data_bytes, riff + head)


class WavReader:
    """PCM, float and G.711 samples of a WAVE file, without a decoder library."""

    def __init__(self, handle: pcm.File, header: WavHeader, codec: pcm.Codec) -> None:
        self._handle = handle
        self._codec = codec
        self._start = header.data_start
        self._frames = header.frames
        self.warnings = list(header.warnings)
        declared = header.declared_duration
        self.format = AudioFormat(
            "wav",
            codec.name,
            header.sample_rate,
            header.channels,
            declared,
            "none" if declared is None else "count",
            codec.rails,
            codec.native_width,
        )

    def blocks(self) -> Iterator[Block]:
        """See `AudioReader`."""
        self._handle.seek(self._start)
        return pcm.blocks(self._handle, self._codec, self.format.channels, self._frames)

    def native(self) -> Iterator[pcm.Native]:
        """See `AudioReader`."""
        self._handle.seek(self._start)
        return pcm.native(self._handle, self._codec, self.format.channels, self._frames)

    def close(self) -> None:
        """Nothing to let go of: the file is its opener's."""
