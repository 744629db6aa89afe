"""Row ↔ call, by position."""

import re
from collections.abc import Sequence
from json import loads
from typing import Any

from callkit.core.call import Call, Direction, Failure, Lease, Recording, Status, Tombstone
from callkit.core.number import normalise
from callkit.errors import InvalidCallError
from callkit.wire import to_json

__all__ = ["storable", "storable_json", "to_call", "to_values"]

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # after a backslash that is one itself, it is none


def storable(text: str) -> str:
    """Text that every database takes. NUL, and what no encoding has (file names may hold it), become "?"."""
    plain = text if text.isascii() else text.encode(errors="replace").decode()
    return plain.replace("\0", "?")


def storable_json(document: str) -> str:
    """The same for a document, in which NUL is written as an escape."""
    return _ESCAPED_NUL.sub(r"\1?", storable(document)) if r"\u0000" in document else storable(document)


def to_values(call: Call) -> dict[str, Any]:
    """The columns of a call by name, without `pk`.

    Raises:
        InvalidCallError: the metadata are no JSON values.
    """
    return {
        "id": call.id,
        "version": call.version,
        "status": str(call.status),
        "caller_n": normalise(call.caller),
        "receiver_n": normalise(call.receiver),
        "duration": call.duration,
        "silence_share": call.silence_share,
        "talk_share": call.talk_share,
        "overlap_share": call.overlap_share,
        "attempts": call.attempts,
        "started_at": call.started_at,
        "created_at": call.created_at,
        "updated_at": call.updated_at,
        "caller": call.caller,
        "receiver": call.receiver,
        "direction": str(call.direction) if call.direction else None,
        "source": call.source,
        "external_id": call.external_id,
        "tags": to_json(call.tags),
        "metadata": _metadata(call),
        "duplicate_of": call.duplicate_of,
        **_lease(call.lease),
        **_recording(call.recording),
        **_failure(call.failure),
        **_tombstone(call.tombstone),
    }


def _metadata(call: Call) -> str:
    try:
        return storable_json(to_json(call.metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidCallError(f"The metadata of call {call.id} are no JSON values: {error}.") from None


def _lease(lease: Lease | None) -> dict[str, Any]:
    return {
        "lease_owner": storable(lease.owner) if lease else None,
        "lease_until": lease.until if lease else None,
    }


def _recording(recording: Recording | None) -> dict[str, Any]:
    return {
        "recording_key": storable(recording.key) if recording else None,
        "recording_name": storable(recording.name) if recording else None,
        "recording_size": recording.size if recording else None,
        "recording_sha256": recording.sha256 if recording else None,
        "recording_container": recording.container if recording else None,
        "recording_stored_at": recording.stored_at if recording else None,
    }


def _failure(failure: Failure | None) -> dict[str, Any]:
    return {
        "failure_code": failure.code if failure else None,
        "failure_message": storable(failure.message) if failure else None,
        "failure_at": failure.at if failure else None,
    }


def _tombstone(tombstone: Tombstone | None) -> dict[str, Any]:
    return {
        "tombstone_at": tombstone.at if tombstone else None,
        "tombstone_reason": storable(tombstone.reason) if tombstone else None,
        "tombstone_sha256": tombstone.sha256 if tombstone else None,
    }


def to_call(row: Sequence[Any]) -> Call:
    """The call in a row that has all columns of `tables.calls`, in their order."""
    _, call_id, version, status, _, _, duration, silence_share, owner, until, attempts, *rest = row
    started, created, updated, caller, receiver, direction, source, external_id, tags, metadata, *parts = rest
    key, name, size, sha256, container, stored_at, duplicate_of, code, message, failed_at, erased_at, *last = parts
    *why, talk_share, overlap_share = last
    return Call(
        id=call_id,
        version=version,
        status=Status(status),
        duration=duration,
        silence_share=silence_share,
        talk_share=talk_share,
        overlap_share=overlap_share,
        lease=None if until is None else Lease(owner, until),
        attempts=attempts,
        started_at=started,
        created_at=created,
        updated_at=updated,
        caller=caller,
        receiver=receiver,
        direction=Direction(direction) if direction else None,
        source=source,
        external_id=external_id,
        tags=() if tags == "[]" else loads(tags),
        metadata={} if metadata == "{}" else loads(metadata),
        recording=None if key is None else Recording(key, name, size, sha256, container, stored_at),
        duplicate_of=duplicate_of,
        failure=None if failed_at is None else Failure(code, message, failed_at),
        tombstone=None if erased_at is None else Tombstone(erased_at, *why),
    )
