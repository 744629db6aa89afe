"""`db`: the database's own schema, and copies of it."""

from argparse import Namespace
from typing import TYPE_CHECKING, cast

from callkit.cli.output import complain, emit, emit_json
from callkit.errors import SettingsError
from callkit.settings import Settings, load

if TYPE_CHECKING:
    from callkit.backends.repositories.sql import SqlRepository

__all__ = ["copy", "downgrade", "status", "upgrade"]


def upgrade(arguments: Namespace) -> int:
    """Bring the database to the schema of this version."""
    settings = load(vars(arguments), config=arguments.config)
    repository = _repository(settings)
    before = repository.revision()
    repository.upgrade()
    after = repository.revision()
    emit(f"{repository}: {f'revision {after} already' if before == after else f'now has revision {after}'}")
    if _uses_procrastinate(settings):
        from callkit.backends.runners.procrastinate import prepare  # an extra

        prepare(settings.runner or "", repository.url)
        emit("the tables of procrastinate are ready")
    repository.close()
    return 0


def status(arguments: Namespace) -> int:
    """Which schema the database has; 1 if it is not that of this version."""
    from callkit.backends.repositories.sql.migrate import HEAD  # SQLAlchemy takes half a second

    settings = load(vars(arguments), config=arguments.config)
    repository = _repository(settings)
    found = repository.revision()
    repository.close()
    if found == HEAD and _uses_procrastinate(settings):
        from callkit.protocols import HasBacklog

        with settings.open_kit() as kit:
            cast(HasBacklog, kit.runner).waiting()  # says that its tables are missing, if they are
    if arguments.json:
        emit_json({"database": str(repository), "revision": found, "needed": HEAD, "current": found == HEAD})
    else:
        emit(f"{repository}: {f'revision {found}' if found else 'no tables yet'}; this callkit needs {HEAD}")
    return 0 if found == HEAD else 1


def downgrade(arguments: Namespace) -> int:
    """Undo migrations."""
    if not arguments.yes:
        raise SettingsError("A downgrade loses what older schemas have no place for: make a backup, then pass --yes.")
    repository = _repository(load(vars(arguments), config=arguments.config))
    repository.downgrade(arguments.revision)
    emit(f"{repository}: {f'revision {found}' if (found := repository.revision()) else 'no tables any more'}")
    repository.close()
    return 0


def copy(arguments: Namespace) -> int:
    """Copy all calls and results from one database to another, and compare."""
    from callkit.backends.repositories.sql.copying import copy_calls

    _check_source(arguments.source)
    source, target = (_opened(place) for place in (arguments.source, arguments.target))
    if source == target:
        raise SettingsError("Both databases are the same one.")
    if source.revision() is None:
        raise SettingsError(f"There are no calls in {source}: check the path or URL to copy from.")
    target.upgrade()
    copied = copy_calls(source, target, lambda rows: complain(f"{rows} rows") if arguments.verbose else None)
    source.close()
    target.close()
    emit(f"{copied.calls} calls, {copied.results} results: equal in both, sha-256 {copied.digest}")
    return 0


def _uses_procrastinate(settings: Settings) -> bool:
    return (settings.runner or "").partition("?")[0].partition("+")[0] == "procrastinate"


def _check_source(place: str) -> None:
    """Opening a file that is not there would make it."""
    from pathlib import Path

    path = Path(place)
    if "://" in place or path.is_file():
        return
    if (inside := path / "calls.db").is_file():
        raise SettingsError(f"{place} is a folder: copy from {inside}.")
    raise SettingsError(f"There is no database {place}: check the path or URL to copy from.")


def _repository(settings: Settings) -> "SqlRepository":
    from pathlib import Path

    return _opened(settings.database or str(Path(settings.data) / "calls.db"))


def _opened(place: str) -> "SqlRepository":
    from callkit.backends.repositories.sql import SqlRepository  # SQLAlchemy takes half a second

    return SqlRepository.open(place)
