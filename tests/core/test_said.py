"""What was said, by whom, and where it is found."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given

from callkit.core.analysis import Results
from callkit.core.passages import MOST, Passage, hits, passages
from callkit.core.said import Phrase, Said, said_in
from callkit.core.transcript import Segment, Transcript, Word
from callkit.core.words import stems
from callkit.errors import InvalidQueryError
from callkit.testing.sayings import empty_results, phrases, sayings

SIDES = ("customer", "agent")


def results(*segments: Segment, sides: tuple[str | None, ...] = SIDES, **facts: Any) -> Results:
    transcript = Transcript(segments, "en", 60.0, "scripted", **facts)
    return evolve(empty_results(), transcript=transcript, sides=sides)


def line(start: float, text: str, channel: int | None = 0, **facts: Any) -> Segment:
    return Segment(start, start + 1, text, channel, **facts)


TALK = results(
    line(0, "I want to cancel my"),
    line(1, "Yes, hello?", 1),
    line(2, "Orders, and a REFUND."),
    line(3, "My order desk.", 1),
)


def said(results: Results = TALK) -> Said:
    found = said_in(results)
    assert found is not None
    return found


def test_what_each_side_says_stands_together() -> None:
    assert said().customer == " i want to cancel my order and a refund "
    assert said().agent == " yes hello my order desk "
    assert said().others == ""
    assert said().layouts == (((1, 2), (3, 3)), ((0, 5), (2, 4)), ())


def test_two_parties_of_one_side_are_kept_apart() -> None:
    two = results(line(0, "cancel my", 0), line(1, "order", 1), line(2, "cancel", 0), sides=("agent", "agent"))
    assert said(two).agent == " cancel my cancel · order "
    assert not said(two).holds(Phrase.of("my order"))
    assert not said(two).holds(Phrase.of("cancel order"))
    assert said(two).holds(Phrase.of("my cancel"))


@pytest.mark.parametrize(
    ("text", "side", "found"),
    [
        ("cancel my order", None, True),
        ("cancel my order", "customer", True),
        ("cancel my order", "agent", False),
        ("my orders", "agent", True),
        ("hello my", "agent", True),
        ("hello my", "customer", False),
        ("hello order", None, False),
        ("and a refund", None, True),
        ("fund", None, False),
        ("desk i", None, False),
    ],
)
def test_a_phrase_is_what_one_party_says(text: str, side: Any, found: bool) -> None:
    assert said().holds(Phrase.of(text, side)) is found


def test_without_channels_speakers_are_parties() -> None:
    mono = results(
        line(0, "cancel", None, speaker="A"), line(1, "my", None, speaker="B"), line(2, "order", None, speaker="A")
    )
    assert said(mono).others == " cancel order · my "
    nobody = results(line(0, "cancel", None), line(1, "my", None))
    assert said(nobody).holds(Phrase.of("cancel my"))


def test_a_channel_beyond_those_known_is_nobodys() -> None:
    assert said(results(line(0, "hello", 7), line(1, "hi", -1))).others == " hello · hi "


@pytest.mark.parametrize(
    "nothing", [empty_results(), results(line(0, "hello"), synthetic=True), results(line(0, "?!")), results()]
)
def test_what_was_not_said_is_nothing(nothing: Results) -> None:
    assert said_in(nothing) is None


@pytest.mark.parametrize(
    ("words", "side"), [((), None), (("a b",), None), (('"',), None), (("",), None), (("a",), "boss")]
)
def test_what_is_no_phrase_is_refused(words: tuple[str, ...], side: Any) -> None:
    with pytest.raises(InvalidQueryError):
        Phrase(words, side)
    with pytest.raises(InvalidQueryError):
        Phrase.of("?!")


@given(sayings(), phrases())
def test_every_find_has_its_places(results: Results, phrase: Phrase) -> None:
    """Held against the words of the segments, one by one."""
    found = said_in(results)
    if found is None:
        return
    assert results.transcript is not None
    places = list(found.places(phrase))
    assert bool(places) is found.holds(phrase)
    words = [stems(segment.text) for segment in results.transcript.segments]
    pieces = [words[segment][first : last + 1] for _, segment, first, last in places]
    assert all(pieces)
    joined = [word for piece in pieces for word in piece]
    assert joined == list(phrase.words) * (len(joined) // len(phrase.words))
    assert len(joined) // len(phrase.words) == sum(1 for _ in found._finds(phrase))
    assert (found.score([phrase]) > 0) is bool(places)


def test_more_is_better_but_less_and_less() -> None:
    refund, order = Phrase.of("refund"), Phrase.of("order")
    once, often = said(results(line(0, "refund order"))), said(results(line(0, "refund " * 9)))
    assert once.score([refund]) < often.score([refund]) < 9 * once.score([refund])
    assert once.score([refund, order]) == 2 * once.score([refund])


# ---- passages


def shown(results: Results, *texts: str) -> tuple[Passage, ...]:
    assert results.transcript is not None
    return passages(said(results), [Phrase.of(text) for text in texts], results.transcript.segments)


def test_marks_are_places_in_the_text() -> None:
    [one] = shown(TALK, "refunds")
    assert (one.start, one.end, one.channel, one.side) == (2.0, 3.0, 0, "customer")
    assert [one.text[start:end] for start, end in one.marks] == ["REFUND"]


def test_a_phrase_is_marked_in_one_and_over_segments() -> None:
    found = shown(TALK, "cancel my order")
    assert [[one.text[start:end] for start, end in one.marks] for one in found] == [["cancel my"], ["Orders"]]


def test_marks_that_overlap_are_one() -> None:
    [one] = shown(results(line(0, "no, no, no! yes")), "no no", "yes")
    assert [one.text[start:end] for start, end in one.marks] == ["no, no, no", "yes"]


def test_of_a_side_only_its_words_are_marked() -> None:
    assert TALK.transcript is not None
    [one] = passages(said(), [Phrase.of("order", "agent")], TALK.transcript.segments)
    assert (one.side, one.text) == ("agent", "My order desk.")


def test_each_phrase_has_its_first_passage() -> None:
    talk = results(*(line(number, "order") for number in range(9)), line(9, "refund"))
    assert [one.start for one in shown(talk, "order", "refund")] == [0, 1, 9]
    assert len(shown(talk, "order")) == MOST


def test_it_begins_where_the_first_marked_word_does() -> None:
    words = (Word(2.1, 2.3, "Orders,"), Word(2.4, 2.5, "and"), Word(2.5, 2.6, "a"), Word(2.7, 2.9, "RE-FUND."))
    timed = results(line(2, "Orders, and a RE-FUND.", words=words))
    assert [one.start for one in shown(timed, "fund")] == [2.7]
    assert [one.start for one in shown(timed, "and")] == [2.4]
    assert [one.start for one in shown(timed, "orders")] == [2.1]
    other = results(line(2, "Orders, and a RE-FUND.", words=words[:3]))
    assert [one.start for one in shown(other, "fund")] == [2]


def test_text_that_no_database_keeps_is_replaced() -> None:
    [one] = shown(results(line(0, "a\0\udc80b refund")), "refund")
    assert one.text == "a??b refund"
    assert one.text[slice(*one.marks[0])] == "refund"


@given(sayings(), phrases(), phrases())
def test_marks_are_in_order_and_apart(results: Results, one: Phrase, other: Phrase) -> None:
    found = said_in(results)
    if found is None or results.transcript is None:
        return
    chosen = hits(found, [one, other])
    assert [hit.segment for hit in chosen] == sorted({hit.segment for hit in chosen})
    for passage in passages(found, [one, other], results.transcript.segments):
        edges = [edge for mark in passage.marks for edge in mark]
        assert edges == sorted(edges)
        assert edges
        wanted = {*one.words, *other.words}
        assert all(wanted & set(stems(passage.text[start:end])) for start, end in passage.marks)
