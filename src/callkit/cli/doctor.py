"""`doctor`: is everything there, and does it work?"""

import platform
import sqlite3
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from secrets import token_hex
from typing import TYPE_CHECKING, Literal

from attrs import asdict, frozen

from callkit.audio.ffmpeg import find_program
from callkit.cli.output import emit, emit_json, plain, sentence
from callkit.cli.workers import default_runner
from callkit.errors import CallKitError, RunnerError, SettingsError
from callkit.protocols import Storage
from callkit.settings import Settings, load, masked

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["Check", "Probe", "doctor"]

_PACKAGES = ("alembic", "attrs", "cattrs", "fsspec", "miniaudio", "numpy", "pydub", "rich", "soundfile", "sqlalchemy")
_SENT = b"callkit doctor was here"


@frozen
class Check:
    """One thing that was looked at. `state`: ok; warn: something can't be done; fail: nothing works."""

    name: str
    state: Literal["ok", "warn", "fail"]
    text: str


@frozen
class Probe:
    """A task that leaves a note in the storage: so the runner works, and its workers reach the storage."""

    storage: Storage
    key: str

    def __call__(self) -> None:
        """Leave it."""
        self.storage.put(self.key, BytesIO(_SENT))

    def lost(self, _: RunnerError) -> bool:
        """Not again."""
        return False


def doctor(arguments: Namespace) -> int:
    """Print a line for each check; 1 if one failed."""
    failed = 0
    for check in _checks(arguments):
        failed += check.state == "fail"
        if arguments.json:
            emit_json(asdict(check))
        else:
            emit(f"{check.state:4}  {check.name:9}  {plain(check.text)}")
    return 1 if failed else 0


def _checks(arguments: Namespace) -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("callkit", "ok", version("callkit"))
    yield _packages()
    yield from _sqlite()
    program = find_program()
    missing = "not on PATH: WAV, MP3, FLAC and Ogg are read without it, other formats are not"
    yield Check("ffmpeg", "ok", program) if program else Check("ffmpeg", "warn", missing)
    try:
        settings = load(vars(arguments), config=arguments.config)
        _ = settings.zone
    except SettingsError as error:
        yield Check("settings", "fail", sentence(error))
        return
    yield Check("settings", "ok", ", ".join(sorted({*settings.origins.values()} - {"default"})) or "all by default")
    yield from _kept(settings)


def _packages() -> Check:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    needed = "missing" in (number for name, number in found.items() if name != "miniaudio")
    return Check("packages", "fail" if needed else "ok", text)


def _sqlite() -> Iterator[Check]:
    """Numbers are searched with FTS5's trigrams, which SQLite has since 3.34."""
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.execute("create virtual table words using fts5(word, tokenize='trigram')")
        except sqlite3.OperationalError as error:
            yield Check(
                "sqlite", "warn", f"{sqlite3.sqlite_version} without trigram search ({error}): searches are slower"
            )
        else:
            yield Check("sqlite", "ok", f"{sqlite3.sqlite_version} with trigram search")


def _kept(settings: Settings) -> Iterator[Check]:
    try:
        kit = settings.open_kit(default_runner(settings), must_exist=True)
    except SettingsError as error:
        yield Check("data", "warn" if "no data folder" in str(error) else "fail", sentence(error))
        return
    with kit:
        yield _database(kit)
        stored = _storage(kit)
        yield stored
        if stored.state == "ok":
            yield _runner(kit)


def _database(kit: "CallKit") -> Check:
    try:
        calls = kit.count(at_most=10**9)
    except CallKitError as error:
        return Check("database", "fail", masked(sentence(error)))
    return Check("database", "ok", f"{masked(kit.repository)}, {calls} calls")


def _storage(kit: "CallKit") -> Check:
    key = f"doctor/{token_hex(8)}"
    try:
        Probe(kit.storage, key)()
        with kit.storage.open(key) as file:
            read = file.read()
        kit.storage.delete(key)
    except CallKitError as error:
        return Check("storage", "fail", masked(sentence(error)))
    if read != _SENT:
        return Check("storage", "fail", f"{masked(kit.storage)} gave back other bytes than were put")
    return Check("storage", "ok", f"{masked(kit.storage)}: put, read and deleted")


def _runner(kit: "CallKit") -> Check:
    key = f"doctor/{token_hex(8)}"
    try:
        kit.runner.submit(Probe(kit.storage, key))
        kit.runner.close()
        with kit.storage.open(key) as file:
            file.read()
        kit.storage.delete(key)
    except CallKitError as error:
        return Check("runner", "fail", f"{kit.runner} did not do a task: {masked(sentence(error))}")
    return Check("runner", "ok", f"{kit.runner} did a task")
