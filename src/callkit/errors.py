"""Every error of callkit, drawn as a tree.

    CallKitError
    ├── InvalidInputError            what was passed can't be used
    │   ├── InvalidCallError         facts of a call that can't be
    │   ├── InvalidQueryError        a search that can't be read
    │   ├── InvalidCutError          a piece of a recording that can't be
    │   ├── InvalidKeyError          a storage key that could leave its place
    │   └── SettingsError            options, URLs, configuration files
    ├── AudioError                   the recording itself
    │   ├── UnsupportedFormatError   no reader knows this content
    │   ├── RecordingChangedError    somebody may still be writing it
    │   ├── DamagedAudioError        known format, nothing can be decoded
    │   └── AudioTooLongError        decodes to more than the limit
    ├── NotFoundError
    │   ├── CallNotFoundError
    │   ├── BlobNotFoundError
    │   └── RecordingNotFoundError   the call has no recording (yet, or any more)
    ├── ConflictError                true a moment ago, or for somebody else
    │   ├── StaleCallError           the call was changed meanwhile
    │   ├── CallExistsError          the id, or (source, external id), is taken
    │   ├── ExternalIdConflictError  the same external id with other bytes
    │   ├── RecordingExistsError     the call has a recording already
    │   ├── DuplicateRecordingError  the same bytes under another external id, and the policy is "reject"
    │   ├── CallErasedError          the call was erased: it must not come back by accident
    │   ├── MoveNotAllowedError      not in callkit.core.call.MOVES
    │   └── LeaseHeldError           somebody else works on the call
    ├── BackendError                 a database, storage or runner failed
    │   ├── RepositoryError
    │   ├── StorageError
    │   ├── TranscriptionError       an engine could not write down what is said
    │   └── RunnerError
    │       ├── WorkerLostError      the worker process died
    │       └── TaskTimeoutError     the task ran too long and was stopped
    ├── NewerDataError               a newer callkit wrote it
    ├── MigrationNeededError         an older callkit made the tables, or nobody did yet
    ├── CopyDiffersError             a copy of a database is not what was copied
    ├── WaitTimeoutError             the call is not done yet
    ├── AccessDeniedError            a link that is not signed, was changed, or has expired
    └── MissingExtraError            an optional dependency is not installed

An error is a value: its fields are its arguments in order, it survives pickling, and `str()` is one sentence
that says what happened to what and what to do. `code` is stable: the CLI's `--json` and HTTP answers carry it.
"""

from typing import ClassVar

import attrs

__all__ = [
    "AccessDeniedError",
    "AudioError",
    "AudioTooLongError",
    "BackendError",
    "BlobNotFoundError",
    "CallErasedError",
    "CallExistsError",
    "CallKitError",
    "CallNotFoundError",
    "ConflictError",
    "CopyDiffersError",
    "DamagedAudioError",
    "DuplicateRecordingError",
    "ExternalIdConflictError",
    "InvalidCallError",
    "InvalidCutError",
    "InvalidInputError",
    "InvalidKeyError",
    "InvalidQueryError",
    "LeaseHeldError",
    "MigrationNeededError",
    "MissingExtraError",
    "MoveNotAllowedError",
    "NewerDataError",
    "NotFoundError",
    "RecordingChangedError",
    "RecordingExistsError",
    "RecordingNotFoundError",
    "RepositoryError",
    "RunnerError",
    "SettingsError",
    "StaleCallError",
    "StorageError",
    "TaskTimeoutError",
    "TranscriptionError",
    "UnsupportedFormatError",
    "WaitTimeoutError",
    "WorkerLostError",
]


class CallKitError(Exception):
    """Whatever callkit raises on purpose. Catch this one to catch them all."""

    code: ClassVar[str] = "error"
    sentence: ClassVar[str] = "callkit failed."

    def __str__(self) -> str:
        """One sentence: what happened to what, and what to do."""
        fields = getattr(type(self), "__attrs_attrs__", ())
        return self.sentence.format(**{field.name: getattr(self, field.name) for field in fields})


class InvalidInputError(CallKitError, ValueError):
    """What was passed can't be used."""

    code = "invalid_input"


class AudioError(CallKitError):
    """The recording itself is at fault: trying again won't help."""

    code = "audio_error"


