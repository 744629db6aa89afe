"""What was said: `Transcript`, its `Segment`s and `Word`s.

Times are float seconds from the recording's first decoded frame, half-open. Confidence is a number that the engine
gave, 0 to 1, or None; numbers of different engines are not comparable. Languages are BCP-47 codes.
"""

from collections.abc import Sequence

from attrs import frozen

__all__ = ["SYNTHETIC", "Segment", "Transcript", "Word", "speaker_of"]

SYNTHETIC = "A placeholder, made without a transcriber: nothing of it was said."
"""What is said wherever a synthetic transcript appears."""


@frozen
class Word:
    """A word, and when it was said."""

    start: float
    end: float
    text: str
    confidence: float | None = None


@frozen
class Segment:
    """What one party said without a pause.

    Attributes:
        start, end: seconds.
        text: as the engine writes it, with punctuation.
        channel: who was heard: its number; None if everybody is on one channel.
        speaker: the name that a diariser or an engine gave the party; None where nobody told.
        language: of the text.
        confidence: mean of the words' confidences, else what the engine says of the segment.
        words: in order; empty if the engine gives none.
    """

    start: float
    end: float
    text: str
    channel: int | None = None
    speaker: str | None = None
    language: str | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = ()


@frozen
class Transcript:
    """What was said in a call, in the order in which it was said.

    Attributes:
        segments: by start, then channel.
        language: of most of it; None if nothing was said.
        duration: of the recording, seconds.
        engine: such as "whisper"; "placeholder" if there was none.
        model: such as "base"; empty if the engine has no choice.
        synthetic: it is a stand-in, and nothing of it was said.
        dropped_words: words that the engine gave far from any speech, and which were left out.
        fingerprint: engine, model, options and version: equal fingerprints give equal transcripts.
    """

    segments: tuple[Segment, ...]
    language: str | None
    duration: float
    engine: str
    model: str = ""
    synthetic: bool = False
    dropped_words: int = 0
    fingerprint: str = ""

    @property
    def text(self) -> str:
        """All segments, a line each."""
        return "\n".join(segment.text for segment in self.segments)


def speaker_of(segment: Segment, names: Sequence[str | None] = ()) -> str | None:
    """Who said it: as the transcript names them, else what their channel is called; None if neither is known."""
    if segment.speaker is not None or segment.channel is None or segment.channel >= len(names):
        return segment.speaker
    return names[segment.channel]
