"""What is heard and seen of a call: the recording, its waveform, its figures, its subtitles, its report."""

from typing import Annotated, Any, BinaryIO

from anyio import to_thread
from attrs import frozen
from fastapi import APIRouter, Query, Request, Response

from callkit import wire
from callkit.audio.sniff import content_type_of
from callkit.backends.storages.links import content_disposition
from callkit.core.analysis import Analysis, Results
from callkit.core.call import Call, Recording
from callkit.core.conversation import Conversation
from callkit.core.roles import Roles, roles_in
from callkit.errors import RecordingNotFoundError
from callkit.http.answers import json_answer
from callkit.http.drawing import Waveform, waveform
from callkit.http.dto import answer
from callkit.http.parameters import CallId
from callkit.http.problems import Refused, problems
from callkit.http.ranges import Content, stream
from callkit.http.routes.calls import GONE, look, seen
from callkit.http.routes.recordings import NO_PRESIGNING, presigning
from callkit.http.service import service_of
from callkit.http.settings import HttpSettings
from callkit.interop.subtitles import to_vtt
from callkit.kit import CallKit
from callkit.report.page import page
from callkit.report.subject import Subject, party_names

__all__ = ["router"]

router = APIRouter(tags=["recordings"])

_NOT_YET = GONE | problems(s404="call_not_found, recording_not_found, not_ready")
_NO_RECORDING = GONE | problems(s404="call_not_found, recording_not_found, blob_not_found")
_BYTES = {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}
# A report brings its own style and program, and its own policy that allows them by their digests and nothing else
_REPORT_POLICY = "sandbox allow-scripts; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


# ---- the recording


@router.head("/calls/{call_id}/audio", include_in_schema=False)
@router.get(
    "/calls/{call_id}/audio",
    response_class=Response,
    responses={
        200: {"description": "the recording", **_BYTES},
        206: {"description": "a part of it", **_BYTES},
        304: {"description": "the client has it"},
        **_NO_RECORDING,
        **problems(s412="precondition_failed", s416="range_not_satisfiable"),
    },
)
async def audio(
    request: Request, call_id: CallId, download: Annotated[bool, Query(description="to be saved")] = False
) -> Response:
    """The recording, or the part of it that a Range header asks for."""
    recording, file = await to_thread.run_sync(_open, service_of(request).kit.sync, call_id)
    disposition = content_disposition(recording.name or str(call_id)) if download else None
    kind = content_type_of(recording.container)
    try:
        content = Content(recording.size, recording.sha256, recording.stored_at, kind, disposition)
        return stream(request, content, file)
    except Refused:
        file.close()
        raise


def _open(kit: CallKit, call_id: CallId) -> tuple[Recording, BinaryIO]:
    recording = _recording(seen(kit, call_id))
    return recording, kit.open_recording(call_id)


def _recording(call: Call) -> Recording:
    if call.recording is None:
        raise RecordingNotFoundError(str(call.id), call.status)
    return call.recording


@frozen
class Download:
    """A link that works without a key, for a while."""

    url: str


@router.get(
    "/calls/{call_id}/download",
    response_model=answer(Download),
    responses={307: {"description": "to the link, if `redirect` says so"}, **_NO_RECORDING, **NO_PRESIGNING},
)
async def download(
    request: Request, call_id: CallId, redirect: Annotated[bool, Query(description="answer by a redirection")] = False
) -> Response:
    """A link to the recording that works without a key, for an hour."""
    kit = service_of(request).kit
    await to_thread.run_sync(lambda: _recording(seen(kit.sync, call_id)))
    with presigning():
        url = await kit.recording_url(call_id, download=True)
    return json_answer({"url": url}, 307 if redirect else 200, {"Location": url} if redirect else None)


# ---- what was measured


def _measured(kit: CallKit, call_id: CallId, *, words: bool = False) -> tuple[Call, Results]:
    call, results = look(kit, call_id, words=words)
    _recording(call)
    if results is None:
        raise Refused(404, "not_ready", f"Call {call_id} is {call.status}: there is nothing to see yet.")
    return call, results


