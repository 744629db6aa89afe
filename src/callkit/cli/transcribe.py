"""`transcribe`: what is said in calls that are there, written down."""

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from callkit.cli.lines import print_json
from callkit.cli.output import complain, console, plain, sentence
from callkit.cli.progress import Progress, progress
from callkit.core.call import Call, Status
from callkit.core.parsing import parse
from callkit.errors import CallKitError, SettingsError
from callkit.settings import Settings, load

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["transcribe"]


def transcribe(arguments: Namespace) -> int:
    """One call after the other, for an engine uses all processors. One that breaks off goes on where it was."""
    settings = load(vars(arguments), config=arguments.config)
    if settings.transcriber in {None, "none"}:
        raise SettingsError("Say who is to write down what is said: --transcriber whisper:base, for example.")
    if not (arguments.terms or arguments.since or arguments.all):
        raise SettingsError("Name calls, terms of a search, or --since DAY; or --all.")
    with settings.open_kit("inline", must_exist=True) as kit:
        kit.sweep(grace=None)  # what a run before this one left behind
        wanted, wrong = _wanted(kit, arguments, settings)
        seconds = sum(call.duration or 0.0 for call in wanted)
        with progress(seconds, wanted=not arguments.quiet, doing="transcribing", unit="s") as bar:
            done = [call for call in wanted if _transcribed(kit, call, bar)]
        calls = [kit.get(call.id) for call in done]
        _show(kit, settings, calls, arguments)
    if not wanted and not wrong:
        complain("all these calls have their transcripts.")
    return 1 if wrong or len(done) < len(wanted) or _report(calls) else 0


def _wanted(kit: "CallKit", arguments: Namespace, settings: Settings) -> tuple[list[Call], bool]:
    """The calls that are named, else those found without such a transcript; whether a named one is not there."""
    if not all(map(_is_id, arguments.terms)) or not arguments.terms:
        since = [f"since:{arguments.since}"] if arguments.since else []
        query = parse(" ".join([*arguments.terms, *since]), zone=settings.zone)
        return list(kit.outdated(query)), False
    found, wrong = list[Call](), False
    for call_id in dict.fromkeys(arguments.terms):
        try:
            found.append(kit.get(call_id))
        except CallKitError as error:
            complain(sentence(error))
            wrong = True
    return found, wrong


def _is_id(term: str) -> bool:
    try:
        UUID(term)
    except ValueError:
        return False
    return True


def _transcribed(kit: "CallKit", call: Call, bar: Progress) -> bool:
    """Whether it came to an end, be it a failure of the call."""
    told = _Told(bar, call.duration or 0.0)
    try:
        kit.transcribe(call.id, on_progress=told.so_far)
    except CallKitError as error:
        complain(sentence(error))
        return False
    finally:
        told.so_far(1.0, 1.0)
    return True


class _Told:
    """A call's part of the bar, in seconds of its recording."""

    def __init__(self, bar: Progress, duration: float) -> None:
        self._bar, self._duration, self._told = bar, duration, 0.0

    def so_far(self, done: float, total: float) -> None:
        """So many of the seconds of speech."""
        reached = self._duration * (done / total if total else 1.0)
        self._bar.advance(max(reached - self._told, 0.0))
        self._told = max(reached, self._told)


def _show(kit: "CallKit", settings: Settings, calls: Sequence[Call], arguments: Namespace) -> None:
    if arguments.json:
        print_json(kit, calls)
    elif calls and not arguments.quiet:
        from callkit.cli.look import Look  # rich takes 0.1 s, and JSON does without
        from callkit.cli.tables import CallTable

        CallTable(Look(console(), settings.zone), ids=True).draw(kit, calls)


def _report(calls: Sequence[Call]) -> bool:
    """Which have no transcript, or no newer one, and why; on stderr."""
    failed = [call for call in calls if call.failure or call.status is not Status.READY]
    for call in failed:
        why = plain(call.failure.message) if call.failure else f"it is {call.status}."
        complain(f"call {call.id}: {why}")
    return bool(failed)