class NotFoundError(CallKitError, LookupError):
    """There is no such thing."""

    code = "not_found"


class ConflictError(CallKitError):
    """True a moment ago, or for somebody else."""

    code = "conflict"


class BackendError(CallKitError):
    """A database, a storage or a runner failed; the same call may go through later."""

    code = "backend_error"


@attrs.define
class InvalidCallError(InvalidInputError):
    """Facts of a call that can't be."""

    code = "invalid_call"
    sentence = "{what}"
    what: str


@attrs.define
class InvalidQueryError(InvalidInputError):
    """A search that can't be read."""

    code = "invalid_query"
    sentence = "The search {query!r} can't be read: {why}."
    query: str
    why: str


@attrs.define
class InvalidCutError(InvalidInputError):
    """A piece of a recording that can't be."""

    code = "invalid_cut"
    sentence = "A piece from {start:g} s to {end:g} s can't be cut: the start must be 0 or more, and before the end."
    start: float
    end: float


@attrs.define
class InvalidKeyError(InvalidInputError):
    """A storage key that could leave its place."""

    code = "invalid_key"
    sentence = (
        "The storage key {key!r} is refused: {why}. Keys are relative paths such as 'ab/recording.wav', without '..'."
    )
    key: str
    why: str


@attrs.define
class SettingsError(InvalidInputError):
    """Options, URLs and configuration files that can't be used."""

    code = "invalid_settings"
    sentence = "{what}"
    what: str


@attrs.define
class UnsupportedFormatError(AudioError):
    """No reader knows this content. `saw` says what it looks like."""

    code = "unsupported_format"
    sentence = (
        "{name} can't be read as audio: it holds {saw}. Supported are WAV, MP3, FLAC, Ogg and, with ffmpeg on PATH, "
        "what ffmpeg decodes."
    )
    name: str
    saw: str


@attrs.define
class DamagedAudioError(AudioError):
    """The format is known, but nothing can be decoded."""

    code = "damaged_audio"
    sentence = "{name} is damaged and nothing could be decoded: {why}. Fetch the recording again from where it came."
    name: str
    why: str


@attrs.define
class RecordingChangedError(AudioError):
    """The recording is not what it was a moment ago."""

    code = "recording_changed"
    sentence = "{name} changed while it was read, so it may still be being written: try again when it is complete."
    name: str


@attrs.define
class AudioTooLongError(AudioError):
    """The recording decodes to more than the limit."""

    code = "audio_too_long"
    sentence = "{name} decodes to more than {limit:g} seconds: raise max_duration if that is a real recording."
    name: str
    limit: float


@attrs.define
class CallNotFoundError(NotFoundError):
    """There is no call with this id."""

    code = "call_not_found"
    sentence = "There is no call {call_id}: `callkit list` shows the ids."
    call_id: str


@attrs.define
class BlobNotFoundError(NotFoundError):
    """The storage has no such key."""

    code = "blob_not_found"
    sentence = "The storage has no {key!r}: put the file back, or open the storage that belongs to the calls."
    key: str


@attrs.define
class RecordingNotFoundError(NotFoundError):
    """The call has no recording: none came yet, or it was erased."""

    code = "recording_not_found"
    sentence = "Call {call_id} has no recording (status {status}): attach one first."
    call_id: str
    status: str


@attrs.define
class StaleCallError(ConflictError):
    """The call was changed meanwhile: nothing was saved."""

    code = "stale_call"
    sentence = "Call {call_id} was changed by somebody else; version {version} was not saved: read it again and retry."
    call_id: str
    version: int


@attrs.define
class CallExistsError(ConflictError):
    """The id, or the pair (source, external id), is taken."""

    code = "call_exists"
    sentence = "There is a call {external_id!r} from {source!r} already: look it up instead of adding it."
    source: str
    external_id: str


@attrs.define
class ExternalIdConflictError(ConflictError):
    """The same external id came with other bytes."""

    code = "external_id_conflict"
    sentence = (
        "{name} differs from the recording that call {call_id} has for {external_id!r} from {source!r}: "
        "pass replace=True to take the new one."
    )
    name: str
    source: str
    external_id: str
    call_id: str


