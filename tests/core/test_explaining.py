"""Every figure can be explained, and the explanation adds up."""

import doctest
import json
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from callkit.core import explaining, intervals, party
from callkit.core.conversation import Conversation, Latency, PartyTalk, Rules, measure_conversation
from callkit.core.definitions import DEFINITIONS
from callkit.core.evidence import Stretch
from callkit.core.explaining import Explanation, explain
from callkit.errors import SettingsError

GIVEN = json.loads((Path(__file__).parents[1] / "data" / "timeline_worked_example.json").read_text("utf-8"))["input"]
EXAMPLE = measure_conversation([GIVEN["agent"], GIVEN["customer"]], GIVEN["duration_s"], hold=GIVEN["hold_s"])
NAMES = ("agent", "customer")
NO_FIGURES = {"rules", "parties", "speech", "speech_on_hold"}


def total(stretches: tuple[Stretch, ...]) -> float:
    return round(sum(it.duration for it in stretches), 3)


def names(kind: type[Any]) -> set[str]:
    return {one.name for one in attrs.fields(kind)} - NO_FIGURES


def test_every_published_figure_has_a_definition() -> None:
    assert set(DEFINITIONS) == names(Conversation) | names(PartyTalk) | {"time_to_first_word"}


def test_definitions_are_clauses_without_end() -> None:
    for definition in DEFINITIONS.values():
        assert definition.text
        assert definition.text[0].islower()
        assert definition.text[-1] not in ".,;:"
        assert set(definition.rules) <= names(Rules)
        assert definition.unit in {"s", "ratio", "percent", "count", "per minute"}


@pytest.mark.parametrize("metric", sorted(DEFINITIONS))
def test_every_figure_is_explained(metric: str) -> None:
    explanation = explain(metric, EXAMPLE)
    assert None not in explanation.values
    assert explanation.definition == DEFINITIONS[metric].text
    assert explanation.intervals
    assert explanation.sentence(NAMES).startswith(f"{metric} is ")
    assert explanation.sentence(NAMES).endswith(").")
    assert list(explanation.intervals) == sorted(explanation.intervals, key=lambda it: (it.start, it.end))
    for name, value in explanation.parameters.items():
        assert value == getattr(EXAMPLE.rules, name)


@pytest.mark.parametrize("metric", sorted(names(PartyTalk)))
@pytest.mark.parametrize("place", [0, 1])
def test_every_figure_of_a_party_is_explained(metric: str, place: int) -> None:
    explanation = explain(metric, EXAMPLE, party=place)
    value = getattr(EXAMPLE.parties[place], metric)
    assert explanation.value == (len(value) if isinstance(value, tuple) else value)
    assert explanation.parties == (place,)
    if metric != "talk_share":  # it takes everybody's
        assert {it.party for it in explanation.intervals} <= {place}


def test_every_count_counts_its_intervals() -> None:
    for metric, definition in DEFINITIONS.items():
        if definition.unit == "count" and metric != "floor_switches":
            explanation = explain(metric, EXAMPLE)
            assert all(isinstance(value, int) for value in explanation.values)
            assert sum(cast("tuple[int, ...]", explanation.values)) == len(explanation.intervals)


@pytest.mark.parametrize(
    "metric",
    [
        *("talk_span", "lead_in", "tail", "conversation_time", "silence_time", "longest_silence", "dead_air_time"),
        *("hold_time", "non_talk_time", "overlap_time", "duration"),
    ],
)
def test_times_are_the_sum_of_their_intervals(metric: str) -> None:
    explanation = explain(metric, EXAMPLE)
    value = explanation.value
    assert total(explanation.intervals) == (57.3 if metric == "talk_span" else value)


@pytest.mark.parametrize("metric", ["talk_time", "talk_on_hold_time", "longest_monologue"])
@pytest.mark.parametrize("place", [0, 1])
def test_times_of_a_party_are_the_sum_of_their_intervals(metric: str, place: int) -> None:
    explanation = explain(metric, EXAMPLE, party=place)
    assert total(explanation.intervals) == explanation.value


