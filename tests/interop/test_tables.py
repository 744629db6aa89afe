"""Calls as CSV and Parquet."""

import csv
import doctest
import io
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, fields_dict
from hypothesis import given
from hypothesis import strategies as st

from callkit.audio.analyser import analyse
from callkit.core.analysis import Analysis
from callkit.core.call import Call, Direction
from callkit.core.definitions import DEFINITIONS
from callkit.core.events import Event
from callkit.core.health import ChannelHealth, assessed
from callkit.core.party import PartyTalk
from callkit.core.roles import roles_of
from callkit.errors import MissingExtraError
from callkit.interop import columns as columns_module
from callkit.interop import tables
from callkit.interop.columns import Entry, columns
from callkit.interop.tables import write_csv, write_parquet
from callkit.testing.factory import make_call

WHEN = datetime(2026, 9, 14, 10, 32, 12, 345000, tzinfo=UTC)
HEALTH = assessed(
    [ChannelHealth(0, 4.0, 0.0, 0.0, -60.0, 40.0, 0, 0.0, 0.0, ())],
    duration=20.0,
    talk_times=[5.0],
    declared_duration=30.0,
    declared_kind="count",
)
MakeEntry = Callable[..., Entry]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    turns = [(0, 1.0, 5.0), (1, 4.0, 8.0), (0, 14.0, 16.0)]
    found = analyse(make_call(seconds=20.0, turns=turns).wav())
    key = Event("dtmf", 17.0, 17.1, 0, "7", 1.0)
    return evolve(found, events=(key, key), hold=(), health=HEALTH)


@pytest.fixture(scope="module")
def make_entry(analysis: Analysis) -> MakeEntry:
    def make(found: Analysis | None = analysis, **facts: Any) -> Entry:
        given = {"direction": Direction.INBOUND, "caller": "+442079460018", "receiver": "101"} | facts
        call = Call(id=UUID(int=7), started_at=WHEN, created_at=WHEN, updated_at=WHEN, **given)
        return Entry(call, found, roles_of(found.channels, call.direction) if found else None)

    return make


def rows(*entries: Entry, **options: Any) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    assert write_csv(entries, file, **options) == len(entries)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_names_are_unique_and_say_their_unit() -> None:
    names = [column.name for column in columns(3)]
    assert len(set(names)) == len(names)
    for name, definition in DEFINITIONS.items():
        if definition.unit == "s" and name not in {"latency", "talk_span"}:
            own = f"party2_{name}_s" if name in {*fields_dict(PartyTalk), "time_to_first_word"} else f"{name}_s"
            assert own in names
    assert not [name for name in names if name.endswith(("_time", "duration"))]


def test_facts(make_entry: MakeEntry) -> None:
    row = rows(make_entry(tags=("vip", "late"), metadata={"queue": "Кассы", "n": 1}))[0]
    assert row["id"] == str(UUID(int=7))
    assert (row["caller"], row["receiver"], row["direction"], row["status"]) == (
        "+442079460018", "101", "inbound", "created"
    )  # fmt: skip
    assert row["started_at"] == "2026-09-14T10:32:12.345000Z"
    assert (row["tags"], row["metadata"]) == ("late vip", '{"queue":"Кассы","n":1}')


def test_figures_are_those_of_the_analysis(make_entry: MakeEntry, analysis: Analysis) -> None:
    row, talk = rows(make_entry())[0], analysis.conversation
    assert float(row["duration_s"]) == 20.0
    assert float(row["recording_silence_time_s"]) == analysis.silence_time
    assert float(row["silence_time_s"]) == talk.silence_time != analysis.silence_time
    assert float(row["overlap_time_s"]) == talk.overlap_time
    assert talk.talk_span == (float(row["talk_span_start_s"]), float(row["talk_span_end_s"]))
    assert (row["dead_air"], row["hold"], row["interruptions"], row["turns"]) == ("1", "0", "1", "3")
    for number, party in enumerate(talk.parties):
        assert float(row[f"party{number}_talk_time_s"]) == party.talk_time
        assert float(row[f"party{number}_talk_share"]) == party.talk_share
        assert int(row[f"party{number}_interruptions"]) == party.interruptions
    assert talk.parties[1].latency is not None
    assert float(row["party1_latency_median_s"]) == talk.parties[1].latency.median
    assert row["party1_latency_n"] == "1"
    assert float(row["party1_time_to_first_word_s"]) == talk.time_to_first_word(1)
    assert float(row["party0_rms_dbfs"]) == analysis.parties[0].rms_dbfs
    assert (row["dtmf_events"], row["music_events"], row["truncated"]) == ("2", "0", "false")
    assert row["health"] == "clipping:0 truncated"
    assert (row["party0_snr_db"], row["party1_snr_db"]) == ("40.0", "")


