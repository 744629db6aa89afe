"""What is sent: calls, pages and recordings as JSON, and the models that describe them."""

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import frozen
from fastapi import Response
from pydantic import BaseModel

from callkit import wire
from callkit.audio.sniff import content_type_of
from callkit.core.analysis import Analysis, Results
from callkit.core.call import Call, Recording
from callkit.core.page import Page
from callkit.core.passages import Passage
from callkit.core.transcript import Transcript
from callkit.http.dto import answer, derived

__all__ = ["CALL", "PAGE", "CallPage", "Mark", "call_json", "json_answer", "page_json"]

_INSIDE = ("lease", "tombstone", "recording")  # who works on it, what was erased; the recording is told in another way


@frozen
class Mark:
    """A stretch of silence: seconds from the recording's beginning."""

    start: float
    end: float


_RECORDING_INSIDE = ("key", "name")
_FILE = {"filename": str, "content_type": str, "duration_sec": float | None}
_HEARD = {"transcription": str | None, "silence_marks": tuple[answer(Mark), ...] | None}  # type: ignore[misc]  # made at run time

_KEPT_FILE = derived("RecordingFile", Recording, without=_RECORDING_INSIDE, more=_FILE)
_RECORDING = derived("Recording", Recording, without=_RECORDING_INSIDE, more={**_FILE, **_HEARD})

SUMMARY: type[BaseModel] = derived(
    "CallSummary", Call, without=_INSIDE, more={"recording": _KEPT_FILE | None, "passages": tuple[Passage, ...]}
)
"""A call in a list; `passages` say where what was sought was said."""

CALL: type[BaseModel] = derived(
    "Call",
    Call,
    without=_INSIDE,
    more={"recording": _RECORDING | None, "analysis": Analysis | None, "transcript": Transcript | None},
)
"""A call with what was measured and said; both None while there is nothing."""


@frozen
class CallPage:
    """Some of the calls found, newest first; `next` is the cursor of the page behind, None if there is none.

    `total` is counted only if it is asked for, and up to 10000: more are 10001.
    """

    items: tuple[SUMMARY, ...]  # type: ignore[valid-type]  # made at run time
    next: str | None
    limit: int
    offset: int
    total: int | None


PAGE: type[BaseModel] = answer(CallPage)


def call_json(call: Call, results: Results | None = None) -> dict[str, Any]:
    """A call as `CALL` describes it."""
    document = _summary(call)
    found = wire.to_values(results) if results else {"analysis": None, "transcript": None}
    analysis = found["analysis"]
    if (recording := document["recording"]) is not None:
        marks = analysis and [{"start": mark["start"], "end": mark["end"]} for mark in analysis["silence"]]
        spoken = results.transcript.text if results and results.transcript else None
        document["recording"] = recording | {"transcription": spoken, "silence_marks": marks}
    return document | {"analysis": analysis, "transcript": found["transcript"]}


def page_json(page: Page, **facts: Any) -> dict[str, Any]:
    """A page as `PAGE` describes it."""
    said = {call_id: wire.to_values(found) for call_id, found in page.passages.items()}
    items = [{**_summary(call), "passages": said.get(call.id, ())} for call in page]
    return {"items": items, "next": page.next, **facts}


def _summary(call: Call) -> dict[str, Any]:
    document: dict[str, Any] = wire.to_values(call)
    for name in _INSIDE[:2]:
        del document[name]
    document["recording"] = call.recording and _file(call, document["recording"])
    return document


def _file(call: Call, recording: dict[str, Any]) -> dict[str, Any]:
    return {
        "filename": recording.pop("name"),
        **{name: value for name, value in recording.items() if name != "key"},
        "content_type": content_type_of(recording["container"]),
        "duration_sec": call.duration,
    }


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer with a value as JSON."""
    try:
        content = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    except TypeError:  # metadata may hold integers of more than 64 bits
        content = wire.to_json(value).encode()
    return Response(content, status, dict(headers or {}), "application/json")
