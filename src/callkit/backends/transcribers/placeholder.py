"""Stands in where there is no engine: says that nobody listened, and that nothing of it was said."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from callkit.core.transcript import Segment, Transcript
from callkit.errors import SettingsError
from callkit.protocols import TranscriberCapabilities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Placeholder", "open_engine"]


def open_engine(text: str, *, small_memory: bool = False) -> "Placeholder":  # noqa: ARG001 - there is nothing to save
    """The placeholder of "placeholder".

    Raises:
        SettingsError: there is something behind the name.
    """
    if text != "placeholder":
        raise SettingsError("The transcriber placeholder has no model and no options: write placeholder.")
    return Placeholder()


@frozen
class Placeholder:
    """A pseudo-transcript: one segment, the same for the same length, marked synthetic; no words, no confidence."""

    @property
    def name(self) -> str:
        """Always "placeholder"."""
        return "placeholder"

    @property
    def model(self) -> str:
        """There is no choice."""
        return ""

    @property
    def fingerprint(self) -> str:
        """Changes when the text does."""
        return "placeholder/1"

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Sound of any kind, for it does not listen."""
        return TranscriberCapabilities(words=False, synthetic=True)

    def transcribe(
        self,
        samples: "NDArray[np.float32]",
        rate: int,
        *,
        language: str | None = None,
        hints: Sequence[str] = (),  # noqa: ARG002 - nothing is likely
    ) -> Transcript:
        """See `callkit.protocols.Transcriber.transcribe`; silence of no length has no segment."""
        duration = len(samples) / rate
        text = f"[Pseudo-transcript: {duration:.1f} s of sound, and no speech recognition is set up.]"
        segments = (Segment(0.0, duration, text, language=language),) if len(samples) else ()
        return Transcript(segments, language, duration, self.name, synthetic=True, fingerprint=self.fingerprint)
