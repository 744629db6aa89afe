import json
import re
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from callkit.core.transcript import SYNTHETIC, Segment, Transcript, Word, speaker_of
from callkit.interop.subtitles import cues, to_dict, to_srt, to_txt, to_vtt

DATA = Path(__file__).parents[1] / "data"
SAID = (
    (1.0, 8.0, 0, "Thank you for calling <Example> & Co."),
    (8.5, 12.3, 1, "Hello, I have a question."),
    (12.0, 15.0, 0, "Of course."),
    (14.0, 14.3, 1, "Mm-hm."),
    (19.0, 24.0, 1, "It is about my bill."),
    (20.0, 21.5, 0, "Your bill?"),
    (46.0, 55.0, 0, "Thank you for holding."),
    (52.0, 57.0, 1, "That is fine."),
    (57.6, 58.3, 0, "Goodbye."),
)
NAMES = ("Agent", "Customer")


def transcript(*segments: Segment, synthetic: bool = False) -> Transcript:
    return Transcript(tuple(segments), "en", 60.0, "whisper", "base", synthetic)


EXAMPLE = transcript(*(Segment(start, end, text, channel) for start, end, channel, text in SAID))


def spoken(text: str, step: float = 0.4, start: float = 0.0) -> Segment:
    words = text.split()
    times = [start + step * number for number in range(len(words) + 1)]
    given = tuple(Word(times[n], times[n + 1], word) for n, word in enumerate(words))
    return Segment(start, times[-1], text, 0, words=given)


def test_the_worked_example_as_webvtt() -> None:
    assert to_vtt(EXAMPLE, NAMES, hold=[(26.0, 44.0)]) == (DATA / "sample.vtt").read_text("utf-8")


def test_the_worked_example_as_subrip() -> None:
    assert to_srt(EXAMPLE, NAMES) == (DATA / "sample.srt").read_text("utf-8")


def test_the_worked_example_as_text() -> None:
    assert to_txt(EXAMPLE, NAMES).splitlines()[:2] == [
        "[00:01] Agent: Thank you for calling <Example> & Co.",
        "[00:08] Customer: Hello, I have a question.",
    ]
    assert to_txt(transcript(Segment(3725.0, 3726.0, "Да."))) == "[01:02:05] Да.\n"


def test_all_that_is_known_as_json() -> None:
    document = json.loads(json.dumps(to_dict(transcript(spoken("so be it"), synthetic=True), NAMES)))
    assert document["synthetic"] is True
    [segment] = document["segments"]
    assert (segment["speaker"], segment["channel"], segment["text"]) == ("Agent", 0, "so be it")
    assert segment["words"][1] == {"start": 0.4, "end": 0.8, "text": "be", "confidence": None}


def test_nothing_said_is_a_file_all_the_same() -> None:
    assert (to_vtt(transcript()), to_srt(transcript()), to_txt(transcript())) == ("WEBVTT\n", "", "")


def test_a_placeholder_says_so_in_every_format() -> None:
    stand_in = transcript(Segment(0.0, 1.0, "Hello."), synthetic=True)
    assert f"NOTE {SYNTHETIC}" in to_vtt(stand_in)
    assert "[placeholder] Hello." in to_srt(stand_in)
    assert to_txt(stand_in).startswith(SYNTHETIC)


def test_who_said_it() -> None:
    assert speaker_of(Segment(0, 1, "", 1), NAMES) == "Customer"
    assert speaker_of(Segment(0, 1, "", 1, speaker="Мария"), NAMES) == "Мария"
    assert speaker_of(Segment(0, 1, "", 2), NAMES) is None
    assert speaker_of(Segment(0, 1, "")) is None


def test_a_long_segment_becomes_cues_at_sentences() -> None:
    text = "I would like to cancel my order that I made last week. " * 3
    pieces = list(cues(transcript(spoken(text.strip()))))
    assert [piece.text for piece in pieces] == ["I would like to cancel my order that I made last week."] * 3
    assert pieces[0].start == 0.0
    assert pieces[1].start == pieces[0].end == 12 * 0.4


def test_without_words_a_segment_stays_whole() -> None:
    long = Segment(0.0, 60.0, "word " * 100, 0)
    assert list(cues(transcript(long))) == [long]
    missing = Segment(0.0, 60.0, "word " * 100, 0, words=(Word(0.0, 1.0, "other"),))
    assert list(cues(transcript(missing))) == [missing]


def test_text_cannot_break_out_of_its_cue() -> None:
    nasty = Segment(0.0, 1.0, "a\n\n2\n00:00:00.000 --> 00:00:09.000\n<b>&", 0, speaker="x>\ny")
    vtt = to_vtt(transcript(nasty))
    assert vtt.count("-->") == 1
    assert vtt.count("\n\n") == 1
    assert "<v x&gt; y>a 2 00:00:00.000 → 00:00:09.000 &lt;b&gt;&amp;</v>" in vtt
    assert to_srt(transcript(nasty)).count("-->") == 1


def test_a_cue_lasts_at_least_a_millisecond() -> None:
    assert "00:00:01.000 --> 00:00:01.001" in to_vtt(transcript(Segment(1.0, 1.0, "x")))


@given(st.text(alphabet="abc .?ж ", min_size=1, max_size=400), st.floats(0.05, 3.0))
def test_cues_hold_every_word_once_in_order(text: str, step: float) -> None:
    segment = spoken(text, step)
    pieces = list(cues(transcript(segment)))
    assert " ".join(piece.text for piece in pieces).split() == text.split()
    assert all(before.end <= after.start for before, after in pairwise(pieces))
    if text.split():
        assert (pieces[0].start, pieces[-1].end) == (segment.start, segment.end)
    assert all(len(piece.text) <= 84 or len(piece.words) == 1 for piece in pieces)


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=10))
def test_any_text_gives_a_file_of_cues(texts: list[str], name: str) -> None:
    said = transcript(*(Segment(number, number + 1.0, text, 0) for number, text in enumerate(texts)))
    blocks = to_vtt(said, [name]).split("\n\n")[1:]
    assert all(re.match(r"\d+\n\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\n[^\n]*\n?$", block) for block in blocks)
