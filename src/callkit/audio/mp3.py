"""MP3: our own walk over the frames feeds a decoder that never sees tags, damage or the Info frame.

The decoders then have nothing to guess: neither the length (libsndfile stops at an estimate) nor what to trim.
"""

import contextlib
import importlib.util
import os
import threading
from collections.abc import Generator, Iterator

import numpy as np

from callkit.audio import pcm
from callkit.audio.mp3_frames import FrameSource
from callkit.audio.reader import BLOCK_FRAMES, AudioFormat, Block
from callkit.errors import DamagedAudioError

__all__ = ["Mp3Reader"]

_DECODER_DELAY = 529  # samples that a layer III decoder lags behind
_EMPTY_TAG = b"ID3\4" + bytes(6)  # miniaudio looks for a tag and goes back if there is none: ours can't go back


class Mp3Reader:
    """An MP3 file, or several joined: a stretch with another rate or number of channels is turned into the first's."""

    def __init__(self, handle: pcm.File, name: str, container: str = "mp3") -> None:
        self._name = name
        self._source = FrameSource(handle)
        self.warnings: list[str] = []
        if not self._source.next_stretch():
            raise DamagedAudioError(name, "it has no MP3 frames")
        rate, channels = self._source.first.sample_rate, self._source.channels
        promised = _promised(self._source)
        if promised is not None:
            self.format = AudioFormat(container, "mp3", rate, channels, promised / rate, "count")
        else:
            guess = (self._source.size - self._source.start) / (self._source.first.kbps * 125)
            self.format = AudioFormat(container, "mp3", rate, channels, guess, "estimate")

    def blocks(self) -> Iterator[Block]:
        """See `AudioReader`."""
        decoded = 0
        for block in self._stretches():
            decoded += len(block)
            yield block
        if self._source.skipped:
            self.warnings.append(f"{self._source.skipped} bytes are not MP3 and were left out.")
        if self._source.cut:
            self.warnings.append("The file ends in the middle of an MP3 frame.")
        if not decoded and self.warnings:
            raise DamagedAudioError(self._name, "its MP3 frames can't be decoded")

    def native(self) -> Iterator[Block]:
        """See `AudioReader`: pydub holds MP3 in 16 bits."""
        return self.blocks()

    def close(self) -> None:
        """Nothing to let go of: the file is its opener's."""

    def _stretches(self) -> Iterator[Block]:
        decode = _miniaudio if importlib.util.find_spec("miniaudio") else _libsndfile
        rate, channels = self.format.sample_rate, self.format.channels
        more = True
        while more:
            skip, keep = (
                count and round(count * rate / self._source.first.sample_rate) for count in _trim(self._source)
            )
            with contextlib.closing(decode(self._source, rate, channels, self.warnings)) as decoded:
                yield from pcm.cut_out(decoded, (skip or 0) * channels, keep and keep * channels)
            more = self._source.next_stretch()


def _promised(source: FrameSource) -> int | None:
    """Samples per channel that the Info frame promises, without what the encoder added; None if it does not say."""
    encoder = source.encoder
    if encoder is None or encoder.frames is None:
        return None
    return max(0, encoder.frames * source.first.samples - (encoder.delay or 0) - encoder.padding)


def _trim(source: FrameSource) -> tuple[int, int | None]:
    """Samples per channel to leave out in front, and to keep after them (None: all).

    Source:
        libavformat/mp3dec.c of ffmpeg: the encoder's delay and the decoder's 529 samples go; so does the padding, less
        these 529. Files that do not tell the delay are not trimmed.
    """
    if source.encoder is None or source.encoder.delay is None:
        return 0, None
    return source.encoder.delay + _DECODER_DELAY, _promised(source)


def _miniaudio(source: FrameSource, rate: int, channels: int, warnings: list[str]) -> Generator[Block]:
    import miniaudio  # noqa: PLC0415  # no wheel for every platform

    class Feed(miniaudio.StreamableSource):  # type: ignore[misc]  # the package has no types
        left = _EMPTY_TAG

        def read(self, count: int) -> bytes:
            data = self.left or source.read()
            self.left = data[count:]
            return data[:count]

    feed = Feed()
    try:
        decoded = miniaudio.stream_any(
            feed, miniaudio.FileFormat.MP3, nchannels=channels, sample_rate=rate, frames_to_read=BLOCK_FRAMES
        )
        for samples in decoded:
            yield np.frombuffer(samples, np.int16)
    except miniaudio.MiniaudioError as error:
        warnings.append(f"The MP3 decoder failed: {error}.")


def _libsndfile(source: FrameSource, rate: int, channels: int, warnings: list[str]) -> Generator[Block]:
    import soundfile  # noqa: PLC0415  # only where miniaudio is missing

    from callkit.audio.sndfile import decode  # noqa: PLC0415  # it imports soundfile

    if source.first.sample_rate != rate:
        warnings.append(f"A part of the file at {source.first.sample_rate} Hz instead of {rate} Hz was left out.")
        return
    failures = list[str]()
    with _pipe(source) as end:
        try:
            with soundfile.SoundFile(end, closefd=False) as file:
                for block in decode(file, failures):
                    yield _with_channels(block, file.channels, channels)
        except soundfile.SoundFileError as error:
            failures.append(str(error).rstrip("."))
    warnings.extend(f"The MP3 decoder failed: {why}." for why in failures)


def _with_channels(block: Block, given: int, wanted: int) -> Block:
    if given == wanted:
        return block
    return np.repeat(block, 2) if wanted == 2 else block.reshape(-1, 2).mean(1).astype(np.int16)


@contextlib.contextmanager
def _pipe(source: FrameSource) -> Iterator[int]:
    """The end to read from of a pipe that a thread fills: libsndfile reads to the real end if it can't seek."""
    end, start = os.pipe()
    failures = list[Exception]()
    feeder = threading.Thread(target=_feed, args=(source, start, failures), daemon=True)
    feeder.start()
    try:
        yield end
    finally:
        os.close(end)  # a feeder that still has something to write gives up
        feeder.join()
    if failures:
        raise failures[0]


def _feed(source: FrameSource, start: int, failures: list[Exception]) -> None:
    with contextlib.suppress(BrokenPipeError), open(start, "wb", buffering=0) as pipe:
        while data := _next(source, failures):
            pipe.write(data)


def _next(source: FrameSource, failures: list[Exception]) -> bytes:
    """What the file raises is kept for whoever reads the pipe: its end must not pass for the recording's."""
    try:
        return source.read()
    except Exception as error:
        failures.append(error)
        return b""
