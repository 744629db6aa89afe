"""A call that is announced, once or again: `Idempotency-Key` without a table of its own."""

from hashlib import sha256
from typing import Any

from callkit.core.call import Call, Status
from callkit.core.query import Query
from callkit.errors import CallExistsError
from callkit.http.problems import Refused
from callkit.kit import CallKit

__all__ = ["create_call"]

_SOURCE = "upload"
_FIXED = ("caller", "receiver", "started_at", "direction")


def create_call(kit: CallKit, facts: dict[str, Any], idempotency_key: str | None, owner: str) -> Call:
    """The new call; or the one that the same request made before.

    Two requests with one key meet in the uniqueness of (source, external id): so it holds across servers and restarts.

    Args:
        kit: where.
        facts: arguments of `CallKit.create`.
        idempotency_key: None: the call is new in any case.
        owner: whose key it is: those of different clients have nothing to do with each other.

    Raises:
        Refused: the key was used for another call, or for one that was erased.
        CallExistsError: the external id is taken.
    """
    if idempotency_key is None:
        return kit.create(source=_SOURCE, **facts)
    own = f"idempotency-key:{sha256(f'{owner}:{idempotency_key}'.encode()).hexdigest()}"
    facts = facts | {"external_id": facts["external_id"] or own}
    try:
        return kit.create(source=_SOURCE, **facts)
    except CallExistsError:
        known = kit.find(Query(source=_SOURCE, external_id=facts["external_id"]), limit=1).items[0]
    if known.status is Status.ERASED:
        raise Refused(409, "call_erased", f"This request made call {known.id}, which was erased: take a new key.")
    if any(getattr(known, name) != _kept(name, facts[name]) for name in _FIXED):
        raise Refused(409, "idempotency_key_reused", "This Idempotency-Key was used for another call: take a new one.")
    return known


def _kept(name: str, value: Any) -> Any:
    """As a call keeps it: whole milliseconds."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000) if name == "started_at" else value
