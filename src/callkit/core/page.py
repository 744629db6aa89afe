"""Pages of calls in the order of their sort keys, and the cursors that lead from one to the next."""

from base64 import b32decode, b32encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from attrs import field, frozen

from callkit.core.call import Call
from callkit.core.passages import Passage
from callkit.errors import InvalidQueryError

__all__ = ["BEST_OF", "TIES", "Order", "Page", "cursor", "cursor_key", "sort_base", "turn_pages"]

Order = Literal["newest", "best"]
"""How an answer is sorted."""
BEST_OF = 1000
"""The best calls are sought among so many of the newest ones that match."""


@frozen
class Page:
    """Some calls of an answer, and where to go on.

    Attributes:
        items: the calls, newest first unless another order was asked for.
        next: an opaque text for `find(…, after=page.next)`; None after the last page.
        passages: by a call's id, where it was said what was sought, if words were sought; at most three of a call.
    """

    items: tuple[Call, ...]
    next: str | None = None
    passages: Mapping[UUID, tuple[Passage, ...]] = field(factory=dict, hash=False)

    def __iter__(self) -> Iterator[Call]:
        """The calls."""
        return iter(self.items)

    def __len__(self) -> int:
        """How many are on this page."""
        return len(self.items)


def turn_pages(find: Callable[[str | None], Page]) -> Iterator[Call]:
    """All calls of an answer, given how to find the page after a cursor."""
    page = find(None)
    yield from page
    while page.next is not None:
        page = find(page.next)
        yield from page


TIES = 1 << 16
"""How many calls may start in one millisecond."""


def sort_base(moment: datetime) -> int:
    """The first of the `TIES` sort keys of a millisecond; a moment between two belongs to the later one.

    A call's key is the first one after all keys taken in its millisecond: keys order calls by time, and of one
    millisecond by when they were added. One integer is order, cursor and date range in one.
    """
    return -((datetime(1970, 1, 1, tzinfo=UTC) - moment) // timedelta(milliseconds=1)) * TIES


def cursor(key: int) -> str:
    """An opaque text for the place just after the call with this sort key."""
    return b32encode(key.to_bytes(9, "big", signed=True)).decode().rstrip("=").lower()


def cursor_key(text: str) -> int:
    """The sort key in a cursor.

    Raises:
        InvalidQueryError: the text is no cursor.
    """
    try:
        raw = b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        raw = b""
    if len(raw) != 9:
        raise InvalidQueryError(text, "it is no cursor; pass the `next` of the page before")
    return int.from_bytes(raw, "big", signed=True)
