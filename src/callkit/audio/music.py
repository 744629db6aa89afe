"""Hold music on one channel. Notes stay where they are for a while; the pitch of a voice never rests.

For each 100 ms: how much the fine structure of the spectrum between 200 and 1000 Hz resembles those 200, 400 and 600 ms
away (noise: not at all, speech: hardly, music: clearly), and how restless the level is (syllables: very).
A weighted sum says which of the two is likelier, and the likeliest course of the whole recording is found, in which
changing from one to the other has a price.

Steady tones resemble themselves most of all: those longer than 4 s are music here, unless somebody knows better.
"""

from array import array
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND
from callkit.audio.spectra import BLOCKS_PER_SECOND, Spectrum
from callkit.audio.speech import Levels, Runs, stretches

__all__ = ["Music", "MusicMeter", "as_runs"]

_FRAMES = FRAMES_PER_SECOND // BLOCKS_PER_SECOND  # in a block
_BINS = slice(20, 100)  # 10 Hz each
_BESIDE = 3  # bins to each side that a bin is compared with: voices' harmonics lie further apart
_LAGS = (2, 4, 6)  # blocks; what a room echoes is gone after the last

# Fitted by logistic regression on 57 pieces of game music and three speakers, clean, in noise and in echoing rooms, and
# rounded; checked on other music, among it what Asterisk plays, on other speakers and languages.
_WEIGHTS = (2.6, 2.6, 2.9)  # of the resemblance at each lag
_RESTLESS_WEIGHT = -1.9  # per dB and frame
_CONSTANT = 0.4
_RESTLESSNESS = (0.6, 2.5)  # dB from frame to frame: steady noise is calmer than music, which makes it no music
_SCORES = (-2.0, 3.0)  # no block says more than that
_SILENT = -0.3  # a pause: rather between words, or before the music begins
_PRICE = 12.0  # of a change, in scores
_AT_ONCE = 2048  # blocks: more would take memory only
_SHORTEST = 40  # blocks
_CLOSE = 3  # blocks: at its borders music resembles what is beside it, which is none

_NOTHING: Runs = np.empty((0, 2), np.int64)
_STEP = 5  # frames: the difference of two means of five, a frame apart, is a fifth of that of two levels five apart
_BELOW = 2500  # hundredths of a dB below the loudest of the seconds around: what is quieter tells nothing
_AROUND = 2  # seconds to each side
_QUIETEST = -5500  # hundredths of a dBFS


@frozen
class Music:
    """A stretch of music.

    Attributes:
        begin: its first 10 ms frame.
        end: the one after its last.
        confidence: 0 to 1, the share of its tenths of a second that sound like music by themselves.
    """

    begin: int
    end: int
    confidence: float


def as_runs(music: Sequence[Music]) -> Runs:
    """Their frames, for counting them out of speech."""
    return np.array([(one.begin, one.end) for one in music], np.int64).reshape(-1, 2)


