"""Silence marks exactly as `pydub.silence` gives them, in one pass and bounded memory.

Source of the rule: pydub 0.25.1, `silence.detect_silence`: a window of `min_silence_len` ms is silent if the whole
part of its RMS is at most the threshold; windows start every `seek_step` ms, and one more ends with the recording.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import Cells, sums
from callkit.audio.source import AudioSource, open_audio
from callkit.errors import SettingsError

__all__ = ["SilenceDetector", "detect_nonsilent", "detect_silence"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_PIECE_SAMPLES = 1 << 16  # squared at a time: their squares stay in the processor's cache
_BATCH_SAMPLES = 1 << 21  # decided at a time, about
_TIE = 1e-9  # relative; nearer than this, audioop's own rounding of doubles decides


def detect_silence(
    source: AudioSource, min_silence_len: int = 1000, silence_thresh: float = -16, seek_step: int = 1
) -> list[list[int]]:
    """Stretches of silence as `[[start, end], …]` in milliseconds, identical to `pydub.silence.detect_silence`.

    Identical for PCM WAV files of 8, 16, 24 and 32 bits and for `AudioSegment`s. Other formats are measured by the
    same rule on 16-bit samples (pydub sees some of them with another width: G.711 as 8 bits, Opus as 32).

    Args:
        source: path, bytes, file object or AudioSegment.
        min_silence_len: milliseconds, at least 1; shorter silence is none.
        silence_thresh: dBFS; the RMS of a silent window is at most this.
        seek_step: milliseconds from one window to the next, at least 1. 1 costs no more than 1000.

    Raises:
        SettingsError: a parameter is out of range.
        AudioError: the recording can't be read.
    """
    return _detector(source, min_silence_len, silence_thresh, seek_step).finish()


def detect_nonsilent(
    source: AudioSource, min_silence_len: int = 1000, silence_thresh: float = -16, seek_step: int = 1
) -> list[list[int]]:
    """What `detect_silence` leaves, as `pydub.silence.detect_nonsilent` gives it.

    Args and raises: as `detect_silence`.
    """
    detector = _detector(source, min_silence_len, silence_thresh, seek_step)
    silent = detector.finish()
    edges = [0, *(edge for mark in silent for edge in mark), detector.milliseconds]
    sound = [list(piece) for piece in zip(edges[::2], edges[1::2], strict=True)]
    if silent and sound[-1][0] == sound[-1][1]:
        sound.pop()
    return sound[1:] if sound and sound[0] == [0, 0] else sound


def _detector(source: AudioSource, length: int, threshold: float, step: int) -> "SilenceDetector":
    with open_audio(source) as reader:
        kind = reader.format
        detector = SilenceDetector(kind.sample_rate, kind.channels, kind.width, length, threshold, step)
        for block in reader.native():
            detector.feed(block)
        return detector


class SilenceDetector:
    """Feed it blocks of interleaved samples, then `finish()` it.

    It remembers a window and what is decided with it, 8 bytes a millisecond, and of 32 bits the samples too.

    Args:
        rate: hertz.
        channels: all are pooled, as pydub does.
        width: bytes of a sample: 1, 2 or 4 (24 bits widened to 32).
        length: milliseconds of a window.
        threshold: dBFS.
        step: milliseconds between windows.

    Raises:
        SettingsError: a parameter is out of range.
    """

    def __init__(  # noqa: PLR0917 - three of the recording, three of the question, both in pydub's order
        self, rate: int, channels: int, width: int, length: int, threshold: float, step: int
    ) -> None:
        if length < 1 or step < 1 or math.isnan(threshold):
            raise SettingsError("min_silence_len and seek_step must be 1 ms or more, silence_thresh a level in dBFS.")
        self.milliseconds = 0
        self.batch_ms = min(20_000, 100 + _BATCH_SAMPLES * 1000 // (rate * channels))
        self._rate, self._channels = rate, channels
        self._length, self._step = length, step
        self._most = 10 ** (min(threshold, 0.0) / 20) * 2 ** (8 * width - 1)  # no RMS is larger than full scale
        self._cells = (_WideCells if width == 4 else _Cells)(rate, channels)
        self._samples = 0  # fed so far
        self._first = 0  # the millisecond at which the first undecided window begins
        self._last_silent = False
        self._runs: list[list[int]] = []

    def feed(self, block: NDArray[np.signedinteger]) -> None:
        """Interleaved samples, whole frames; the array may be used again afterwards."""
        self._samples += len(block)
        self._cells.feed(block, self._samples // self._channels * 1000 // self._rate)
        if self._cells.end - self._first >= self.batch_ms + self._length:
            self._decide()

    def finish(self) -> list[list[int]]:
        """The marks; further calls give the same."""
        frames = self._samples // self._channels
        self.milliseconds = round(1000 * (frames / self._rate))  # half to even, as pydub
        self._cells.feed(np.empty(0, np.int16), self.milliseconds)
        self._decide()
        last = self.milliseconds - self._length
        if last >= 0 and last % self._step and self._last_silent:
            self._add_run(last, last)
        return [[first, start + self._length] for first, start in self._runs]

    def _decide(self) -> None:
        """Decide all windows whose cells are there."""
        if self._cells.end - self._first < self._length:
            return
        silent = self._cells.silent(self._first, self._length, self._most)
        self._last_silent = bool(silent[-1])
        offset = -self._first % self._step
        self._add_runs(silent[offset :: self._step], self._first + offset)
        self._first += len(silent)
        self._cells.forget(len(silent), self._first)

    def _add_runs(self, silent: Bools, first: int) -> None:
        edges = np.flatnonzero(np.diff(silent, prepend=False, append=False)).tolist()
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            self._add_run(first + begin * self._step, first + (end - 1) * self._step)

    def _add_run(self, first: int, last: int) -> None:
        """A run of silent starts; pydub joins it to the one before if their windows touch."""
        if self._runs and (first - self._runs[-1][1] == self._step or first - self._runs[-1][1] <= self._length):
            self._runs[-1][1] = last
        else:
            self._runs.append([first, last])


class _Cells:
    """Sums of squares per millisecond of samples of up to 16 bits, for the windows not yet decided.

    Args:
        rate: hertz.
        channels: pooled.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.end = 0  # the millisecond up to which samples are summed
        self._rate, self._channels = rate, channels
        self._even = rate // 1000 * channels if rate % 1000 == 0 else 0  # samples of a cell, if all have as many
        self._piece_ms = max(1, _PIECE_SAMPLES * 1000 // (rate * channels))
        self._pooled = Cells(rate * channels, 1000)
        self._rest: NDArray[np.signedinteger] = np.empty(0, np.int16)
        self._sums: list[NDArray[Any]] = []

    def _position(self, millisecond: int) -> int:
        """The sample at which it begins: pydub's product of floats."""
        return int(millisecond * (self._rate / 1000.0)) * self._channels

    def _positions(self, first: int, end: int) -> Ints:
        """The same for each millisecond, `end` included."""
        return (np.arange(first, end + 1) * (self._rate / 1000.0)).astype(np.int64) * self._channels

    def feed(self, block: NDArray[np.signedinteger], end: int) -> None:
        """Sum up to the millisecond `end`; keep what lies beyond."""
        samples = np.concatenate([self._rest, block]) if len(self._rest) else block
        origin = self._position(self.end)
        for begin in range(self.end, end, self._piece_ms):
            stop = min(begin + self._piece_ms, end)
            piece = samples[self._position(begin) - origin : self._position(stop) - origin]
            self._sums.append(self._sum(piece, begin, stop))
        self.end = max(self.end, end)
        self._rest = samples[self._position(self.end) - origin :].copy()

    def _sum(self, samples: NDArray[np.signedinteger], begin: int, end: int) -> NDArray[Any]:
        """Of each millisecond: integers, though in float64."""
        if self._even and len(samples) == self._even * (end - begin):
            return self._pooled(samples)
        return sums(self._pooled.squares(samples), self._edges(begin, end))

    def _edges(self, begin: int, end: int) -> Ints:
        return self._positions(begin, end) - self._position(begin)

    def _windows(self, length: int) -> Ints:
        """Sums of all windows of so many cells; one more axis in front if the cells have one."""
        cells = np.concatenate(self._sums, axis=-1)
        self._sums = [cells]
        total = np.zeros((*cells.shape[:-1], cells.shape[-1] + 1), np.int64)
        np.cumsum(cells, axis=-1, dtype=np.int64, out=total[..., 1:])
        return np.asarray(total[..., length:] - total[..., :-length], np.int64)

    def _sizes(self, first: int, length: int) -> Ints:
        """Samples of each window, those that pydub fills up with zeros included."""
        if self._even:
            return np.full(1, length * self._even)
        positions = self._positions(first, self.end)
        return np.asarray(positions[length:] - positions[:-length])

    def silent(self, first: int, length: int, most: float) -> Bools:
        """Of each window from the millisecond `first` on: floor(sqrt(sum / size)) <= most, in integers."""
        sizes = self._sizes(first, length)
        quiet: Bools = (self._windows(length) < sizes * (math.floor(most) + 1) ** 2) | (sizes == 0)
        return quiet

    def forget(self, count: int, first: int) -> None:  # noqa: ARG002 - for those who keep more than sums
        """So many windows are decided; the next begins at the millisecond `first`."""
        self._sums = [self._sums[0][..., count:].copy()]


class _WideCells(_Cells):
    """The same for 32 bits, whose squares reach 2**62: summed as two halves, and ties settled one by one."""

    def __init__(self, rate: int, channels: int) -> None:
        super().__init__(rate, channels)
        self._kept: list[NDArray[np.signedinteger]] = []
        self._start = 0  # the sample at which they begin

    def feed(self, block: NDArray[np.signedinteger], end: int) -> None:
        self._kept.append(block.copy())
        super().feed(block, end)

    def _sum(self, samples: NDArray[np.signedinteger], begin: int, end: int) -> NDArray[Any]:
        squares = samples.astype(np.int64)
        squares *= squares
        edges = self._edges(begin, end)
        return np.stack([sums(squares >> 32, edges), sums(squares & 0xFFFFFFFF, edges)])

    def silent(self, first: int, length: int, most: float) -> Bools:
        high, low = self._windows(length)
        sizes = np.broadcast_to(self._sizes(first, length), high.shape)
        total = high.astype(np.float64) * 2.0**32 + low
        limit = sizes * float((math.floor(most) + 1) ** 2)
        quiet: Bools = (total < limit) | (sizes == 0)
        for near in np.flatnonzero((np.abs(total - limit) <= _TIE * limit) & (sizes > 0)).tolist():
            begin = self._position(first + near) - self._start
            end = self._position(first + near + length) - self._start
            quiet[near] = _as_audioop(self._samples()[begin:end], int(sizes[near]), most)
        return quiet

    def _samples(self) -> NDArray[np.signedinteger]:
        if len(self._kept) > 1:
            self._kept = [np.concatenate(self._kept)]
        return self._kept[0]

    def forget(self, count: int, first: int) -> None:
        super().forget(count, first)
        while self._kept and self._start + len(self._kept[0]) <= self._position(first):
            self._start += len(self._kept.pop(0))


def _as_audioop(samples: NDArray[np.signedinteger], size: int, most: float) -> bool:
    """Doubles added one after another, as audioop does: an exact sum would decide otherwise."""
    if not len(samples):
        return True
    values = samples.astype(np.float64)
    total = np.add.accumulate(values * values)[-1]
    return math.floor(math.sqrt(total / size)) <= most
