"""Alembic's entry: on the connection of `callkit.backends.repositories.sql.migrate`.

For writing migrations there is the `alembic` command, too: it takes the URL of its ini file.
"""

from collections.abc import Mapping
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from callkit.backends.repositories.sql.migrate import VERSION_TABLE
from callkit.backends.repositories.sql.tables import PREFIX, metadata


def ours(name: str | None, kind: str, _: Mapping[Any, str | None]) -> bool:
    """Neither the host application's tables, nor what one dialect alone has: autogenerate does not know them."""
    if kind == "index":
        return name is not None and not name.endswith("_trgm")
    return kind != "table" or (name is not None and name.startswith(PREFIX) and "_fts" not in name)


def run(connection: Connection) -> None:
    """The migrations that are missing."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        include_name=ours,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
url = context.config.get_main_option("sqlalchemy.url")
if given is not None:
    run(given)
elif url is not None:
    with create_engine(url, poolclass=pool.NullPool).begin() as connection:
        run(connection)