@attrs.define
class RecordingExistsError(ConflictError):
    """The call has a recording already; one call, one recording."""

    code = "recording_already_exists"
    sentence = "Call {call_id} has a recording already, and keeps it unless replace=True says otherwise."
    call_id: str


@attrs.define
class DuplicateRecordingError(ConflictError):
    """The same bytes are another call's recording, and duplicates are to be rejected."""

    code = "duplicate_recording"
    sentence = "{name} is byte for byte the recording of call {call_id}: pass duplicates='link' to keep both."
    name: str
    call_id: str


@attrs.define
class CallErasedError(ConflictError):
    """The call was erased: what comes under its external id is refused."""

    code = "call_erased"
    sentence = "{name} belongs to call {call_id}, which was erased: it is not taken in again."
    name: str
    call_id: str


@attrs.define
class MoveNotAllowedError(ConflictError):
    """The life of a call has no such move (see callkit.core.call.MOVES)."""

    code = "move_not_allowed"
    sentence = "Call {call_id} is {status} and can't {event}: it must be {allowed}."
    call_id: str
    status: str
    event: str
    allowed: str


@attrs.define
class LeaseHeldError(ConflictError):
    """Somebody else works on the call."""

    code = "lease_held"
    sentence = "Call {call_id} is being worked on by {owner} until {until}: leave it to them, or wait."
    call_id: str
    owner: str
    until: str


@attrs.define
class RepositoryError(BackendError):
    """The database failed."""

    code = "repository_error"
    sentence = "The database {place} failed: {why}."
    place: str
    why: str


@attrs.define
class StorageError(BackendError):
    """The storage failed."""

    code = "storage_error"
    sentence = "The storage {place} failed at {key!r}: {why}."
    place: str
    key: str
    why: str


@attrs.define
class RunnerError(BackendError):
    """The runner could not take or finish a task."""

    code = "runner_error"
    sentence = "{what}"
    what: str


@attrs.define
class WorkerLostError(RunnerError):
    """The worker process died."""

    code = "worker_lost"
    sentence = "The worker process died while it ran {what} (out of memory, or killed): sweep() runs it again."


@attrs.define
class TaskTimeoutError(RunnerError):
    """The task ran too long and its worker was stopped."""

    code = "task_timeout"
    sentence = "{what} ran longer than {seconds:g} s and was stopped: raise the runner's timeout if that is normal."
    seconds: float


@attrs.define
class TranscriptionError(BackendError):
    """An engine could not write down what is said."""

    code = "transcription_error"
    sentence = "The transcriber {engine} failed: {why}."
    engine: str
    why: str


@attrs.define
class NewerDataError(CallKitError):
    """A newer callkit wrote the data."""

    code = "newer_data"
    sentence = "{what} was written by a newer callkit (format {found}; this one knows {known}): upgrade callkit."
    what: str
    found: str
    known: str


@attrs.define
class MigrationNeededError(CallKitError):
    """The tables of a database that others may use, too, are not those of this version."""

    code = "migration_needed"
    sentence = "{what} has {found}, this callkit needs revision {known}: run `callkit db upgrade`."
    what: str
    found: str
    known: str


@attrs.define
class CopyDiffersError(CallKitError):
    """A copy of a database is not what was copied."""

    code = "copy_differs"
    sentence = (
        "The copy in {place} differs from its source in {table}: {why}. Copy into an empty database, while nobody "
        "changes calls."
    )
    place: str
    table: str
    why: str


@attrs.define
class WaitTimeoutError(CallKitError, TimeoutError):
    """The call is not done yet."""

    code = "wait_timeout"
    sentence = "Call {call_id} is still {status} after {seconds:g} s: wait longer, or call sweep() if its worker died."
    call_id: str
    status: str
    seconds: float


@attrs.define
class AccessDeniedError(CallKitError):
    """A link that opens nothing. `why` says what its signature is: "missing", "tampered" or "expired"."""

    code = "access_denied"
    sentence = "The link is refused, for its signature is {why}: ask for a new one."
    why: str


@attrs.define
class MissingExtraError(CallKitError, ImportError):
    """An optional dependency is not installed."""

    code = "missing_extra"
    sentence = "{what} needs a package that is not installed: pip install 'callkit[{extra}]'."
    what: str
    extra: str
