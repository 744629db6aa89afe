"""callkit turns phone-call recordings into measured, searchable, playable calls.

import callkit
analysis = callkit.analyse("call.wav")          # no set-up
transcript = callkit.transcribe("call.wav", "whisper:base")
kit = callkit.CallKit.open("callkit-data")      # SQLite and local files
"""

# `from typing import TYPE_CHECKING` would cost 8 ms, and this module must cost nothing
TYPE_CHECKING = False

__all__ = [
    "Analysis",
    "AsyncCallKit",
    "Call",
    "CallKit",
    "CallKitError",
    "Direction",
    "Leasing",
    "Options",
    "Page",
    "Query",
    "Recording",
    "Results",
    "SilenceMark",
    "Status",
    "Transcript",
    "__version__",
    "analyse",
    "open_kit",
    "parse",
    "transcribe",
]

if TYPE_CHECKING:
    from callkit.aio import AsyncCallKit
    from callkit.audio.analyser import Options, analyse
    from callkit.backends.transcribers.driver import transcribe
    from callkit.core.analysis import Analysis, Results, SilenceMark
    from callkit.core.call import Call, Direction, Recording, Status
    from callkit.core.page import Page
    from callkit.core.parsing import parse
    from callkit.core.query import Query
    from callkit.core.transcript import Transcript
    from callkit.errors import CallKitError
    from callkit.kit import CallKit
    from callkit.settings import open_kit
    from callkit.work import Leasing

    __version__: str
else:  # a __getattr__ that type checkers saw would make every misspelt name type-check
    _HOMES = {
        "Analysis": "core.analysis",
        "AsyncCallKit": "aio",
        "Call": "core.call",
        "CallKit": "kit",
        "CallKitError": "errors",
        "Direction": "core.call",
        "Leasing": "work",
        "Options": "audio.analyser",
        "Page": "core.page",
        "Query": "core.query",
        "Recording": "core.call",
        "Results": "core.analysis",
        "SilenceMark": "core.analysis",
        "Status": "core.call",
        "Transcript": "core.transcript",
        "analyse": "audio.analyser",
        "open_kit": "settings",
        "parse": "core.parsing",
        "transcribe": "backends.transcribers.driver",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _HOMES:
            value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        elif name == "__version__":
            value = import_module("importlib.metadata").version("callkit")
        elif name in ("aio", "audio", "errors", "testing"):
            value = import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
