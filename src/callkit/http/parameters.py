"""What paths, queries and headers may hold, and what a new call is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from annotated_types import Len
from attrs import field, frozen
from fastapi import Header, Path, Query
from pydantic import AfterValidator, BeforeValidator, Field

from callkit import wire
from callkit.core.call import Direction

__all__ = ["CallId", "Changes", "Cursor", "IdempotencyKey", "Limit", "NewCall", "Offset", "UploadId", "Words"]

MOST_OFFSET = 10_000
_LONGEST_TAG = 50
_MOST_TAGS = 100


def _canonical(value: Any) -> Any:
    if isinstance(value, str) and len(value) != 36:  # pydantic takes urn:uuid:…, {…} and 32 digits, too
        raise ValueError("must be a UUID in its canonical form")
    return value


def _storable(value: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        wire.to_json(value).encode()
    except (ValueError, RecursionError):  # NaN, half a character, or too deep
        raise ValueError("must be plain JSON, and not deep") from None
    return value


CallId = Annotated[UUID, BeforeValidator(_canonical), Path(description="of the call")]
UploadId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="of the upload")]
Words = Annotated[
    str,
    Query(max_length=500, pattern=r"^[^\x00]*$", description="part of a number, or any search of callkit's language"),
]
Limit = Annotated[int, Query(ge=1, le=100, description="calls at most")]
Offset = Annotated[
    int, Query(ge=0, le=MOST_OFFSET, description="calls to pass over; `cursor` goes further, and faster")
]
Cursor = Annotated[str | None, Query(pattern="^[a-z2-7]{1,64}$", description="`next` of the page before")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]+$",
        min_length=1,
        max_length=255,
        description="the same key and the same call, sent again, is the same call",
    ),
]

Number = Annotated[str, Len(1, 1000), Field(pattern=r"^[^\x00]+$")]
Tag = Annotated[str, Len(1, _LONGEST_TAG), Field(pattern=r'^[^\s"\x00-\x1f\x7f-\xa0]+$')]
Metadata = Annotated[dict[str, Any], AfterValidator(_storable)]


@frozen(kw_only=True)
class NewCall:
    """A call as it is announced."""

    caller: Number
    receiver: Number
    started_at: datetime
    direction: Direction | None = None
    external_id: Annotated[str, Len(1, 1000), Field(pattern=r"^[^\x00]+$")] | None = None
    tags: Annotated[list[Tag], Len(0, _MOST_TAGS)] = field(factory=list)
    metadata: Metadata = field(factory=dict)


@frozen(kw_only=True)
class Changes:
    """What a call is given anew; null leaves it as it is."""

    tags: Annotated[list[Tag], Len(0, _MOST_TAGS)] | None = None
    metadata: Metadata | None = None
