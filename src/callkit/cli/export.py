"""`export`: what was said, in the formats of other programs."""

import io
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from callkit.cli.calls import each
from callkit.cli.files import whole
from callkit.cli.output import complain, emit, sentence
from callkit.cli.subjects import subject_of
from callkit.core.transcript import Transcript
from callkit.errors import InvalidCallError, SettingsError
from callkit.interop.subtitles import to_dict, to_srt, to_txt, to_vtt
from callkit.report.subject import Subject
from callkit.settings import Settings, load
from callkit.wire import to_json

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["export", "show_transcript"]


def export(arguments: Namespace) -> int:
    """Transcripts of calls."""
    settings = load(vars(arguments), config=arguments.config)
    folder = Path(arguments.output) if arguments.output else None
    if folder is None and len(arguments.ids) > 1:
        raise SettingsError("Transcripts of several calls are files of their own: pass a folder with --output DIR.")
    with settings.open_archive() as kit:

        def one(call_id: str) -> None:
            subject = subject_of(kit, call_id, settings.zone, settings.roles)
            text = _written(subject, arguments.format)
            _put(text, folder, f"{subject.call.id}.{arguments.format}")

        try:
            return each(arguments.ids, one)
        except OSError as error:  # a file that was asked for can't be written
            complain(sentence(error))
            return 1


def show_transcript(kit: "CallKit", settings: Settings, call_id: str) -> None:
    """What was said in a call, as text on stdout.

    Raises:
        CallNotFoundError: there is no such call.
        InvalidCallError: it has no transcript.
    """
    _put(_written(subject_of(kit, call_id, settings.zone, settings.roles), "txt"), None, "")


def _written(subject: Subject, form: str) -> str:
    if subject.transcript is None:
        call = subject.call
        raise InvalidCallError(f"Call {call.id} has no transcript: run `callkit transcribe {call.id}` first.")
    return _FORMATS[form](subject, subject.transcript)


def _json(subject: Subject, transcript: Transcript) -> str:
    return to_json({"call": str(subject.call.id), **to_dict(transcript, subject.names)}) + "\n"


def _vtt(subject: Subject, transcript: Transcript) -> str:
    return to_vtt(transcript, _titles(subject), hold=subject.analysis.hold or ())


def _titles(subject: Subject) -> Sequence[str]:
    return [name.capitalize() for name in subject.names]


_FORMATS: Mapping[str, Callable[[Subject, Transcript], str]] = {
    "vtt": _vtt,
    "srt": lambda subject, transcript: to_srt(transcript, _titles(subject)),
    "txt": lambda subject, transcript: to_txt(transcript, _titles(subject)),
    "json": _json,
}


def _put(text: str, folder: Path | None, name: str) -> None:
    if folder is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        emit(text.removesuffix("\n"))
        return
    folder.mkdir(parents=True, exist_ok=True)
    with whole(str(folder / name)) as part:
        part.write_text(text, "utf-8", newline="\n")
