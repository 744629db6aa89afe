"""`Settings`: what options, environment and files say, as one value that knows where each part comes from.

An option beats the environment (`CALLKIT_DATA`), that beats `callkit.toml` in the working directory (or the file that
`--config` or `CALLKIT_CONFIG` names), that beats `[tool.callkit]` in `pyproject.toml` there, and that the default.
"""

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import Attribute, evolve, field, fields_dict, frozen

from callkit.core.masking import masked
from callkit.core.roles import ChannelMap
from callkit.errors import SettingsError
from callkit.zones import zone_of

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["CONFIG_FILE", "SECRETS", "Settings", "load", "masked", "open_kit", "read_file"]

CONFIG_FILE = "callkit.toml"
SECRETS = frozenset({"url_secret"})
"""Settings whose values are never shown."""

_PREFIX = "CALLKIT_"
_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_T = TypeVar("_T")


def _setting(default: _T, kind: type, meaning: str, *, shown: bool = True) -> _T:
    made: _T = field(default=default, metadata={"kind": kind, "meaning": meaning}, repr=shown)
    return made


@frozen(kw_only=True)
class Settings:
    """All settings. None: not set, and what `meaning` in the field's metadata says applies.

    `origins` names where each value comes from; `explicit` holds those that an option or the environment gave.
    """

    data: str = _setting("callkit-data", str, "folder for everything that callkit keeps")
    database: str | None = _setting(None, str, "file or URL of the database; default: calls.db in the data folder")
    storage: str | None = _setting(None, str, "folder or URL for the sound; default: recordings in the data folder")
    runner: str | None = _setting(None, str, "inline, threads[:N], processes[:N] or a URL; default: see `processes`")
    processes: int | None = _setting(None, int, "worker processes; default: one for each processor")
    names: str | None = _setting(None, str, "template of the recordings' file names; default: names tell nothing")
    timezone: str | None = _setting(None, str, "zone of file names, searches and shown times; default: the machine's")
    source: str = _setting("upload", str, "who the recordings come from; unique together with their external id")
    min_silence: float = _setting(1.0, float, "seconds; a shorter pause is no silence mark")
    max_duration: float = _setting(86_400.0, float, "seconds; a longer recording is refused")
    lease: float = _setting(30.0, float, "seconds that a worker may be silent before another takes over")
    longest: float = _setting(3600.0, float, "seconds after which a worker is given up in any case")
    attempts: int = _setting(3, int, "how many workers may die of a call before it is failed")
    detector: str | None = _setting(
        None, str, "silero: a neural detector is asked about music and noise; default: none"
    )
    channel_map: str | None = _setting(
        None, str, "who is on which channel, as in 0=agent,1=customer; default: direction"
    )
    transcriber: str | None = _setting(
        None, str, "who writes down what is said: whisper:base, placeholder, auto …; default: nobody"
    )
    language: str | None = _setting(None, str, "what is spoken, such as en; default: the transcriber finds out")
    hints: str | None = _setting(None, str, "names and terms that are likely, with commas between; default: none")
    small_memory: bool = _setting(False, bool, "transcribe with less memory, in more time")
    public_url: str | None = _setting(None, str, "where recordings are served, unless the storage signs URLs by itself")
    url_secret: str | None = _setting(
        None, str, "what URLs of recordings are signed with: 32 bytes or more", shown=False
    )
    http_host: str = _setting("127.0.0.1", str, "address on which `callkit serve` listens")
    http_port: int = _setting(8000, int, "its port")
    http_keys: str | None = _setting(None, str, "file of the API keys; default: keys.json in the data folder")
    http_max_size: int = _setting(2048, int, "MiB; a larger recording is refused by the HTTP API")
    http_rate: float | None = _setting(
        None, float, "requests a second of one client; default: 100 where keys are needed, else no limit"
    )
    http_origins: str | None = _setting(None, str, "web sites whose pages may use the HTTP API; default: none")
    http_patience: float = _setting(30.0, float, "seconds that an upload may stand still")
    origins: Mapping[str, str] = field(factory=dict, hash=False, repr=False)
    explicit: frozenset[str] = frozenset()

    @property
    def zone(self) -> tzinfo:
        """The time zone.

        Raises:
            SettingsError: there is none of this name.
        """
        return zone_of(self.timezone)

    @property
    def roles(self) -> ChannelMap | None:
        """Who is on which channel; None: the direction of each call tells.

        Raises:
            SettingsError: the map can't be read.
        """
        return ChannelMap(self.channel_map) if self.channel_map else None

    def open_kit(self, runner: str | None = None, *, must_exist: bool = False) -> "CallKit":
        """The kit that these settings describe.

        Args:
            runner: in place of the one that is set; without either, work is done at once in this process.
            must_exist: refuse to make a new data folder.

        Raises:
            SettingsError: a setting can't be used, or there is no data folder.
        """
        from callkit.audio.analyser import Options  # noqa: PLC0415  # numpy and SQLAlchemy are not for `callkit config`
        from callkit.backends.transcribers.asking import TranscriptOptions  # noqa: PLC0415
        from callkit.kit import CallKit  # noqa: PLC0415
        from callkit.work import Leasing  # noqa: PLC0415

        if must_exist and self.database is None and not Path(self.data).is_dir():
            raise SettingsError(
                f"There is no data folder {self.data!r}: `callkit process PATH` makes it, `--data DIR` names another."
            )
        return CallKit.open(
            self.data,
            database=self.database,
            storage=self.storage,
            runner=runner or self.runner or "inline",
            options=Options(
                min_silence=self.min_silence,
                max_duration=self.max_duration,
                detector=cast("Literal['silero'] | None", self.detector),
            ),
            leasing=Leasing(timedelta(seconds=self.lease), timedelta(seconds=self.longest), self.attempts),
            public_url=self.public_url,
            url_secret=self.url_secret,
            transcriber=self.transcriber,
            transcription=TranscriptOptions(
                language=self.language, hints=(self.hints or "").split(","), small_memory=self.small_memory
            ),
            channel_map=self.roles,
        )

    def open_archive(self) -> "CallKit":
        """The kit for who only looks calls up or erases them: a transcriber that is not installed is no trouble.

        Raises:
            SettingsError: a setting can't be used, or there is no data folder.
        """
        return evolve(self, transcriber=None).open_kit("inline", must_exist=True)


