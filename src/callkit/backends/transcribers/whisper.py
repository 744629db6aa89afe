"""Whisper on this machine, by faster-whisper (extra "whisper"): int8 on CTranslate2."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from callkit.backends.transcribers.choices import choices_of, number, yes
from callkit.backends.transcribers.languages import code_of, whisper_code
from callkit.backends.transcribers.library import check_there, threads_of, translated
from callkit.backends.transcribers.model_files import digest, fault_of_ctranslate2
from callkit.backends.transcribers.models import ModelKind, find_model
from callkit.backends.transcribers.per_process import PerProcess
from callkit.backends.transcribers.readings import likelihood, within, word
from callkit.backends.transcribers.windows import passed_over, windows
from callkit.core.transcript import Segment, Transcript, Word
from callkit.errors import TranscriptionError
from callkit.protocols import TranscriberCapabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

__all__ = ["Whisper", "open_engine"]

_RATE = 16_000
_VERSION = 1  # of what is done here with what Whisper says
_AT_ONCE = 4  # windows: more of them cost memory, and save nothing on a CPU
_LONGEST = 120.0  # seconds: a batch of full windows; the spectra of a piece are all held, and memory is to stay flat
_BABBLE = 2.4  # characters for each byte after compression: above, a text says the same over and over
_NO_BABBLE = {"no_repeat_ngram_size": 10}  # tokens
_CHOICES = {"small_memory": yes, "beam": number(1, 10), "threads": number(1, 64), "allow_download": yes}
_loaded: PerProcess[Any] = PerProcess()


def _fetch(name: str) -> Path:
    """From the hub; what was fetched before is found without asking it."""
    with translated("whisper"):
        download_model = import_module("faster_whisper.utils").download_model
    try:
        return Path(download_model(name, local_files_only=True))
    except FileNotFoundError:
        with _downloading(name):
            return Path(download_model(name))


@contextmanager
def _downloading(name: str) -> Iterator[None]:
    """What hubs and networks say of trouble is long and for their makers: the first line is enough."""
    try:
        yield
    except Exception as error:
        first = next(iter(str(error).splitlines()), "").rstrip(".")
        why = f"the model {name!r} could not be downloaded ({type(error).__name__}: {first})"
        raise TranscriptionError("whisper", f"{why}: look at the network, or name a folder that has it") from error


_KIND = ModelKind("whisper", "{}", fault_of_ctranslate2, _fetch)


def open_engine(text: str, *, small_memory: bool = False) -> "Whisper":
    """The engine of "whisper:base", "whisper:tiny.en?beam=1" or "whisper:/folder/of/a/model"; base by default.

    Raises:
        SettingsError: an option is unknown or can't be used.
        MissingExtraError: faster-whisper is not installed.
    """
    name, _, query = text.partition("?")
    chosen = {"small_memory": small_memory} | choices_of("whisper", query, _CHOICES)
    return Whisper(name.partition(":")[2] or "base", **chosen)


@frozen
class Whisper:
    """Whisper's models in CTranslate2's format. A value; the model is loaded once in each process.

    Attributes:
        model: a name such as "base" or "tiny.en", or the folder of one; `models.find_model` says where it is found.
        small_memory: one window at a time, in short pieces: half the memory, and nearly twice the time.
        beam: how many readings are followed at once; 1 is quickest.
        threads: of the processor; None: all, up to 4.
        allow_download: ask the Hugging Face hub for a model that is nowhere else.

    Raises:
        MissingExtraError: faster-whisper is not installed.
    """

    model: str = "base"
    small_memory: bool = False
    beam: int = 5
    threads: int | None = None
    allow_download: bool = False

    def __attrs_post_init__(self) -> None:
        check_there("whisper", "faster_whisper", "whisper")

    @property
    def name(self) -> str:
        """Always "whisper"."""
        return "whisper"

    @property
    def fingerprint(self) -> str:
        """With the digest of the model's weights, so it looks for the model.

        Raises:
            TranscriptionError: there is no model.
            MissingExtraError: faster-whisper is not installed.
        """
        check_there("whisper", "faster_whisper", "whisper")  # the value may come from another machine
        made_by = f"faster-whisper-{version('faster-whisper')} ctranslate2-{version('ctranslate2')}"
        weights = digest(self.located() / "model.bin")
        ways = "sequential" if self.small_memory else f"batch={_AT_ONCE}"
        return f"whisper/{_VERSION} {made_by} {Path(self.model).name} sha256={weights} int8 beam={self.beam} {ways}"

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Words with times; a model whose name ends in ".en" knows English only."""
        languages = frozenset({"en"}) if self.model.endswith(".en") else None
        return TranscriberCapabilities(words=True, languages=languages, sample_rate=_RATE, max_seconds=_LONGEST)

    def located(self) -> Path:
        """The model's folder.

        Raises:
            TranscriptionError: there is none, or it is damaged.
        """
        return find_model(_KIND, self.model, allow_download=self.allow_download)

    def transcribe(
        self, samples: "Sound", rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        """See `callkit.protocols.Transcriber.transcribe`. Silence and music are for the caller to leave out."""
        if rate != _RATE:
            raise TranscriptionError("whisper", f"it was given sound at {rate} Hz, and takes {_RATE} Hz only")
        with translated("whisper"):
            told = self._heard(np.ascontiguousarray(samples, np.float32), language, hints) if len(samples) else []
        duration = len(samples) / rate
        segments = within(told, duration)
        spoken = segments[0].language if segments else None
        return Transcript(segments, spoken, duration, self.name, self.model, fingerprint=self.fingerprint)

    def _heard(self, samples: "Sound", language: str | None, hints: Sequence[str]) -> list[Segment]:
        """What is heard at first, and at a second hearing in what was passed over."""
        model = self._engine()
        options: dict[str, Any] = {
            "language": _spoken(model, language, self.model),
            "beam_size": self.beam,
            "temperature": 0.0,  # dice would make each transcript another one
            "word_timestamps": True,
            "condition_on_previous_text": False,  # else one slip is repeated to the end
            "hotwords": ", ".join(hints) or None,
        }
        run = _in_turn if self.small_memory else _together
        told = [one for one in run(model, samples, options) if not _is_babble(one.text)]
        if told:
            options["language"] = whisper_code(str(told[0].language))
        for start, end in passed_over(samples, _RATE, [(one.start, one.end) for said in told for one in said.words]):
            clip = samples[round(start * _RATE) : round(end * _RATE)]
            told += [_later(one, start) for one in _in_turn(model, clip, options | _NO_BABBLE)]
        return told

    def _engine(self) -> Any:
        folder, threads = self.located(), threads_of(self.threads)
        return _loaded.get((folder, threads), lambda: _load(folder, threads))


def _load(folder: Path, threads: int) -> Any:
    model = import_module("faster_whisper").WhisperModel  # takes 2 s, and 100 MB
    # a folder, which is whole: so nothing is ever asked of a hub
    return model(str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)


def _spoken(model: Any, language: str | None, name: str) -> str | None:
    """Whisper's code of the language that is asked for."""
    code = whisper_code(language) if language else None
    if code and code not in model.supported_languages:
        raise TranscriptionError("whisper", f"the model {name} does not know the language {language!r}: take another")
    return code


def _in_turn(model: Any, samples: "Sound", options: Mapping[str, Any]) -> list[Segment]:
    """One window after the other: each begins where the words of the one before end."""
    return _read(*model.transcribe(samples, vad_filter=False, **options))


def _together(model: Any, samples: "Sound", options: Mapping[str, Any]) -> list[Segment]:
    """Some windows at once."""
    clips = [{"start": start, "end": end} for start, end in windows(samples, _RATE)]
    pipeline = import_module("faster_whisper").BatchedInferencePipeline(
        model
    )  # remembers where it is, so each thread needs its own
    return _read(*pipeline.transcribe(samples, clip_timestamps=clips, batch_size=_AT_ONCE, **options))


def _read(told: Iterator[Any], about: Any) -> list[Segment]:
    """Whisper works while it is read."""
    language = code_of(about.language)
    return [_segment(one, language) for one in told if one.words]


def _segment(told: Any, language: str | None) -> Segment:
    words = tuple(word(one.start, one.end, one.word, one.probability) for one in told.words)
    sure = likelihood(told.avg_logprob)
    return Segment(words[0].start, words[-1].end, told.text.strip(), None, None, language, sure, words)


def _is_babble(text: str) -> bool:
    """Whether Whisper got caught in a loop.

    Source: Whisper's own test, of characters in place of bytes: in UTF-8 other alphabets compress twice as well.
    """
    return len(text) > _BABBLE * len(zlib.compress(text.encode()))


def _later(segment: Segment, seconds: float) -> Segment:
    def moved(one: Word) -> Word:
        return evolve(one, start=one.start + seconds, end=one.end + seconds)

    words = tuple(map(moved, segment.words))
    return evolve(segment, start=segment.start + seconds, end=segment.end + seconds, words=words)
