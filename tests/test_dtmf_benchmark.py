"""That the benchmark of digits counts what it says."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.dtmf import CASES, EXAMPLES, Case, Multimon, Speech, by_callkit, chapter, coded, in_order, planted
from benchmarks.tables import markdown

SPEECH = Speech(EXAMPLES)


@pytest.mark.parametrize(
    ("true", "found", "right"),
    [("123", "123", 3), ("123", "132", 2), ("123", "", 0), ("", "5", 0), ("1223", "123", 3), ("11", "1111", 2)],
)
def test_digits_are_right_in_the_right_order(true: str, found: str, right: int) -> None:
    assert in_order(true, found) == right


@pytest.mark.parametrize("case", [CASES[0], Case("", codec="pcm_mulaw"), Case("", rate=44_100)])
def test_planted_digits_are_found(case: Case) -> None:
    sound, names = planted(SPEECH, case, 30, np.random.default_rng(5))
    assert by_callkit(coded(sound, case), case.rate) == names


@pytest.mark.parametrize("there", [True, False])
def test_every_case_has_a_line_for_each_detector(there: bool, tmp_path: Path) -> None:
    multimon = Multimon(tmp_path) if there and shutil.which("multimon-ng") else None
    found = chapter(SPEECH, 3, 0.01, multimon)
    assert len(found.figures) == 2 * (len(CASES) + 2)
    for figure in found.figures:
        assert figure.who == "callkit" or (figure.note.startswith("not installed")) == (multimon is None)
        assert "right" in figure.note or "an hour" in figure.note or multimon is None
    assert "1.5 % out of tune" in markdown(found)
