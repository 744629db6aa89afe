"""faster-whisper: how it is called, what is made of what it says; and the real one, where a model is installed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from attrs import define, field, frozen
from numpy.typing import NDArray

from benchmarks import asr_models
from callkit.backends.transcribers import library, open_transcriber, whisper
from callkit.backends.transcribers.whisper import Whisper
from callkit.core.transcript import Word
from callkit.errors import MissingExtraError, SettingsError, TranscriptionError
from callkit.testing.transcriber import TranscriberContract
from tests.backends.model_folders import folder_of_a_model
from tests.backends.spoken import spoken

RATE = 16_000


@frozen
class FakeWord:
    start: Any
    end: Any
    word: str
    probability: Any


@frozen
class FakeSegment:
    text: str
    words: list[FakeWord] | None
    avg_logprob: float = -0.25


@frozen
class FakeInfo:
    language: str


@define
class FakeModel:
    """What faster-whisper has. Says a word for each whole second, or what `script` has next."""

    path: str
    options: dict[str, Any]
    calls: list[dict[str, Any]] = field(factory=list)
    supported_languages: ClassVar[list[str]] = ["en", "ru", "jw"]
    script: ClassVar[list[list[FakeSegment]]] = []

    def transcribe(self, samples: NDArray[np.float32], **options: Any) -> tuple[Iterator[FakeSegment], FakeInfo]:
        self.calls.append({"length": len(samples), **options})
        return self._say(len(samples)), FakeInfo(options["language"] or "jw")

    def _say(self, length: int) -> Iterator[FakeSegment]:
        if self.script:
            yield from self.script.pop(0)
            return
        words = [said(f" w{second}", second, second + 0.8) for second in range(length // RATE)]
        yield FakeSegment(" ".join(one.word.strip() for one in words), words)


def said(text: str, start: float, end: float, probability: float = 0.5) -> FakeWord:
    return FakeWord(np.float64(start), np.float64(end), text, np.float64(probability))


@define
class FakePipeline:
    model: FakeModel

    def transcribe(self, samples: NDArray[np.float32], **options: Any) -> tuple[Iterator[FakeSegment], FakeInfo]:
        return self.model.transcribe(samples, **options)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Whisper:
    """An engine whose faster-whisper is the one above."""
    fake = ModuleType("faster_whisper")
    fake.WhisperModel = lambda path, **options: FakeModel(path, options)  # type: ignore[attr-defined]  # made here
    fake.BatchedInferencePipeline = FakePipeline  # type: ignore[attr-defined]  # as above
    monkeypatch.setitem(sys.modules, "faster_whisper", fake)
    monkeypatch.setattr(library, "find_spec", lambda _: True)
    monkeypatch.setattr(whisper, "version", lambda package: f"1-of-{package}")
    monkeypatch.setattr(FakeModel, "script", [])
    monkeypatch.setenv("CALLKIT_MODEL_DIR", str(folder_of_a_model(tmp_path / "base").parent))
    monkeypatch.delenv("CALLKIT_ASR_MODEL", raising=False)
    return Whisper()


class TestFakeWhisper(TranscriberContract):
    @pytest.fixture
    def transcriber(self, engine: Whisper) -> Whisper:
        return engine


def sound(seconds: float) -> NDArray[np.float32]:
    return np.full(round(seconds * RATE), 0.1, np.float32)


def model_of(engine: Whisper) -> FakeModel:
    loaded = engine._engine()
    assert isinstance(loaded, FakeModel)
    return loaded


# ---- how it is called


def test_it_is_loaded_for_this_processor_and_asks_no_hub(engine: Whisper, tmp_path: Path) -> None:
    engine.transcribe(sound(2), RATE)
    model = model_of(engine)
    assert model is model_of(Whisper()), "once"
    assert model.path == str(tmp_path / "base")
    assert model.options.pop("cpu_threads") in range(1, 5)
    assert model.options == {"device": "cpu", "compute_type": "int8", "local_files_only": True}
    assert model_of(Whisper(threads=3)).options["cpu_threads"] == 3


def test_windows_are_heard_together_and_no_gate_takes_any_away(engine: Whisper) -> None:
    engine.transcribe(sound(70), RATE, hints=["callkit", "PBX"])
    (call,) = model_of(engine).calls
    clips = call.pop("clip_timestamps")
    assert (clips[0]["start"], clips[-1]["end"]) == (0.0, 70.0)
    assert call == {
        "length": 70 * RATE,
        "batch_size": 4,
        "beam_size": 5,
        "language": None,
        "temperature": 0.0,
        "word_timestamps": True,
        "condition_on_previous_text": False,
        "hotwords": "callkit, PBX",
    }


def test_in_small_memory_they_are_heard_in_turn(engine: Whisper) -> None:
    small = Whisper(small_memory=True, beam=1)
    small.transcribe(sound(70), RATE, language="en-GB")
    (call,) = model_of(small).calls
    assert (call["vad_filter"], call["beam_size"], call["language"], call["hotwords"]) == (False, 1, "en", None)
    assert "batch_size" not in call
    assert small.capabilities.max_seconds == engine.capabilities.max_seconds == 120.0


def test_sound_of_another_rate_is_refused(engine: Whisper) -> None:
    with pytest.raises(TranscriptionError, match="given sound at 8000 Hz, and takes 16000 Hz only"):
        engine.transcribe(sound(1), 8000)


def test_a_language_that_it_does_not_know_is_refused(engine: Whisper) -> None:
    assert engine.transcribe(sound(2), RATE, language="jv").language == "jv"
    with pytest.raises(TranscriptionError, match="does not know the language 'tlh'"):
        engine.transcribe(sound(2), RATE, language="tlh")
    assert Whisper("tiny.en").capabilities.languages == frozenset({"en"})


def test_its_errors_become_ours(engine: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("std::bad_alloc")

    monkeypatch.setattr(FakeModel, "transcribe", fail)
    with pytest.raises(TranscriptionError, match="whisper failed: RuntimeError: std::bad_alloc"):
        engine.transcribe(sound(1), RATE)


# ---- what is made of it


def test_words_are_plain_and_the_rest_is_left_out(engine: Whisper) -> None:
    FakeModel.script = [[FakeSegment(" Yes ", [said(" Yes", 0.1, 0.4)]), FakeSegment(" ", None), FakeSegment("x", [])]]
    told = engine.transcribe(sound(2), RATE)
    (segment,) = told.segments
    assert (segment.text, segment.start, segment.end, told.language) == ("Yes", 0.1, 0.4, "jv")
    assert segment.words == (Word(0.1, 0.4, "Yes", 0.5),)
    assert segment.confidence == pytest.approx(np.exp(-0.25))


def test_what_was_passed_over_is_heard_again(engine: Whisper) -> None:
    early = FakeSegment("Hello.", [said(" Hello.", 0.0, 1.0)])
    late = FakeSegment("Bye.", [said(" Bye.", 9.0, 10.0)])
    FakeModel.script = [[early, late], [FakeSegment("I want a refund.", [said(" refund.", 2.0, 3.0)])]]
    told = engine.transcribe(sound(10), RATE)
    assert [(one.text, one.start, one.words[0].start) for one in told.segments] == [
        ("Hello.", 0.0, 0.0),
        ("I want a refund.", 3.0, 3.0),
        ("Bye.", 9.0, 9.0),
    ]
    first, second = model_of(engine).calls
    assert (second["length"], second["no_repeat_ngram_size"], second["language"]) == (8 * RATE, 10, "jw")
    assert "no_repeat_ngram_size" not in first


def test_silence_is_not_heard_again(engine: Whisper) -> None:
    FakeModel.script = [[]]
    assert engine.transcribe(np.zeros(10 * RATE, np.float32), RATE).segments == ()
    assert len(model_of(engine).calls) == 1


def test_babble_is_heard_again(engine: Whisper) -> None:
    babble = " you" * 100
    FakeModel.script = [[FakeSegment(babble, [said(" you", 0.1 * number, 0.1 * number) for number in range(100)])]]
    told = engine.transcribe(sound(10), RATE)
    assert "you" not in told.segments[0].text
    assert len(model_of(engine).calls) == 2


def test_menus_are_no_babble() -> None:
    menu = (
        "Для прослушивания следующего сообщения нажмите шесть. Для повторного прослушивания сообщения нажмите пять. "
        "Для прослушивания предыдущего сообщения нажмите четыре. Для удаления или восстановления сообщения нажмите "
        "ноль. Для выхода из голосовой почты нажмите решетку. Нажмите семь для восстановления этого сообщения."
    )
    assert not whisper._is_babble(menu)
    assert not whisper._is_babble("No. No, no, no.")
    assert whisper._is_babble("Субтитры. " * 40)


# ---- what it is


def test_its_fingerprint_knows_the_weights_and_the_ways(engine: Whisper, tmp_path: Path) -> None:
    told = engine.fingerprint
    assert told.startswith("whisper/1 faster-whisper-1-of-faster-whisper ctranslate2-1-of-ctranslate2 base sha256=")
    assert told.endswith(" int8 beam=5 batch=4")
    others = {Whisper(beam=1).fingerprint, Whisper(small_memory=True).fingerprint}
    assert len(others | {told}) == 3
    assert Whisper(threads=2, allow_download=True).fingerprint == told, "what changes nothing"
    (tmp_path / "base" / "model.bin").write_bytes((tmp_path / "base" / "model.bin").read_bytes() + b"\0")
    assert engine.fingerprint != told


def test_by_name(engine: Whisper) -> None:
    assert open_transcriber("whisper") == open_transcriber("whisper:base") == Whisper()
    assert open_transcriber("whisper:tiny.en?beam=1&threads=2&small_memory=yes&allow_download=yes") == Whisper(
        "tiny.en", small_memory=True, beam=1, threads=2, allow_download=True
    )
    assert open_transcriber("whisper:base", small_memory=True) == Whisper(small_memory=True)
    assert open_transcriber("whisper:C:\\models\\base") == Whisper("C:\\models\\base")
    with pytest.raises(SettingsError, match="there are allow_download, beam, small_memory, threads"):
        open_transcriber("whisper:base?size=large")


def test_without_the_package_the_extra_is_named(engine: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find_spec", lambda _: None)
    for action in (Whisper, lambda: engine.fingerprint, lambda: open_transcriber("whisper:base")):
        with pytest.raises(MissingExtraError, match=r"callkit\[whisper\]"):
            action()


def test_a_download_asks_the_hub_only_if_it_must(engine: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def download(name: str, *, local_files_only: bool = False) -> str:
        asked.append((name, local_files_only))
        if local_files_only:
            raise FileNotFoundError(name)
        return f"/hub/{name}"

    fake = ModuleType("faster_whisper.utils")
    fake.download_model = download  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "faster_whisper.utils", fake)
    assert Whisper("small", allow_download=True).located() == Path("/hub/small")
    assert asked == [("small", True), ("small", False)]
    with pytest.raises(TranscriptionError, match=r"whisper:small\?allow_download=yes"):
        Whisper("small").located()
    assert len(asked) == 2


# ---- the real one


@pytest.mark.skipif(bool(asr_models.missing("tiny.en")), reason="needs the packages of the group asr-models")
class TestTinyEn(TranscriberContract):
    @pytest.fixture
    def transcriber(self) -> Whisper:
        return Whisper(str(asr_models.model("tiny.en")))

    @pytest.fixture
    def samples(self) -> NDArray[np.float32]:
        return spoken()

    def test_it_hears_what_is_said(self, transcriber: Whisper) -> None:
        told = transcriber.transcribe(spoken(), RATE)
        assert told.language == "en"
        assert "my account number is" in told.text
        assert "charged twice" in told.text
        assert all(word.confidence for segment in told.segments for word in segment.words)

    def test_it_knows_english_only(self, transcriber: Whisper) -> None:
        with pytest.raises(TranscriptionError, match="does not know the language 'ru'"):
            transcriber.transcribe(spoken(), RATE, language="ru")


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: str, *, local_files_only: bool = False) -> str:
        if local_files_only:
            raise FileNotFoundError
        raise OSError("Name or service not known.\nTry again.\nOr don't.")

    monkeypatch.setattr(whisper, "import_module", lambda _: SimpleNamespace(download_model=away))
    with pytest.raises(TranscriptionError) as failure:
        whisper._fetch("small")
    assert "the model 'small' could not be downloaded (OSError: Name or service not known): look" in str(failure.value)
    assert "\n" not in str(failure.value)
