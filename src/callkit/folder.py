"""Recordings in files and folders: which they are (`recordings`), what their names tell, and in they go (`take_in`)."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from callkit.audio.sniff import HEAD_BYTES, sniff
from callkit.core.call import Call
from callkit.core.roles import MAP_KEY, ChannelMap
from callkit.errors import CallKitError
from callkit.interop.names import Facts, NameTemplate
from callkit.settings import CONFIG_FILE, Settings, read_file
from callkit.zones import zone_of

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["SUFFIXES", "Found", "FoundFile", "Naming", "Taken", "naming_of", "recordings", "take_in"]

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("aac", "aif", "aiff", "alaw", "amr", "au", "caf", "flac", "g722", "gsm", "m4a", "mka", "mp2", "mp3", "oga"),
        *("ogg", "opus", "sln", "ulaw", "voc", "w64", "wav", "wav49", "webm", "wma"),
    )
)
"""Files called so are taken for recordings, in lower or upper case; others only if their content is audio."""


@frozen
class FoundFile:
    """A recording, and the path that led to it: the folder that was given, or that of the file that was."""

    path: Path
    root: Path


@frozen
class Found:
    """What lies under the given paths: the recordings in order, and how many other files there are."""

    files: tuple[FoundFile, ...]
    others: int

    def __iter__(self) -> Iterator[Path]:
        """The recordings' paths."""
        return (file.path for file in self.files)

    def __len__(self) -> int:
        """How many recordings."""
        return len(self.files)


@frozen
class Naming:
    """How the files of a folder are named, by which clock, who they come from, and what is known of all its calls."""

    template: NameTemplate | None
    zone: tzinfo
    source: str
    metadata: Mapping[str, str] = field(factory=dict)

    def read(self, path: Path) -> Facts | None:
        """What the name tells; None if there is no template, or it does not fit."""
        return self.template.read(_stem(path), self.zone) if self.template else None


@frozen
class Taken:
    """A file, and the call that it became or the reason why it did not.

    `named` is false if the folder has a template for names and this one does not fit it.
    """

    path: Path
    call: Call | None = None
    error: CallKitError | OSError | None = field(default=None, eq=False)
    named: bool = True


def recordings(paths: Iterable[str | Path], *, leave_out: Iterable[str | Path] = ()) -> Found:
    """The recordings under some paths, each once: files by name as they were given, folders with all theirs, sorted.

    A file that is named is always one, even if it does not exist: whoever opens it will say so. In a folder hidden
    files, hidden folders and callkit's own data folders are passed over; symbolic links are followed, never in circles.

    Args:
        paths: files and folders.
        leave_out: folders to pass over as well.
    """
    passed_over = {os.path.realpath(folder) for folder in leave_out}
    files: dict[str, FoundFile] = {}
    others: set[str] = set()
    for given in map(Path, paths):
        if not given.is_dir():
            files.setdefault(os.path.realpath(given), FoundFile(given, given.parent))
            continue
        for path in _walk(given, passed_over):
            if _is_recording(path):
                files.setdefault(os.path.realpath(path), FoundFile(path, given))
            else:
                others.add(os.path.realpath(path))
    return Found(tuple(files.values()), len(others - files.keys()))


def _walk(root: Path, passed_over: set[str]) -> Iterator[Path]:
    seen = {os.path.realpath(root)}
    for folder, folders, names in os.walk(root, followlinks=True):
        if "calls.db" in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if _is_new(Path(folder, name), seen, passed_over))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _is_new(folder: Path, seen: set[str], passed_over: set[str]) -> bool:
    real = os.path.realpath(folder)
    if folder.name.startswith(".") or real in passed_over or real in seen:
        return False
    seen.add(real)
    return True


def _is_recording(path: Path) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def naming_of(folder: Path, root: Path, settings: Settings) -> Naming:
    """How the files of a folder are named.

    An option and the environment beat the nearest `callkit.toml` from the folder up to `root`, and that beats the
    settings' own file.

    Raises:
        SettingsError: the file, the template or the time zone can't be used.
    """
    near: dict[str, Any] = {}
    for above in (folder, *folder.parents):
        if (above / CONFIG_FILE).is_file():
            near = read_file(above / CONFIG_FILE)
            break
        if above == root:
            break
    told = {name: getattr(settings, name) for name in ("names", "timezone", "source")}
    told |= {name: near[name] for name in told if name in near and name not in settings.explicit}
    template = NameTemplate(told["names"]) if told["names"] else None
    return Naming(template, zone_of(told["timezone"]), told["source"], _map_of(near, settings))


def _map_of(near: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """The folder's own channel map, for the metadata of its calls."""
    text = None if MAP_KEY in settings.explicit else near.get(MAP_KEY)
    return {MAP_KEY: ChannelMap(text).text} if text else {}


def take_in(
    kit: "CallKit", found: Found, settings: Settings, *, tags: Sequence[str] = (), replace: bool = False
) -> Iterator[Taken]:
    """Ingest recordings one after the other; what is wrong with one never stops the others.

    Args:
        kit: where to.
        found: which; see `recordings`.
        settings: `names`, `timezone` and `source` where a folder has none of its own; a folder's own `channel_map`
            becomes part of its calls' metadata.
        tags: for every call that is new.
        replace: take other bytes under a known external id, in place of the first.

    Raises:
        SettingsError: a folder's `callkit.toml` can't be used; before anything was taken in.
    """
    naming = cache(lambda folder, root: naming_of(folder, root, settings))
    named = [(file.path, naming(file.path.parent, file.root)) for file in found.files]
    return (_taken(kit, path, naming, tags, replace) for path, naming in named)


def _taken(kit: "CallKit", path: Path, naming: Naming, tags: Sequence[str], replace: bool) -> Taken:
    told = naming.read(path)
    facts = told or Facts()
    try:
        call = kit.ingest(
            path,
            caller=facts.caller,
            receiver=facts.receiver,
            started_at=facts.started_at or datetime.fromtimestamp(path.stat().st_mtime, UTC),
            direction=facts.direction,
            source=naming.source,
            external_id=facts.external_id,
            tags=tags,
            metadata={**facts.metadata, **naming.metadata},
            name=path.name.encode("utf-8", "replace").decode(),  # POSIX names may be no text at all
            replace=replace,
        )
    except (CallKitError, OSError) as error:
        return Taken(path, error=error)
    return Taken(path, call, named=told is not None or naming.template is None)


def _stem(path: Path) -> str:
    """The name without its suffix; the ".4" of "…-1789381932.4" is part of a unique id."""
    return path.name if path.suffix[1:].isdigit() else path.stem
