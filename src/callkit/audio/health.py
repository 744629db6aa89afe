"""How well a call was recorded: offset, noise, digital silence, and whether both channels are the same.

Clipping, peak and the levels of 10 ms come from `ChannelLevels`; thresholds and advice are in `callkit.core.health`;
what leaks from one channel into another is found in `callkit.audio.leaks`.
"""

import math
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND
from callkit.audio.g711 import A_LAW
from callkit.audio.levels import ChannelLevels, dbfs
from callkit.audio.loudness import powers_of
from callkit.audio.reader import AudioFormat, Block
from callkit.audio.spectra import Spectrum
from callkit.audio.speech import Levels, Runs, covered, seconds
from callkit.core.analysis import Interval
from callkit.core.health import ChannelHealth, Health, Leak, assessed, parts_within

__all__ = ["GapMeter", "Moments", "during", "health", "noise_floor", "snr"]

_SHORTEST_GAP, _LONG_GAP = 50, 2  # as parts of a second: 20 ms and 0.5 s
_SILENT = -12_000  # hundredths of a dBFS: digital silence
_ENOUGH = 100  # frames


class GapMeter:
    """Stretches of digital silence of at least 20 ms on one channel.

    Feed it whole seconds, then `finish()` it with what is left.

    Args:
        rate: hertz.
        rails: the smallest and the largest sample that the codec can hold. They tell A-law, which has no zero: there
            its smallest samples, -8 and 8, are silent.

    Attributes:
        rate: hertz.
        count: how many there are.
        samples: in all of them.
        longest: samples.
    """

    def __init__(self, rate: int, rails: tuple[int, int]) -> None:
        self.rate = rate
        self._idle = int(np.abs(A_LAW).min()) if rails == (A_LAW.min(), A_LAW.max()) else 0
        self._shortest = b"\1" * -(-rate // _SHORTEST_GAP)
        self._position = self._since = 0  # all from `_since` on is silent
        self._long = array("q")
        self.count = self.samples = self.longest = 0

    def feed(self, samples: Block, _: Spectrum) -> None:
        """Whole seconds of samples, contiguous; their spectra are not needed."""
        silent = self._silent(samples).tobytes()
        begin, first_sound, last_sound = self._position, silent.find(0), silent.rfind(0)
        self._position += len(samples)
        if first_sound < 0:
            return
        self._add(self._since, begin + first_sound)
        at = silent.find(self._shortest, first_sound, last_sound)  # in bytes this takes a tenth of the time
        while at >= 0:
            end = silent.find(0, at)
            self._add(begin + at, begin + end)
            at = silent.find(self._shortest, end, last_sound)
        self._since = begin + last_sound + 1

    def finish(self, samples: Block, spectrum: Spectrum) -> None:
        """What is left: less than a second."""
        self.feed(samples, spectrum)
        self._add(self._since, self._position)

    def long(self) -> tuple[Interval, ...]:
        """Those of at least 0.5 s, in seconds."""
        edges = [edge / self.rate for edge in self._long]
        return tuple(zip(edges[::2], edges[1::2], strict=True))

    @property
    def silent_level(self) -> int:
        """Frames of this level are digital silence, hundredths of a dBFS."""
        return round(100 * dbfs(float(self._idle) ** 2))

    def _silent(self, samples: Block) -> NDArray[np.bool_]:
        return np.abs(samples) <= self._idle if self._idle else samples == 0

    def _add(self, begin: int, end: int) -> None:
        length = end - begin
        if length >= len(self._shortest):
            self.count += 1
            self.samples += length
            self.longest = max(self.longest, length)
        if length * _LONG_GAP >= self.rate:
            self._long.extend((begin, end))


class Moments:
    """Sums over the samples of all channels, from which comes the correlation of two. Feed it samples without offset.

    Args:
        channels: how many.
    """

    def __init__(self, channels: int) -> None:
        self._scratch = [np.empty(0, np.float32)] * channels
        self._ones = np.ones(0, np.float32)
        self._totals = [0.0] * channels
        self._products = 0.0
        self.frames = 0

    def feed(self, channels: Sequence[Block]) -> None:
        """As many samples of each channel.

        Products of single precision are added up in double: what this costs is below a hundred thousandth.
        """
        size = len(channels[0])
        self.frames += size
        if len(channels) != 2:
            return
        if len(self._ones) < size:
            self._scratch = [np.empty(size, np.float32) for _ in channels]
            self._ones = np.ones(size, np.float32)
        signals = [scratch[:size] for scratch in self._scratch]
        for number, (signal, samples) in enumerate(zip(signals, channels, strict=True)):
            signal[:] = samples
            self._totals[number] += float(signal @ self._ones[:size])  # twice as fast as sum()
        self._products += float(signals[0] @ signals[1])

    def correlation(self, channels: Sequence[ChannelLevels]) -> float | None:
        """-1 to 1, offsets removed; None if there are not two channels, or one is silent.

        Args:
            channels: the levels of each; they have heard the same samples.

        Source: Pearson's correlation coefficient, from sums.
        """
        if len(channels) != 2 or not self.frames:
            return None
        means = [total / self.frames for total in self._totals]
        powers = [one.energy / self.frames - mean**2 for one, mean in zip(channels, means, strict=True)]
        if dbfs(min(powers)) <= dbfs(0.0):
            return None
        together = (self._products / self.frames - means[0] * means[1]) / math.sqrt(powers[0] * powers[1])
        return round(together, 4)


def during(levels: Levels, runs: Runs) -> Levels:
    """The levels of all frames that are in the runs."""
    return np.concatenate([np.empty(0, np.int16), *(levels[begin:end] for begin, end in runs)])


def noise_floor(levels: Levels, runs: Runs, silent_level: int = _SILENT) -> float | None:
    """The 10th percentile of the levels, without those of digital silence, dBFS.

    None if fewer than 100 of them, or fewer than this tenth, are without speech: what a noise gate passes is no noise.
    """
    heard = levels[levels > silent_level]
    quiet, rank = len(heard) - int(np.count_nonzero(during(levels, runs) > silent_level)), len(heard) // 10
    if quiet < _ENOUGH or quiet <= rank:
        return None
    return float(np.sort(heard, kind="stable")[rank]) / 100  # by radix: fast whatever the levels are


def snr(levels: Levels, runs: Runs, floor: float | None) -> float | None:
    """The mean power of the frames with speech, dB above the noise floor; None without speech or floor."""
    spoken = during(levels, runs)
    if floor is None or not len(spoken):
        return None
    often = np.bincount(-spoken)  # how often 0.00 dBFS, -0.01 dBFS, …
    power = float(often @ powers_of(-np.arange(len(often), dtype=np.int16))) / len(spoken)
    return round(10 * math.log10(power) - floor, 2)


def health(
    kind: AudioFormat,
    moments: Moments,
    meters: Sequence[GapMeter],
    channels: Sequence[ChannelLevels],
    *,
    runs: Sequence[Runs],
    leaks: Sequence[Leak] = (),
) -> Health:
    """The health of a call; all meters are finished.

    Args:
        kind: what the file says of itself.
        moments: of all channels.
        meters: of each channel.
        channels: the levels of each channel.
        runs: each party's speech, without what leaked into its channel.
        leaks: between any two channels.
    """
    duration = moments.frames / kind.sample_rate
    anybody = covered(runs, 1)
    span = seconds([[int(anybody[0, 0]), int(anybody[-1, 1])]], duration)[0] if len(anybody) else None
    measured = zip(meters, channels, runs, strict=True)
    return assessed(
        [_of_channel(number, moments, *own, span=span) for number, own in enumerate(measured)],
        duration=duration,
        talk_times=[float(np.sum(own[:, 1] - own[:, 0])) / FRAMES_PER_SECOND for own in runs],
        correlation=moments.correlation(channels),
        leaks=leaks,
        declared_duration=kind.declared_duration,
        declared_kind=kind.declared_kind,
    )


def _of_channel(
    number: int, moments: Moments, gaps: GapMeter, channel: ChannelLevels, runs: Runs, *, span: Interval | None
) -> ChannelHealth:
    levels = channel.levels()
    floor = noise_floor(levels, runs, gaps.silent_level)
    return ChannelHealth(
        channel=number,
        clipping_percent=100 * channel.clipped / moments.frames if moments.frames else 0.0,
        dc_offset=round(channel.total / max(moments.frames, 1) / 32_768, 5) + 0.0,  # never -0.0
        peak_dbfs=dbfs(float(channel.peak) ** 2),
        noise_floor_dbfs=floor,
        snr_db=snr(levels, runs, floor),
        zero_gap_count=gaps.count,
        zero_gap_time=round(gaps.samples / gaps.rate, 6),
        longest_zero_gap=round(gaps.longest / gaps.rate, 6),
        zero_gaps=parts_within(gaps.long(), span),
    )
