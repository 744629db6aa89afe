"""whisper.cpp: how it is called, what is made of what it says; and the real one, where a model can be made."""

import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from attrs import frozen
from numpy.typing import NDArray

from benchmarks import asr_models
from benchmarks.ggml import write_ggml
from callkit.backends.transcribers import open_transcriber, whispercpp
from callkit.backends.transcribers.whispercpp import WhisperCpp
from callkit.core.transcript import Word
from callkit.errors import MissingExtraError, SettingsError, TranscriptionError
from callkit.testing.transcriber import TranscriberContract
from tests.backends.spoken import spoken

RATE = 16_000
LANGUAGES = ["en", "ru", "jw"]


@frozen
class FakeSegment:
    t0: int
    t1: int
    text: str
    probability: float


class FakeModel:
    """What pywhispercpp has: says a word for each whole second, or `script`."""

    script: ClassVar[Sequence[FakeSegment] | None] = None
    multilingual: ClassVar[bool] = True
    loads: ClassVar[bool] = True

    def __init__(self, path: str, **options: Any) -> None:
        self.path, self.options, self.calls = path, options, list[dict[str, Any]]()
        self._ctx, self.told = (self if self.loads else None), "auto"

    def transcribe(self, samples: NDArray[np.float32], **options: Any) -> list[FakeSegment]:
        self.told = options["language"]
        self.calls.append({"length": len(samples), **options})
        if self.script is not None:
            return list(self.script)
        return [FakeSegment(100 * at, 100 * at + 80, f" w{at}", 0.5) for at in range(len(samples) // RATE)]


def library() -> ModuleType:
    """What is below it; the language it finds is Javanese, unless it was told one."""
    made = ModuleType("_pywhispercpp")
    functions = {
        "whisper_is_multilingual": lambda _: FakeModel.multilingual,
        "whisper_lang_id": lambda code: LANGUAGES.index(code) if code in LANGUAGES else -1,
        "whisper_full_lang_id": lambda model: LANGUAGES.index("jw" if model.told == "auto" else model.told),
        "whisper_lang_str": LANGUAGES.__getitem__,
    }
    for name, function in functions.items():
        setattr(made, name, function)
    return made


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WhisperCpp:
    """An engine whose pywhispercpp is the one above."""
    fake = ModuleType("pywhispercpp.model")
    fake.Model = FakeModel  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "pywhispercpp", ModuleType("pywhispercpp"))
    monkeypatch.setitem(sys.modules, "pywhispercpp.model", fake)
    monkeypatch.setitem(sys.modules, "_pywhispercpp", library())
    monkeypatch.setattr("callkit.backends.transcribers.library.find_spec", lambda _: True)
    monkeypatch.setattr(whispercpp, "version", lambda package: f"1-of-{package}")
    monkeypatch.setattr(FakeModel, "script", None)
    (tmp_path / "ggml-base.bin").write_bytes(b"lmgg and so on")
    monkeypatch.setenv("CALLKIT_MODEL_DIR", str(tmp_path))
    monkeypatch.delenv("CALLKIT_ASR_MODEL", raising=False)
    return WhisperCpp()


class TestFakeWhisperCpp(TranscriberContract):
    @pytest.fixture
    def transcriber(self, engine: WhisperCpp) -> WhisperCpp:
        return engine


def model_of(engine: WhisperCpp) -> FakeModel:
    loaded = engine._engine()
    assert isinstance(loaded.model, FakeModel)
    return loaded.model


def test_each_segment_is_a_word_and_nothing_is_downloaded(engine: WhisperCpp, tmp_path: Path) -> None:
    engine.transcribe(np.zeros(2 * RATE, np.float32), RATE, language="en-GB", hints=["callkit", "PBX"])
    model = model_of(engine)
    assert model.path == str(tmp_path / "ggml-base.bin"), "a path, for of a name it would download the model"
    wanted = {"max_len": 1, "split_on_word": True, "token_timestamps": True, "temperature_inc": 0.0}
    assert wanted.items() <= model.options.items()
    assert model.calls == [
        {"length": 2 * RATE, "language": "en", "initial_prompt": "callkit, PBX", "extract_probability": True}
    ]


def test_it_finds_out_the_language(engine: WhisperCpp, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.transcribe(np.zeros(RATE, np.float32), RATE).language == "jv"
    assert model_of(engine).calls[-1]["language"] == "auto"
    monkeypatch.setattr(FakeModel, "multilingual", False)
    engine.transcribe(np.zeros(RATE, np.float32), RATE)
    assert model_of(engine).calls[-1]["language"] == "en"
    with pytest.raises(TranscriptionError, match="the model knows English only"):
        engine.transcribe(np.zeros(RATE, np.float32), RATE, language="ru")
    with pytest.raises(TranscriptionError, match="does not know the language 'tlh'"):
        engine.transcribe(np.zeros(RATE, np.float32), RATE, language="tlh")


def test_too_little_sound_is_made_longer(engine: WhisperCpp) -> None:
    engine.transcribe(np.zeros(100, np.float32), RATE)
    assert model_of(engine).calls[-1]["length"] == RATE


def test_pauses_end_segments_and_what_is_no_word_is_left_out(engine: WhisperCpp) -> None:
    FakeModel.script = [
        FakeSegment(0, 40, " Hello", float("nan")),
        FakeSegment(40, 80, "there.", 0.5),
        FakeSegment(80, 90, "[Music]", 0.9),
        FakeSegment(90, 90, "", 0.9),
        FakeSegment(140, 200, "Refund!", 0.7),
    ]
    first, second = engine.transcribe(np.zeros(3 * RATE, np.float32), RATE).segments
    assert (first.text, first.start, first.end, first.confidence) == ("Hello there.", 0.0, 0.8, 0.5)
    assert first.words == (Word(0.0, 0.4, "Hello"), Word(0.4, 0.8, "there.", 0.5))
    assert (second.text, second.start, second.confidence) == ("Refund!", 1.4, 0.7)


def test_what_fails_says_why(engine: WhisperCpp, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TranscriptionError, match="given sound at 8000 Hz, and takes 16000 Hz only"):
        engine.transcribe(np.zeros(8000, np.float32), 8000)
    monkeypatch.setattr(FakeModel, "loads", False)
    with pytest.raises(TranscriptionError, match="can't be loaded: it may be cut off"):
        WhisperCpp(beam=2).transcribe(np.zeros(RATE, np.float32), RATE)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(FakeModel, "loads", True)
    monkeypatch.setattr(FakeModel, "transcribe", fail)
    with pytest.raises(TranscriptionError, match="whispercpp failed: MemoryError"):
        engine.transcribe(np.zeros(RATE, np.float32), RATE)


def test_its_fingerprint_knows_the_weights_and_the_ways(engine: WhisperCpp, tmp_path: Path) -> None:
    told = engine.fingerprint
    assert told.startswith("whispercpp/1 pywhispercpp-1-of-pywhispercpp base sha256=")
    assert WhisperCpp(beam=1).fingerprint != told == WhisperCpp(threads=2).fingerprint
    (tmp_path / "ggml-base.bin").write_bytes(b"lmgg and others")
    assert engine.fingerprint != told


def test_by_name(engine: WhisperCpp, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_transcriber("whispercpp") == open_transcriber("whispercpp:base", small_memory=True) == WhisperCpp()
    assert open_transcriber("whispercpp:tiny.en?beam=1&threads=2") == WhisperCpp("tiny.en", beam=1, threads=2)
    assert WhisperCpp("tiny.en").capabilities.languages == frozenset({"en"})
    with pytest.raises(SettingsError, match="there are beam, threads"):
        open_transcriber("whispercpp:base?allow_download=yes")
    monkeypatch.setattr("callkit.backends.transcribers.library.find_spec", lambda _: None)
    for action in (WhisperCpp, lambda: engine.fingerprint, lambda: open_transcriber("whispercpp:base")):
        with pytest.raises(MissingExtraError, match=r"callkit\[whispercpp\]"):
            action()


# ---- the real one

ABSENT = asr_models.missing("tiny.en") or ("" if find_spec("pywhispercpp") else "pywhispercpp")


@pytest.fixture(scope="module")
def ggml_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("models") / "ggml-tiny.en.bin"
    write_ggml(asr_models.model("tiny.en"), path)
    yield path
    path.unlink()


@pytest.mark.skipif(bool(ABSENT), reason="needs pywhispercpp and the packages of the group asr-models")
class TestTinyEn(TranscriberContract):
    @pytest.fixture
    def transcriber(self, ggml_model: Path) -> WhisperCpp:
        return WhisperCpp(str(ggml_model), beam=1)

    @pytest.fixture
    def samples(self) -> NDArray[np.float32]:
        return spoken()[: 10 * RATE]

    def test_it_hears_what_is_said(self, transcriber: WhisperCpp, samples: NDArray[np.float32]) -> None:
        told = transcriber.transcribe(samples, RATE)
        assert (told.language, told.model) == ("en", transcriber.model)
        assert "calling about my last invoice" in told.text.replace("\n", " ")
        assert all(word.confidence for segment in told.segments for word in segment.words)
