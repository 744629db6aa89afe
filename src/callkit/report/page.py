"""A call as one page of HTML that needs nothing else: no server, no network, no library."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from importlib.resources import files

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from callkit.report.figures import Figure, Section, health_lines, on_one_line, sections
from callkit.report.lanes import Mark, clock, moments
from callkit.report.markup import Markup, person, raw, tag, to_ascii
from callkit.report.said import said
from callkit.report.subject import Subject
from callkit.report.timeline import marks_json, timeline
from callkit.zones import MachineZone

__all__ = ["Sound", "page"]

_MOST_MOMENTS = 500


@frozen
class Sound:
    """A recording to put into the page.

    Attributes:
        content: the bytes of the file.
        content_type: such as "audio/wav".
    """

    content: bytes
    content_type: str


def page(subject: Subject, peaks: NDArray[np.int16] | None = None, sound: Sound | None = None) -> bytes:
    """The page, in ASCII.

    Args:
        subject: the call.
        peaks: the smallest and the largest sample of each 100 ms: of shape (rows, channels, 2). None: no waveform.
        sound: to be heard; None: the page stays small.
    """
    style, program = (files("callkit.report").joinpath(name).read_text("ascii") for name in ("page.css", "page.js"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, program, sound)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"Call report: {_ends(subject)}, {_started(subject)}"),
        tag("style", raw(style)),
    )
    body = tag("body", _header(subject), tag("main", *_main(subject, peaks, sound)), _data(subject, program))
    return to_ascii(raw("<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"))


def _policy(style: str, program: str, sound: Sound | None) -> str:
    """Nothing may be loaded, and nothing may run but what is ours."""
    media = " media-src data:;" if sound else ""
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(program)}; img-src data:;{media} "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _ends(subject: Subject) -> str:
    return f"{subject.call.caller or '?'} \u2192 {subject.call.receiver or '?'}"


def _started(subject: Subject) -> str:
    at = subject.call.started_at.astimezone(subject.zone)
    if isinstance(subject.zone, MachineZone):  # which nobody knows where the page is read
        return at.isoformat(" ", "minutes")
    return at.strftime("%Y-%m-%d %H:%M %Z").rstrip()


def _header(subject: Subject) -> Markup:
    call, found = subject.call, subject.analysis
    ends = (person(call.caller or "?"), " \u2192 ", person(call.receiver or "?"))
    facts = {
        "started": _started(subject),
        "length": clock(found.duration),
        "silence": "n/a" if found.silence_share is None else f"{found.silence_share:.0%}",
        "direction": call.direction or "unknown",
        "recording": f"{found.codec}, {found.sample_rate} Hz, channels: {found.channels}",
    }
    told = (tag("div", tag("dt", name), tag("dd", value)) for name, value in facts.items())
    return tag("header", tag("h1", *ends), tag("dl", *told))


def _main(subject: Subject, peaks: NDArray[np.int16] | None, sound: Sound | None) -> Iterator[Markup]:
    yield _block("Timeline", timeline(subject, peaks), _controls(sound))
    yield _health(subject)
    tables = (_table(subject.names, section) for section in sections(subject) if section.figures)
    hint = tag("p", "What a figure means, and how it was made, opens behind its name.", class_="hint")
    alone = on_one_line(subject)
    hints = (tag("p", alone, class_="hint"), hint) if alone else (hint,)
    yield _block("Figures", *hints, tag("div", *tables, class_="tables"))
    if marks := moments(subject):
        yield _block("Moments", _moments(marks))
    if subject.transcript:
        yield _block("Transcript", said(subject, subject.transcript))
    yield tag("p", f"Measured by {subject.analysis.fingerprint}. Call {subject.call.id}.", class_="hint")


def _block(title: str, *inside: Markup) -> Markup:
    anchor = f"about-{title.lower()}"
    return tag("section", tag("h2", title, id=anchor), *inside, aria_labelledby=anchor)


def _controls(sound: Sound | None) -> Markup:
    """The moment that is looked at; only the program can show it."""
    player: tuple[Markup, ...] = ()
    if sound:
        source = f"data:{sound.content_type};base64,{b64encode(sound.content).decode()}"
        player = (tag("audio", controls=True, id="sound", src=source, aria_label="The recording"),)
    moment = tag("input", type="range", id="moment", min=0, value=0, step=0.1, aria_label="Moment of the call")
    return tag("div", *player, tag("div", moment, tag("output", for_="moment", id="now"), id="looking", hidden=True))


def _health(subject: Subject) -> Markup:
    lines = [*health_lines(subject), *subject.analysis.warnings]
    if lines:
        return _block("Recording", tag("ul", *(tag("li", line) for line in lines), class_="advice"))
    checked = subject.analysis.health is not None
    return _block("Recording", tag("p", "Nothing is wrong with it." if checked else "Its health was not measured."))


def _table(names: Sequence[str], section: Section) -> Markup:
    columns = section.columns
    titles = (*names, "value" if columns == (len(names),) else "call")
    head = (tag("th", person(titles[place]), scope="col") for place in columns)
    rows = (_figure(figure, columns) for figure in section.figures)
    return tag(
        "table",
        tag("caption", section.title),
        tag("thead", tag("tr", tag("th", "figure", scope="col"), *head)),
        tag("tbody", *rows),
    )


def _figure(figure: Figure, columns: Sequence[int]) -> Markup:
    """What it means is seen when a pointer rests on the row, or behind the name."""
    why = tag("details", tag("summary", figure.label), tag("p", figure.why))
    cells = (tag("td", figure.cells[place]) for place in columns)
    return tag("tr", tag("th", why, scope="row"), *cells, title=figure.why)


def _moments(marks: Sequence[Mark]) -> Markup:
    """The first of them, if there are very many."""
    rows = (
        tag("tr", tag("td", clock(mark.start)), tag("td", f"{mark.end - mark.start:.1f} s"), tag("td", mark.label))
        for mark in marks[:_MOST_MOMENTS]
    )
    head = tag("tr", *(tag("th", title, scope="col") for title in ("at", "for", "what")))
    left = len(marks) - _MOST_MOMENTS
    more = [tag("p", f"And {left} more: `callkit show --json` has them all.", class_="hint")] if left > 0 else []
    caption = tag("caption", "Interruptions, silences, signals")
    scrolled = {"tabindex": "0", "role": "region", "aria_label": "Moments"}  # the keyboard scrolls what has the focus
    return tag(
        "div", tag("table", caption, tag("thead", head), tag("tbody", *rows)), *more, class_="moments", **scrolled
    )


def _data(subject: Subject, program: str) -> Markup:
    marks = tag("script", marks_json(subject), type="application/json", id="marks")
    return raw(marks + tag("script", raw(program)))
