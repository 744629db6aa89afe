"""Calls, their results, and the dictionary of numbers that searches go through."""

from collections.abc import Iterator
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    _create_calls()
    _create_what_hangs_on_them()
    if op.get_context().dialect.name == "sqlite":
        for statement in _sqlite():
            op.execute(statement)


def downgrade() -> None:
    """Drop everything; triggers go with their tables."""
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE callkit_numbers_fts")
    for table in ("call_tags", "call_numbers", "numbers", "results", "calls"):
        op.drop_table(f"callkit_{table}")


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _uuid() -> sa.types.TypeEngine[UUID]:
    return sa.Uuid().with_variant(sa.LargeBinary(16), "sqlite")


def _create_calls() -> None:
    op.create_table(
        "callkit_calls",
        sa.Column("pk", _key(), autoincrement=False),
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("status", "caller_n", "receiver_n")),
        *(sa.Column(name, sa.Double) for name in ("duration", "silence_share")),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("started_at", "created_at", "updated_at")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("caller", "receiver")),
        sa.Column("direction", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "external_id", "tags", "metadata")),
        *(sa.Column(f"recording_{name}", sa.Text) for name in ("key", "name")),
        sa.Column("recording_size", sa.BigInteger),
        *(sa.Column(f"recording_{name}", sa.Text) for name in ("sha256", "container")),
        sa.Column("recording_stored_at", sa.BigInteger),
        sa.Column("duplicate_of", _uuid()),
        *(sa.Column(f"failure_{name}", sa.Text) for name in ("code", "message")),
        sa.Column("failure_at", sa.BigInteger),
        sa.Column("tombstone_at", sa.BigInteger),
        *(sa.Column(f"tombstone_{name}", sa.Text) for name in ("reason", "sha256")),
        sa.PrimaryKeyConstraint("pk", name="pk_callkit_calls"),
        sa.UniqueConstraint("id", name="uq_callkit_calls_id"),
    )
    op.create_index("uq_callkit_calls_external_id", "callkit_calls", ["external_id", "source"], unique=True)
    op.create_index("ix_callkit_calls_sha256", "callkit_calls", ["recording_sha256"])
    op.create_index("ix_callkit_calls_unready", "callkit_calls", ["status"], sqlite_where=sa.text("status <> 'ready'"))


def _create_what_hangs_on_them() -> None:
    owner = sa.ForeignKeyConstraint(["pk"], ["callkit_calls.pk"], name="fk_callkit_results_pk", ondelete="CASCADE")
    op.create_table(
        "callkit_results",
        sa.Column("pk", _key(), autoincrement=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("pk", name="pk_callkit_results"),
        owner,
    )
    op.create_table(
        "callkit_numbers",
        sa.Column("nid", _key()),
        sa.Column("num", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("nid", name="pk_callkit_numbers"),
        sa.UniqueConstraint("num", name="uq_callkit_numbers_num"),
    )
    for name, column in (("call_numbers", sa.Column("nid", _key())), ("call_tags", sa.Column("tag", sa.Text))):
        op.create_table(
            f"callkit_{name}",
            column,
            sa.Column("pk", _key()),
            sa.PrimaryKeyConstraint(column.name, "pk", name=f"pk_callkit_{name}"),
            sqlite_with_rowid=False,
        )


# An upsert, never INSERT OR IGNORE: inside a trigger, the outer statement's OR clause would take its place,
# and an outer OR REPLACE would give a known number a new nid.
_ADD_NUMBERS = """
INSERT INTO callkit_numbers(num) VALUES (new.caller_n) ON CONFLICT (num) DO NOTHING;
INSERT INTO callkit_numbers(num) VALUES (new.receiver_n) ON CONFLICT (num) DO NOTHING;
INSERT INTO callkit_call_numbers(nid, pk)
    SELECT nid, new.pk FROM callkit_numbers WHERE num IN (new.caller_n, new.receiver_n);
"""
_LEAVE_NUMBERS = """
DELETE FROM callkit_call_numbers WHERE pk = old.pk
    AND nid IN (SELECT nid FROM callkit_numbers WHERE num IN (old.caller_n, old.receiver_n));
"""
_DROP_ORPHANS = """
DELETE FROM callkit_numbers WHERE num IN (old.caller_n, old.receiver_n)
    AND NOT EXISTS (SELECT 1 FROM callkit_call_numbers x WHERE x.nid = callkit_numbers.nid);
"""
_ADD_TAGS = "INSERT INTO callkit_call_tags(tag, pk) SELECT value, new.pk FROM json_each(new.tags);"
_DROP_TAGS = "DELETE FROM callkit_call_tags WHERE pk = old.pk AND tag IN (SELECT value FROM json_each(old.tags));"
_MOVED = "old.pk <> new.pk OR old.caller_n <> new.caller_n OR old.receiver_n <> new.receiver_n"
_RETAGGED = "old.pk <> new.pk OR old.tags <> new.tags"


def _sqlite() -> Iterator[str]:
    yield (
        "CREATE VIRTUAL TABLE callkit_numbers_fts USING fts5("
        "num, tokenize='trigram', content='callkit_numbers', content_rowid='nid', detail=none, columnsize=0)"
    )
    add = "INSERT INTO callkit_numbers_fts(rowid, num) VALUES (new.nid, new.num);"
    drop = "INSERT INTO callkit_numbers_fts(callkit_numbers_fts, rowid, num) VALUES ('delete', old.nid, old.num);"
    yield _trigger("numbers_added", "AFTER INSERT ON callkit_numbers", add)
    yield _trigger("numbers_deleted", "AFTER DELETE ON callkit_numbers", drop)
    yield _trigger("calls_added", "AFTER INSERT ON callkit_calls", _ADD_NUMBERS)
    yield _trigger("calls_deleted", "AFTER DELETE ON callkit_calls", _LEAVE_NUMBERS + _DROP_ORPHANS)
    moved = f"AFTER UPDATE OF pk, caller_n, receiver_n ON callkit_calls WHEN {_MOVED}"
    yield _trigger("calls_moved", moved, _LEAVE_NUMBERS + _ADD_NUMBERS + _DROP_ORPHANS)
    yield _trigger("calls_tagged", "AFTER INSERT ON callkit_calls WHEN new.tags <> '[]'", _ADD_TAGS)
    yield _trigger("calls_untagged", "AFTER DELETE ON callkit_calls WHEN old.tags <> '[]'", _DROP_TAGS)
    retagged = f"AFTER UPDATE OF pk, tags ON callkit_calls WHEN {_RETAGGED}"
    yield _trigger("calls_retagged", retagged, _DROP_TAGS + _ADD_TAGS)


def _trigger(name: str, when: str, what: str) -> str:
    return f"CREATE TRIGGER callkit_{name} {when} BEGIN {what} END"
