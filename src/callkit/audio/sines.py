"""Steady sines in a stretch of samples: their exact pitches, where they begin and end, and how pure they are.

Short windows are fitted by least squares with one or two sines. How their phases advance from window to window gives
the pitches; where their power falls to a quarter of its usual value are the edges, for there a window is half full.
"""

import numpy as np
from attrs import frozen
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["FULL_SCALE_POWER", "Closeness", "Fit", "Pitches", "Tone", "fit", "tones_in"]

Pitches = NDArray[np.float64]
"""Hertz, one or two."""

Rows = NDArray[np.float32]
"""Windows of samples, shape (rows, samples)."""

FULL_SCALE_POWER = 32768.0**2

_HOPS = 5  # windows begin within the length of one
_LAG = 12  # hops between the phases that are compared, unless that were ambiguous
_DETUNED = 0.03  # a pitch is looked for so far, relative to itself, and no farther
_GAP = 0.02  # seconds: a shorter break does not end a tone
_MARGIN = 0.004  # seconds at each end that say nothing about how pure a tone is
_LEAST = 1e-12  # a power of -120 dBFS: digital silence
_AT_ONCE = 1 << 18  # samples in rows, to keep scratch memory small


@frozen
class Tone:
    """One sine, or two at once, for a while.

    Attributes:
        start: seconds.
        end: seconds, half-open.
        pitches: hertz, ascending, one or two.
        powers: mean square of each sine, 1.0 for full scale.
        purity: 0 to 1, the share of the sound's power that lies in these sines.
        swing: decibels between its loud and its soft moments (the 90th and the 10th percentile).
    """

    start: float
    end: float
    pitches: tuple[float, ...]
    powers: tuple[float, ...]
    purity: float
    swing: float

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


