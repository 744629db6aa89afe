"""What libsndfile decodes: FLAC, Ogg Vorbis and Opus, GSM and ADPCM in WAV, AIFF, AU, CAF and more."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from callkit.audio import pcm
from callkit.audio.reader import BLOCK_FRAMES, AudioFormat, Block
from callkit.audio.window import Window
from callkit.errors import DamagedAudioError

__all__ = ["SndfileReader", "decode"]

_CODECS = {
    "GSM610": "gsm",
    "IMA_ADPCM": "adpcm_ima_wav",
    "MS_ADPCM": "adpcm_ms",
    "VORBIS": "vorbis",
    "OPUS": "opus",
    "MPEG_LAYER_I": "mp1",
    "MPEG_LAYER_II": "mp2",
    "MPEG_LAYER_III": "mp3",
    "ULAW": "pcm_mulaw",
    "ALAW": "pcm_alaw",
    "G721_32": "adpcm_g726",
    "ALAC_16": "alac",
    "ALAC_20": "alac",
    "ALAC_24": "alac",
    "ALAC_32": "alac",
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
}
_BITS = {"PCM_16": "s16", "PCM_24": "s24", "PCM_32": "s32", "FLOAT": "f32", "DOUBLE": "f64"}
_BIG_ENDIAN = ("AIFF", "AU", "CAF")
_FLOATS = ("VORBIS", "OPUS", "FLOAT", "DOUBLE")
_UNKNOWN = 2**63 - 1  # SF_COUNT_MAX


class _Source(Window):
    """The file for libsndfile, which asks through callbacks: what they raise is lost, so it is kept until we ask."""

    error: Exception | None = None

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]  # Buffer is 3.12's
        try:
            return super().readinto(buffer)
        except Exception as error:
            self.error = error
            return 0

    def check(self) -> None:
        """Raise it: what was decoded since is not the recording's."""
        if self.error:
            raise self.error


class SndfileReader:
    """An open file of libsndfile. Samples wider than 16 bits are given in 16, by `native()` too.

    Args:
        handle: seekable; it stays open.
        name: what errors call it.
        container: as in `AudioFormat`.
        frames: where to stop; None goes on to the end (libsndfile takes a pad byte for another block of GSM).
    """

    def __init__(self, handle: pcm.File, name: str, container: str, frames: int | None = None) -> None:
        # a Window has no name: of a file called *.raw, soundfile would want to be told the format
        self._source = _Source(handle, 0, handle.seek(0, io.SEEK_END))
        self._file = _open(self._source, name)
        self._name = name
        self._frames = frames
        self.warnings: list[str] = []
        rate, frames = self._file.samplerate, self._file.frames
        codec = _codec(self._file)
        counted = 0 < frames < _UNKNOWN
        self.format = AudioFormat(
            container,
            codec,
            rate,
            self._file.channels,
            frames / rate if counted else None,
            "count" if counted else "none",
            pcm.CODECS[codec].rails if codec in pcm.CODECS else pcm.FULL_SCALE,
        )

    def blocks(self) -> Iterator[Block]:
        """See `AudioReader`."""
        some, failures = False, list[str]()
        keep = None if self._frames is None else self._frames * self.format.channels
        for block in pcm.cut_out(decode(self._file, failures), 0, keep):
            self._source.check()
            some = True
            yield block
        self._source.check()
        if failures and not some:
            raise DamagedAudioError(self._name, failures[0])
        self.warnings.extend(f"The decoder stopped: {why}." for why in failures)

    def native(self) -> Iterator[Block]:
        """See `AudioReader`."""
        return self.blocks()

    def close(self) -> None:
        """Let go of the decoder; the file is its opener's."""
        self._file.close()


def _open(source: _Source, name: str) -> Any:
    try:
        file = soundfile.SoundFile(source)
    except (soundfile.SoundFileError, TypeError) as error:
        source.check()
        raise DamagedAudioError(name, _reason(error)) from None
    source.check()
    return file


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").strip().rstrip(".")


def _codec(file: Any) -> str:
    if file.format == "FLAC":
        return "flac"
    if file.subtype == "GSM610" and file.format.startswith("WAV"):
        return "gsm_ms"
    big = file.endian == "BIG" or (file.endian == "FILE" and file.format in _BIG_ENDIAN)
    if file.subtype in _BITS:
        return f"pcm_{_BITS[file.subtype]}{'be' if big else 'le'}"
    return _CODECS.get(file.subtype, str(file.subtype).lower())


def decode(file: Any, failures: list[str]) -> Iterator[Block]:
    """What an open `soundfile.SoundFile` still holds, as interleaved int16.

    libsndfile turns loud Vorbis and Opus into 16 bits without limiting them, and leaves float files unscaled: of these
    we ask for floats and do it ourselves.

    Args:
        file: at any position.
        failures: empty; gets the reason if the decoder fails, which ends the data.
    """
    floats = file.subtype in _FLOATS
    buffer = np.empty((BLOCK_FRAMES, file.channels), np.float32 if floats else np.int16)
    scratch = np.empty(buffer.size, np.int16)
    count = -1
    while count and not failures:
        count = _fill(file, buffer, failures)  # fewer than asked for is not the end, 0 is
        samples = buffer[:count].reshape(-1)
        if count:
            yield pcm.float_to_int16(samples, scratch[: samples.size]) if floats else samples


def _fill(file: Any, buffer: NDArray[Any], failures: list[str]) -> int:
    """Frames that were decoded into `buffer`; those before an error count."""
    start = file.tell() if file.seekable() else 0
    try:
        return int(file.buffer_read_into(buffer, buffer.dtype.name))
    except soundfile.SoundFileError as error:
        failures.append(_reason(error))
        return max(0, file.tell() - start) if file.seekable() else 0
