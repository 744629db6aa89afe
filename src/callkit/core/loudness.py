"""`Loudness`: how loud a recording is to people, not to a meter of samples."""

from attrs import frozen

__all__ = ["Loudness"]


@frozen
class Loudness:
    """Of one party (its channel alone) or of a whole recording (its channels added up).

    LUFS are loudness units below full scale: a sine of 1 kHz at full scale has -3.01 LUFS on one channel, and 0 on two.
    One LU is one decibel. A figure is None where it can't be measured.

    Attributes:
        integrated_lufs: over everything but pauses; None if shorter than 400 ms, or never above -70 LUFS.
        max_momentary_lufs: the loudest 400 ms; None if shorter, or digital silence.
        max_short_term_lufs: the loudest 3 s; None if shorter, or digital silence.
        range_lu: between quiet and loud passages of 3 s; None if shorter than 3 s, or never above -70 LUFS.

    Source:
        Recommendation ITU-R BS.1770-4 (10/2015), annex 1; EBU Tech 3341 (momentary, short-term) and 3342 (range).
    """

    integrated_lufs: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None
    range_lu: float | None
