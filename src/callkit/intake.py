"""How a recording comes in: known or new, once or again, and never half."""

import secrets
from collections.abc import Callable
from typing import Literal
from uuid import UUID

from attrs import evolve, frozen

from callkit.core.call import Call, Recording, Status
from callkit.core.query import Query
from callkit.errors import (
    CallErasedError,
    CallExistsError,
    DuplicateRecordingError,
    ExternalIdConflictError,
    StaleCallError,
)
from callkit.protocols import Repository, Storage
from callkit.sound import Sound
from callkit.work import Clock
from callkit.writing import forget_words

__all__ = ["Duplicates", "Intake", "remove"]

Duplicates = Literal["link", "reject", "allow"]
"""What to do when another call has the same bytes: a new call that names it, refuse, or a new call."""


@frozen
class Intake:
    """Blob first, then the row that promises the work, then the hint (`submit`) that there is work."""

    repository: Repository
    storage: Storage
    submit: Callable[[Call], None]
    now: Clock

    def take(self, call: Call, sound: Sound, *, replace: bool, duplicates: Duplicates) -> Call:
        """The recording of a call that may be known by its external id."""
        known = self._known(call)
        if known is None:
            call = evolve(call, duplicate_of=self._original(sound, duplicates))
            try:
                return self._put_in(call, sound, self.repository.add)
            except CallExistsError:  # somebody else brought it at the same time
                known = self._known(call)
                if known is None:
                    raise
        return self.take_for(known, sound, replace=replace)

    def take_for(self, known: Call, sound: Sound, *, replace: bool) -> Call:
        """The recording of a call that is known."""
        if known.status is Status.ERASED:
            raise CallErasedError(sound.name, str(known.id))
        old = known.recording
        if old is not None and old.sha256 == sound.sha256:
            return known
        if old is not None and not replace:
            raise ExternalIdConflictError(sound.name, known.source, known.external_id, str(known.id))
        call = self._put_in(known, sound, self.repository.save)
        if old is not None:
            remove(self.storage, old)
            forget_words(self.repository, self.storage, old)
        return call

    def _known(self, call: Call) -> Call | None:
        found = self.repository.find(Query(source=call.source, external_id=call.external_id), limit=1)
        return found.items[0] if found.items else None

    def _original(self, sound: Sound, duplicates: Duplicates) -> UUID | None:
        """The call that has these bytes already, as far as the policy wants to know."""
        if duplicates == "allow":
            return None
        same = self.repository.find(Query(sha256=sound.sha256), limit=1).items
        if same and duplicates == "reject":
            raise DuplicateRecordingError(sound.name, str(same[0].id))
        return same[0].duplicate_of or same[0].id if same else None

    def _put_in(self, call: Call, sound: Sound, keep: Callable[[Call], None]) -> Call:
        recording = self._stored(call, sound)
        move = call.replace if call.recording else call.attach
        call = move(recording, self.now())
        try:
            keep(call)
        except (CallExistsError, StaleCallError):
            remove(self.storage, recording)
            raise
        self.submit(call)
        return call

    def _stored(self, call: Call, sound: Sound) -> Recording:
        key = f"{call.id.hex[-2:]}/{call.id}/{secrets.token_hex(4)}{sound.suffix}"
        self.storage.put(key, sound.again())
        return Recording(key, sound.name, sound.size, sound.sha256, sound.container, self.now())


def remove(storage: Storage, recording: Recording) -> None:
    """Remove a recording and its peaks; words that were written down may be another call's, too (`forget_words`)."""
    storage.delete(recording.key)
    storage.delete(recording.peaks_key)
