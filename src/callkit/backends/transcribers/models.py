"""Where the models of engines are found. Nothing is downloaded unless that is asked for."""

import os
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

from attrs import field, frozen

from callkit.errors import TranscriptionError

__all__ = ["ModelKind", "find_model"]

_DIRECTLY, _FOLDER = "CALLKIT_ASR_MODEL", "CALLKIT_MODEL_DIR"
_GROUP = "callkit.asr_models"


@frozen
class ModelKind:
    """What the models of an engine look like.

    Attributes:
        engine: such as "whisper".
        named: how a model of some name is called in CALLKIT_MODEL_DIR and among entry points, such as "ggml-{}.bin".
        fault: what is wrong with what lies there; None: nothing is.
        fetch: takes a name to where it was downloaded; None: there is no place to download from.
    """

    engine: str
    named: str
    fault: Callable[[Path], str | None]
    fetch: Callable[[str], Path] | None = None


@frozen
class _Search:
    """The places for one model, from the first to the last, and what was seen in them."""

    kind: ModelKind
    name: str
    seen: list[str] = field(factory=list)

    def places(self) -> Iterator[Path]:
        """Where it should be: the first of these counts, and must be right."""
        if is_path(self.name):
            yield Path(self.name).expanduser()
        if told := os.environ.get(_DIRECTLY):
            yield Path(told).expanduser()
        self.seen.append(f"{_DIRECTLY} is not set")
        yield from self._in_folder()
        yield from self._installed()

    def _in_folder(self) -> Iterator[Path]:
        if not (told := os.environ.get(_FOLDER)):
            self.seen.append(f"{_FOLDER} is not set")
            return
        there = Path(told).expanduser() / self._called
        if there.exists():
            yield there
        self.seen.append(f"{there} does not exist")

    def _installed(self) -> Iterator[Path]:
        for found in entry_points(group=_GROUP, name=self._called):
            yield Path(found.load()())
        self.seen.append(f"no installed package offers {self._called!r} (entry points {_GROUP})")

    @property
    def _called(self) -> str:
        return self.kind.named.format(self.name)


def find_model(kind: ModelKind, name: str, *, allow_download: bool = False) -> Path:
    """The folder or file of a model that is whole.

    The first of these that there is: the path that `name` is; what CALLKIT_ASR_MODEL names, whatever the name; the one
    of this name in CALLKIT_MODEL_DIR; that of an installed package (entry point group `callkit.asr_models`: a
    function without arguments that returns the path); a download, if that is allowed.

    Args:
        kind: of which engine.
        name: such as "base", or a path.
        allow_download: ask the engine's hub, if nothing else has it.

    Raises:
        TranscriptionError: there is none, or the one that counts is damaged; the message says where was looked, and
            what to do.
    """
    search = _Search(kind, name)
    for place in search.places():
        if fault := kind.fault(place):
            raise TranscriptionError(kind.engine, fault)
        return place
    if allow_download and kind.fetch:
        return kind.fetch(name)
    raise TranscriptionError(kind.engine, _advice(search, allow_download))


def is_path(name: str) -> bool:
    """Whether it is a path, not the name of a model or its place on a hub: it begins as one, or is there."""
    return name.startswith((".", "~", "/")) or "\\" in name or ("/" in name and Path(name).exists())


def _advice(search: _Search, allowed: bool) -> str:
    kind = search.kind
    ways = [f"name the model itself in {_DIRECTLY}, or the folder that holds it as {search._called} in {_FOLDER}"]
    if kind.fetch and not allowed:
        ways.append(f"let it be downloaded with {kind.engine}:{search.name}?allow_download=yes")
    return f"no model {search.name!r} was found ({'; '.join(search.seen)}): {', or '.join(ways)}"
