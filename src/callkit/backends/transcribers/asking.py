"""`TranscriptOptions`: how transcripts are made, and what they are known by."""

from collections.abc import Iterable
from hashlib import sha256

from attrs import Attribute, field, frozen

from callkit.audio.detectors import SpeechDetector
from callkit.errors import SettingsError
from callkit.protocols import Transcriber

__all__ = ["VERSION", "TranscriptOptions", "fingerprint_of"]

VERSION = 1
"""Of what turns an engine's words into a transcript: one more whenever it may come out differently."""

_LONGEST, _LONGEST_IN_SMALL_MEMORY = 300.0, 120.0  # seconds
_SHORTEST = 10.0  # seconds: below, an engine hears too little at once to make sense of it


def _to_hints(hints: Iterable[str]) -> tuple[str, ...]:
    if isinstance(hints, str):
        raise SettingsError(f"Hints come as a list, such as [{hints!r}]: a text would be a hint for each letter.")
    return tuple(hint.strip() for hint in hints if hint.strip())


@frozen(kw_only=True)
class TranscriptOptions:
    """How transcripts are made.

    Attributes:
        language: BCP-47 code of what is spoken; None: the engine finds out, for each piece.
        hints: names and terms that are likely.
        small_memory: shorter pieces; engines that are opened with it take less, too.
        piece: seconds of sound that an engine gets at once, at most; None: 300, in small memory 120.

    Raises:
        SettingsError: a value can't be used.
    """

    language: str | None = None
    hints: tuple[str, ...] = field(default=(), converter=_to_hints)
    small_memory: bool = False
    piece: float | None = field(default=None)

    @piece.validator
    def _check(self, _: "Attribute[float | None]", piece: float | None) -> None:
        if piece is not None and not _SHORTEST <= piece <= 3600.0:
            raise SettingsError(f"A piece of a transcript has {_SHORTEST:g} to 3600 seconds, not {piece!r}.")

    def longest(self, transcriber: Transcriber) -> float:
        """Seconds of sound that the engine gets at once."""
        wanted = self.piece or (_LONGEST_IN_SMALL_MEMORY if self.small_memory else _LONGEST)
        return min(wanted, transcriber.capabilities.max_seconds or wanted)


def fingerprint_of(transcriber: Transcriber, options: TranscriptOptions, detector: SpeechDetector | None) -> str:
    """What a transcript is known by: equal ones are equal transcripts of equal sound.

    Hints may be names, so only a digest of them is told.

    Args:
        transcriber: the engine.
        options: what it is asked for.
        detector: tells speech from all else; None: the analysis does.
    """
    told = [f"callkit-words/{VERSION}", transcriber.fingerprint]
    if not transcriber.capabilities.synthetic:
        told += [f"speech={detector.name if detector else 'analysis'}", f"piece={options.longest(transcriber):g}"]
    told += [f"language={options.language}"] if options.language else []
    told += [f"hints={sha256(repr(options.hints).encode()).hexdigest()[:16]}"] if options.hints else []
    return " ".join(told)
