"""`process`: recordings in, measured calls out."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from attrs import define, field

from callkit.cli.lines import print_json
from callkit.cli.output import complain, console, emit_json, finish, plain, sentence
from callkit.cli.progress import Progress, progress
from callkit.cli.waiting import Waiting
from callkit.cli.workers import default_runner
from callkit.core.call import Call, Status
from callkit.errors import CallErasedError, CallKitError, ConflictError, RunnerError, SettingsError
from callkit.folder import Found, Taken, recordings, take_in
from callkit.settings import Settings, load

if TYPE_CHECKING:
    from callkit.kit import CallKit

__all__ = ["process", "report_failures"]


def process(arguments: Namespace) -> int:
    """Take recordings in, wait until they are measured, and show them."""
    settings = load(vars(arguments), config=arguments.config)
    _check(arguments)
    if arguments.again:
        from callkit.cli.again import again

        return again(settings, arguments)
    found = recordings(arguments.paths, leave_out=_own_folders(settings))
    if not len(found):
        complain(f"there are no recordings ({_files(found.others, 'other')}).")
        return 0
    with settings.open_kit(default_runner(settings, found)) as kit:
        run = Run(kit, settings)
        try:
            with progress(len(found), wanted=not arguments.quiet) as bar:
                run.work(found, bar, tags=arguments.tag, replace=arguments.replace)
        except KeyboardInterrupt:
            getattr(kit.runner, "stop", kit.close)()  # what was promised is done by the next run
            raise
        calls = run.calls()
        run.show(calls, as_json=arguments.json, quiet=arguments.quiet)
    finish()  # the table comes before what went wrong, in a log of both too
    return run.report(calls, found)


def _check(arguments: Namespace) -> None:
    if arguments.again and arguments.paths:
        raise SettingsError("With --again kept calls are measured once more: leave the files out.")
    if not arguments.again and (arguments.since or not arguments.paths):
        raise SettingsError("Name the files and folders to process; or --again, with which --since makes sense.")


def _own_folders(settings: Settings) -> list[str]:
    """What callkit keeps must not be taken in again when it lies beside the recordings."""
    return [settings.data, *([settings.storage] if settings.storage and "://" not in settings.storage else [])]


@define
class Run:
    """One run over many files: what became of each."""

    kit: "CallKit"
    settings: Settings
    ids: set[UUID] = field(factory=set)
    refused: list[Taken] = field(factory=list)
    skipped: list[Taken] = field(factory=list)
    unnamed: int = 0

    def work(self, found: Found, bar: Progress, *, tags: Sequence[str], replace: bool) -> None:
        """Take everything in, and wait until nobody works on it any more."""
        waiting = Waiting(self.kit, bar.advance)
        taken_in = take_in(self.kit, found, self.settings, tags=tags, replace=replace)
        with suppress(RunnerError):  # what a run before this one left behind; without a broker it waits
            self.kit.sweep(grace=None)
        for taken in taken_in:
            self._note(taken)
            if taken.call is None or taken.call.id in self.ids:
                bar.advance(1)
                continue
            self.ids.add(taken.call.id)
            waiting.add(self._again(taken.call).id)
            waiting.glance()
        waiting.to_the_end()

    def _note(self, taken: Taken) -> None:
        self.unnamed += not taken.named
        if taken.error is not None:
            (self.skipped if isinstance(taken.error, CallErasedError) else self.refused).append(taken)

    def _again(self, call: Call) -> Call:
        """Once more, if it failed before or would be measured in another way now."""
        if call.status not in (Status.FAILED, Status.READY):
            return call
        try:
            return self.kit.retry(call.id)
        except ConflictError:  # somebody else was faster
            return call

    def calls(self) -> list[Call]:
        """This run's calls as they are now, in the order in which they started."""
        calls = [self.kit.get(call_id) for call_id in self.ids]
        return sorted(calls, key=lambda call: (call.started_at, call.id))

    def show(self, calls: Sequence[Call], *, as_json: bool, quiet: bool) -> None:
        """The results on stdout."""
        if as_json:
            print_json(self.kit, calls)
            self._print_json(self.refused, "refused")
            self._print_json(self.skipped, "skipped")
        elif calls and not quiet:
            from callkit.cli.look import Look  # rich takes 0.1 s, and JSON does without
            from callkit.cli.tables import CallTable

            CallTable(Look(console(), self.settings.zone)).draw(self.kit, calls)

    def _print_json(self, files: Iterable[Taken], status: str) -> None:
        for taken in files:
            code = taken.error.code if isinstance(taken.error, CallKitError) else "unreadable_file"
            failure = {"code": code, "message": _sentence(taken)}
            emit_json({"file": os.fsencode(taken.path).decode(errors="replace"), "status": status, "failure": failure})

    def report(self, calls: Sequence[Call], found: Found) -> int:
        """What went wrong, on stderr; the exit code."""
        if self.unnamed:
            complain(f"{_files(self.unnamed)} whose name does not fit the template: who called whom is not known.")
        if self.skipped:
            _explain(f"{_files(len(self.skipped))} skipped, because the call was erased:", map(_sentence, self.skipped))
        if self.refused:
            total = len(found)
            _explain(f"{len(self.refused)} of {_files(total)} could not be taken in:", map(_sentence, self.refused))
        return 1 if report_failures(calls) or self.refused else 0


def report_failures(calls: Sequence[Call]) -> bool:
    """Which of them failed, or have no transcript, and why, on stderr; whether any did."""
    failed = [call for call in calls if call.status is Status.FAILED]
    if failed:
        _explain(f"{len(failed)} of {len(calls)} calls failed:", map(_why, failed))
    wordless = [call for call in calls if call.status is Status.READY and call.failure]
    if wordless:
        _explain(f"{len(wordless)} of {len(calls)} calls have no new transcript:", map(_why, wordless))
    return bool(failed or wordless)


def _files(count: int, kind: str = "") -> str:
    return f"{count} {kind} file{'' if count == 1 else 's'}".replace("  ", " ")


def _explain(headline: str, sentences: Iterable[str]) -> None:
    complain(headline)
    for text in sentences:
        print(f"  {text}", file=sys.stderr)


def _sentence(taken: Taken) -> str:
    """Why a file was not taken in, with its whole path: the error may know only the name."""
    path, text = plain(str(taken.path)), sentence(taken.error) if taken.error else ""
    return _about(path, text, path if text.startswith(path) else plain(taken.path.name))


def _why(call: Call) -> str:
    name = plain(call.recording.name) if call.recording else f"call {call.id}"
    return _about(name, plain(call.failure.message) if call.failure else "", name)


def _about(what: str, text: str, name: str) -> str:
    """A sentence that begins with what it is about, once."""
    return what + text.removeprefix(name) if text.startswith(name) else f"{what}: {text}"
