"""The best that is here, called "auto": whisper, if it is installed and finds a model; else the placeholder."""

import logging
from functools import cache

from callkit.backends.transcribers import placeholder, whisper
from callkit.errors import CallKitError, MissingExtraError, SettingsError, TranscriptionError
from callkit.protocols import Transcriber

__all__ = ["open_engine"]

log = logging.getLogger("callkit.transcripts")


def open_engine(text: str, *, small_memory: bool = False) -> Transcriber:
    """The engine of "auto"; what is behind the name, if anything is, is whisper's, as in "auto:tiny.en".

    Raises:
        SettingsError: what is behind it can't be used.
    """
    name = text.removeprefix("auto")
    if name[:1] not in {"", ":", "?"}:
        raise SettingsError(f"{text!r} is no transcriber: write auto, or auto:base for a model of your choice.")
    try:
        engine = whisper.open_engine(f"whisper{name}", small_memory=small_memory)
        engine.located()
    except (MissingExtraError, TranscriptionError) as error:
        _warn(error)
        return placeholder.open_engine("placeholder")
    return engine


def _warn(error: CallKitError) -> None:
    _say("there is no model" if isinstance(error, TranscriptionError) else "callkit[whisper] is not installed")
    log.info("%s", error)


@cache
def _say(why: str) -> None:
    """Once for each reason."""
    log.warning(
        "Nobody writes down what is said, for %s: a placeholder stands in. transcriber=none: no transcripts.", why
    )
