"""What the fuzzer has to be taught: how the pieces of a resumable upload are sent."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def as_it_is(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Bytes; whatever else the fuzzer makes up, as text."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