@router.get("/calls/{call_id}/peaks", response_model=answer(Waveform), responses=_NOT_YET)
async def peaks(
    request: Request,
    call_id: CallId,
    points: Annotated[int, Query(ge=1, le=10_000, description="values of each channel at most")] = 800,
) -> Response:
    """The waveform: a maximum for each stretch, 255 being the loudest sample of the recording."""
    kit = service_of(request).kit.sync
    return json_answer(await to_thread.run_sync(_waveform, kit, call_id, points))


def _waveform(kit: CallKit, call_id: CallId, points: int) -> Any:
    call, results = _measured(kit, call_id)
    return wire.to_values(waveform(kit.peaks(call.id), results.analysis.duration, points))


@frozen
class Measured:
    """What was measured of a call, and who is on its channels.

    Attributes:
        names: of the parties.
    """

    id: str
    names: tuple[str, ...]
    roles: Roles
    analysis: Analysis
    conversation: Conversation


@router.get("/calls/{call_id}/analysis", response_model=answer(Measured), responses=_NOT_YET)
async def analysis(request: Request, call_id: CallId) -> Response:
    """What was measured: the recording, its channels, and what the parties did together."""
    service = service_of(request)
    return json_answer(await to_thread.run_sync(_analysis, service.kit.sync, call_id, service.settings))


def _analysis(kit: CallKit, call_id: CallId, settings: HttpSettings) -> Any:
    call, results = _measured(kit, call_id)
    found, roles = results.analysis, _roles(call, results, settings)
    names = party_names(roles, separable=found.separable)
    return wire.to_values(Measured(str(call.id), names, roles, found, found.conversation))


def _roles(call: Call, results: Results, settings: HttpSettings) -> Roles:
    return roles_in(call, results.analysis.channels, settings.channel_map)


@router.get(
    "/calls/{call_id}/transcript.vtt",
    response_class=Response,
    responses={
        200: {"description": "subtitles", "content": {"text/vtt": {"schema": {"type": "string"}}}},
        **GONE,
        **problems(s404="call_not_found, recording_not_found, not_ready, transcript_not_found"),
    },
)
async def transcript(request: Request, call_id: CallId) -> Response:
    """What was said, as subtitles (WebVTT)."""
    service = service_of(request)
    text = await to_thread.run_sync(_subtitles, service.kit.sync, call_id, service.settings)
    return Response(text, media_type="text/vtt; charset=utf-8")


def _subtitles(kit: CallKit, call_id: CallId, settings: HttpSettings) -> str:
    call, results = _measured(kit, call_id, words=True)  # long segments are cut between words
    if results.transcript is None:
        raise Refused(404, "transcript_not_found", f"Nobody wrote down what is said in call {call_id}.")
    names = party_names(_roles(call, results, settings), separable=results.analysis.separable)
    return to_vtt(results.transcript, names, hold=results.analysis.hold or ())


@router.get(
    "/calls/{call_id}/report",
    response_class=Response,
    responses={200: {"description": "a page", "content": {"text/html": {"schema": {"type": "string"}}}}, **_NOT_YET},
)
async def report(request: Request, call_id: CallId) -> Response:
    """A page about a call that needs nothing else, as `callkit report --html` makes it."""
    service = service_of(request)
    content = await to_thread.run_sync(_page, service.kit.sync, call_id, service.settings)
    headers = {"content-security-policy": _REPORT_POLICY}
    return Response(content, headers=headers, media_type="text/html; charset=utf-8")


def _page(kit: CallKit, call_id: CallId, settings: HttpSettings) -> bytes:
    call, results = _measured(kit, call_id)
    subject = Subject(call, results.analysis, _roles(call, results, settings), settings.zone, results.transcript)
    return page(subject, kit.peaks(call.id).rows)
