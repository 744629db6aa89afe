"""Transcripts and the index over their words; how much of a call somebody, and two at once, speak."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SHARES = ("talk_share", "overlap_share")
_CHUNK = 1000  # calls read at once


def upgrade() -> None:
    """Make the tables and their index; reckon the shares of calls that were measured before."""
    for name in _SHARES:
        op.add_column("callkit_calls", sa.Column(name, sa.Double))
    op.create_index("ix_callkit_calls_updated_at", "callkit_calls", ["updated_at"])
    _create_segments()
    _create_speech()
    for statement in _sqlite() if _is_sqlite() else _postgresql():
        op.execute(statement)
    _reckon_shares(op.get_bind())


def downgrade() -> None:
    """Drop everything; triggers go with their tables."""
    for table in ("speech_fts", "speech", "segments"):
        op.drop_table(f"callkit_{table}")
    if not _is_sqlite():
        op.execute("DROP FUNCTION callkit_index_speech()")
    op.drop_index("ix_callkit_calls_updated_at", "callkit_calls")
    for name in _SHARES:
        op.drop_column("callkit_calls", name)


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["pk"], ["callkit_calls.pk"], name=f"fk_callkit_{table}_pk", ondelete="CASCADE")


def _create_segments() -> None:
    op.create_table(
        "callkit_segments",
        sa.Column("pk", _key(), autoincrement=False),
        sa.Column("n", sa.Integer, autoincrement=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("starts", "ends")),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("channel", sa.Integer),
        *(sa.Column(name, sa.Text) for name in ("speaker", "language")),
        sa.Column("confidence", sa.Double),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("pk", "n", name="pk_callkit_segments"),
        _owner("segments"),
        sqlite_with_rowid=False,
    )


def _create_speech() -> None:
    op.create_table(
        "callkit_speech",
        sa.Column("pk", _key(), autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("stemmer", "agent", "customer", "others", "layouts")),
        sa.PrimaryKeyConstraint("pk", name="pk_callkit_speech"),
        _owner("speech"),
    )


_TEXTS = ("agent", "customer", "others")


def _sqlite() -> Iterator[str]:
    """The index holds no text, but what is taken out of it must be exactly what was put in: triggers know both.

    ASCII: letters of all other scripts are parts of words, and stems are in lower case as they are.
    """
    names = ", ".join(_TEXTS)
    old, new = (", ".join(f"{which}.{name}" for name in _TEXTS) for which in ("old", "new"))
    yield (
        f"CREATE VIRTUAL TABLE callkit_speech_fts USING fts5("
        f"{names}, tokenize='ascii', content='callkit_speech', content_rowid='pk')"
    )
    add = f"INSERT INTO callkit_speech_fts(rowid, {names}) VALUES (new.pk, {new});"
    drop = f"INSERT INTO callkit_speech_fts(callkit_speech_fts, rowid, {names}) VALUES ('delete', old.pk, {old});"
    for name, event, what in (
        ("added", "INSERT", add),
        ("deleted", "DELETE", drop),
        ("changed", f"UPDATE OF pk, {names}", drop + add),
    ):
        yield f"CREATE TRIGGER callkit_speech_{name} AFTER {event} ON callkit_speech BEGIN {what} END"


def _number(text: str) -> str:
    return f"(('x' || encode(substr(sha256(convert_to({text}, 'UTF8')), 1, 4), 'hex'))::bit(32)::integer)"


def _postgresql() -> Iterator[str]:
    """Words, and pairs that stand together, as numbers (`ways.py` reckons the same ones).

    A text's own index type is limited in words, positions and bytes, and several times as large. Numbers of words are
    0 or more, those of pairs below: fewer, for pairs are many and seldom. Two texts may have the same number, so who
    finds a call by it has to look at what was said.
    """
    owner = "REFERENCES callkit_speech ON DELETE CASCADE"
    yield f"CREATE TABLE callkit_speech_fts (pk BIGINT PRIMARY KEY {owner}, words INTEGER[] NOT NULL)"
    # What comes in is searched at once: a list of what is pending would be read by every search
    yield "CREATE INDEX ix_callkit_speech_fts ON callkit_speech_fts USING gin (words) WITH (fastupdate = off)"
    # Which words are common is what the planner has to know
    yield "ALTER TABLE callkit_speech_fts ALTER COLUMN words SET STATISTICS 1000"
    yield f"""
        CREATE FUNCTION callkit_index_speech() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        WITH words AS MATERIALIZED (
            SELECT word, lead(word) OVER (ORDER BY n) AS following FROM unnest(string_to_array(
                {" || '·' || ".join(f"new.{name}" for name in _TEXTS)}, ' ')) WITH ORDINALITY w(word, n))
        INSERT INTO callkit_speech_fts(pk, words) SELECT new.pk, coalesce(array_agg(number), '{{}}') FROM (
            SELECT {_number("word")} & 2147483647 AS number FROM words WHERE left(word, 1) NOT IN ('', '·')
            UNION
            SELECT -1 - ({_number("word || ' ' || following")} & 1048575) FROM words
                WHERE left(word, 1) NOT IN ('', '·') AND left(following, 1) NOT IN ('', '·')) n
            ON CONFLICT (pk) DO UPDATE SET words = excluded.words;
        RETURN NULL; END $$"""
    yield (
        f"CREATE TRIGGER callkit_speech_indexed AFTER INSERT OR UPDATE OF {', '.join(_TEXTS)} ON callkit_speech "
        "FOR EACH ROW EXECUTE FUNCTION callkit_index_speech()"
    )


def _reckon_shares(connection: sa.Connection) -> None:
    """From the results that are there; a call whose results can't be read stays unmeasured."""
    after = -(1 << 63)
    wanted = sa.text(
        "SELECT pk, CAST(document AS TEXT) AS document FROM callkit_results WHERE pk > :after ORDER BY pk LIMIT :chunk"
    )
    update = sa.text("UPDATE callkit_calls SET talk_share = :talk, overlap_share = :overlap WHERE pk = :pk")
    while rows := connection.execute(wanted, {"after": after, "chunk": _CHUNK}).all():
        shares = [{"pk": row.pk, **_shares(json.loads(row.document)["analysis"])} for row in rows]
        connection.execute(update, shares)
        after = rows[-1].pk


def _shares(analysis: dict[str, Any]) -> dict[str, float | None]:
    duration, overlap = analysis["duration"], analysis["overlap_time"]
    if not duration:
        return {"talk": None, "overlap": None}
    talk = reach = 0.0
    for start, end in sorted(stretch for party in analysis["parties"] for stretch in party["speech"]):
        talk += max(end - max(start, reach), 0.0)
        reach = max(reach, end)
    apart = not (analysis.get("health") or {}).get("dual_mono")
    return {
        "talk": min(talk / duration, 1.0),
        "overlap": min(overlap / duration, 1.0) if overlap is not None and apart else None,
    }
