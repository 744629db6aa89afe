"""Marks identical to pydub's. `nox -s exactness` does the same 20,000 times."""

import io
import math
import tracemalloc
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


def test_a_question_about_marks_changes_nothing_else() -> None:
    for seed in range(40_000, 40_030):
        wav = random_case(seed).wav
        one, other = analyse(wav), analyse(wav, compat="pydub", silence_thresh=-45)
        assert (one.parties, one.silence_time, one.overlap_time) == (
            other.parties,
            other.silence_time,
            other.overlap_time,
        )


@pytest.mark.parametrize(("threshold", "marks"), [(7000, [[0, 2000]]), (float("inf"), [[0, 2000]]), (-1e9, [])])
def test_thresholds_far_out_of_range(threshold: float, marks: list[list[int]]) -> None:
    assert detect_silence(encoded(np.full((16_000, 1), 9000), 8000, 2), 1000, threshold) == marks


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
def test_the_array_that_was_fed_may_be_used_again(kind: type[np.signedinteger]) -> None:
    """Blocks of three samples around the largest silent one: most end within a millisecond of 8 samples."""
    width = np.dtype(kind).itemsize
    limit = math.floor(10 ** (-16 / 20) * 2 ** (8 * width - 1))
    samples = (limit + np.random.default_rng(0).integers(-1, 4, (800, 1)) + np.zeros((1, 3))).astype(kind)
    one, other = (SilenceDetector(8000, 1, width, 1, -16, 1) for _ in range(2))
    block = np.empty(3, kind)
    for content in samples:
        block[:] = content
        one.feed(block)
        other.feed(content.copy())
    assert one.finish() == other.finish()
    assert len(one.finish()) > 10


@pytest.mark.parametrize("width", [1, 2, 4])
def test_memory_does_not_grow_with_the_recording(width: int) -> None:
    kind = {1: np.int8, 2: np.int16, 4: np.int32}[width]
    detector = SilenceDetector(48_000, 8, width, 1000, -16, 1)
    tracemalloc.start()
    try:
        peaks = []
        for _ in range(2):
            for _ in range(15):
                detector.feed(np.zeros(48_000 * 8, kind))
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert detector.finish() == [[0, 30_000]]
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 40e6, "a fraction of the 46 MB of samples or more that were fed"


def test_a_window_of_an_hour_keeps_no_samples() -> None:
    detector = SilenceDetector(8000, 2, 2, 3_600_000, -16, 1)
    for _ in range(30):
        detector.feed(np.zeros(8000 * 2, np.int16))
    assert sum(cells.nbytes for cells in detector._cells._sums) == 30 * 1000 * 8
    assert not len(detector._cells._rest)


@pytest.mark.parametrize("question", [(0, -16, 1), (1000, -16, 0), (1000, float("nan"), 1)])
def test_questions_that_make_no_sense(question: Any) -> None:
    with pytest.raises(SettingsError, match="min_silence_len"):
        detect_silence(encoded(np.zeros((8000, 1), np.int64), 8000, 2), *question)