class MusicMeter:
    """Feed it the spectra of one channel; what stays of a block are three bytes."""

    def __init__(self) -> None:
        self._resemblance = [array("b", [0] * lag) for lag in _LAGS]  # to the block so far back, in 127ths
        self._before = np.empty((0, _BINS.stop - _BINS.start), np.float32)

    def feed(self, samples: NDArray[np.int16], spectrum: Spectrum) -> None:  # noqa: ARG002  # all meters are fed alike
        """The spectra of the next blocks, shape (blocks, bins)."""
        fine = np.concatenate([self._before, _fine(spectrum)])
        power = np.maximum(np.einsum("ij,ij->i", fine, fine), 1.0)
        for lag, kept in zip(_LAGS, self._resemblance, strict=True):
            fresh = max(len(self._before), lag)
            now, then = slice(fresh, None), slice(fresh - lag, max(len(fine) - lag, 0))
            alike = np.einsum("ij,ij->i", fine[now], fine[then]) / np.sqrt(power[now] * power[then])
            kept.frombytes(np.rint(127 * alike).astype(np.int8).tobytes())
        self._before = fine[-max(_LAGS) :]

    finish = feed

    def music(self, levels: Levels, without: Runs = _NOTHING) -> tuple[Music, ...]:
        """The stretches of 4 s or more, in order and apart.

        Args:
            levels: of all that was fed, 10 ms each.
            without: what is known to be something else, such as ring-back: it tells nothing.
        """
        count = min(len(levels) // _FRAMES, len(self._resemblance[0]))
        if count < _SHORTEST:
            return ()
        heard = _heard(levels[: count * _FRAMES])
        for begin, end in without:
            heard[begin // _FRAMES : -(-end // _FRAMES)] = False
        scores = np.where(heard, np.clip(self.resemblance(0, count) + _calm(levels, count), *_SCORES), _SILENT)
        likeliest = stretches(_likeliest(scores))
        return tuple(
            Music(int(begin) * _FRAMES, int(end) * _FRAMES, _confidence(scores[begin:end]))
            for begin, end in (_settled(heard, *stretch) for stretch in likeliest)
            if end - begin >= _SHORTEST
        )

    def resemblance(self, begin: int, end: int) -> NDArray[np.float64]:
        """For each of these blocks how alike is what lies around it: -8 to 8; music: above 1, mostly, speech: below.

        It takes 300 ms after a block to know: until then it is too near to 0.
        """
        total = np.zeros(end - begin)
        for lag, weight, kept in zip(_LAGS, _WEIGHTS, self._resemblance, strict=True):
            centred = np.array(kept[begin + lag // 2 : end + lag // 2])
            total[: len(centred)] += weight / 127 * centred
        return total


def _fine(spectrum: Spectrum) -> NDArray[np.float32]:
    """How far each bin rises above those beside it, on a logarithmic scale without a unit.

    The bits of a float, read as an integer, are its logarithm but for 0.3 dB: far cheaper than a logarithm.
    """
    low, high = _BINS.start - _BESIDE, _BINS.stop + _BESIDE
    if spectrum.shape[1] < high:  # no telephone samples as slowly as this
        return np.zeros((len(spectrum), _BINS.stop - _BINS.start), np.float32)
    logs = spectrum[:, low:high].view(np.int32).astype(np.float32)
    return np.asarray(2 * logs[:, _BESIDE:-_BESIDE] - logs[:, : -2 * _BESIDE] - logs[:, 2 * _BESIDE :])


def _heard(levels: Levels) -> NDArray[np.bool_]:
    """The blocks loud enough to tell anything; `levels` are those of whole blocks."""
    loudest = levels.reshape(-1, _FRAMES).max(axis=1)
    starts = np.arange(0, len(loudest), BLOCKS_PER_SECOND)
    seconds = np.pad(np.maximum.reduceat(loudest, starts), _AROUND, "edge")
    around = sliding_window_view(seconds, 2 * _AROUND + 1).max(axis=1)
    least = np.maximum(around.astype(np.int64) - _BELOW, _QUIETEST)
    return np.asarray(loudest > np.repeat(least, BLOCKS_PER_SECOND)[: len(loudest)])


def _calm(levels: Levels, count: int) -> NDArray[np.float64]:
    """For each block, how calm the level is in the second around it, weighted, and the constant."""
    steps = np.zeros(count * _FRAMES, np.int16)  # in one place: of ten hours they take 7 MB
    np.subtract(levels[_STEP : len(steps)], levels[: len(steps) - _STEP], out=steps[:-_STEP])
    np.minimum(np.abs(steps, out=steps), 3000, out=steps)
    mean = np.pad(steps.reshape(-1, _FRAMES).mean(axis=1) / (100 * _STEP), (5, 5), "edge")
    total = np.concatenate([[0.0], np.cumsum(mean)])
    second = (total[BLOCKS_PER_SECOND:] - total[:-BLOCKS_PER_SECOND])[:count] / BLOCKS_PER_SECOND
    return np.asarray(_RESTLESS_WEIGHT * np.clip(second, *_RESTLESSNESS) + _CONSTANT)


def _likeliest(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which blocks are music in the likeliest course of all.

    Source:
        A. J. Viterbi, IEEE Transactions on Information Theory 13 (1967), for two states: only the difference of their
        best scores has to be kept, and beyond the price of a change it is known from where one must have come.
    """
    lead = _leads(scores)
    sure = np.flatnonzero(np.abs(lead) > _PRICE)
    if not len(sure) or sure[-1] < len(lead) - 1:
        sure = np.append(sure, len(lead) - 1)  # at the end the better one has won
    return np.asarray(lead[sure[np.searchsorted(sure, np.arange(len(lead)))]] > 0)


def _leads(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lead of music after each block: the lead before, but never more than the price of a change, and the score."""
    leads = np.zeros(len(scores) + 1)
    for begin in range(0, len(scores), _AT_ONCE):
        end = min(begin + _AT_ONCE, len(scores))
        leads[begin + 1 : end + 1] = _walk(leads[begin], scores[begin:end])
    return leads[1:]


def _walk(lead: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """From this lead on.

    A step is lead -> clip(lead + more, low, high), and so are two, one after another. So those of 2, 4, 8, … blocks are
    made of two shorter ones each, for all blocks at once.
    """
    more, low, high = scores.copy(), scores - _PRICE, scores + _PRICE
    span = 1
    while span < len(scores):
        then, least, most = more[span:].copy(), low[span:].copy(), high[span:].copy()
        more[span:] += more[:-span].copy()
        low[span:] = np.clip(low[:-span] + then, least, most)
        high[span:] = np.clip(high[:-span] + then, least, most)
        span *= 2
    return np.clip(lead + more, low, high)


def _settled(heard: NDArray[np.bool_], begin: int, end: int) -> tuple[int, int]:
    """Its borders: what is too quiet does not belong to it, but what is heard up to a pause close by does."""
    inside = np.flatnonzero(heard[begin:end])
    if not len(inside):
        return begin, begin
    first, last = begin + int(inside[0]), begin + int(inside[-1]) + 1
    pauses_before = np.flatnonzero(~heard[max(first - _CLOSE, 0) : first])
    pauses_after = np.flatnonzero(~heard[last : last + _CLOSE])
    if len(pauses_before):
        first += int(pauses_before[-1]) + 1 - min(first, _CLOSE)
    if len(pauses_after):
        last += int(pauses_after[0])
    return first, last


def _confidence(scores: NDArray[np.float64]) -> float:
    told = scores[scores != _SILENT]
    return round(float((told > 0).mean()), 3) if len(told) else 0.0
