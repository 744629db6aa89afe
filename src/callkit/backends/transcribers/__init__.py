"""Who writes down what is said. `open_transcriber` knows engines by name."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from callkit.core.masking import masked
from callkit.errors import SettingsError
from callkit.protocols import Transcriber

__all__ = ["NAMES", "open_transcriber"]

_HOMES = {
    "placeholder": "placeholder",
    "auto": "auto",
    "whisper": "whisper",
    "whispercpp": "whispercpp",
    "openai": "openai",
    "deepgram": "deepgram",
}
NAMES = tuple(_HOMES)
"""callkit's own engines. Each lives in a file of its own, whose `open_engine` is called with the whole text."""


def open_transcriber(text: str, *, small_memory: bool = False) -> Transcriber | None:
    """The transcriber that a text names: "whisper:base", "whispercpp:base", "placeholder", "auto", "none", or a URL.

    "none" is None: nobody writes anything down. "auto" is whisper where it is installed and finds a model, else the
    placeholder. URLs are "openai+https://host/v1?model=whisper-1" and "deepgram+https://host?model=nova-3". Other
    names, up to the first ":", "+" or "?", are looked up among the entry points `callkit.transcribers`, whose values
    are called with the whole text.

    Args:
        text: which one.
        small_memory: callkit's own engines take less memory, and more time.

    Raises:
        SettingsError: nobody knows the name, or what is behind it can't be used.
        MissingExtraError: the engine needs a package that is not installed.
    """
    name = text.partition(":")[0].partition("+")[0].partition("?")[0]
    if name == "none":
        return None
    if name in _HOMES:
        home = import_module(f"callkit.backends.transcribers.{_HOMES[name]}")  # only what is asked for
        return cast(Transcriber, home.open_engine(text, small_memory=small_memory))
    for found in entry_points(group="callkit.transcribers", name=name):
        return cast(Transcriber, found.load()(text))
    others = sorted(entry_points(group="callkit.transcribers").names)
    known = ", ".join([*NAMES, *others])
    raise SettingsError(
        f"No transcriber is called {masked(name)!r}: there are {known} and 'none', as in 'whisper:base'."
    )
