"""The accuracy benchmark scores as it says, and runs."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.hard_calls import CONDITIONS, VOICES, HardCall, calls, hold_tracks, music_calls, synthetic_music
from benchmarks.hearing import Listener, listeners
from benchmarks.scoring import f1, frames, inside, score

CALL = HardCall(np.zeros((80_000, 2), np.int16), (((1.0, 4.0),), ((3.2, 6.0), (8.0, 9.0))))


def test_the_truth_itself_is_perfect() -> None:
    perfect = score(CALL, CALL.speech)
    assert perfect.f1 == 1.0
    assert perfect.interruptions
    assert perfect.share == perfect.overlap == perfect.dead_air == perfect.latency == 0.0


def test_errors_are_counted() -> None:
    heard = [[(1.0, 3.0)], [(3.2, 6.0), (8.0, 9.0)]]
    found = score(CALL, heard)
    assert found.f1 == pytest.approx(2 * 580 / (580 + 680))
    assert found.overlap == pytest.approx(0.8 * 6)
    assert not found.interruptions
    assert f1(CALL, [[], []]) == 0.0


def test_frames_near_a_change_are_left_out() -> None:
    assert frames([(0.1, 0.2)], 0.3).tolist() == [False] * 10 + [True] * 10 + [False] * 10
    assert np.flatnonzero(inside(frames([(1.0, 2.0)], 3.0))).tolist() == list(range(125, 175))


def test_calls_are_as_hard_as_their_condition() -> None:
    (clean,), (rough,) = (list(calls(CONDITIONS[name], "recorded", 1, 20.0)) for name in ("clean", "white 10 dB"))
    assert clean.speech == rough.speech
    silent = ~frames([*clean.speech[0]], 20.0).repeat(80)
    levels = [float(10 * np.log10(np.mean((call.samples[silent, 0] / 32768.0) ** 2))) for call in (clean, rough)]
    assert levels == pytest.approx([-65, -30], abs=1)
    assert min(len(voice) for voice in VOICES.values()) > 10 * 8000


def test_music_plays_where_nobody_speaks() -> None:
    (call,) = music_calls(synthetic_music, 1, "pcm_s16le")
    music, speech = (frames(intervals, call.duration) for intervals in (call.music, call.speech[0]))
    assert music.sum() > 1000
    assert not (music & speech).any()


def test_without_real_music_there_is_none(tmp_path: Path) -> None:
    assert hold_tracks(tmp_path) == hold_tracks(tmp_path / "nowhere") == {}


def test_it_runs_and_says_who_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Listener("somebody", lambda _: [], "some-package")
    monkeypatch.setattr(accuracy, "listeners", lambda: [listeners()[0], absent])
    monkeypatch.setattr(
        accuracy, "CONDITIONS", {name: CONDITIONS[name] for name in ("clean", "white 10 dB", "pink 10 dB")}
    )
    written = tmp_path / "accuracy.md"
    assert accuracy.main(["--small", "--music", str(tmp_path), "--out", str(written)]) == 0
    text = written.read_text("utf-8")
    assert text.strip() == capsys.readouterr().out.strip()
    assert "somebody (some-package)" in text
    line = next(line for line in text.splitlines() if line.startswith("| callkit "))
    assert all(0.9 < float(cell) <= 1 for cell in line.split("|")[2:-1])
