"""Services that speak OpenAI's `audio/transcriptions`: OpenAI's own, and many that run in-house."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from callkit.backends.transcribers.choices import number, yes
from callkit.backends.transcribers.languages import code_of
from callkit.backends.transcribers.library import check_there
from callkit.backends.transcribers.readings import likelihood, seconds, within, word
from callkit.backends.transcribers.service import Service, place_of, wav
from callkit.core.transcript import Segment, Transcript, Word
from callkit.protocols import TranscriberCapabilities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["OpenAI", "open_engine"]

_HOME = "https://api.openai.com/v1"
_LONGEST = 600.0  # seconds: 19 MB at 16 kHz, of 25 that OpenAI takes
_RATE = 16_000
_CHOICES: Mapping[str, Callable[[str], Any]] = {"model": str, "words": yes, "timeout": number(1, 3600)}


def open_engine(text: str, *, small_memory: bool = False) -> "OpenAI":  # noqa: ARG001 - the memory is the server's
    """The engine of "openai+https://host/v1?model=whisper-1", or of "openai:whisper-1", which is OpenAI's own.

    Raises:
        SettingsError: the URL or an option can't be used.
        MissingExtraError: httpx is not installed.
    """
    return OpenAI(**place_of("openai", text, _CHOICES))


@frozen
class OpenAI:
    """A service with OpenAI's interface; the key to it is in CALLKIT_ASR_KEY, if it takes one.

    Attributes:
        url: up to and without "/audio/transcriptions".
        model: what the service calls it.
        words: whether it gives the times of words ("verbose_json"); without, it gets one utterance at a time.
        timeout: seconds for one answer.

    Raises:
        MissingExtraError: httpx is not installed.
    """

    url: str = _HOME
    model: str = "whisper-1"
    words: bool = True
    timeout: float = 300.0

    def __attrs_post_init__(self) -> None:
        check_there("openai", "httpx", "remote")

    @property
    def name(self) -> str:
        """Always "openai"."""
        return "openai"

    @property
    def fingerprint(self) -> str:
        """What runs behind the URL may change without a trace of it here."""
        return f"openai/1 {self.url} {self.model} words={'yes' if self.words else 'no'}"

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """The sound leaves this machine."""
        return TranscriberCapabilities(words=self.words, sample_rate=_RATE, max_seconds=_LONGEST, local=False)

    def transcribe(
        self, samples: "NDArray[np.float32]", rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        """See `callkit.protocols.Transcriber.transcribe`."""
        duration = len(samples) / rate
        if not len(samples):
            return Transcript((), None, duration, self.name, self.model, fingerprint=self.fingerprint)
        service = Service("openai", f"{self.url}/audio/transcriptions", "Bearer", self.timeout)
        answer = service.ask(
            files={"file": ("sound.wav", wav(samples, rate), "audio/wav")}, data=self._form(language, hints)
        )
        try:
            segments = within(_segments(answer, duration, language), duration)
        except (TypeError, ValueError, KeyError, AttributeError):
            raise service.strange() from None
        spoken = segments[0].language if segments else None
        return Transcript(segments, spoken, duration, self.name, self.model, fingerprint=self.fingerprint)

    def _form(self, language: str | None, hints: Sequence[str]) -> dict[str, Any]:
        form: dict[str, Any] = {"model": self.model, "response_format": "verbose_json" if self.words else "json"}
        if self.words:
            form["timestamp_granularities[]"] = ["word", "segment"]
        if language:
            form["language"] = language.partition("-")[0].lower()
        if hints:
            form["prompt"] = ", ".join(hints)
        return form


def _segments(answer: Mapping[str, Any], duration: float, asked: str | None) -> Iterator[Segment]:
    """What is said; words stand beside the segments, and each goes to the one that has begun when it does."""
    language = code_of(answer.get("language")) or asked
    text = answer["text"].strip()
    words = [word(one["start"], one["end"], one["word"]) for one in answer.get("words") or ()]
    told = [one for one in answer.get("segments") or () if one["text"].strip()]
    if not told:
        if text:
            yield Segment(0.0, duration, text, language=language, words=tuple(words))
        return
    starts = [seconds(one["start"]) for one in told]
    for one, start, until in zip(told, starts, [*starts[1:], float("inf")], strict=True):
        own = [each for each in words if (each.start < until or until == float("inf"))]
        words = words[len(own) :]
        yield _segment(one, start, own or _inside(one), language)


def _inside(told: Mapping[str, Any]) -> list[Word]:
    """Some servers put words where they belong."""
    return [word(one["start"], one["end"], one["word"], one.get("probability")) for one in told.get("words") or ()]


def _segment(told: Mapping[str, Any], start: float, words: Sequence[Word], language: str | None) -> Segment:
    end = max(seconds(told["end"]), start)
    sure = likelihood(told.get("avg_logprob"))
    return Segment(start, end, told["text"].strip(), language=language, confidence=sure, words=tuple(words))
