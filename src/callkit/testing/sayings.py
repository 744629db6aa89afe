"""Hypothesis strategies: what is said in calls, and sought in it. Words come from a small stock, so that they meet."""

from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from callkit.core.analysis import Analysis, Results
from callkit.core.said import Phrase
from callkit.core.transcript import Segment, Transcript, Word

__all__ = ["empty_results", "phrases", "sayings", "transcripts"]

_WORDS = (
    *(
        "cancel",
        "my",
        "order",
        "Orders",
        "refund",
        "REFUNDED",
        "the",
        "a",
        "I",
        "don't",
        "e-mail",
        "4711",
        "x_y",
        "𞤀𞤣𞤤𞤢𞤥",
    ),
    *("возврат", "возврата", "Ёлка", "елки", "и", "не", "Straße", "STRASSE", "退款", "ขอคืน", "cafe\u0301", "café"),
    *("ﷺ", "İ", "¼", "Ａｂｃ", "😀", "·", '"', "'", "AND", "NEAR", "*", "x" * 120, "y" * 120 + "z"),
)
_OFTEN = ("cancel my order", "a refund, cancel", "не возврат и", "退款 the refund")  # so that phrases are found, too
_BETWEEN = (" ", " ", ", ", "! ", "\n", " 😀 ", "-", "?")
_SIDES: st.SearchStrategy[Any] = st.sampled_from(["agent", "customer", None])
_TIMES = st.floats(0, 3600)


def _texts(most: int) -> st.SearchStrategy[str]:
    said = st.sampled_from(_OFTEN) | st.sampled_from(_WORDS)
    piece = st.tuples(said, st.sampled_from(_BETWEEN)).map("".join)
    return st.lists(piece, max_size=most).map("".join)


def _timed(segment: Segment) -> st.SearchStrategy[Segment]:
    """With times for its words, or for others: engines may give what they like."""
    words = st.lists(st.builds(Word, _TIMES, _TIMES, _texts(1), st.none() | st.floats(0, 1)), max_size=3)
    own = tuple(Word(segment.start + n / 4, segment.end, word, 0.5) for n, word in enumerate(segment.text.split()))
    return (st.just(()) | st.just(own) | words.map(tuple)).map(lambda some: evolve(segment, words=some))


def transcripts() -> st.SearchStrategy[Transcript]:
    """Transcripts in many languages, of one party or several, now and then synthetic."""
    segment = st.builds(
        Segment,
        _TIMES,
        _TIMES,
        _texts(5),
        channel=st.sampled_from([None, 0, 0, 1, 1, 2]),
        speaker=st.sampled_from([None, None, "A", "Б"]),
        language=st.sampled_from([None, "en", "ru-RU"]),
        confidence=st.none() | st.floats(0, 1),
    ).flatmap(_timed)
    return st.builds(
        Transcript,
        st.lists(segment, max_size=5).map(tuple),
        language=st.sampled_from([None, "en"]),
        duration=_TIMES,
        engine=st.just("scripted"),
        synthetic=st.integers(0, 9).map(lambda dice: dice == 0),
    )


def empty_results(fingerprint: str = "one") -> Results:
    """Of an empty recording."""
    return Results(
        Analysis(0.0, 8000, 1, 0, "wav", "pcm_s16le", None, False, (), (), 0.0, (), None, "adaptive", {}, fingerprint)
    )


def sayings() -> st.SearchStrategy[Results]:
    """Results of which nothing but the transcript matters."""
    some = st.none() | transcripts() | transcripts()
    sides = st.lists(_SIDES, max_size=3).map(tuple)
    return st.builds(lambda said, who: evolve(empty_results(), transcript=said, sides=who), some, sides)


def phrases() -> st.SearchStrategy[Phrase]:
    """One to three words, some of which are never said."""
    texts = st.lists(st.sampled_from((*_WORDS, "absent")), min_size=1, max_size=3).map(" ".join)
    often = st.tuples(st.sampled_from(_OFTEN), st.integers(0, 1), st.integers(1, 3))
    parts = often.map(lambda it: " ".join(it[0].split()[it[1] :][: it[2]]))
    with_words = (parts | texts).filter(lambda text: any(map(str.isalnum, text)))
    return st.builds(Phrase.of, with_words, _SIDES)
