"""Calls, their results, and the dictionary of numbers that searches go through."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    _create_calls()
    _create_what_hangs_on_them()
    for statement in _sqlite() if _is_sqlite() else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    """Drop everything; triggers go with their tables. The extension stays: others may use it."""
    if _is_sqlite():
        op.execute("DROP TABLE callkit_numbers_fts")
    for table in ("call_tags", "call_numbers", "numbers", "results", "calls"):
        op.drop_table(f"callkit_{table}")
    if not _is_sqlite():
        for name in _FUNCTIONS:
            op.execute(f"DROP FUNCTION callkit_{name}()")


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _uuid() -> sa.types.TypeEngine[UUID]:
    return sa.Uuid().with_variant(sa.LargeBinary(16), "sqlite")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def _json() -> sa.types.TypeEngine[Any]:
    return sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def _number() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _create_calls() -> None:
    op.create_table(
        "callkit_calls",
        sa.Column("pk", _key(), autoincrement=False),
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("status", "caller_n", "receiver_n")),
        *(sa.Column(name, sa.Double) for name in ("duration", "silence_share")),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", _moment()),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(sa.Column(name, _moment(), nullable=False) for name in ("started_at", "created_at", "updated_at")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("caller", "receiver")),
        sa.Column("direction", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "external_id")),
        *(sa.Column(name, _json(), nullable=False) for name in ("tags", "metadata")),
        *(sa.Column(f"recording_{name}", sa.Text) for name in ("key", "name")),
        sa.Column("recording_size", sa.BigInteger),
        *(sa.Column(f"recording_{name}", sa.Text) for name in ("sha256", "container")),
        sa.Column("recording_stored_at", _moment()),
        sa.Column("duplicate_of", _uuid()),
        *(sa.Column(f"failure_{name}", sa.Text) for name in ("code", "message")),
        sa.Column("failure_at", _moment()),
        sa.Column("tombstone_at", _moment()),
        *(sa.Column(f"tombstone_{name}", sa.Text) for name in ("reason", "sha256")),
        sa.PrimaryKeyConstraint("pk", name="pk_callkit_calls"),
        sa.UniqueConstraint("id", name="uq_callkit_calls_id"),
    )
    op.create_index("uq_callkit_calls_external_id", "callkit_calls", ["external_id", "source"], unique=True)
    op.create_index("ix_callkit_calls_sha256", "callkit_calls", ["recording_sha256"])
    unready = sa.text("status <> 'ready'")
    op.create_index(
        "ix_callkit_calls_unready", "callkit_calls", ["status", "pk"], sqlite_where=unready, postgresql_where=unready
    )


def _create_what_hangs_on_them() -> None:
    owner = sa.ForeignKeyConstraint(["pk"], ["callkit_calls.pk"], name="fk_callkit_results_pk", ondelete="CASCADE")
    op.create_table(
        "callkit_results",
        sa.Column("pk", _key(), autoincrement=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("document", _json(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name="pk_callkit_results"),
        owner,
    )
    op.create_table(
        "callkit_numbers",
        sa.Column("nid", _key(), sa.Identity(always=True)),
        sa.Column("num", _number(), nullable=False),
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


# ---- PostgreSQL

_FUNCTIONS = {
    # In the order of the numbers, lest two writers wait for each other
    "add_numbers": """
        INSERT INTO callkit_numbers(num)
            SELECT DISTINCT num FROM (VALUES (new.caller_n), (new.receiver_n)) n(num) ORDER BY num
            ON CONFLICT (num) DO NOTHING;
        INSERT INTO callkit_call_numbers(nid, pk)
            SELECT nid, new.pk FROM callkit_numbers WHERE num IN (new.caller_n, new.receiver_n);""",
    # Whoever adds a call may be about to use a number that seems to have no calls: wait for them, and they for us
    "leave_numbers": """
        LOCK TABLE callkit_numbers IN SHARE ROW EXCLUSIVE MODE;
        DELETE FROM callkit_call_numbers x USING callkit_numbers n
            WHERE n.num IN (old.caller_n, old.receiver_n) AND x.nid = n.nid AND x.pk = old.pk;
        DELETE FROM callkit_numbers n WHERE n.num IN (old.caller_n, old.receiver_n)
            AND NOT EXISTS (SELECT 1 FROM callkit_call_numbers x WHERE x.nid = n.nid);""",
    "add_tags": """
        INSERT INTO callkit_call_tags(tag, pk) SELECT jsonb_array_elements_text(new.tags), new.pk;""",
    "drop_tags": """
        DELETE FROM callkit_call_tags
            WHERE pk = old.pk AND tag IN (SELECT jsonb_array_elements_text(old.tags));""",
}
_TRIGGERS = (  # those of one event run in the order of their names
    ("a_left", "UPDATE OF pk, caller_n, receiver_n", _MOVED, "leave_numbers"),
    ("b_moved", "UPDATE OF pk, caller_n, receiver_n", _MOVED, "add_numbers"),
    ("a_untagged", "UPDATE OF pk, tags", _RETAGGED, "drop_tags"),
    ("b_retagged", "UPDATE OF pk, tags", _RETAGGED, "add_tags"),
    ("added", "INSERT", "TRUE", "add_numbers"),
    ("tagged", "INSERT", "new.tags <> '[]'", "add_tags"),
    ("deleted", "DELETE", "TRUE", "leave_numbers"),
    ("untagged", "DELETE", "old.tags <> '[]'", "drop_tags"),
)


def _postgresql() -> Iterator[str]:
    yield "CREATE EXTENSION IF NOT EXISTS pg_trgm"
    yield "CREATE INDEX ix_callkit_numbers_trgm ON callkit_numbers USING gin (num gin_trgm_ops)"
    for name, body in _FUNCTIONS.items():
        yield (
            f"CREATE FUNCTION callkit_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
        )
    for name, event, when, function in _TRIGGERS:
        yield (
            f"CREATE TRIGGER callkit_calls_{name} AFTER {event} ON callkit_calls FOR EACH ROW WHEN ({when}) "
            f"EXECUTE FUNCTION callkit_{function}()"
        )
