"""RTTM, read and written."""

import doctest
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.analysis import Interval
from callkit.errors import InvalidCallError
from callkit.interop import rttm
from callkit.interop.rttm import read_rttm, write_rttm

SAMPLE = Path(__file__).parents[1] / "data" / "sample.rttm"
AGENT = ((1.0, 8.0), (12.0, 15.0), (20.0, 21.5), (46.0, 55.0), (57.6, 58.3))
CUSTOMER = ((8.5, 12.3), (14.0, 14.3), (19.0, 24.0), (52.0, 57.0))


def line(middle: str) -> str:
    return f"SPEAKER {middle}"


def test_the_sample() -> None:
    files = read_rttm(SAMPLE.read_bytes())
    assert files == {"call_1": {"agent": AGENT, "customer": CUSTOMER}}
    assert list(files["call_1"]) == ["agent", "customer"]
    assert write_rttm(files, channels={"agent": 1}) == SAMPLE.read_text("utf-8")


def test_what_is_no_speaker_is_skipped() -> None:
    text = "\n".join(
        [
            ";; made by hand",
            "",
            "  \t",
            "SPKR-INFO call_1 1 <NA> <NA> <NA> adult_male agent <NA> <NA>",
            "LEXEME call_1 1 x",
            "SPEAKER call_1 1 1.5 0.000 <NA> <NA> agent <NA> <NA>",
            "  speaker\tcall_1  1 2 .5 <NA> <NA>  agent <NA> <NA>  ",
        ]
    )
    assert read_rttm(text) == {"call_1": {"agent": ((2.0, 2.5),)}}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks(end: str, mark: str) -> None:
    text = mark + end.join([line("a 1 1 1 <NA> <NA> x <NA> <NA>"), line("b 1 3 1 <NA> <NA> Андрей <NA> <NA>")]) + end
    expected = {"a": {"x": ((1.0, 2.0),)}, "b": {"Андрей": ((3.0, 4.0),)}}
    assert read_rttm(text) == read_rttm(text.encode()) == expected


@pytest.mark.parametrize(
    ("middle", "file", "label"),
    [
        ("a 1 0 1 <NA> <NA> x <NA>", "a", "x"),  # nine fields
        ("a 1 0 1 <NA> <NA> x", "a", "x"),
        ("a 1 0 1 <NA> <NA> x 0.93 <NA>", "a", "x"),
        ("a 1 0 1 <NA> <NA> 2 <NA> <NA>", "a", "2"),
        ("a 1 0 1 <NA> <NA> 2 <NA>", "a", "2"),
        ("a 1 0 1 word adult x <NA> <NA>", "a", "x"),
        ("a 1 0 1 <NA> <NA> Anna B <NA> <NA>", "a", "Anna B"),
        ("a 1 0 1 <NA> <NA> Anna B <NA>", "a", "Anna B"),
        ("a 1 0 1 <NA> <NA> Speaker 1 <NA> <NA>", "a", "Speaker 1"),
        ("call 12 3 1 0 1 <NA> <NA> x <NA> <NA>", "call 12 3", "x"),
        ("my call 1 0 1 <NA> <NA> x <NA>", "my call", "x"),  # ten fields, but not those
        ("a%20b 1 0 1 <NA> <NA> Anna%20B <NA> <NA>", "a b", "Anna B"),
        ("a 1 0 1 <NA> <NA> 100%25 <NA> <NA>", "a", "100%"),
        ("a 1 0 1 <NA> <NA> 100% <NA> <NA>", "a", "100%"),
        ("a 1 0 1 <NA> <NA> %41nna <NA> <NA>", "a", "%41nna"),
        ("a 1 0 1 <NA> <NA> Anna\u00a0B <NA> <NA>", "a", "Anna\u00a0B"),
        ("<NA> 1 0 1 <NA> <NA> <NA> <NA> <NA>", "", ""),
    ],
)
def test_labels_and_file_ids(middle: str, file: str, label: str) -> None:
    assert read_rttm(line(middle)) == {file: {label: ((0.0, 1.0),)}}


