"""`Sweep`: puts right what crashes left behind."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from attrs import frozen

from callkit.claims import Clock, given_up
from callkit.core.call import Call, Status
from callkit.core.page import turn_pages
from callkit.core.query import Query
from callkit.errors import CallNotFoundError, StaleCallError
from callkit.protocols import Blob, Repository, Storage, TidiesUp

__all__ = ["PATIENCE", "Sweep", "Swept"]

PATIENCE = timedelta(minutes=10)
"""How long a message may wait behind others before it is thought lost."""


@frozen
class Swept:
    """What `CallKit.sweep` did: calls submitted again, calls given up, blobs removed that no call knows."""

    resubmitted: int = 0
    failed: int = 0
    orphans: int = 0


@frozen
class Sweep:
    """Submits calls that wait for a worker, gives up those that killed too many, removes blobs that no call knows.

    If messages wait elsewhere (`backlog` tells how many), a call that nobody has claimed may be among them. It is
    submitted again only if none waits, or after `PATIENCE`; and the row says when it was, so that of many sweeps, by
    many machines, only one submits it.
    """

    repository: Repository
    storage: Storage
    submit: Callable[[Call], None]
    now: Clock
    attempts: int
    backlog: Callable[[], int] | None = None

    def __call__(self, grace: timedelta | None) -> Swept:
        """Once over everything; blobs younger than `grace`, or with None all blobs, are left alone."""
        resubmitted = failed = 0
        some_wait, long_ago = bool(self.backlog and self.backlog()), self.now() - PATIENCE
        for call in self._waiting():
            if call.attempts >= self.attempts:
                failed += self._give_up(call)
            elif call.lease or not some_wait or call.updated_at <= long_ago:
                resubmitted += self._submit_again(call)
        return Swept(resubmitted, failed, 0 if grace is None else self._remove_orphans(self.now() - grace))

    def _waiting(self) -> Iterator[Call]:
        query = Query(unclaimed_at=self.now())
        return turn_pages(lambda after: self.repository.find(query, limit=200, after=after))

    def _submit_again(self, call: Call) -> bool:
        if self.backlog:
            try:
                self.repository.save(call := call.release(self.now()))
            except StaleCallError:  # claimed, or swept by somebody else
                return False
        self.submit(call)
        return True

    def _give_up(self, call: Call) -> bool:
        try:
            self.repository.save(given_up(call, self.now()))
        except StaleCallError:
            return False
        return True

    def _remove_orphans(self, before: datetime) -> int:
        if isinstance(self.storage, TidiesUp):
            self.storage.tidy(before)
        blobs = sorted(self.storage.list(), key=lambda blob: blob.key)
        unknown = sum(self._remove_unknown(owner, list(group), before) for owner, group in groupby(blobs, _owner))
        return unknown + sum(self._remove_words(sha256, group) for sha256, group in groupby(blobs, _written_of))

    def _remove_words(self, sha256: str | None, blobs: Iterable[Blob]) -> int:
        """What was written down is kept for as long as a call has those bytes; nobody adds to it beforehand."""
        if sha256 is None or self.repository.count(Query(sha256=sha256), at_most=1):
            return 0
        unknown = list(blobs)
        for blob in unknown:
            self.storage.delete(blob.key)
        return len(unknown)

    def _remove_unknown(self, owner: UUID | None, blobs: list[Blob], before: datetime) -> int:
        if owner is None:
            return 0  # not ours
        try:
            call = self.repository.get(owner)
        except CallNotFoundError:
            known, erased = set[str](), False
        else:
            recording, erased = call.recording, call.status is Status.ERASED
            known = {recording.key, recording.peaks_key} if recording else set()
        unknown = [blob for blob in blobs if blob.key not in known and (erased or blob.modified_at < before)]
        for blob in unknown:
            self.storage.delete(blob.key)
        return len(unknown)


def _owner(blob: Blob) -> UUID | None:
    """The call whose folder a blob lies in; None if callkit did not put it there."""
    parts = blob.key.split("/")
    try:
        return UUID(parts[1]) if len(parts) == 3 and parts[0] == parts[1][-2:] else None
    except ValueError:
        return None


def _written_of(blob: Blob) -> str | None:
    """The bytes of which a blob has written words, by their sha-256; None if it is no such blob."""
    parts = blob.key.split("/")
    return parts[2] if len(parts) == 4 and parts[0] == "words" and parts[1] == parts[2][:2] else None
