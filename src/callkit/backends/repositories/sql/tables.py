"""The tables as this version of callkit wants them.

The database may belong to a host application: every name begins with `callkit_`. Times are whole milliseconds since
1970 in UTC. What one dialect alone has (triggers, the full-text index over numbers) is in the migrations only.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

__all__ = ["PREFIX", "CallId", "call_numbers", "call_tags", "calls", "metadata", "numbers", "results"]

PREFIX = "callkit_"

metadata = sa.MetaData(
    naming_convention={  # a later migration needs names to drop
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class CallId(sa.types.TypeDecorator[UUID]):
    """A UUID; SQLite has none, and gets 16 bytes."""

    impl = sa.Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """The type of the column."""
        return dialect.type_descriptor(sa.LargeBinary(16) if dialect.name == "sqlite" else sa.Uuid())

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """On its way in."""
        return value.bytes if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """On its way out."""
        return UUID(bytes=value) if value is not None and dialect.name == "sqlite" else value


# In SQLite only INTEGER is the row's own number; elsewhere it has 32 bits
_Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Moment = sa.BigInteger

calls = sa.Table(
    f"{PREFIX}calls",
    metadata,
    sa.Column("pk", _Key, primary_key=True, autoincrement=False),  # callkit.core.query.sort_base + tie
    sa.Column("id", CallId, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("caller_n", sa.Text, nullable=False),  # normalised: what is searched
    sa.Column("receiver_n", sa.Text, nullable=False),
    sa.Column("duration", sa.Double),
    sa.Column("silence_share", sa.Double),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", _Moment),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("started_at", _Moment, nullable=False),
    sa.Column("created_at", _Moment, nullable=False),
    sa.Column("updated_at", _Moment, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),  # as it came
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("direction", sa.Text),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("tags", sa.Text, nullable=False),  # JSON; call_tags follows it
    sa.Column("metadata", sa.Text, nullable=False),  # JSON
    sa.Column("recording_key", sa.Text),
    sa.Column("recording_name", sa.Text),
    sa.Column("recording_size", sa.BigInteger),
    sa.Column("recording_sha256", sa.Text),
    sa.Column("recording_container", sa.Text),
    sa.Column("recording_stored_at", _Moment),
    sa.Column("duplicate_of", CallId),
    sa.Column("failure_code", sa.Text),
    sa.Column("failure_message", sa.Text),
    sa.Column("failure_at", _Moment),
    sa.Column("tombstone_at", _Moment),
    sa.Column("tombstone_reason", sa.Text),
    sa.Column("tombstone_sha256", sa.Text),
    sa.Index("uq_callkit_calls_external_id", "external_id", "source", unique=True),
    sa.Index("ix_callkit_calls_sha256", "recording_sha256"),
    # Nearly every call is ready; the few others, waiting ones among them, are found at once
    sa.Index("ix_callkit_calls_unready", "status", sqlite_where=sa.text("status <> 'ready'")),
)

results = sa.Table(
    f"{PREFIX}results",
    metadata,
    sa.Column("pk", _Key, sa.ForeignKey(calls.c.pk, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # callkit.wire.results_to_json
)

numbers = sa.Table(  # each normalised number once; triggers keep it
    f"{PREFIX}numbers",
    metadata,
    sa.Column("nid", _Key, primary_key=True),
    sa.Column("num", sa.Text, nullable=False, unique=True),
)

call_numbers = sa.Table(  # triggers keep it
    f"{PREFIX}call_numbers",
    metadata,
    sa.Column("nid", _Key, primary_key=True, autoincrement=False),
    sa.Column("pk", _Key, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

call_tags = sa.Table(  # triggers keep it
    f"{PREFIX}call_tags",
    metadata,
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("pk", _Key, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
