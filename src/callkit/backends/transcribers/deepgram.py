"""Deepgram, and services that answer as it does."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from callkit.backends.transcribers.choices import number
from callkit.backends.transcribers.languages import code_of
from callkit.backends.transcribers.library import check_there
from callkit.backends.transcribers.readings import confidence, seconds, within, word
from callkit.backends.transcribers.service import Service, place_of, wav
from callkit.core.transcript import Segment, Transcript
from callkit.protocols import TranscriberCapabilities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Deepgram", "open_engine"]

_HOME = "https://api.deepgram.com"
_LONGEST = 600.0  # seconds: it takes more, but an answer is waited for
_CHOICES: Mapping[str, Callable[[str], Any]] = {"model": str, "timeout": number(1, 3600)}


def open_engine(text: str, *, small_memory: bool = False) -> "Deepgram":  # noqa: ARG001 - the memory is the server's
    """The engine of "deepgram+https://host?model=nova-3", or of "deepgram:nova-3", which is Deepgram's own.

    Raises:
        SettingsError: the URL or an option can't be used.
        MissingExtraError: httpx is not installed.
    """
    return Deepgram(**place_of("deepgram", text, _CHOICES))


@frozen
class Deepgram:
    """A service with Deepgram's interface; the key to it is in CALLKIT_ASR_KEY.

    Attributes:
        url: up to and without "/v1/listen".
        model: what the service calls it.
        timeout: seconds for one answer.

    Raises:
        MissingExtraError: httpx is not installed.
    """

    url: str = _HOME
    model: str = "nova-3"
    timeout: float = 300.0

    def __attrs_post_init__(self) -> None:
        check_there("deepgram", "httpx", "remote")

    @property
    def name(self) -> str:
        """Always "deepgram"."""
        return "deepgram"

    @property
    def fingerprint(self) -> str:
        """What runs behind the URL may change without a trace of it here."""
        return f"deepgram/1 {self.url} {self.model}"

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Sound at any rate; it leaves this machine."""
        return TranscriberCapabilities(words=True, max_seconds=_LONGEST, local=False)

    def transcribe(
        self, samples: "NDArray[np.float32]", rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        """See `callkit.protocols.Transcriber.transcribe`."""
        duration = len(samples) / rate
        if not len(samples):
            return Transcript((), None, duration, self.name, self.model, fingerprint=self.fingerprint)
        service = Service("deepgram", f"{self.url}/v1/listen", "Token", self.timeout)
        answer = service.ask(
            content=wav(samples, rate), headers={"content-type": "audio/wav"}, params=self._options(language, hints)
        )
        try:
            segments = within(_segments(answer["results"], language), duration)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError):
            raise service.strange() from None
        spoken = segments[0].language if segments else None
        return Transcript(segments, spoken, duration, self.name, self.model, fingerprint=self.fingerprint)

    def _options(self, language: str | None, hints: Sequence[str]) -> dict[str, Any]:
        options: dict[str, Any] = {"model": self.model, "punctuate": "true", "utterances": "true"}
        options |= {"language": language} if language else {"detect_language": "true"}
        return options | ({"keyterm": list(hints)} if hints else {})


def _segments(results: Mapping[str, Any], asked: str | None) -> tuple[Segment, ...]:
    """Utterances; without them all that was said in one."""
    (channel,) = results["channels"]
    language = code_of(channel.get("detected_language")) or asked
    best = channel["alternatives"][0]
    told = results.get("utterances") or [best]
    return tuple(_segment(one, language) for one in told if one["transcript"].strip())


def _segment(told: Mapping[str, Any], language: str | None) -> Segment:
    words = tuple(
        word(one["start"], one["end"], one.get("punctuated_word") or one["word"], one.get("confidence"))
        for one in told["words"]
    )
    start = seconds(told.get("start", words[0].start))
    end = max(seconds(told.get("end", words[-1].end)), start)
    return Segment(
        start, end, told["transcript"].strip(), None, None, language, confidence(told.get("confidence")), words
    )
