"""Sessions for the page: a cookie in place of a key, for `<audio>` and `EventSource` can't send a header.

The cookie says which key it was made with, and until when it holds; it is signed with what is kept of that key. So it
ends when the key is revoked, no server remembers it, and it is good for all servers with the same keys.
"""

import hmac
import re
from datetime import UTC, datetime, timedelta

from callkit.http.keys import Key, KeyRing

__all__ = ["COOKIE", "LIFETIME", "key_of_session", "new_session"]

COOKIE = "callkit_session"
LIFETIME = timedelta(hours=12)

_PURPOSE = "callkit-session-1"  # a signature of another kind must not pass
_FORM = re.compile(r"([0-9a-f]{8})\.(\d{1,12})\.([0-9a-f]{64})", re.ASCII)


def new_session(key: Key, now: datetime) -> str:
    """A cookie's value that stands for a key."""
    ends = int((now + LIFETIME).timestamp())
    return f"{key.id}.{ends}.{_signature(key, ends)}"


def key_of_session(value: str, ring: KeyRing, now: datetime) -> Key | None:
    """The key that a cookie stands for; None if it is none of ours, has ended, or its key is no longer valid."""
    match = _FORM.fullmatch(value)
    if match is None:
        return None
    key_id, ends, signature = match[1], int(match[2]), match[3]
    key = ring.get(key_id, now)
    if key is None or not hmac.compare_digest(_signature(key, ends), signature):
        return None
    return key if now < datetime.fromtimestamp(ends, UTC) else None


def _signature(key: Key, ends: int) -> str:
    return hmac.new(key.digest.encode(), f"{_PURPOSE}|{key.id}|{ends}".encode(), "sha256").hexdigest()
