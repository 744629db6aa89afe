"""How well a call was recorded: `Health`, and what to do about what is wrong with it.

Levels are dBFS, times are seconds from the recording's start. What can't be measured is None, never 0.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from attrs import frozen

from callkit.core.intervals import Interval

__all__ = [
    "ADVICE",
    "ChannelHealth",
    "Code",
    "Flag",
    "Health",
    "Kind",
    "Leak",
    "Reason",
    "assessed",
    "missing_time",
    "parts_within",
]

Code = Literal[
    "clipping",
    "dc_offset",
    "noise_floor",
    "snr",
    "zero_gap",
    "leak",
    "one_way",
    "silent",
    "dual_mono",
    "truncated",
]
Reason = Literal["digital_zero", "no_speech"]
Kind = Literal["count", "estimate", "none"]

CLIPPING_PERCENT = 0.1
DC_OFFSET = 0.01
NOISE_FLOOR_DBFS = -40.0
SNR_DB = 15.0
ZERO_GAP = 0.5  # seconds
LEAK_DB = -35.0
CORRELATION = 0.98
ONE_WAY_DURATION, ONE_WAY_TALK, ONE_WAY_SILENCE = 10.0, 5.0, 0.5  # seconds
TRUNCATED, TRUNCATED_SHARE = 0.5, 0.01  # seconds, and of what is declared; the larger counts
_ALL = 0.99  # of the duration: a click does not make a dead line alive

ADVICE: dict[str, str] = {
    "clipping": "The sound is cut off at full scale: turn it down before it is recorded.",
    "dc_offset": "The signal does not rest at zero: look for a faulty sound card, line or gateway.",
    "noise_floor": "There is much noise when nobody speaks: look for a bad line, or a microphone turned up too far.",
    "snr": "Speech hardly stands out from the noise: figures and words of this channel are less certain.",
    "zero_gap": "Sound is missing in the middle of the call: look for lost packets, or turn off silence suppression.",
    "leak": "Another party is heard on this channel: cancel the echo, or record where the parties are still apart.",
    "digital_zero": "Nothing came from this party: look for a blocked media path (NAT, firewall) or a wrong tap.",
    "no_speech": "This party is never heard: look for a muted or broken microphone, or for voicemail and queues.",
    "silent": "Nothing was recorded but digital silence: look for a blocked media path, or a wrong tap.",
    "dual_mono": "Both channels carry the same sound: record the parties on separate channels.",
    "truncated": "The file ends before the length that it declares: fetch it again, or see why the recorder stopped.",
}
"""What to do, by a flag's code; of a one-way call by its reason."""


@frozen
class ChannelHealth:
    """What was measured on one channel.

    Attributes:
        channel: 0 for the first channel of the file.
        clipping_percent: 0 to 100, the share of samples at the largest value that the codec can hold.
        dc_offset: -1 to 1, the mean of all samples; full scale is 1.
        peak_dbfs: the largest sample.
        noise_floor_dbfs: the 10th percentile of the levels of 10 ms, digital silence left out; None if fewer than 100
            of them, or fewer than a tenth, are without speech.
        snr_db: an estimate: the level of speech above the noise floor; None without speech or floor.
        zero_gap_count: how many stretches of digital silence of at least 20 ms there are.
        zero_gap_time: seconds, their sum.
        longest_zero_gap: seconds; 0 without any.
        zero_gaps: those parts of them that lie between the call's first and last speech, if they last 0.5 s or more.
    """

    channel: int
    clipping_percent: float
    dc_offset: float
    peak_dbfs: float
    noise_floor_dbfs: float | None
    snr_db: float | None
    zero_gap_count: int
    zero_gap_time: float
    longest_zero_gap: float
    zero_gaps: tuple[Interval, ...]


@frozen
class Leak:
    """How much of one party is heard on the channel of another.

    Attributes:
        source: the channel of the party that is heard.
        channel: where it should not be.
        leak_db: its level there, relative to that on its own channel.
    """

    source: int
    channel: int
    leak_db: float


@frozen
class Flag:
    """Something that is wrong.

    Attributes:
        code: what.
        channel: where; None: the whole call or file.
        advice: what to do about it, a sentence.
        intervals: when, if it is not all the time.
        reason: of a one-way call: nothing was recorded of the party, or only no speech.
    """

    code: Code
    channel: int | None
    advice: str
    intervals: tuple[Interval, ...] = ()
    reason: Reason | None = None


