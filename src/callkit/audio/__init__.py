"""Bytes → blocks → facts. Knows nothing of calls, databases or files' owners."""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["Options", "Peaks", "analyse", "detect_nonsilent", "detect_silence", "measure", "open_audio"]

if TYPE_CHECKING:
    from callkit.audio.analyser import Options, analyse, measure
    from callkit.audio.peaks import Peaks
    from callkit.audio.silence import detect_nonsilent, detect_silence
    from callkit.audio.source import open_audio
else:  # numpy is loaded only when something is asked for
    _HOMES = {
        "Options": "analyser",
        "Peaks": "peaks",
        "analyse": "analyser",
        "detect_nonsilent": "silence",
        "detect_silence": "silence",
        "measure": "analyser",
        "open_audio": "source",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
