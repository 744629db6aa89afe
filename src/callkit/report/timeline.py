"""The picture of a call in a page: a waveform for each party, and lanes of what happened, over one axis of time."""

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from callkit.report.drawing import LEVELS, WIDTH, envelopes, heat, outline, stretches
from callkit.report.lanes import Lane, Mark, clock, lanes
from callkit.report.markup import Markup, person, raw, tag
from callkit.report.subject import Subject

__all__ = ["marks_json", "ticks", "timeline"]

_WAVE, _LANE = 200, 10  # heights in units
_COLOURS = 4
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 12


def timeline(subject: Subject, peaks: NDArray[np.int16] | None) -> Markup:
    """The figure: for each party its waveform if there are peaks (see `envelopes`), then a lane for everything else."""
    found = lanes(subject)
    parties, rest = found[: len(subject.names)], [lane for lane in found[len(subject.names) :] if lane.marks]
    waves = envelopes(peaks) if peaks is not None else None
    return tag(
        "figure",
        *(_waves(subject, parties, waves) if waves is not None else ()),
        *(_lane(subject, lane) for lane in parties if waves is None),
        _silence(subject),
        *(_lane(subject, lane) for lane in rest),
        _axis(subject.analysis.duration),
        tag("div", id="cursor", hidden=True),
        id="timeline",
    )


def _waves(subject: Subject, parties: Sequence[Lane], waves: Sequence[NDArray[np.int16]]) -> Iterator[Markup]:
    loudest = max((int(np.abs(wave.astype(np.int32)).max()) for wave in waves if wave.size), default=0)
    for number, (lane, wave) in enumerate(zip(parties, waves, strict=False)):
        spoken = stretches(subject.speech[number], subject.analysis.duration, _WAVE)
        yield _row(
            lane,
            tag("clipPath", _path(spoken), id=f"speech{number}"),
            tag("defs", tag("path", d=outline(wave, loudest), id=f"wave{number}")),
            tag("use", href=f"#wave{number}", class_="quiet"),
            tag("use", href=f"#wave{number}", clip_path=f"url(#speech{number})"),
            height=_WAVE,
            class_=f"wave {_colour(number)}",
        )


def _lane(subject: Subject, lane: Lane) -> Markup:
    """Each party's marks in its own colour."""
    duration = subject.analysis.duration
    owners = sorted({mark.party for mark in lane.marks}, key=lambda party: -1 if party is None else party)
    paths = (
        _path(stretches(_of(lane.marks, party), duration, _LANE), "all" if party is None else _colour(party))
        for party in owners
    )
    return _row(lane, *paths, height=_LANE, class_=f"marks {lane.name.replace(' ', '-')}")


def _of(marks: Sequence[Mark], party: int | None) -> list[tuple[float, float]]:
    return [(mark.start, mark.end) for mark in marks if mark.party == party]


def _silence(subject: Subject) -> Markup:
    levels = heat(subject.together, subject.analysis.duration, _LANE)
    paths = (_path(drawn, f"h{level}") for level, drawn in zip(range(1, LEVELS + 1), levels, strict=True) if drawn)
    share = subject.analysis.silence_share
    told = "" if share is None else f"nobody speaks for {share:.0%} of the recording"
    return _row(Lane("silence", ()), *paths, height=_LANE, class_="marks silence", told=told)


def _row(lane: Lane, *drawn: Markup, height: int, class_: str, told: str | None = None) -> Markup:
    times = "once" if len(lane.marks) == 1 else f"{len(lane.marks)} times"
    total = sum(mark.end - mark.start for mark in lane.marks)
    picture = tag(
        "svg",
        *drawn,
        viewBox=f"0 0 {WIDTH} {height}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{lane.name}: {told or f'{times}, {total:.1f} s'}",
    )
    return tag("div", tag("span", person(lane.name)), picture, class_=f"lane {class_}")


def _path(drawn: str, class_: str = "") -> Markup:
    return tag("path", d=drawn, class_=class_ or False)


def _colour(party: int) -> str:
    return f"p{party % _COLOURS}"


# ---- the axis


def _axis(duration: float) -> Markup:
    labels = (
        tag("text", clock(second, 0), x=f"{100 * second / duration:.2f}%", y=12, class_="odd" if number % 2 else False)
        for number, second in enumerate(ticks(duration))
    )
    return tag("div", tag("span"), tag("svg", *labels, aria_hidden="true"), class_="lane axis")


def ticks(duration: float, most: int = _MOST_TICKS) -> tuple[int, ...]:
    """Round seconds within a recording, from 0 on, `most` at most.

    >>> ticks(83.4, 5)
    (0, 30, 60)
    """
    if duration <= 0:
        return ()
    step = next((step for step in _STEPS if duration / step <= most), _STEPS[-1])
    return tuple(range(0, int(duration) + 1, step))[:most]


# ---- what the page's program knows


def marks_json(subject: Subject) -> Markup:
    """The length, and [start, end, label] of all marks. Nothing in it can end the element that holds it."""
    marks = [mark for lane in lanes(subject) if lane.name != "turns" for mark in lane.marks]
    labels = {label: number for number, label in enumerate(dict.fromkeys(mark.label for mark in marks))}
    value = {
        "duration": round(subject.analysis.duration, 3),
        "labels": [*labels],
        "marks": [[round(mark.start, 2), round(mark.end, 2), labels[mark.label]] for mark in marks],
    }
    return raw(json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