@pytest.mark.parametrize(
    ("middle", "why"),
    [
        ("a 1 0 1 <NA> <NA>", "it has 7 fields, not 10"),
        ("a 1 0 1 word adult x y <NA> <NA>", "it has 11 fields, not 10"),
        ("a 1 zero 1 <NA> <NA> x <NA> <NA>", "its start is 'zero', not a number of seconds from 0 on"),
        ("a 1 -1 1 <NA> <NA> x <NA> <NA>", "its start is '-1'"),
        ("a 1 0 -0.5 <NA> <NA> x <NA> <NA>", "its duration is '-0.5'"),
        ("a 1 0 nan <NA> <NA> x <NA> <NA>", "its duration is 'nan'"),
        ("a 1 0 1e999 <NA> <NA> x <NA> <NA>", "its duration is '1e999'"),
        ("a 1 <NA> <NA> <NA> <NA> x <NA> <NA>", "its start is '<NA>'"),
        ("a 1 1,5 1 <NA> <NA> x <NA> <NA>", "its start is '1,5'"),
    ],
)
def test_errors_name_the_line(middle: str, why: str) -> None:
    text = f"\n;; comment\n{line(middle)}\n"
    with pytest.raises(InvalidCallError) as error:
        read_rttm(text, name="calls.rttm")
    assert str(error.value).startswith(f"Line 3 of calls.rttm is no SPEAKER line of RTTM: {why}")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(InvalidCallError, match=r"calls.rttm is not UTF-8"):
        read_rttm("Антон".encode("utf-16"), name="calls.rttm")


def test_written_lines() -> None:
    speakers = {"Anna B": [(2.0, 3.0004), (0.25, 1.0)], "Ёж": [(0.5, 0.5004), (1.1 + 2.2, 4)]}
    text = write_rttm({"call 1": {label: tuple(found) for label, found in speakers.items()}}, channels={"Ёж": 1})
    assert text.splitlines() == [
        "SPEAKER call%201 1 0.250 0.750 <NA> <NA> Anna%20B <NA> <NA>",
        "SPEAKER call%201 1 2.000 1.000 <NA> <NA> Anna%20B <NA> <NA>",
        "SPEAKER call%201 2 3.300 0.700 <NA> <NA> Ёж <NA> <NA>",
    ]
    assert write_rttm({}) == write_rttm({"a": {}}) == ""


def test_ends_do_not_drift() -> None:
    """Of 0.0014 s from 0.0006 s on, start and end are rounded, not the length."""
    assert write_rttm({"a": {"x": ((0.0006, 0.0026),)}}).startswith("SPEAKER a 1 0.001 0.002 ")


LABELS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["<NA>", "%20", "%3CNA>", "1 <NA>", "\u2028"]
)
TIMES = st.tuples(st.integers(0, 10**8), st.integers(1, 10**7))
INTERVALS = st.lists(TIMES, min_size=1, max_size=4).map(
    lambda times: tuple(sorted((start / 1000, (start + length) / 1000) for start, length in times))
)
SPEAKERS = st.dictionaries(LABELS, INTERVALS, min_size=1, max_size=4)


@given(st.dictionaries(LABELS, SPEAKERS, max_size=3), st.booleans())
def test_what_is_written_is_read_back(files: dict[str, dict[str, tuple[Interval, ...]]], as_bytes: bool) -> None:
    text = write_rttm(files)
    assert read_rttm(text.encode() if as_bytes else text) == files


@given(st.dictionaries(LABELS, SPEAKERS, max_size=3))
def test_other_tools_find_ten_fields(files: dict[str, dict[str, tuple[Interval, ...]]]) -> None:
    lines = write_rttm(files).splitlines()
    assert len(lines) == sum(len(found) for speakers in files.values() for found in speakers.values())
    for one in lines:
        fields = one.split()
        assert len(fields) == 10
        assert fields[0] == "SPEAKER"
        assert float(fields[3]) >= 0 < float(fields[4])


@given(st.text("SPEAKR <NA>01.-\t\n%;", max_size=60) | st.binary(max_size=40))
def test_whatever_comes_is_read_or_refused(source: str | bytes) -> None:
    files: dict[str, dict[str, tuple[Interval, ...]]] = {}
    with suppress(InvalidCallError):  # and nothing else
        files = read_rttm(source)
    assert all(0 <= start < end for speakers in files.values() for found in speakers.values() for start, end in found)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(rttm).attempted
    assert not doctest.testmod(rttm).failed
