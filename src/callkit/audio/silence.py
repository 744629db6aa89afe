"""Silence marks exactly as `pydub.silence` gives them, in one pass and bounded memory.

Source of the rule: pydub 0.25.1, `silence.detect_silence`: a window of `min_silence_len` ms is silent if the whole
part of its RMS is at most the threshold; windows start every `seek_step` ms, and one more ends with the recording.
"""

import math

import numpy as np
from numpy.typing import NDArray

from callkit.audio.energy import sums
from callkit.audio.source import AudioSource, open_audio
from callkit.errors import SettingsError

__all__ = ["SilenceDetector", "detect_nonsilent", "detect_silence"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_HELD_BACK_MS = 2  # by rounding, the recording may end before the last cells
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
    """Feed it blocks of interleaved samples, then `finish()` it once.

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

    batch_ms = 60_000
    """So much is collected before windows are decided; the marks do not depend on it."""

    def __init__(  # noqa: PLR0917 - three of the recording, three of the question, both in pydub's order
        self, rate: int, channels: int, width: int, length: int, threshold: float, step: int
    ) -> None:
        if length < 1 or step < 1 or math.isnan(threshold):
            raise SettingsError("min_silence_len and seek_step must be 1 ms or more, silence_thresh a level in dBFS.")
        self.milliseconds = 0
        self._rate, self._channels, self._width = rate, channels, width
        self._length, self._step = length, step
        full = 2 ** (8 * width - 1)
        self._most = min(10 ** (threshold / 20), 1.0) * full  # no RMS is larger than full scale
        even = rate // 1000 * channels if rate % 1000 == 0 else 0
        self._cells = _WideCells() if width == 4 else _Cells(even)
        self._samples = 0  # fed so far
        self._first = 0  # the millisecond of the first kept cell
        self._last_silent = False
        self._runs: list[list[int]] = []

    def feed(self, block: NDArray[np.signedinteger]) -> None:
        """Interleaved samples, whole frames; the array may be used again afterwards."""
        self._samples += len(block)
        self._cells.feed(block)
        if self._cells.waiting > self.batch_ms * self._rate * self._channels // 1000:
            self._decide(int(self._samples // self._channels * 1000 // self._rate) - _HELD_BACK_MS)

    def finish(self) -> list[list[int]]:
        """The marks; further calls give the same."""
        frames = self._samples // self._channels
        self.milliseconds = round(1000 * (frames / self._rate))  # half to even, as pydub
        self._decide(self.milliseconds)
        last = self.milliseconds - self._length
        if last >= 0 and last % self._step and self._last_silent:
            self._add_run(last, last)
        return [[first, start + self._length] for first, start in self._runs]

    def _positions(self, first: int, end: int) -> Ints:
        """The frame at which each millisecond begins: pydub's product of floats, for `first` … `end` inclusive."""
        return (np.arange(first, end + 1, dtype=np.float64) * (self._rate / 1000.0)).astype(np.int64)

    def _decide(self, end: int) -> None:
        """Decide all windows that lie before the millisecond `end`."""
        count = end - self._length + 1 - self._first
        if count <= 0:
            return
        positions = self._positions(self._first, end) * self._channels
        self._cells.sum_up_to(positions)
        silent = self._cells.silent(positions, self._length, self._most)
        self._last_silent = bool(silent[-1])
        offset = -self._first % self._step
        self._add_runs(silent[offset :: self._step], self._first + offset)
        self._first += count
        self._cells.forget(positions[: count + 1])

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


class _Waiting:
    """Samples that were fed and are not yet summed."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.signedinteger]] = []
        self._start = 0  # the sample at which they begin
        self.waiting = 0  # how many there are

    def feed(self, block: NDArray[np.signedinteger]) -> None:
        self._blocks.append(block.copy())
        self.waiting += len(block)


class _Cells(_Waiting):
    """Sums of squares per millisecond of samples of up to 16 bits, for the windows not yet decided.

    Args:
        even: samples of a millisecond, if all have as many; else 0.
    """

    def __init__(self, even: int) -> None:
        super().__init__()
        self._even = even
        self._ones = np.ones(even)
        self._scratch = np.empty(0)
        self._sums: Ints = np.empty(0, np.int64)

    def sum_up_to(self, positions: Ints) -> None:
        """Turn what waits into cells, up to the last position."""
        edges = positions[len(self._sums) :] - self._start
        samples = np.concatenate([*self._blocks, np.empty(0, np.int16)])
        seconds = range(0, len(edges) - 1, 1000)
        fresh = (self._sum(samples, edges[begin : begin + 1001]) for begin in seconds)
        self._sums = np.concatenate([self._sums, *fresh])
        self._keep(samples[int(edges[-1]) :], int(edges[-1]))

    def _keep(self, rest: NDArray[np.signedinteger], used: int) -> None:
        self._blocks, self.waiting = [rest], len(rest)
        self._start += used

    def _sum(self, samples: NDArray[np.signedinteger], edges: Ints) -> Ints:
        piece = samples[int(edges[0]) : int(edges[-1])]
        if len(self._scratch) < len(piece):
            self._scratch = np.empty(len(piece))
        squares = self._scratch[: len(piece)]
        squares[:] = piece
        np.multiply(squares, squares, out=squares)
        if self._even and len(piece) == int(edges[-1] - edges[0]):
            return np.asarray(np.dot(squares.reshape(-1, self._even), self._ones), np.int64)
        return np.asarray(sums(squares, edges - edges[0]), np.int64)

    def silent(self, positions: Ints, length: int, most: float) -> Bools:
        """Of each window: floor(sqrt(sum / size)) <= most, in integers and without a root."""
        total = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._sums)])
        sizes = positions[length:] - positions[:-length]
        quiet: Bools = (total[length:] - total[:-length] < sizes * (math.floor(most) + 1) ** 2) | (sizes == 0)
        return quiet

    def forget(self, positions: Ints) -> None:
        """The windows that begin at these positions, but for the last, are decided."""
        self._sums = self._sums[len(positions) - 1 :].copy()


class _WideCells(_Waiting):
    """The same for 32 bits, whose squares reach 2**62: summed as two halves, and ties settled one by one."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: NDArray[np.int32] = np.empty(0, np.int32)

    def sum_up_to(self, positions: Ints) -> None:  # noqa: ARG002 - sums are made when they are asked for
        self._kept = np.concatenate([self._kept, *self._blocks])
        self._blocks, self.waiting = [], 0

    def silent(self, positions: Ints, length: int, most: float) -> Bools:
        edges = positions - self._start
        squares = self._kept[: int(edges[-1])].astype(np.int64)
        squares *= squares
        low, high = (self._windows(half, edges, length) for half in (squares & 0xFFFFFFFF, squares >> 32))
        sizes = edges[length:] - edges[:-length]
        total = high.astype(np.float64) * 2.0**32 + low
        limit = sizes * float((math.floor(most) + 1) ** 2)
        quiet: Bools = (total < limit) | (sizes == 0)
        for near in np.flatnonzero((np.abs(total - limit) <= _TIE * limit) & (sizes > 0)):
            quiet[near] = _as_audioop(self._kept[edges[near] : edges[near + length]], int(sizes[near]), most)
        return quiet

    @staticmethod
    def _windows(values: Ints, edges: Ints, length: int) -> Ints:
        total = np.concatenate([np.zeros(1, np.int64), np.cumsum(sums(values, edges))])
        return np.asarray(total[length:] - total[:-length], np.int64)

    def forget(self, positions: Ints) -> None:
        self._kept = self._kept[positions[-1] - self._start :].copy()
        self._start = int(positions[-1])


def _as_audioop(samples: NDArray[np.int32], size: int, most: float) -> bool:
    """Doubles added one after another, as audioop does: an exact sum would decide otherwise."""
    if not len(samples):
        return True
    values = samples.astype(np.float64)
    total = np.add.accumulate(values * values)[-1]
    return math.floor(math.sqrt(total / size)) <= most
