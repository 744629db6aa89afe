"""What was measured in a recording: `Analysis` and its parts.

Times are float seconds from the first decoded frame, intervals are half-open `[start, end)`, levels are dBFS
(0 dBFS = full scale of 16 bits; digital silence is given as -120.0). What can't be measured is None, never 0.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import chain
from typing import Literal, Self

from attrs import evolve, field, frozen

from callkit.core.conversation import Conversation, Rules, measure_conversation, normalised
from callkit.core.events import Event
from callkit.core.explaining import Explanation, explain
from callkit.core.health import Health
from callkit.core.intervals import Interval, clipped, length, milliseconds, united
from callkit.core.loudness import Loudness
from callkit.core.party import Latency, PartyTalk
from callkit.core.transcript import Transcript

__all__ = ["Analysis", "Interval", "Party", "Results", "SilenceMark", "gaps"]


@frozen
class SilenceMark:
    """A stretch in which nobody speaks (`channel=None`), or nobody on one channel."""

    start: float
    end: float
    channel: int | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


@frozen
class Party:
    """What was measured on one channel. Of a mono recording there is one, and everybody is on it.

    Attributes:
        channel: 0 for the first channel of the file.
        speech: the stretches with speech, in order, apart from each other.
        talk_time: seconds of speech.
        rms_dbfs: level of the whole channel, -120.0 to 0.0.
        peak_dbfs: the largest sample, -120.0 to 0.0.
        clipping_percent: 0 to 100, the share of samples at the largest value that the codec can hold.
        loudness: how loud the channel is to people.
        talk: the party's part in the conversation; all None if it is not known who of several people spoke.
        speaker: the name that a diariser gave; levels and loudness are then those of the channel.
    """

    channel: int
    speech: tuple[Interval, ...]
    talk_time: float
    rms_dbfs: float
    peak_dbfs: float
    clipping_percent: float
    loudness: Loudness | None = None
    talk: PartyTalk = field(factory=PartyTalk)
    speaker: str | None = None

    def with_talk(self, talk: PartyTalk) -> Self:
        """The same, with its part in the conversation."""
        return evolve(self, talk=talk)

    @property
    def talk_share(self) -> float | None:
        """0 to 1, of all parties' talk time."""
        return self.talk.talk_share

    @property
    def talk_percent(self) -> float | None:
        """0 to 100, of the recording's duration."""
        return self.talk.talk_percent

    @property
    def turns(self) -> int | None:
        """How many."""
        return self.talk.turns

    @property
    def longest_monologue(self) -> float | None:
        """Seconds of the longest turn."""
        return self.talk.longest_monologue

    @property
    def interruptions(self) -> int | None:
        """How many it made."""
        return self.talk.interruptions

    @property
    def latency(self) -> Latency | None:
        """How long it took to answer: median, 90th percentile, mean, n."""
        return self.talk.latency