def test_latency_is_made_of_its_waits() -> None:
    explanation = explain("latency", EXAMPLE, party=1)
    assert [it.duration for it in explanation.intervals] == [0.5, 4.0, 0.0]
    assert explanation.value == Latency(0.5, 3.3, 1.5, 3)


def test_an_explanation_in_full() -> None:
    explanation = explain("longest_monologue", EXAMPLE, method="vad_model")
    assert explanation == Explanation(
        metric="longest_monologue",
        values=(9.0, 5.0),
        parties=(0, 1),
        unit="s",
        definition="the longest turn of the party, its own short pauses included",
        method="vad_model",
        parameters={"join_gap": 0.25, "min_speech": 0.12, "edge": 0.1, "turn_pause": 3.0},
        intervals=(Stretch(19.0, 24.0, 1), Stretch(46.0, 55.0, 0)),
    )
    assert explanation.value == (9.0, 5.0)
    assert explanation.sentence(NAMES) == (
        "longest_monologue is 9 s for agent and 5 s for customer: the longest turn of the party, its own short pauses "
        "included (vad_model, 2 intervals, join_gap 0.25 s, min_speech 0.12 s, edge 0.1 s, turn_pause 3 s)."
    )


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("talk_share", "talk_share is 0.6006 for party 0 and 0.3994 for party 1: "),
        ("talk_percent", "talk_percent is 35.333 % for party 0 and 23.5 % for party 1: "),
        ("talk_span", "talk_span is 1 to 58.3 s: "),
        ("interactivity", "interactivity is 9.16 per minute: "),
        ("dead_air", "dead_air is 1: "),
        ("latency", "latency is 0.3 s (median; 90th percentile 0.54 s, mean 0.3 s, n 2) for party 0 and 0.5 s "),
    ],
)
def test_how_values_are_said(metric: str, said: str) -> None:
    assert explain(metric, EXAMPLE).sentence().startswith(said)


def test_the_greeting_is_explained_with_its_origin() -> None:
    answered = explain("time_to_first_word", EXAMPLE, party=0, answered_at=0.4)
    assert answered.value == 0.6
    assert answered.parameters["answered_at"] == 0.4
    assert answered.intervals == (Stretch(1.0, 8.0, 0),)
    assert "answered_at" not in explain("time_to_first_word", EXAMPLE, party=0).parameters
    assert "answered_at" not in explain("talk_time", EXAMPLE, answered_at=0.4).parameters


def test_what_cannot_be_measured_has_no_intervals() -> None:
    mono = measure_conversation([GIVEN["agent"]], 60.0, separable=False)
    for metric in ("talk_share", "overlap_time", "hold_time", "turns"):
        explanation = explain(metric, mono)
        assert explanation.value is None
        assert explanation.intervals == ()
        assert "is not measurable" in explanation.sentence()
    assert "0 intervals" in explain("talk_time", mono).sentence()
    assert "1 interval," in explain("longest_silence", mono).sentence()


@pytest.mark.parametrize(
    ("metric", "place", "why"),
    [
        ("talk_shar", None, "There is no figure 'talk_shar': did you mean talk_share"),
        ("qqq", None, "There is no figure 'qqq': there are backchannels, conversation_time, "),
        ("rules", None, "There is no figure 'rules'"),
        ("talk_share", 2, "There is no party 2: the call has 2, and the first is 0."),
        ("talk_share", -1, "There is no party -1"),
        ("overlap_time", 0, "overlap_time is a figure of the whole call: leave the party out."),
    ],
)
def test_what_cannot_be_explained(metric: str, place: int | None, why: str) -> None:
    with pytest.raises(SettingsError) as error:
        explain(metric, EXAMPLE, party=place)
    assert str(error.value).startswith(why)


@pytest.mark.parametrize("module", [explaining, intervals, party])
def test_examples_in_docstrings(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