_KNOWN: Mapping[str, "Attribute[Any]"] = {
    name: found for name, found in fields_dict(Settings).items() if found.metadata
}


def load(
    options: Mapping[str, Any] | None = None,
    *,
    config: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    folder: str | Path = ".",
) -> Settings:
    """The settings.

    Args:
        options: by name; None and unknown names are left out, so the arguments of a command line will do.
        config: a file in place of `callkit.toml`; None: what CALLKIT_CONFIG names.
        environ: in place of `os.environ`.
        folder: the working directory.

    Raises:
        SettingsError: a file can't be read, a name is unknown or a value is none.
    """
    environ = os.environ if environ is None else environ
    given = {name: value for name, value in (options or {}).items() if name in _KNOWN and value is not None}
    values, origins = _from_files(Path(folder), config or environ.get(f"{_PREFIX}CONFIG"))
    from_environ = _from_environ(environ)
    values |= from_environ | _checked(given, "the command line")
    origins |= {name: _PREFIX + name.upper() for name in from_environ}
    origins |= {name: "--" + name.replace("_", "-") for name in given}
    origins = dict.fromkeys(_KNOWN, "default") | origins
    return Settings(**values, origins=origins, explicit=frozenset({*from_environ, *given}))


def open_kit(runner: str | None = None, *, config: str | Path | None = None, **options: Any) -> "CallKit":
    """The kit that environment and files describe, as the command line opens it (`CallKit.open` looks at neither).

    Args:
        runner: in place of the one that is set; without either, work is done at once in this process.
        config: a settings file in place of `callkit.toml`.
        options: settings that beat environment and files, such as `database="postgresql://…"`.

    Raises:
        SettingsError: a setting is unknown or can't be used.
    """
    if unknown := sorted(options.keys() - _KNOWN.keys()):
        raise SettingsError(f"{unknown[0]} is no setting: there are {', '.join(_KNOWN)}.")
    return load(options, config=config).open_kit(runner)


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a `callkit.toml`.

    Raises:
        SettingsError: it can't be read, is no TOML, or holds what is no setting.
    """
    return _checked(_toml(path), str(path))


def _from_files(folder: Path, config: str | Path | None) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    project, own = folder / "pyproject.toml", Path(config) if config else folder / CONFIG_FILE
    if project.is_file():
        found = _checked(_toml(project).get("tool", {}).get("callkit", {}), f"[tool.callkit] in {project}")
        values, origins = found, dict.fromkeys(found, str(project))
    if config or own.is_file():
        found = read_file(own)
        values, origins = values | found, origins | dict.fromkeys(found, str(own))
    return values, origins


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    """An empty variable is none. Of unknown ones only near misses are errors: other programs may have their own."""
    found = {}
    for variable in sorted(environ):
        name = variable.removeprefix(_PREFIX).lower()
        if not variable.startswith(_PREFIX) or name == "config" or not environ[variable]:
            continue
        if name in _KNOWN:
            found[name] = _value(name, environ[variable], variable)
        elif close := get_close_matches(name, _KNOWN, 1, 0.8):
            raise SettingsError(f"{variable} is no setting: did you mean {_PREFIX}{close[0].upper()}?")
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None


def _checked(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise SettingsError(f"{where} must be a table of settings.")
    return {name: _value(name, value, f"{name} in {where}") for name, value in found.items()}


def _value(name: str, value: Any, what: str) -> Any:
    """A value of the setting's own kind; numbers may come as text, and all must be above zero."""
    if name not in _KNOWN:
        close = get_close_matches(name, _KNOWN, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_KNOWN)}."
        raise SettingsError(f"{what} is no setting: {hint}")
    kind = _KNOWN[name].metadata["kind"]
    if kind is str:
        if isinstance(value, str):
            return value
        raise SettingsError(f"{what} must be text, not {'***' if name in SECRETS else repr(value)}.")
    if kind is bool:
        told = value if isinstance(value, bool) else _SWITCHES.get(str(value).lower())
        if told is None:
            raise SettingsError(f"{what} must be true or false, not {value!r}.")
        return told
    try:
        number = kind(value) if isinstance(value, str) or type(value) in (int, kind) else None
    except ValueError:
        number = None
    if number is None or not 0 < number < float("inf"):
        raise SettingsError(f"{what} must be a {'whole number' if kind is int else 'number'} above 0, not {value!r}.")
    return number
