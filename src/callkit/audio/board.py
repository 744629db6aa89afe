"""`Board`: hands each block of a recording to all meters of all channels."""

import sys
from collections.abc import Iterator

import numpy as np

from callkit.audio.detectors import SecondOpinion, SpeechDetector
from callkit.audio.energy import FRAMES_PER_SECOND, Cells
from callkit.audio.health import GapMeter, Moments
from callkit.audio.levels import ChannelLevels
from callkit.audio.loudness import LoudnessMeter
from callkit.audio.music import MusicMeter
from callkit.audio.reader import BLOCK_FRAMES, AudioFormat, Block
from callkit.audio.spectra import Spectra
from callkit.audio.tones import Tones

__all__ = ["Board", "ChannelMeters"]

_LOWEST_RATE = 4000  # hertz: below, there is neither music nor are there keys
_SPARE = 16 << 20  # bytes: what all arrays of a block take, and more


class ChannelMeters:
    """All meters of one channel, fed together.

    Args:
        kind: of the recording.
        cells: sums of squares; channels may share them.
        spectra: the same.
        detector: is asked about stretches in doubt.
    """

    def __init__(self, kind: AudioFormat, cells: Cells, spectra: Spectra, detector: SpeechDetector | None) -> None:
        rate = kind.sample_rate
        self._spectra = spectra
        self.levels = ChannelLevels(rate, kind.rails, cells)
        self.loudness = LoudnessMeter(spectra.frequencies)
        self.gaps = GapMeter(rate, kind.rails)
        self.tones = Tones(rate)
        self.music = MusicMeter() if rate >= _LOWEST_RATE else None
        asked = detector is not None and self.music is not None
        self.opinion = SecondOpinion(rate, detector, self.music) if asked else None  # type: ignore[arg-type]  # asked
        meters = (self.loudness, self.tones, self.music, self.opinion)
        self._others = [meter for meter in meters if meter is not None]

    def feed(self, samples: Block) -> Block:
        """Whole seconds of samples, contiguous; gives them back without their offset."""
        centred = self.levels.feed(samples)
        spectrum = self._spectra(centred)
        self.gaps.feed(samples, spectrum)
        for meter in self._others:
            meter.feed(centred, spectrum)
        return centred

    def finish(self, samples: Block) -> Block:
        """What is left: less than a second."""
        centred = self.levels.finish(samples)
        spectrum = self._spectra.rest(centred)
        self.gaps.finish(samples, spectrum)
        for meter in self._others:
            meter.finish(centred, spectrum)
        return centred


class Board:
    """Collects blocks into whole seconds, and hands each channel's samples to its meters.

    Attributes:
        kind: of the recording.
        channels: the meters of each.
        moments: of all channels together.
        samples: fed so far, of all channels.
    """

    def __init__(self, kind: AudioFormat, detector: SpeechDetector | None = None) -> None:
        self.kind = kind
        # Never touched, so it costs nothing; but from now on Linux' malloc keeps as much of what is freed, rather than
        # to fetch each block's arrays anew from the system, which took a third of all time
        np.empty(_SPARE, np.uint8)
        self.samples = 0
        self._second = kind.sample_rate * kind.channels
        self._rest: Block = np.empty(0, np.int16)
        self._waiting: list[Block] = []
        self._size = 0  # samples waiting
        cells, spectra = Cells(kind.sample_rate, FRAMES_PER_SECOND), Spectra(kind.sample_rate)
        self.channels = [ChannelMeters(kind, cells, spectra, detector) for _ in range(kind.channels)]
        self.moments = Moments(kind.channels)

    @property
    def duration(self) -> float:
        """Seconds fed so far."""
        return self.samples / self._second

    @property
    def frames(self) -> int:
        """Fed so far."""
        return self.samples // self.kind.channels

    def feed(self, block: Block) -> None:
        """The next block, of whatever length."""
        self.samples += len(block)
        if not self._size and len(block) % self._second == 0:
            self._meter(block)  # the usual case: nothing to copy
            return
        self._waiting.append(block.copy())
        self._size += len(block)
        if self._size >= max(BLOCK_FRAMES * self.kind.channels, self._second):
            self._meter_whole_seconds()

    def finish(self) -> None:
        """There is no other block."""
        if self._size:
            self._meter_whole_seconds()
        rest = np.concatenate([*self._waiting, np.empty(0, np.int16)])
        channels = [np.ascontiguousarray(rest[number :: self.kind.channels]) for number in range(self.kind.channels)]
        self.moments.feed([channel.finish(own) for channel, own in zip(self.channels, channels, strict=True)])

    def _meter_whole_seconds(self) -> None:
        samples = np.concatenate(self._waiting)
        whole = len(samples) // self._second * self._second
        self._meter(samples[:whole])
        self._waiting, self._size = [samples[whole:]], len(samples) - whole

    def _meter(self, samples: Block) -> None:
        channels = list(_split(samples, self.kind.channels))
        self.moments.feed([channel.feed(own) for channel, own in zip(self.channels, channels, strict=True)])


def _split(samples: Block, count: int) -> Iterator[Block]:
    """Each channel's samples, contiguous."""
    if count == 2 and sys.byteorder == "little":  # a pair as one number: half again as fast as every other sample
        pairs = samples.view(np.int32)
        yield pairs.astype(np.int16)
        yield (pairs >> 16).astype(np.int16)
        return
    for number in range(count):
        yield np.ascontiguousarray(samples[number::count])
