"""Marks identical to pydub's. `nox -s exactness` does the same 20,000 times."""

import io
from typing import Any

import numpy as np
import pytest
from pydub import AudioSegment, silence

from benchmarks.exactness import differences, encoded, random_case
from callkit import analyse
from callkit.audio import detect_nonsilent, detect_silence
from callkit.audio.silence import SilenceDetector
from callkit.errors import SettingsError


@pytest.mark.parametrize("hundred", range(4))
def test_random_recordings(hundred: int) -> None:
    found = [differences(seed) for seed in range(10_000 + 100 * hundred, 10_100 + 100 * hundred)]
    checked = [case for case in found if case is not None]
    assert len(checked) > 80, "pydub refused too many"
    assert not [line for case in checked for line in case]


def test_the_cases_can_show_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A threshold that is wrong by a single step is noticed."""
    right = SilenceDetector.__init__

    def wrong(self: Any, rate: int, channels: int, width: int, *question: Any) -> None:
        right(self, rate, channels, width, *question)
        self._most -= 1

    monkeypatch.setattr(SilenceDetector, "__init__", wrong)
    assert any(differences(seed) for seed in range(10_000, 10_040))


@pytest.mark.parametrize("seed", range(20_000, 20_060))
def test_what_is_not_silent(seed: int) -> None:
    case = random_case(seed)
    question = (case.min_silence_len, case.silence_thresh, case.seek_step)
    try:
        segment = AudioSegment.from_file(io.BytesIO(case.wav), "wav")
    except Exception:  # pydub refuses a file without samples in its own way
        return
    assert detect_nonsilent(case.wav, *question) == silence.detect_nonsilent(segment, *question)


def test_compat_gives_the_same_marks_in_seconds() -> None:
    for seed in range(30_000, 30_030):
        case = random_case(seed)
        marks = detect_silence(case.wav, case.min_silence_len, case.silence_thresh, case.seek_step)
        found = analyse(
            case.wav,
            compat="pydub",
            min_silence_len=case.min_silence_len,
            silence_thresh=case.silence_thresh,
            seek_step=case.seek_step,
        )
        assert [[round(mark.start * 1000), round(mark.end * 1000)] for mark in found.silence] == marks
        assert found.method == "pydub"


@pytest.mark.parametrize("question", [(0, -16, 1), (1000, -16, 0), (1000, float("nan"), 1)])
def test_questions_that_make_no_sense(question: Any) -> None:
    with pytest.raises(SettingsError, match="min_silence_len"):
        detect_silence(encoded(np.zeros((8000, 1), np.int64), 8000, 2), *question)
