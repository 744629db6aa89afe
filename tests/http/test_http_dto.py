"""Models are derived from attrs classes: they describe what is sent, and check what is received."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import pytest
from attrs import frozen
from hypothesis import given, settings
from pydantic import BaseModel, TypeAdapter, ValidationError

from callkit.core.analysis import Analysis, Results
from callkit.core.call import Call, Recording
from callkit.core.page import Page
from callkit.http.answers import CALL, PAGE, SUMMARY, call_json, json_answer, page_json
from callkit.http.dto import Moment, answer, body, derived
from callkit.http.parameters import NewCall
from callkit.testing.strategies import calls, results
from callkit.wire import to_values


@frozen
class Inner:
    """Inside."""

    when: datetime
    kind: Literal["a", "b"] = "a"


@frozen
class Outer:
    """Outside.

    Attributes:
        many: of them.
    """

    many: tuple[Inner, ...]
    facts: Mapping[str, float | None]
    pair: tuple[float, int] = (0.0, 1)
    note: str | None = None
    hidden: int = 7


def schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def test_the_shape_is_that_of_the_class() -> None:
    found = schema(answer(Outer))
    assert found["required"] == ["many", "facts", "pair", "note", "hidden"], "in an answer all are there"
    assert found["additionalProperties"] is False
    assert found["description"] == "Outside."
    inner = found["$defs"]["Inner"]["properties"]
    assert inner["when"] == {"type": "string", "format": "date-time", "title": "When"}
    assert inner["kind"]["enum"] == ["a", "b"]
    assert answer(Outer) is answer(Outer)


def test_a_part_of_a_class_with_more() -> None:
    found = derived("Other", Outer, without=("hidden", "many"), more={"inner": Inner | None})
    assert list(found.model_fields) == ["facts", "pair", "note", "inner"]


def test_a_body_has_defaults_and_refuses_what_it_does_not_know() -> None:
    model = body(Outer)
    made = model.model_validate({"many": [], "facts": {"x": 1.0}})
    assert made.model_dump() == {"many": (), "facts": {"x": 1.0}, "pair": (0.0, 1), "note": None, "hidden": 7}
    for wrong in ({"more": 1}, {"note": "\x00"}, {"note": "x" * 1001}):
        with pytest.raises(ValidationError):
            model.model_validate({"many": [], "facts": {}} | wrong)


@pytest.mark.parametrize("time", ["2026-01-31T08:30:00Z", "2026-01-31t08:30:00.25z", "2026-01-31 10:30:00+02:00"])
def test_times_become_utc(time: str) -> None:
    found: datetime = TypeAdapter(Moment).validate_python(time)
    assert (found.tzinfo, found.replace(microsecond=0)) == (UTC, datetime(2026, 1, 31, 8, 30, tzinfo=UTC))


@pytest.mark.parametrize("model", [CALL, SUMMARY, PAGE, answer(Analysis), answer(Recording), body(NewCall)])
def test_models_have_schemas(model: type[BaseModel]) -> None:
    assert schema(model)["type"] == "object"


def test_nothing_of_a_call_is_told_or_hidden_by_accident() -> None:
    hidden = {"lease", "tombstone"}
    assert set(SUMMARY.model_fields) == {field.name for field in Call.__attrs_attrs__} - hidden | {"passages"}
    assert set(CALL.model_fields) == set(SUMMARY.model_fields) - {"passages"} | {"analysis", "transcript"}


@settings(max_examples=60)
@given(call=calls(), found=results())
def test_what_is_sent_is_what_is_described(call: Call, found: Results) -> None:
    sent = bytes(json_answer(call_json(call, found)).body)
    CALL.model_validate_json(sent)
    assert orjson.loads(sent)["id"] == str(call.id)
    PAGE.model_validate_json(bytes(json_answer(page_json(Page((call,)), limit=1, offset=0, total=None)).body))
    answer(Analysis).model_validate(to_values(found.analysis))
    if call.recording:
        silence = found.analysis.silence
        marks = orjson.loads(sent)["recording"]["silence_marks"]
        assert [(mark["start"], mark["end"]) for mark in marks] == [(mark.start, mark.end) for mark in silence]
