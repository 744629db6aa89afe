"""What must be true after every fault of `benchmarks.faults`, and what it cost."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from time import monotonic, sleep
from typing import Any

from attrs import frozen

from benchmarks.faults_client import SOURCE, recording, reported
from benchmarks.faults_team import BUCKET, Team, s3_client
from callkit import Options, Status
from callkit.backends.runners import open_runner
from callkit.core.call import Call
from callkit.errors import NotFoundError
from callkit.kit import CallKit
from callkit.protocols import HasBacklog

__all__ = ["Outcome", "nothing_left", "outcome", "ready_once", "taken_in_once", "violations", "whole"]


def violations(team: Team, kit: CallKit) -> Iterator[str]:
    """Every sentence is a promise that was broken."""
    calls = list(kit.calls())
    yield from taken_in_once(calls, team.scale.calls, reported(team.report))
    yield from ready_once(kit, calls)
    yield from whole(kit, calls, team.scale.seconds)
    yield from nothing_left(kit, calls)
    if left := uploads(team):
        yield f"{left} uploads were neither finished nor aborted"
    if waiting := backlog(team):
        yield f"{waiting} messages wait for nothing"


def taken_in_once(calls: Sequence[Call], expected: int, report: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Each number is one call, and the one that `ingest` returned."""
    kept = {call.external_id: str(call.id) for call in calls if call.source == SOURCE}
    if len(calls) != expected or set(kept) != {str(number) for number in range(expected)}:
        yield f"{len(calls)} calls of {expected}"
    for line in report:
        if "number" in line and kept.get(str(line["number"])) != line["id"]:
            yield f"call {line['number']} was taken in as {line['id']}, and is {kept.get(str(line['number']))} now"


def ready_once(kit: CallKit, calls: Sequence[Call]) -> Iterator[str]:
    """Each call was claimed and is ready, with results of today's analyser."""
    results = kit.results_of(calls)
    for call in calls:
        if call.status is not Status.READY or call.lease is not None or call.failure is not None:
            yield f"call {call.external_id} is {call.status} after {call.attempts} attempts: {call.failure}"
        elif call.id not in results:
            yield f"call {call.external_id} is ready without results"
        elif results[call.id].analysis.fingerprint != Options().fingerprint or call.attempts < 1:
            yield f"call {call.external_id} was measured in another way, or never claimed"


def whole(kit: CallKit, calls: Sequence[Call], seconds: float) -> Iterator[str]:
    """Each recording has the bytes that came in, and each ready call a waveform."""
    for call in calls:
        expected = hashlib.sha256(recording(int(call.external_id), seconds)).hexdigest()
        try:
            with closing(kit.open_recording(call.id)) as file:
                stored = hashlib.sha256(file.read()).hexdigest()
        except NotFoundError as error:
            stored = str(error)
        if call.recording is None or {call.recording.sha256, stored} != {expected}:
            yield f"the sound of call {call.external_id} is not what came in"
        if call.status is Status.READY and not len(kit.peaks(call.id).rows):
            yield f"call {call.external_id} has an empty waveform"


def nothing_left(kit: CallKit, calls: Sequence[Call]) -> Iterator[str]:
    """Orphans may be there, for a killed application leaves them; a sweep must remove them all, and only them."""
    kit.sweep(grace=timedelta(0))
    known = {key for call in calls if call.recording for key in (call.recording.key, call.recording.peaks_key)}
    stored = {blob.key for blob in kit.storage.list()}
    yield from (f"no call knows the blob {key}" for key in sorted(stored - known))
    yield from (f"the blob {key} is missing" for key in sorted(known - stored))


def backlog(team: Team) -> int:
    """Messages that nobody takes, though all is done."""
    with closing(open_runner(team.environ["CALLKIT_RUNNER"])) as runner:
        until = monotonic() + 20
        while (waiting := runner.waiting() if isinstance(runner, HasBacklog) else 0) and monotonic() < until:
            sleep(0.2)
    return waiting


def uploads(team: Team) -> int:
    """Multipart uploads that lie around."""
    found = s3_client(team.servers.s3).list_multipart_uploads(Bucket=BUCKET, Prefix=team.name)
    return len(found.get("Uploads", ()))


@frozen
class Outcome:
    """What a fault cost. Seconds."""

    repeated: int  # calls that were claimed more than once
    recovery: float  # from the last fault's end until the calls that were there are ready
    gap: float  # the longest time in which no call became ready, while there were some to be done
    total: float  # from the first call's coming to the last call's end
    orphans: int
    seen: str  # by the application


def outcome(team: Team, kit: CallKit, restored: datetime) -> Outcome:
    """From the calls' own times: this machine's clock made them all."""
    calls = list(kit.calls())
    ends = sorted(call.updated_at for call in calls)
    begun = min(call.created_at for call in calls)
    there = [call.updated_at for call in calls if call.created_at <= restored]
    known = {key for call in calls if call.recording for key in (call.recording.key, call.recording.peaks_key)}
    return Outcome(
        sum(call.attempts > 1 for call in calls),
        max((end - restored).total_seconds() for end in [*there, restored]),
        max((later - end).total_seconds() for end, later in pairwise([begun, *ends])),
        (ends[-1] - begun).total_seconds(),
        sum(blob.key not in known for blob in kit.storage.list()),
        seen(team),
    )


def seen(team: Team) -> str:
    """The errors of `ingest`, and how long the slowest one took with all its tries."""
    lines = list(reported(team.report))
    errors = Counter(line["error"] for line in lines if "error" in line)
    slowest = max((line["took"] for line in lines if "took" in line), default=0.0)
    told = ", ".join(f"{count} × {code}" for code, count in sorted(errors.items())) or "nothing"
    return f"{told}; slowest ingest {slowest:.1f} s"
