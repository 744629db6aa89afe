"""For tests of your own: contract suites, Hypothesis strategies, calls with exact ground truth.

Needs pytest and hypothesis, but for the factory.
Strategies are in `callkit.testing.strategies`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Clock",
    "Contract",
    "FactoryCall",
    "RepositoryContract",
    "RunnerContract",
    "ScriptedTranscriber",
    "SignsUrlsContract",
    "StorageContract",
    "TranscriberContract",
    "make_call",
]

if TYPE_CHECKING:
    from callkit.testing.clock import Clock
    from callkit.testing.contract import Contract
    from callkit.testing.factory import FactoryCall, make_call
    from callkit.testing.repository import RepositoryContract
    from callkit.testing.runner import RunnerContract
    from callkit.testing.scripted import ScriptedTranscriber
    from callkit.testing.signed_urls import SignsUrlsContract
    from callkit.testing.storage import StorageContract
    from callkit.testing.transcriber import TranscriberContract
else:  # the call factory needs neither pytest nor hypothesis
    _HOMES = {
        "Clock": "clock",
        "Contract": "contract",
        "FactoryCall": "factory",
        "RepositoryContract": "repository",
        "RunnerContract": "runner",
        "ScriptedTranscriber": "scripted",
        "SignsUrlsContract": "signed_urls",
        "StorageContract": "storage",
        "TranscriberContract": "transcriber",
        "make_call": "factory",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
