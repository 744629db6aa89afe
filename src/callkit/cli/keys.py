"""`keys`: add, list and revoke API keys."""

from argparse import Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callkit.cli.output import complain, console, draw, emit, emit_json, plain
from callkit.errors import SettingsError
from callkit.http.keys import Key, Scope, add_key, read_keys, revoke_key
from callkit.http.settings import keys_file
from callkit.settings import load

__all__ = ["add", "list_", "revoke"]


def add(arguments: Namespace) -> int:
    """Show the key on stdout, and nothing else there."""
    file, now = _file(arguments), datetime.now(UTC)
    if not arguments.name.strip() or len(arguments.name) > 100 or not arguments.name.isprintable():
        raise SettingsError("A key's name is a text of at most 100 characters.")
    expires_at = now + timedelta(days=arguments.days) if arguments.days else None
    key, text = Key.new(arguments.name, map(Scope, arguments.scope or [Scope.ADMIN]), now, expires_at)
    add_key(file, key)
    complain(f"This is the key of {arguments.name} ({_scopes(key)}); it can't be shown again.")
    emit(text)
    return 0


def list_(arguments: Namespace) -> int:
    """A line for each."""
    keys = read_keys(_file(arguments))
    if arguments.json:
        for key in keys:
            emit_json(_shown(key))
        return 0
    from rich.table import Table  # 0.1 s

    table = Table("id", "name", "scopes", "made", "expires", box=None, pad_edge=False)
    for key in keys:
        table.add_row(key.id, plain(key.name), _scopes(key), _day(key.created_at), _day(key.expires_at))
    draw(table, console())
    return 0


def revoke(arguments: Namespace) -> int:
    """1 if one of them is not there."""
    file, missing = _file(arguments), 0
    for key_id in arguments.ids:
        if not revoke_key(file, key_id):
            complain(f"There is no key {plain(key_id)}: `callkit keys list` shows the ids.")
            missing += 1
    return 1 if missing else 0


def _file(arguments: Namespace) -> Path:
    return keys_file(load(vars(arguments) | {"http_keys": arguments.keys}, config=arguments.config))


def _shown(key: Key) -> dict[str, object]:
    times = {"created_at": key.created_at, "expires_at": key.expires_at}
    moments = {name: time and time.isoformat().replace("+00:00", "Z") for name, time in times.items()}
    return {"id": key.id, "name": key.name, "scopes": sorted(key.scopes), **moments}


def _scopes(key: Key) -> str:
    return ", ".join(sorted(key.scopes))


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else "never"
