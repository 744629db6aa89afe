"""Whisper on this machine, by whisper.cpp (extra "whispercpp"): small to install, and slower than faster-whisper."""

import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from callkit.backends.transcribers.choices import choices_of, number
from callkit.backends.transcribers.languages import code_of, whisper_code
from callkit.backends.transcribers.library import check_there, threads_of, translated
from callkit.backends.transcribers.model_files import digest, fault_of_ggml
from callkit.backends.transcribers.models import ModelKind, find_model
from callkit.backends.transcribers.per_process import PerProcess
from callkit.backends.transcribers.readings import mean_confidence, within, word
from callkit.core.transcript import Segment, Transcript, Word
from callkit.errors import TranscriptionError
from callkit.protocols import TranscriberCapabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WhisperCpp", "open_engine"]

_RATE = 16_000
_LONGEST = 300.0  # seconds
_TICKS = 100  # in a second
_PAUSE = 0.5  # seconds between words, which end a segment
_SHORTEST = 1.0  # seconds: whisper.cpp hears nothing in less
_KIND = ModelKind("whispercpp", "ggml-{}.bin", fault_of_ggml)
_CHOICES = {"beam": number(1, 8), "threads": number(1, 64)}
_loaded: PerProcess["_Loaded"] = PerProcess()


def open_engine(text: str, *, small_memory: bool = False) -> "WhisperCpp":  # noqa: ARG001 - it takes little anyway
    """The engine of "whispercpp:base", "whispercpp:base?beam=1&threads=2" or of a file; base by default.

    Raises:
        SettingsError: an option is unknown or can't be used.
        MissingExtraError: pywhispercpp is not installed.
    """
    name, _, query = text.partition("?")
    return WhisperCpp(name.partition(":")[2] or "base", **choices_of("whispercpp", query, _CHOICES))


@frozen
class WhisperCpp:
    """Whisper's models in ggml's format. A value; the model is loaded once in each process.

    Attributes:
        model: a name such as "base", or the file of one; `models.find_model` says where "ggml-base.bin" is found.
        beam: how many readings are followed at once; 1 is quickest.
        threads: of the processor; None: all, up to 4.

    Raises:
        MissingExtraError: pywhispercpp is not installed.
    """

    model: str = "base"
    beam: int = 5
    threads: int | None = None

    def __attrs_post_init__(self) -> None:
        check_there("whispercpp", "pywhispercpp", "whispercpp")

    @property
    def name(self) -> str:
        """Always "whispercpp"."""
        return "whispercpp"

    @property
    def fingerprint(self) -> str:
        """With the digest of the model's weights, so it looks for the model.

        Raises:
            TranscriptionError: there is no model.
            MissingExtraError: pywhispercpp is not installed.
        """
        check_there("whispercpp", "pywhispercpp", "whispercpp")  # the value may come from another machine
        weights = digest(self.located())
        made_by = f"pywhispercpp-{version('pywhispercpp')}"
        return f"whispercpp/1 {made_by} {Path(self.model).name} sha256={weights} beam={self.beam}"

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Words with times; a model whose name ends in ".en" knows English only."""
        languages = frozenset({"en"}) if self.model.endswith(".en") else None
        return TranscriberCapabilities(words=True, languages=languages, sample_rate=_RATE, max_seconds=_LONGEST)

    def located(self) -> Path:
        """The model's file.

        Raises:
            TranscriptionError: there is none, or it is something else.
        """
        return find_model(_KIND, self.model)

    def transcribe(
        self, samples: "NDArray[np.float32]", rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        """See `callkit.protocols.Transcriber.transcribe`. Silence and music are for the caller to leave out."""
        if rate != _RATE:
            raise TranscriptionError("whispercpp", f"it was given sound at {rate} Hz, and takes {_RATE} Hz only")
        with translated("whispercpp"):
            words, spoken = self._heard(samples, language, hints) if len(samples) else ([], None)
        duration = len(samples) / rate
        segments = within(_segments(words, spoken), duration)
        return Transcript(
            segments, spoken if segments else None, duration, self.name, self.model, fingerprint=self.fingerprint
        )

    def _heard(
        self, samples: "NDArray[np.float32]", language: str | None, hints: Sequence[str]
    ) -> tuple[list[Word], str | None]:
        sound = np.zeros(max(len(samples), int(_SHORTEST * _RATE)), np.float32)
        sound[: len(samples)] = samples
        told, spoken = self._engine().hear(sound, whisper_code(language) if language else None, ", ".join(hints))
        words = [word(one.t0 / _TICKS, one.t1 / _TICKS, one.text, one.probability) for one in told]
        return [one for one in words if one.text and not one.text.startswith("[")], spoken  # [BLANK_AUDIO], [Music] …

    def _engine(self) -> "_Loaded":
        path, threads = self.located(), threads_of(self.threads)
        return _loaded.get((path, threads, self.beam), lambda: _load(path, threads, self.beam))


@frozen(eq=False)
class _Loaded:
    """A model in memory, for one thread at a time: parameters and results are parts of it."""

    model: Any
    lock: threading.Lock

    def hear(self, sound: "NDArray[np.float32]", language: str | None, prompt: str) -> tuple[list[Any], str | None]:
        """whisper.cpp's segments, each of one word, and the language."""
        library = import_module("_pywhispercpp")
        multilingual = bool(library.whisper_is_multilingual(self.model._ctx))
        if language and library.whisper_lang_id(language) < 0:
            raise TranscriptionError("whispercpp", f"it does not know the language {language!r}: take another")
        if language and language != "en" and not multilingual:
            raise TranscriptionError("whispercpp", "the model knows English only: take one without .en in its name")
        with self.lock:
            told = self.model.transcribe(
                sound,
                language=language or ("auto" if multilingual else "en"),
                initial_prompt=prompt,
                extract_probability=True,
            )
            spoken = library.whisper_lang_str(library.whisper_full_lang_id(self.model._ctx))
        return told, code_of(spoken)


def _load(path: Path, threads: int, beam: int) -> _Loaded:
    model = import_module("pywhispercpp.model").Model(
        str(path),  # of a name it would download the model
        params_sampling_strategy=int(beam > 1),
        redirect_whispercpp_logs_to=None,
        n_threads=threads,
        beam_search={"beam_size": beam, "patience": -1.0},
        temperature_inc=0.0,  # dice would make each transcript another one
        token_timestamps=True,
        max_len=1,  # with the next one: a segment for each word
        split_on_word=True,
        print_progress=False,
        print_realtime=False,
        print_timestamps=False,
    )
    if model._ctx is None:
        raise TranscriptionError("whispercpp", f"{path} can't be loaded: it may be cut off; copy it again")
    return _Loaded(model, threading.Lock())


def _segments(words: Sequence[Word], language: str | None) -> Iterator[Segment]:
    """Words between which nobody pauses are one segment."""
    gaps = [number for number, (one, other) in enumerate(pairwise(words), 1) if other.start - one.end > _PAUSE]
    for first, last in pairwise([0, *gaps, len(words)] if words else []):
        own = tuple(words[first:last])
        text = " ".join(one.text for one in own)
        yield Segment(own[0].start, own[-1].end, text, None, None, language, mean_confidence(own), own)
