"""Transcripts as other programs read them: WebVTT, SubRip (SRT), plain text.

    >>> from callkit.core.transcript import Segment, Transcript
    >>> said = Transcript((Segment(1.0, 2.5, "Hello.", channel=0),), "en", 3.0, "whisper")
    >>> print(to_srt(said, ["Agent", "Customer"]), end="")
    1
    00:00:01,000 --> 00:00:02,500
    Agent: Hello.

What one party says without a pause is split into cues of at most 84 characters and 7 seconds where the engine gave
words, for that is what can be read on a screen. A stand-in for a transcript says in every format that it is one.

Source: W3C, WebVTT (Candidate Recommendation, 2019); SubRip has no standard.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import asdict, evolve

from callkit.core.intervals import Interval
from callkit.core.transcript import SYNTHETIC, Segment, Transcript, Word, speaker_of

__all__ = ["cues", "to_dict", "to_srt", "to_txt", "to_vtt"]

_CHARACTERS = 84  # two lines of 42
_SECONDS = 7.0
_SHORTEST = 0.001  # of a cue: players drop one that ends when it begins
_SENTENCE = tuple(".?!…。？！")

Names = Sequence[str | None]
"""What the parties are called, by channel."""


def to_vtt(transcript: Transcript, names: Names = (), *, hold: Iterable[Interval] = ()) -> str:
    """As a WebVTT file, which browsers show beside the sound.

    Args:
        transcript: what was said.
        names: what the parties are called, by channel.
        hold: stretches on hold, in seconds: each becomes a note.
    """
    blocks = [(start, f"NOTE hold {_clock(start, '.')} to {_clock(end, '.')}") for start, end in hold]
    for number, cue in enumerate(cues(transcript), 1):
        name, text = speaker_of(cue, names), _escaped(_one_line(cue.text))
        spoken = f"<v {_escaped(_one_line(name))}>{text}</v>" if name else text
        blocks.append((cue.start, f"{number}\n{_times(cue, '.')}\n{spoken}"))
    note = [f"NOTE {SYNTHETIC}"] if transcript.synthetic else []
    ordered = [block for _, block in sorted(blocks, key=lambda block: block[0])]
    return "\n\n".join(["WEBVTT", *note, *ordered]) + "\n"


def to_srt(transcript: Transcript, names: Names = ()) -> str:
    """As a SubRip file. It has no field for speakers: they stand before what they say."""
    prefix = "[placeholder] " if transcript.synthetic else ""
    blocks = [
        f"{number}\n{_times(cue, ',')}\n{prefix}{_named(cue, names)}" for number, cue in enumerate(cues(transcript), 1)
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def to_txt(transcript: Transcript, names: Names = ()) -> str:
    """As text to be read: a line for all that one party says without a pause, with its time."""
    note = [SYNTHETIC] if transcript.synthetic else []
    lines = [f"[{_short_clock(segment.start)}] {_named(segment, names)}" for segment in transcript.segments]
    return "".join(f"{line}\n" for line in [*note, *lines])


def to_dict(transcript: Transcript, names: Names = ()) -> dict[str, Any]:
    """As JSON values: all that is known, and who said each segment."""
    document = asdict(transcript)
    for segment, own in zip(transcript.segments, document["segments"], strict=True):
        own["speaker"] = speaker_of(segment, names)
    return document


def _named(segment: Segment, names: Names) -> str:
    name, text = speaker_of(segment, names), _one_line(segment.text)
    return f"{_one_line(name)}: {text}" if name else text


# ---- cues


def cues(transcript: Transcript) -> Iterator[Segment]:
    """The segments, in pieces that can be read on a screen, by start."""
    pieces = (piece for segment in transcript.segments if _one_line(segment.text) for piece in _split(segment))
    yield from sorted(pieces, key=lambda piece: piece.start)


def _split(segment: Segment) -> Iterator[Segment]:
    places = _places(segment)
    begin = 0
    for index in range(1, len(places)):
        if _is_full(segment, places, begin, index):
            yield _piece(segment, places, begin, index)
            begin = index
    if begin:
        yield _piece(segment, places, begin, len(places))
    else:
        yield segment


def _places(segment: Segment) -> list[int]:
    """Where in the text each word begins; nothing if one can't be found."""
    places, place = [], 0
    for word in segment.words:
        place = segment.text.find(word.text.strip(), place)
        if place < 0:
            return []
        places.append(place)
        place += len(word.text.strip())
    return places


def _is_full(segment: Segment, places: Sequence[int], begin: int, index: int) -> bool:
    """Whether the words from `begin` on end before word `index`: a sentence that is long enough, or no more room."""
    words: Sequence[Word] = segment.words
    stop = places[index + 1] if index + 1 < len(places) else len(segment.text)
    length, lasts = stop - places[begin], words[index].end - words[begin].start
    half = places[index] - places[begin] > _CHARACTERS / 2
    ends = words[index - 1].text.strip().endswith(_SENTENCE)
    return length > _CHARACTERS or lasts > _SECONDS or (half and ends)


def _piece(segment: Segment, places: Sequence[int], begin: int, end: int) -> Segment:
    words = segment.words[begin:end]
    last = end == len(places)
    text = segment.text[places[begin] if begin else 0 : None if last else places[end]].strip()
    start = segment.start if not begin else words[0].start
    stop = segment.end if last else min(words[-1].end, segment.words[end].start)
    return evolve(segment, start=start, end=max(stop, start), text=text, words=words)


# ---- text and times


def _times(cue: Segment, point: str) -> str:
    return f"{_clock(cue.start, point)} --> {_clock(max(cue.end, cue.start + _SHORTEST), point)}"


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(max(seconds, 0.0) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _short_clock(seconds: float) -> str:
    return _clock(seconds, ".").removeprefix("00:")[:-4]


def _one_line(text: str) -> str:
    """Without line breaks, which end a cue, and without the arrow, which begins one."""
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip().replace("-->", "→")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
