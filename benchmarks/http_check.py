"""What must be true of a data folder after a siege of `benchmarks.http_siege`."""

import hashlib
from collections.abc import Iterator, Mapping, Set
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from callkit import CallKit, Leasing, Status
from callkit.core.call import Call

__all__ = ["lost", "strays", "violations"]


def violations(data: Path, accepted: Mapping[str, str], *, sweep: bool) -> list[str]:
    """Every sentence is a promise that was broken.

    Args:
        data: the folder of a server that was stopped.
        accepted: SHA-256 of each recording that was taken in, by its call's id.
        sweep: tidy up first, as every server does by itself after an hour: one that was killed leaves something.
    """
    with CallKit.open(data, runner="inline", leasing=Leasing(timedelta(seconds=1))) as kit:
        calls = list(kit.calls())
        wrong = list(lost(kit, calls, accepted))
        wrong += halves(kit, calls, frozenset(accepted.values()))
        if sweep:
            kit.sweep(grace=timedelta(0))
        wrong += strays(kit, calls)
    return wrong + [f"left over: {path.name}" for path in data.rglob("*.part")]


def lost(kit: CallKit, calls: list[Call], accepted: Mapping[str, str]) -> Iterator[str]:
    """Whatever was accepted is ready, with the bytes that were sent and with results."""
    known = {str(call.id): call for call in calls}
    results = kit.results_of(calls)
    yield from (f"call {call_id} is gone" for call_id in accepted if call_id not in known)
    for call_id, call in known.items():
        if call.status is not Status.READY or call.lease or call.failure:
            yield f"call {call_id} is {call.status} after {call.attempts} attempts: {call.failure}"
        elif call.recording is None or call.recording.sha256 != accepted.get(call_id):
            yield f"the recording of call {call_id} is not the one that was accepted"
        elif call.id not in results:
            yield f"call {call_id} is ready without results"


def halves(kit: CallKit, calls: list[Call], sent: Set[str]) -> Iterator[str]:
    """Each blob is a whole recording as it was sent, or the waveform of one, known to a call or not."""
    waveforms = {call.recording.peaks_key for call in calls if call.recording}
    for blob in kit.storage.list():
        with closing(kit.storage.open(blob.key)) as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        if blob.key not in waveforms and digest not in sent:
            yield f"the blob {blob.key} is no recording as it was sent"


def strays(kit: CallKit, calls: list[Call]) -> Iterator[str]:
    """All blobs are known, and all that should be there are."""
    known = {key for call in calls if call.recording for key in (call.recording.key, call.recording.peaks_key)}
    stored = {blob.key for blob in kit.storage.list()}
    yield from (f"no call knows the blob {key}" for key in sorted(stored - known))
    yield from (f"the blob {key} is missing" for key in sorted(known - stored))