@pytest.mark.parametrize(
    ("direction", "ends", "sides", "source"),
    [
        (Direction.INBOUND, ["caller", "receiver"], ["customer", "agent"], "direction"),
        (Direction.OUTBOUND, ["caller", "receiver"], ["agent", "customer"], "direction"),
        (None, ["caller", "receiver"], ["", ""], "order"),
    ],
)
def test_roles(
    make_entry: MakeEntry, direction: Direction | None, ends: list[str], sides: list[str], source: str
) -> None:
    row = rows(make_entry(direction=direction))[0]
    assert [row["party0_end"], row["party1_end"]] == ends
    assert [row["party0_side"], row["party1_side"]] == sides
    assert row["role_source"] == source


def test_what_is_not_known_is_empty(make_entry: MakeEntry) -> None:
    row = rows(make_entry(None), parties=3)[0]
    known = {"id", "source", "external_id", "status", "caller", "receiver", "started_at", "direction"}
    assert {name for name, cell in row.items() if cell} == known
    assert rows(make_entry(), parties=3)[0]["party2_talk_time_s"] == ""


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "+44 20", "-x"]


@pytest.mark.parametrize("name", FORMULAS)
def test_no_formula_gets_into_a_spreadsheet(make_entry: MakeEntry, name: str) -> None:
    row = rows(make_entry(caller=name, external_id=name))[0]
    assert row["caller"] == row["external_id"] == f"'{name}"


@pytest.mark.parametrize(
    "name", ["+442079460018", "-5", "101", "alice@example.org", "", "a,b", 'say "hi"', "two\nlines"]
)
def test_plain_text_and_numbers_stay(make_entry: MakeEntry, name: str) -> None:
    assert rows(make_entry(caller=name))[0]["caller"] == name


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20))
def test_every_text_comes_back(text: str) -> None:
    entry = Entry(Call(id=UUID(int=7), started_at=WHEN, created_at=WHEN, updated_at=WHEN, caller=text))
    assert rows(entry)[0]["caller"] in {text, f"'{text}"}


def test_a_mark_for_excel_comes_first_and_once(make_entry: MakeEntry) -> None:
    file = io.StringIO(newline="")
    write_csv([make_entry(), make_entry()], file, byte_order_mark=True)
    assert file.getvalue().startswith("\ufeffid,")
    assert file.getvalue().count("\ufeff") == 1
    assert len(file.getvalue().splitlines()) == 3


class Nowhere:
    def write(self, line: str) -> None:
        """Forget it."""


def test_memory_does_not_grow_with_the_calls(make_entry: MakeEntry) -> None:
    def many(count: int) -> Iterator[Entry]:
        return (make_entry(None) for _ in range(count))

    write_csv(many(10), Nowhere())
    tracemalloc.start()
    try:
        assert write_csv(many(3000), Nowhere()) == 3000
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


def test_parquet_keeps_types_and_agrees_with_csv(make_entry: MakeEntry, tmp_path: Path) -> None:
    entries = [make_entry(), make_entry(None), make_entry(direction=None)]
    assert write_parquet(entries, tmp_path / "calls.parquet", batch=2) == 3
    table = import_module("pyarrow.parquet").read_table(tmp_path / "calls.parquet")
    found = table.to_pylist()
    assert [row["started_at"] for row in found] == [WHEN] * 3
    assert table.column_names == [column.name for column in columns()]
    for row, text in zip(found, rows(*entries), strict=True):
        for column in columns():
            cell = row[column.name]
            assert cell is None or isinstance(cell, column.kind)
            if column.kind in {int, float}:
                assert (None if text[column.name] == "" else column.kind(text[column.name])) == cell
            elif column.kind is str:
                assert (cell or "") == text[column.name]


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    assert write_parquet([], tmp_path / "none.parquet") == 0
    table = import_module("pyarrow.parquet").read_table(tmp_path / "none.parquet")
    assert (table.num_rows, table.num_columns) == (0, len(columns()))
    assert rows() == []


def test_parquet_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'callkit\[parquet\]'"):
        write_parquet([], tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists()


@pytest.mark.parametrize("module", [tables, columns_module])
def test_the_examples(module: Any) -> None:
    assert doctest.testmod(module).attempted
    assert not doctest.testmod(module).failed
