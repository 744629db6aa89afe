from datetime import UTC

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from callkit.core.analysis import Analysis, Results
from callkit.core.call import Call, Recording, Status
from callkit.core.number import WITHHELD, normalise
from callkit.core.query import Query, matches
from callkit.testing.strategies import Story, analyses, calls, numbers, queries, recordings, results, stories

SEARCHING = settings(max_examples=5000, database=None, derandomize=True, suppress_health_check=list(HealthCheck))

NUMBERS = {
    "unknown": lambda number: number == "",
    "a plus": lambda number: number.startswith("+"),
    "spaces": lambda number: " " in number,
    "ASCII letters": lambda number: number.isascii() and normalise(number).isalpha(),
    "Cyrillic": lambda number: any("а" <= c <= "я" for c in number.lower()),
    "withheld": lambda number: normalise(number) == WITHHELD,
    "a SIP address": lambda number: "<sip:" in number,
    "digits of another script": lambda number: any(c.isdecimal() and not c.isascii() for c in number),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_of_every_kind(kind: str) -> None:
    find(numbers(), NUMBERS[kind], settings=SEARCHING)


def test_calls_begin_in_the_same_millisecond() -> None:
    pairs = st.tuples(calls(), calls())
    find(pairs, lambda both: both[0].started_at == both[1].started_at and both[0].id != both[1].id, settings=SEARCHING)


def test_calls_collide_by_what_a_source_calls_them() -> None:
    pairs = st.tuples(calls(), calls())
    find(pairs, lambda both: (both[0].source, both[0].external_id) == (both[1].source, both[1].external_id))


@given(call=calls(status=st.just(Status.READY), tags=st.just(["vip"])))
def test_fields_of_calls_can_be_chosen(call: Call) -> None:
    assert (call.status, call.tags, call.started_at.tzinfo) == (Status.READY, ("vip",), UTC)


@given(recording=recordings(), analysis=analyses(), measured=results())
def test_parts_are_what_they_are_called(recording: Recording, analysis: Analysis, measured: Results) -> None:
    assert len(recording.sha256) == 64
    assert isinstance(measured.analysis, type(analysis))


@pytest.mark.parametrize("filtered", ["numbers", "caller", "receiver", "statuses", "tags", "comparisons", "sha256"])
def test_every_filter_finds_a_call_and_misses_another(filtered: str) -> None:
    def tells_apart(story: Story) -> bool:
        return any(
            getattr(query, filtered) and {matches(query, call) for call in story.calls} == {True, False}
            for query, _ in story.searches
        )

    find(stories(), tells_apart, settings=SEARCHING)


def test_many_searches_for_numbers_find_some_of_the_calls() -> None:
    found: list[bool] = []

    @settings(max_examples=400, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(story=stories())
    def look(story: Story) -> None:
        searches = [query for query, _ in story.searches if query.numbers]
        found.extend(any(matches(query, call) for call in story.calls) for query in searches)

    look()
    assert len(found) >= 200
    assert sum(found) >= len(found) / 3


@given(query=queries())
def test_queries_need_no_calls(query: Query) -> None:
    assert isinstance(query.numbers, tuple)
    assert all(number == normalise(number) for number in query.numbers)
