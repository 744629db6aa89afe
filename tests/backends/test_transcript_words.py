"""Words to regions: texts as the engine writes them, whatever it leaves out of its words."""

from typing import Any

import pytest

from callkit.backends.transcribers.pieces import Piece
from callkit.backends.transcribers.wording import in_regions, of_region
from callkit.core.transcript import Segment, Transcript, Word

PIECE = Piece(0, ((1000, 1100), (1300, 1400)))  # in the clip: 0 to 1 s, and 1.4 to 2.4 s


def said(*segments: Segment, language: str | None = "en") -> Transcript:
    return Transcript(segments, language, 2.4, "test")


def words(*texts: str, start: float = 0.1, confidence: float | None = 0.8) -> tuple[Word, ...]:
    return tuple(
        Word(start + 0.2 * number, start + 0.2 * number + 0.2, text, confidence) for number, text in enumerate(texts)
    )


def texts(*segments: Segment) -> list[str]:
    return [segment.text for segment in in_regions(PIECE, said(*segments)).segments]


def test_what_stands_between_words_stays() -> None:
    own = words("Good", "day", "Mr", "Smith")
    assert texts(Segment(0.1, 0.9, '"Good day," Mr. Smith!', words=own)) == ['"Good day," Mr. Smith!']


def test_it_is_cut_where_the_regions_are() -> None:
    own = (*words("Good", "day."), *words("Bye", "now", start=1.5))
    assert texts(Segment(0.1, 1.9, " Good day. Bye, now.", words=own)) == ["Good day.", "Bye, now."]


def test_segments_of_one_region_are_one() -> None:
    first, second = words("Good"), words("day", start=0.5)
    assert texts(Segment(0.1, 0.3, " Good", words=first), Segment(0.5, 0.7, " day.", words=second)) == ["Good day."]


def test_scripts_without_spaces_get_none() -> None:
    first, second = words("你", "好"), words("再见", start=0.6)
    assert texts(Segment(0.1, 0.5, "你好", words=first), Segment(0.6, 0.8, "再见", words=second)) == ["你好再见"]
    assert texts(Segment(0.1, 0.5, "안녕", words=words("안녕")), Segment(0.6, 0.8, "네", words=words("네"))) == [
        "안녕 네"
    ]


def test_words_that_are_not_in_the_text_are_put_together() -> None:
    assert texts(Segment(0.1, 0.9, "£5", words=words("five", "pounds"))) == ["five pounds"]


def test_a_segment_without_words_goes_where_its_middle_is() -> None:
    found = in_regions(PIECE, said(Segment(1.2, 2.2, "all of it", confidence=0.4)))
    (segment,) = found.segments
    assert (segment.text, segment.start, segment.end, segment.words) == ("all of it", 13.0, 14.0, ())
    assert segment.confidence == 0.4


def test_empty_words_are_none() -> None:
    assert texts(Segment(0.1, 0.3, " ", words=words(" "))) == []
    assert texts(Segment(0.1, 0.3, "")) == []


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [(0.9, 1.0, 10.9), (1.0, 1.3, 11.0), (1.15, 1.35, 13.0), (2.3, 2.6, 13.9), (-0.4, -0.2, 10.0), (3.3, 3.4, 14.0)],
)
def test_a_word_beside_a_region_is_moved_into_the_nearest(start: float, end: float, place: float) -> None:
    (segment,) = in_regions(PIECE, said(Segment(start, end, "x", words=(Word(start, end, "x"),)))).segments
    assert segment.words[0].start == place
    assert segment.start <= segment.words[0].end <= segment.end


@pytest.mark.parametrize("when", [-1.2, 3.5, float("nan"), float("inf")])
def test_one_that_is_far_from_all_is_dropped(when: float) -> None:
    found = in_regions(PIECE, said(Segment(0.0, 1.0, "x", words=(Word(when, when, "x"),))))
    assert (found.segments, found.dropped) == ((), 1)


def confidence(*values: Any, own: Any = None) -> float | None:
    spoken = tuple(Word(0.1, 0.2, "x", value) for value in values)
    text = " ".join("x" for _ in values)
    return in_regions(PIECE, said(Segment(0.1, 0.2, text, confidence=own, words=spoken))).segments[0].confidence


def test_confidence_is_the_words_mean_and_never_made_up() -> None:
    assert confidence(0.5, 0.7) == 0.6
    assert confidence(0.5, None) == 0.5
    assert confidence(None, own=0.25) == 0.25
    assert confidence(None) is None
    assert confidence(float("nan"), 2.0) is None


def test_the_segments_language_beats_the_transcripts() -> None:
    spoken = said(Segment(0.1, 0.3, "oui", language="fr", words=words("oui")), language="en")
    assert in_regions(PIECE, spoken).segments[0].language == "fr"


def test_an_engine_without_words_fills_the_region() -> None:
    found = of_region((100, 200), said(Segment(0, 0.5, " Good", confidence=0.5), Segment(0.5, 1, " day. ")))
    assert [(one.start, one.end, one.text, one.confidence) for one in found.segments] == [(1.0, 2.0, "Good day.", 0.5)]
    assert of_region((100, 200), said()).segments == ()