@frozen
class Analysis:
    """What one pass over a recording measured.

    Attributes:
        duration: seconds, decoded frames / sample rate.
        sample_rate: hertz.
        channels: how many; `parties` has as many.
        frames: decoded frames.
        container: "wav", "mp3", "flac", "ogg", …
        codec: in ffmpeg's names: "pcm_s16le", "pcm_mulaw", "gsm_ms", "mp3", …
        declared_duration: seconds that the file claims, None if it claims nothing.
        truncated: the file promises clearly more than could be decoded (by more than 0.5 s and 1 %).
        warnings: what was odd about the file, a sentence each.
        silence: the marks, in order; `channel` is None: everybody is silent.
        silence_time: seconds in which nobody speaks, short pauses included.
        parties: one for each channel.
        overlap_time: seconds in which two or more channels speak; None for a mono recording.
        method: what made the silence marks: "adaptive" or "pydub".
        parameters: what they were made with.
        fingerprint: analyser, version and parameters; equal fingerprints give equal results.
        hold: stretches with hold music, on whatever channel; None if nobody looked for it.
        events: keys, tones and music, in order of their start. Keys that were pressed are masked, unless asked for.
        loudness: of all channels added up.
        health: how well the call was recorded, and what to do about it.
        rules: where the lines are drawn between turns, interruptions and dead air.
        speech_method: what found the speech: "channel_energy", "vad_model" (a detector was asked) or "diarizer".
    """

    duration: float
    sample_rate: int
    channels: int
    frames: int
    container: str
    codec: str
    declared_duration: float | None
    truncated: bool
    warnings: tuple[str, ...]
    silence: tuple[SilenceMark, ...]
    silence_time: float
    parties: tuple[Party, ...]
    overlap_time: float | None
    method: str
    parameters: Mapping[str, float | int | str | None] = field(hash=False)
    fingerprint: str
    hold: tuple[Interval, ...] | None = None
    events: tuple[Event, ...] = ()
    loudness: Loudness | None = None
    health: Health | None = None
    rules: Rules = field(factory=Rules)
    speech_method: Literal["channel_energy", "vad_model", "diarizer"] = "channel_energy"

    @property
    def separable(self) -> bool:
        """Whether it is known who spoke.

        Not so in a mono recording, nor if both channels carry the same sound, unless a diariser told.
        """
        if self.speech_method == "diarizer":
            return True
        return self.channels > 1 and not (self.health and self.health.dual_mono)

    @cached_property
    def conversation(self) -> Conversation:
        """What the parties did together: turns, overlap, interruptions, dead air; reckoned from their speech."""
        speech = [party.speech for party in self.parties]
        return measure_conversation(speech, self.duration, hold=self.hold, rules=self.rules, separable=self.separable)

    def explain(self, metric: str, party: int | None = None) -> Explanation:
        """What a figure of `conversation` means, how it was made, and of which intervals.

        Args:
            metric: its name, such as "talk_share".
            party: whose, by its place in `parties`; None: every party's, or the call's.

        Raises:
            SettingsError: there is no such figure, or no such party.
        """
        return explain(metric, self.conversation, party=party, method=self.speech_method)

    def with_speakers(self, speakers: Mapping[str, Iterable[Interval]]) -> Self:
        """The same recording, with parties that somebody else has told apart: a diariser, an RTTM file.

        Silence marks stay as they are; what lies beyond the recording is left out.

        Args:
            speakers: the speech of each, seconds, in any order; a party each, in this order.
        """
        rules = evolve(self.rules, join_gap=0.0, min_speech=0.0)  # the stretches are exact
        speech = [normalised(stretches, self.duration, rules) for stretches in speakers.values()]
        talk = measure_conversation(speech, self.duration, hold=self.hold, rules=rules)
        channel = self.parties[0]
        parties = tuple(
            evolve(channel, speech=own, talk_time=_length(own), talk=part, speaker=name)
            for name, own, part in zip(speakers, speech, talk.parties, strict=True)
        )
        return evolve(self, parties=parties, rules=rules, overlap_time=talk.overlap_time, speech_method="diarizer")

    @property
    def silence_share(self) -> float | None:
        """0 to 1: `silence_time / duration`; None for an empty recording."""
        return self.silence_time / self.duration if self.duration else None

    @property
    def talk_share(self) -> float | None:
        """0 to 1: of the recording, in which anybody speaks; None for an empty recording."""
        total = milliseconds(self.duration)
        speech = clipped(chain.from_iterable(party.speech for party in self.parties), total)
        return length(united(speech)) / total if total else None

    @property
    def overlap_share(self) -> float | None:
        """0 to 1: `overlap_time / duration`; None for an empty recording, or if it is not known who spoke."""
        if self.overlap_time is None or not self.separable:
            return None
        return min(self.overlap_time / self.duration, 1.0) if self.duration else None

    def silence_of(self, channel: int, min_silence: float = 1.0) -> tuple[SilenceMark, ...]:
        """The stretches of at least `min_silence` seconds without speech on one channel.

        Raises:
            IndexError: the recording has no such channel.
        """
        quiet = gaps(self.parties[channel].speech, self.duration)
        return tuple(SilenceMark(start, end, channel) for start, end in quiet if end - start >= min_silence)


@frozen
class Results:
    """Everything that processing a call gave; saved in one transaction with the call.

    Attributes:
        analysis: what was measured.
        transcript: what was said; None if nobody was asked to write it down.
        sides: who is on each channel, "agent", "customer" or None if that is not known, as the roles were when the call
            was processed. Searches for what one side said go by it.
    """

    analysis: Analysis
    transcript: Transcript | None = None
    sides: tuple[str | None, ...] = ()


def _length(intervals: Iterable[Interval]) -> float:
    return round(sum((end - start for start, end in intervals), 0.0), 6)


def gaps(intervals: Iterable[Interval], duration: float) -> tuple[Interval, ...]:
    """What ordered, separate intervals leave free of `[0, duration)`.

    >>> gaps([(1.0, 2.0), (3.0, 4.0)], 5.0)
    ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0))
    """
    edges = [0.0, *(edge for interval in intervals for edge in interval), duration]
    return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start)
