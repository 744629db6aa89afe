"""The statements of `SqlRepository`."""

from sqlalchemy import bindparam, text

from callkit.backends.repositories.sql.columns import CALL_ID, MOMENT
from callkit.backends.repositories.sql.tables import calls, results

__all__ = [
    "ADD",
    "BY_KEYS",
    "CHANGED_SINCE",
    "DROP_RESULTS",
    "FULL",
    "GET",
    "KNOWN",
    "RESULTS",
    "SAVE",
    "SAVE_RESULTS",
    "TAKEN",
]

_VALUES = [column.name for column in calls.c if column.name != "pk"]
_FIXED = {"id", "started_at", "source", "external_id", "created_at"}
_TYPED = [bindparam(name, type_=calls.c[name].type) for name in _VALUES]
_CHANGED = [one for one in _TYPED if one.key not in _FIXED - {"id"}]
_ID = bindparam("id", type_=CALL_ID)
_COLUMNS = ", ".join(column.name for column in calls.c)

# The key is the first free one of its millisecond; where writers do not wait for each other it may be taken meanwhile
ADD = text(f"""
INSERT INTO callkit_calls (pk, {", ".join(_VALUES)})
SELECT free, {", ".join(f":{name}" for name in _VALUES)} FROM (
    SELECT coalesce(max(pk) + 1, :base) AS free FROM callkit_calls WHERE pk >= :base AND pk < :end) AS room
WHERE free < :end ON CONFLICT DO NOTHING""").bindparams(*_TYPED)
TAKEN = text(
    "SELECT 1 FROM callkit_calls WHERE id = :id OR (external_id = :external_id AND source = :source) LIMIT 1"
).bindparams(_ID)
FULL = text("SELECT 1 FROM callkit_calls WHERE pk = :end - 1")
GET = text(f"SELECT {_COLUMNS} FROM callkit_calls WHERE id = :id").bindparams(_ID).columns(*calls.c)
CHANGED_SINCE = (
    text(f"SELECT {_COLUMNS} FROM callkit_calls WHERE updated_at >= :since ORDER BY updated_at, pk LIMIT :count")
    .bindparams(bindparam("since", type_=MOMENT))
    .columns(*calls.c)
)
SAVE = text(f"""
UPDATE callkit_calls SET {", ".join(f"{name} = :{name}" for name in _VALUES if name not in _FIXED)}
WHERE id = :id AND version = :version - 1""").bindparams(*_CHANGED)
KNOWN = text("SELECT 1 FROM callkit_calls WHERE id = :id").bindparams(_ID)
SAVE_RESULTS = text("""
INSERT INTO callkit_results (pk, fingerprint, document)
SELECT pk, :fingerprint, :document FROM callkit_calls WHERE id = :id
ON CONFLICT (pk) DO UPDATE SET fingerprint = excluded.fingerprint, document = excluded.document""").bindparams(
    _ID, bindparam("document", type_=results.c.document.type)
)
DROP_RESULTS = text("DELETE FROM callkit_results WHERE pk = (SELECT pk FROM callkit_calls WHERE id = :id)").bindparams(
    _ID
)
RESULTS = (
    text("""
SELECT c.id, r.pk, r.document FROM callkit_calls c JOIN callkit_results r ON r.pk = c.pk WHERE c.id IN :ids""")
    .bindparams(bindparam("ids", type_=CALL_ID, expanding=True))
    .columns(calls.c.id, results.c.pk, results.c.document)
)
BY_KEYS = (
    text(f"SELECT {_COLUMNS} FROM callkit_calls WHERE pk IN :pks")
    .bindparams(bindparam("pks", expanding=True))
    .columns(*calls.c)
)
