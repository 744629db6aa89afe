"""`Options`: what is measured, and how."""

from typing import Literal

from attrs import Attribute, field, frozen

from callkit.audio.reader import AudioFormat
from callkit.audio.silence import SilenceDetector
from callkit.core.conversation import Rules
from callkit.errors import SettingsError

__all__ = ["VERSION", "Options"]

VERSION = 4
"""Of the analyser: one more whenever a figure may come out differently."""

DETECTORS = ("silero",)


@frozen
class Options:
    """What is measured, and how.

    Attributes:
        min_silence: seconds; shorter pauses are no mark.
        compat: "pydub" makes the silence marks exactly pydub's; None lets them follow the noise floor.
        min_silence_len: milliseconds, for pydub's marks.
        silence_thresh: dBFS, for pydub's marks.
        seek_step: milliseconds, for pydub's marks.
        max_duration: seconds; a recording that decodes to more is refused.
        rules: where the lines are drawn between turns, interruptions and dead air.
        detector: "silero" is asked about what may be music or is noisy; None: levels and spectra alone decide.
        show_keys: keep which keys were pressed (DTMF): they may be part of a card number or a password.
    """

    min_silence: float = field(default=1.0)
    compat: Literal["pydub"] | None = None
    min_silence_len: int = 1000
    silence_thresh: float = -16.0
    seek_step: int = 1
    max_duration: float = 86_400.0
    rules: Rules = field(factory=Rules)
    detector: Literal["silero"] | None = None
    show_keys: bool = False

    @min_silence.validator
    def _check(self, _: "Attribute[float]", min_silence: float) -> None:
        if not min_silence >= 0 or not self.max_duration > 0 or self.compat not in {None, "pydub"}:
            raise SettingsError("min_silence must be 0 or more, max_duration more than 0, and compat None or 'pydub'.")
        if self.detector is not None and self.detector not in DETECTORS:
            raise SettingsError(f"There is no detector {self.detector!r}: there is {' and '.join(DETECTORS)}.")
        self.marks(AudioFormat("", "", 8000, 1))

    def marks(self, kind: AudioFormat) -> SilenceDetector:
        """What finds pydub's marks in such a recording.

        Raises:
            SettingsError: a parameter is out of range.
        """
        question = (self.min_silence_len, self.silence_thresh, self.seek_step)
        return SilenceDetector(kind.sample_rate, kind.channels, kind.width, *question)

    @property
    def method(self) -> str:
        """What makes the silence marks: "adaptive" or "pydub"."""
        return self.compat or "adaptive"

    @property
    def parameters(self) -> dict[str, float | int | str | None]:
        """What the silence marks are made with."""
        if self.compat is None:
            return {"min_silence": float(self.min_silence)}
        return {
            "min_silence_len": self.min_silence_len,
            "silence_thresh": float(self.silence_thresh),
            "seek_step": self.seek_step,
        }

    @property
    def fingerprint(self) -> str:
        """Analyser, version and parameters: equal fingerprints give equal results."""
        made_with = [f"{name}={value}" for name, value in self.parameters.items()]
        if self.rules != Rules():
            made_with.append(f"rules={self.rules}")
        made_with += [f"detector={self.detector}"] if self.detector else []
        made_with += ["keys"] if self.show_keys else []
        return f"callkit-audio/{VERSION} {self.method} {' '.join(made_with)}"