@frozen(eq=False)
class Fit:
    """What sines make of rows of samples.

    Attributes:
        phasors: shape (rows, sines), amplitude and phase at the row's begin.
        explained: energy of each row that lies in the sines.
        total: energy of each row.
    """

    phasors: NDArray[np.complex128]
    explained: NDArray[np.float64]
    total: NDArray[np.float64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of the rows' energy that lies in the sines, 0 to 1."""
        return self.explained / np.maximum(self.total, 1.0)


def fit(rows: Rows, rate: int, pitches: Pitches) -> Fit:
    """Fit each row with sines of these pitches.

    Source: linear least squares by its normal equations, a cosine and a sine for each pitch.
    """
    turns = 2 * np.pi / rate * np.outer(np.arange(rows.shape[1]), pitches)
    basis = np.hstack([np.cos(turns), np.sin(turns)])
    projected = (rows @ basis.astype(np.float32)).astype(np.float64)
    weights = projected @ np.linalg.inv(basis.T @ basis)
    cosines, sines = np.split(weights, 2, axis=1)
    total = np.einsum("ij,ij->i", rows, rows).astype(np.float64)
    return Fit(cosines - 1j * sines, np.einsum("ij,ij->i", projected, weights), total)


@frozen
class Closeness:
    """How closely tones are looked at.

    Attributes:
        off: hertz, by which a pitch may be wrong; by more than 3 % it is not.
        width: of the windows, seconds: about as long as a beat of two pitches, and three periods at least.
        steady: seconds over which the phases must hold for a tone to be pure.
        purest: 0 to 1, how pure some stretch of that length must be; else nothing more is looked for.
        shortest: seconds; shorter tones are left out. At least 20 ms: in less, a pitch can't be told.
    """

    off: float
    width: float
    steady: float
    purest: float
    shortest: float


def tones_in(
    samples: NDArray[np.int16], rate: int, pitches: tuple[float, ...], about: tuple[int, int], how: Closeness
) -> list[Tone]:
    """The stretches in which these pitches sound.

    Args:
        samples: of the tone, and some to either side.
        rate: hertz.
        pitches: hertz; two lie at least 25 Hz apart.
        about: the first of the samples that lie mostly in the tone, and the one after the last.
        how: closely.

    Returns:
        Tones, whose times count from the first of the samples.
    """
    look = _Look(samples.astype(np.float32), rate, max(round(how.width * rate), 2 * _HOPS), about)
    if len(samples) < look.size:
        return []
    exact = look.exact(np.array(pitches), how.off)
    if look.chunks(exact, *about, how.steady).shares.max() < how.purest:
        return []
    powers, shares = look.course(exact)
    long = [stretch for stretch in look.stretches(powers, shares) if stretch[1] - stretch[0] >= how.shortest * rate]
    return [look.tone(exact, powers, stretch, how.steady) for stretch in long]


@frozen(eq=False)
class _Look:
    samples: NDArray[np.float32]
    rate: int
    size: int
    about: tuple[int, int]

    @property
    def hop(self) -> int:
        return self.size // _HOPS

    @property
    def rows(self) -> Rows:
        return sliding_window_view(self.samples, self.size)[:: self.hop]

    def within(self, begin: int, end: int) -> slice:
        """The rows that lie between two samples; one, if there is none."""
        last = (len(self.samples) - self.size) // self.hop
        first = min(max(-(-begin // self.hop), 0), last)
        return slice(first, max((end - self.size) // self.hop, first) + 1)

    def exact(self, pitches: Pitches, off: float) -> Pitches:
        """The pitches, from how far the phases advance while time passes: less than half a turn, by what is known."""
        rows = self.rows[self.within(*self.about)][: _AT_ONCE // self.size]
        longest = min(_LAG, len(rows) // 2)
        first = min(int(self.rate / (2 * off * self.hop)), longest)
        found = pitches
        for lag in dict.fromkeys((first, longest)):
            fitted = fit(rows, self.rate, found)
            phasors = fitted.phasors * (fitted.shares > 0.5)[:, None]
            advance = np.sum(phasors[lag:] * phasors[: len(rows) - lag].conj(), axis=0)
            passed = 2 * np.pi * max(lag, 1) * self.hop / self.rate
            found = found + np.angle(advance * np.exp(-1j * found * passed)) / passed
        return np.clip(found, pitches * (1 - _DETUNED), pitches * (1 + _DETUNED))

    def course(self, pitches: Pitches) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each row the power of each sine, 1.0 for full scale, and the share of all power that lies in them."""
        rows, step = self.rows, max(_AT_ONCE // self.size, 1)
        found = [fit(rows[begin : begin + step], self.rate, pitches) for begin in range(0, len(rows), step)]
        amplitudes = np.abs(np.concatenate([some.phasors for some in found]))
        return amplitudes**2 / (2 * FULL_SCALE_POWER), np.concatenate([some.shares for some in found])

    def stretches(self, powers: NDArray[np.float64], shares: NDArray[np.float64]) -> list[tuple[int, int]]:
        """First sample, and the one after the last, of where each sine has a quarter of its usual power or more."""
        usual = self.within(*self.about)
        there = (powers >= np.median(powers[usual], axis=0) / 4).all(axis=1)
        there &= shares >= np.median(shares[usual]) / 2  # elsewhere something louder may hold as much of these pitches
        changes = np.flatnonzero(np.diff(there, prepend=False, append=False))
        places = changes * self.hop + (self.size - self.hop) // 2
        places[changes == 0], places[changes == len(there)] = 0, len(self.samples)
        begins, ends = places.reshape(-1, 2).T
        apart = begins[1:] - ends[:-1] >= _GAP * self.rate
        begins, ends = begins[np.append(True, apart)[: len(begins)]], ends[np.append(apart, True)[: len(ends)]]
        return list(zip(begins.tolist(), ends.tolist(), strict=True))

    def tone(self, pitches: Pitches, powers: NDArray[np.float64], stretch: tuple[int, int], steady: float) -> Tone:
        begin, end = stretch
        quarter = self.size // 4  # windows that reach so far beyond the edges are all but full
        course = powers[self.within(begin - quarter, end + quarter)]
        soft, loud = np.percentile(course.sum(axis=1), (10, 90))
        return Tone(
            begin / self.rate,
            end / self.rate,
            pitches=tuple(pitches.tolist()),
            powers=tuple(np.median(course, axis=0).tolist()),
            purity=self._purity(pitches, begin, end, steady),
            swing=float(10 * np.log10(max(loud, _LEAST) / max(soft, _LEAST))),
        )

    def _purity(self, pitches: Pitches, begin: int, end: int, steady: float) -> float:
        margin = round(_MARGIN * self.rate)
        found = self.chunks(pitches, begin + margin, end - margin, steady)
        return min(float(found.explained.sum() / max(found.total.sum(), 1.0)), 1.0)

    def chunks(self, pitches: Pitches, begin: int, end: int, steady: float) -> Fit:
        """Of parts of equal length, about as long as a tone must be steady."""
        part = self.samples[begin:end]
        count = max(round(len(part) / (steady * self.rate)), 1)
        size = len(part) // count
        return fit(part[: count * size].reshape(count, size), self.rate, pitches)