@frozen
class Health:
    """How well a call was recorded.

    Attributes:
        channels: one for each channel.
        correlation: -1 to 1, of two channels, offsets removed; None if there are not two, or one is silent.
        leaks: those that could be measured.
        declared_duration: seconds that the file claims, None if it claims nothing.
        declared_kind: "count" if the claim is a count of frames or bytes, "estimate" if guessed from a bit rate.
        missing_time: seconds that were declared by a count, but are not there; None without a count.
        flags: what is wrong, if anything is.
    """

    channels: tuple[ChannelHealth, ...]
    correlation: float | None
    leaks: tuple[Leak, ...]
    declared_duration: float | None
    declared_kind: Kind
    missing_time: float | None
    flags: tuple[Flag, ...]

    @property
    def dual_mono(self) -> bool | None:
        """Both channels carry the same sound, so that the parties can't be told apart; None if there are not two."""
        return None if self.correlation is None else self.correlation > CORRELATION

    @property
    def truncated(self) -> bool:
        """The file promises clearly more than could be decoded."""
        return any(flag.code == "truncated" for flag in self.flags)


def assessed(
    channels: Sequence[ChannelHealth],
    *,
    duration: float,
    talk_times: Sequence[float],
    correlation: float | None = None,
    leaks: Sequence[Leak] = (),
    declared_duration: float | None = None,
    declared_kind: Kind = "none",
) -> Health:
    """The health of a call, with flags for all that is wrong.

    Args:
        channels: what was measured on each.
        duration: seconds, as decoded.
        talk_times: for each channel, seconds of speech, without what only leaked into it.
        correlation: of the two channels.
        leaks: between any two.
        declared_duration: seconds.
        declared_kind: how the file came to it.
    """
    missing = missing_time(declared_duration, declared_kind, duration)
    flags = [*_of_channels(channels), *_of_leaks(leaks), *_one_way(channels, talk_times, duration)]
    if duration and channels and all(_is_dead(one, duration) for one in channels):
        flags.append(_flag("silent"))
    if correlation is not None and correlation > CORRELATION:
        flags.append(_flag("dual_mono"))
    if missing is not None and missing > max(TRUNCATED, TRUNCATED_SHARE * (duration + missing)):
        flags.append(_flag("truncated"))
    return Health(
        channels=tuple(channels),
        correlation=correlation,
        leaks=tuple(leaks),
        declared_duration=declared_duration,
        declared_kind=declared_kind,
        missing_time=missing,
        flags=tuple(flags),
    )


def missing_time(declared: float | None, kind: Kind, duration: float) -> float | None:
    """Seconds that a count promises and that are not there; None if nothing is promised, or only by an estimate.

    >>> missing_time(120.0, "count", 60.0)
    60.0
    """
    return None if declared is None or kind != "count" else round(max(declared - duration, 0.0), 6)


def parts_within(gaps: Iterable[Interval], span: Interval | None, shortest: float = ZERO_GAP) -> tuple[Interval, ...]:
    """What lies of gaps within the span, if it lasts so many seconds; nothing without a span."""
    if span is None:
        return ()
    parts = ((max(start, span[0]), min(end, span[1])) for start, end in gaps)
    return tuple((start, end) for start, end in parts if round(end - start, 6) >= shortest)


def _flag(code: Code, channel: int | None = None, intervals: tuple[Interval, ...] = ()) -> Flag:
    return Flag(code, channel, ADVICE[code], intervals)


def _of_channels(channels: Iterable[ChannelHealth]) -> Iterable[Flag]:
    for one in channels:
        if one.clipping_percent >= CLIPPING_PERCENT:
            yield _flag("clipping", one.channel)
        if abs(one.dc_offset) > DC_OFFSET:
            yield _flag("dc_offset", one.channel)
        if one.noise_floor_dbfs is not None and one.noise_floor_dbfs > NOISE_FLOOR_DBFS:
            yield _flag("noise_floor", one.channel)
        if one.snr_db is not None and one.snr_db < SNR_DB:
            yield _flag("snr", one.channel)
        if one.zero_gaps:
            yield _flag("zero_gap", one.channel, one.zero_gaps)


def _of_leaks(leaks: Iterable[Leak]) -> Iterable[Flag]:
    return [_flag("leak", leak.channel) for leak in leaks if leak.leak_db > LEAK_DB]


def _one_way(channels: Iterable[ChannelHealth], talk_times: Sequence[float], duration: float) -> Iterable[Flag]:
    """Somebody talks, and another is not heard."""
    if duration < ONE_WAY_DURATION or max(talk_times, default=0.0) < ONE_WAY_TALK:
        return
    for one, talk_time in zip(channels, talk_times, strict=True):
        if talk_time < ONE_WAY_SILENCE:
            reason: Reason = "digital_zero" if _is_dead(one, duration) else "no_speech"
            yield Flag("one_way", one.channel, ADVICE[reason], reason=reason)


def _is_dead(channel: ChannelHealth, duration: float) -> bool:
    return channel.zero_gap_time >= _ALL * duration
