"""How a transcript differs from what was said, and how others would have made one of the same call."""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from benchmarks.dialogues import RATE

__all__ = ["Score", "alone", "mix_down", "mixed", "naively", "score"]

Samples = NDArray[np.int16]
"""Shape (frames, channels), at 8 kHz."""


@frozen
class Score:
    """Errors in words and in characters, and how many there are of each."""

    wrong: int = 0
    words: int = 0
    wrong_characters: int = 0
    characters: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.wrong + other.wrong,
            self.words + other.words,
            self.wrong_characters + other.wrong_characters,
            self.characters + other.characters,
        )

    @property
    def wer(self) -> float:
        """Percent."""
        return 100 * self.wrong / max(self.words, 1)

    @property
    def cer(self) -> float:
        """Percent."""
        return 100 * self.wrong_characters / max(self.characters, 1)


def score(said: str, heard: str, language: str = "en") -> Score:
    """How what was heard differs from what was said; capitals, punctuation and how numbers are written aside."""
    normal = _english if language == "en" else _russian
    truth, told = normal(said), normal(heard)
    jiwer = import_module("jiwer")
    words, characters = jiwer.process_words(truth, told), jiwer.process_characters(truth, told)
    return Score(_wrong(words), len(truth.split()), _wrong(characters), len(truth))


def _english(text: str) -> str:
    return str(_normaliser()(text))


@cache
def _normaliser() -> Callable[[str], str]:
    made: Callable[[str], str] = import_module("whisper_normalizer.english").EnglishTextNormalizer()
    return made


def _russian(text: str) -> str:
    num2words = import_module("num2words").num2words
    spelled = re.sub(r"\d+", lambda found: f" {num2words(int(found[0]), lang='ru')} ", text.lower())
    return " ".join(re.findall(r"\w+", spelled.replace("ё", "е")))


def _wrong(measured: Any) -> int:
    return int(measured.substitutions + measured.deletions + measured.insertions)


def naively(samples: Samples, model: Path) -> str:
    """Each channel by faster-whisper with its own gate, and whole segments merged by their start."""
    found = [one for channel in samples.T for one in _by_faster_whisper(channel, model)]
    return " ".join(one.text for one in sorted(found, key=lambda one: float(one.start)))


def mixed(samples: Samples, model: Path) -> str:
    """Both channels in one, by faster-whisper with its own gate."""
    return " ".join(one.text for one in _by_faster_whisper(mix_down(samples)[:, 0], model))


def alone(samples: Samples, model: Path, language: str) -> str:
    """One channel by faster-whisper as it comes when it is told to hear some windows at once."""
    pipeline = import_module("faster_whisper").BatchedInferencePipeline(_loaded(model))
    told, _ = pipeline.transcribe(_at_16_khz(samples[:, 0]), language=language, word_timestamps=True, batch_size=4)
    return " ".join(one.text for one in told)


def mix_down(samples: Samples) -> Samples:
    """The mean of the channels, as one."""
    return np.asarray(samples.astype(np.int32).sum(axis=1, keepdims=True) // samples.shape[1], np.int16)


def _by_faster_whisper(channel: NDArray[np.int16], model: Path) -> list[Any]:
    told, _ = _loaded(model).transcribe(_at_16_khz(channel), language="en", vad_filter=True)
    return list(told)


def _at_16_khz(channel: NDArray[np.int16]) -> Any:
    return import_module("soxr").resample(channel.astype(np.float32) / 32768, RATE, 16_000)


@cache
def _loaded(model: Path) -> Any:
    whisper = import_module("faster_whisper").WhisperModel
    return whisper(str(model), device="cpu", compute_type="int8", cpu_threads=2)
