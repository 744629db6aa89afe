"""The tables as this version of callkit wants them.

The database may belong to a host application: every name begins with `callkit_`. What one dialect alone has (triggers,
the trigram index over numbers) is in the migrations only.
"""

import sqlalchemy as sa

from callkit.backends.repositories.sql.columns import CALL_ID, DOCUMENT, KEY, MOMENT, NUMBER

__all__ = ["PREFIX", "call_numbers", "call_tags", "calls", "metadata", "numbers", "results", "segments", "speech"]

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


_UNREADY = sa.text("status <> 'ready'")

calls = sa.Table(
    f"{PREFIX}calls",
    metadata,
    sa.Column("pk", KEY, primary_key=True, autoincrement=False),  # callkit.core.query.sort_base + tie
    sa.Column("id", CALL_ID, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("caller_n", sa.Text, nullable=False),  # normalised: what is searched
    sa.Column("receiver_n", sa.Text, nullable=False),
    sa.Column("duration", sa.Double),
    sa.Column("silence_share", sa.Double),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", MOMENT),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("started_at", MOMENT, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("updated_at", MOMENT, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),  # as it came
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("direction", sa.Text),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("tags", DOCUMENT, nullable=False),  # call_tags follows it
    sa.Column("metadata", DOCUMENT, nullable=False),
    sa.Column("recording_key", sa.Text),
    sa.Column("recording_name", sa.Text),
    sa.Column("recording_size", sa.BigInteger),
    sa.Column("recording_sha256", sa.Text),
    sa.Column("recording_container", sa.Text),
    sa.Column("recording_stored_at", MOMENT),
    sa.Column("duplicate_of", CALL_ID),
    sa.Column("failure_code", sa.Text),
    sa.Column("failure_message", sa.Text),
    sa.Column("failure_at", MOMENT),
    sa.Column("tombstone_at", MOMENT),
    sa.Column("tombstone_reason", sa.Text),
    sa.Column("tombstone_sha256", sa.Text),
    sa.Column("talk_share", sa.Double),
    sa.Column("overlap_share", sa.Double),
    sa.Index("uq_callkit_calls_external_id", "external_id", "source", unique=True),
    sa.Index("ix_callkit_calls_sha256", "recording_sha256"),
    sa.Index("ix_callkit_calls_updated_at", "updated_at"),  # what changed lately, for those who listen
    # Nearly every call is ready; the few others, waiting ones among them, are found at once
    sa.Index("ix_callkit_calls_unready", "status", "pk", sqlite_where=_UNREADY, postgresql_where=_UNREADY),
)

results = sa.Table(
    f"{PREFIX}results",
    metadata,
    sa.Column("pk", KEY, sa.ForeignKey(calls.c.pk, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("document", DOCUMENT, nullable=False),  # callkit.wire.results_to_json, without a transcript's segments
)

segments = sa.Table(  # of transcripts, as they were saved
    f"{PREFIX}segments",
    metadata,
    sa.Column("pk", KEY, sa.ForeignKey(calls.c.pk, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("starts", sa.Double, nullable=False),
    sa.Column("ends", sa.Double, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("channel", sa.Integer),
    sa.Column("speaker", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("confidence", sa.Double),
    sa.Column("words", sa.Text, nullable=False),  # JSON: a list of start, end, text, confidence for each
    sqlite_with_rowid=False,
)

speech = sa.Table(  # callkit.core.said.Said; triggers keep an index of its words
    f"{PREFIX}speech",
    metadata,
    sa.Column("pk", KEY, sa.ForeignKey(calls.c.pk, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("stemmer", sa.Text, nullable=False),  # callkit.core.words.stemmer
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("others", sa.Text, nullable=False),
    sa.Column("layouts", sa.Text, nullable=False),  # JSON
)

numbers = sa.Table(  # each normalised number once; triggers keep it
    f"{PREFIX}numbers",
    metadata,
    sa.Column("nid", KEY, sa.Identity(always=True), primary_key=True),
    sa.Column("num", NUMBER, nullable=False, unique=True),
)

call_numbers = sa.Table(  # triggers keep it
    f"{PREFIX}call_numbers",
    metadata,
    sa.Column("nid", KEY, primary_key=True, autoincrement=False),
    sa.Column("pk", KEY, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

call_tags = sa.Table(  # triggers keep it
    f"{PREFIX}call_tags",
    metadata,
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("pk", KEY, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
