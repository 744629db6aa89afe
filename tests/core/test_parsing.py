"""What a person may type, and what it means."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.call import Status
from callkit.core.parsing import parse
from callkit.core.query import Comparison, Query, matches
from callkit.core.said import Phrase, said_in
from callkit.core.transcript import Segment, Transcript
from callkit.errors import InvalidQueryError
from callkit.testing.agreement import some_call
from callkit.testing.sayings import empty_results
from callkit.testing.strategies import calls, queries

SEGMENTS = (Segment(0, 2, "Cancel my orders, number 4711.", 0), Segment(2, 3, "Yes, hello: the refund…", 1))
TALK = evolve(empty_results(), transcript=Transcript(SEGMENTS, "en", 3.0, "scripted"), sides=("customer", "agent"))
CALL = some_call(
    caller="+44 20 7946 0018",
    receiver="sip:alice.refunder@pbx.example",
    status=Status.READY,
    tags=["vip"],
    silence_share=0.4,
    talk_share=0.6,
    overlap_share=0.05,
)


def finds(text: str) -> bool:
    return matches(parse(text), CALL, said_in(TALK))


@pytest.mark.parametrize(
    "text",
    [
        "refund",
        "REFUNDS cancelled",
        "alice",
        '"cancel my order"',
        '"Orders,  NUMBER"',
        "said:4711",
        '"4711"',
        "number:alice",
        'customer:"cancel my order"',
        "agent:refund",
        "agent:refund customer:cancel",
        "-zebra",
        "-agent:cancel",
        '-"my hello"',
        "zebra OR refund",
        "zebra OR mango OR alice",
        "cancel zebra OR refund 7946",
        "zebra OR -mango",
        "-zebra -mango",
        "status:failed OR status:ready",
        "-status:failed",
        "-tag:other OR zebra",
        "after:2026-09-14 before:2026-09-15",
        "talk>50% overlap<10% silence<=0.4",
        "I OR cancel",
        "the",
        "-or",
        '"OR" OR cancel',
    ],
)
def test_found(text: str) -> None:
    assert finds(text)


@pytest.mark.parametrize(
    "text",
    [
        "zebra",
        "said:alice",
        "number:cancel",
        "4711",
        '"my hello"',
        "agent:cancel",
        'agent:"cancel my"',
        "customer:refund",
        "-refund",
        '-"cancel my order"',
        "refund -alice",
        "zebra OR mango",
        "refund zebra OR mango",
        "zebra OR refund mango",
        "-refund OR -cancel",
        "status:ready -tag:vip",
        "status:ready status:failed",
        "from:7946 from:alice",
        "before:2026-09-14",
        "after:2026-09-15",
        "talk>70%",
        "overlap>5%",
        "I",
        "or",
    ],
)
def test_not_found(text: str) -> None:
    assert not finds(text)


@pytest.mark.parametrize("text", ["refund", "talk>0%", "overlap<=100%", "agent:yes"])
def test_what_is_not_known_is_not_found(text: str) -> None:
    assert not matches(parse(text), some_call())


def phrase(text: str, side: Any = None) -> Query:
    return Query(phrases=[Phrase.of(text, side)])


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("7946", Query(numbers=["7946"])),
        ("+44(20)79-46", Query(numbers=["+442079 46"])),
        ("*21#", Query(numbers=["*21#"])),
        ("refund", Query(any_of=[(phrase("refund"), Query(numbers=["refund"]))])),
        ("да", phrase("да")),
        ("don't", Query(any_of=[(phrase("don t"), Query(numbers=["don't"]))])),
        ('"cancel my order"', phrase("cancel my order")),
        ('"+44 20"', Query(any_of=[(phrase("44 20"), Query(numbers=["+4420"]))])),
        ("agent:refund", phrase("refund", "agent")),
        ("said:refund said:refunds", phrase("refund")),
        ("-7946", Query(without=[Query(numbers=["7946"])])),
        ("a -said:x OR said:y", phrase("a") & Query(any_of=[(Query(without=[phrase("x")]), phrase("y"))])),
        ("tag:a tag:b", Query(tags={"a", "b"})),
        ("talk=10%", Query(comparisons=(Comparison("talk_share", "=", 0.1),))),
    ],
)
def test_what_it_is(text: str, query: Query) -> None:
    assert parse(text) == query


@pytest.mark.parametrize(
    ("before", "until"), [("2026-09-14", "2026-09-13"), ("2026-09-14T10:30", "2026-09-14T10:30:00Z")]
)
def test_before_leaves_the_day_out_and_until_takes_it_in(before: str, until: str) -> None:
    assert parse(f"before:{before}") == parse(f"until:{until}")
    assert parse("after:2026-09-14") == parse("since:2026-09-14")
    assert parse("before:2026-09-14").until == datetime(2026, 9, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "term", "character", "why"),
    [
        ("refund (a OR b)", "(a", 8, "there are no brackets"),
        ("a OR", "OR", 3, "OR stands between two terms"),
        ("OR a", "OR", 1, "OR stands between two terms"),
        ("a OR OR b", "OR", 6, "OR stands between two terms"),
        ("a AND b", "AND", 3, "terms must all hold"),
        ("NOT a", "NOT", 1, '"-" in front'),
        ("a statsu:ready", "statsu:ready", 3, "perhaps status is meant"),
        ("zzzzz:1", "zzzzz:1", 1, "there are number, caller, from"),
        ("agent:???", "agent:???", 1, "there is no word in it"),
        ('"?!"', '"?!"', 1, "there is no word in it"),
        ("caller:", "caller:", 1, "nothing is asked for"),
        ('tag:""', 'tag:""', 1, "nothing is asked for"),
        ("talk>40", "talk>40", 1, "a share is 0 to 1"),
        ("overlap>x", "overlap>x", 1, "a share is 0 to 1"),
        ('refund agent:"cancel my', 'agent:"cancel', 8, "open quotation mark"),
        ("- a", "-", 1, "nothing of it is part of a number"),
    ],
)
def test_a_wrong_query_says_what_where_and_why(text: str, term: str, character: int, why: str) -> None:
    with pytest.raises(InvalidQueryError, match=re.escape(f"{term!r} (character {character}): ")) as caught:
        parse(text)
    assert why in caught.value.why


def test_a_query_may_be_long_but_has_so_many_terms() -> None:
    assert len(parse(f'"{"refund " * 1500}"').phrases[0].words) == 1500
    assert parse("x" * 10_000).any_of
    with pytest.raises(InvalidQueryError, match="more than 200 terms"):
        parse("refund " * 1400)


@given(st.text(alphabet=st.sampled_from('abOR1:><="+ -%,.éя退()\u0660'), max_size=20) | st.text(max_size=30))
def test_any_text_is_a_query_or_an_error(text: str) -> None:
    try:
        query = parse(text)
    except InvalidQueryError:
        return
    assert matches(query, CALL, said_in(TALK)) in {True, False}


@given(queries(), queries(), calls())
def test_both_means_one_and_the_other(one: Query, other: Query, call: Any) -> None:
    said = said_in(TALK)
    assert matches(one & other, call, said) is (matches(one, call, said) and matches(other, call, said))


@given(queries(), st.lists(queries(), max_size=3), calls())
def test_without_and_any_of(one: Query, others: list[Query], call: Any) -> None:
    some = [matches(other, call) for other in others]
    assert matches(one & Query(without=others), call) is (matches(one, call) and not any(some))
    assert matches(one & Query(any_of=[others]), call) is (matches(one, call) and any(some))
