"""What was said, as part of a page."""

from callkit.core.transcript import SYNTHETIC, Segment, Transcript, speaker_of
from callkit.report.lanes import clock
from callkit.report.markup import Markup, person, tag
from callkit.report.subject import Subject

__all__ = ["said"]


def said(subject: Subject, transcript: Transcript) -> Markup:
    """A line for all that one party says without a pause; its time leads there."""
    lines = tag("ol", *(_line(subject, segment) for segment in transcript.segments), class_="said")
    inside = lines if transcript.segments else tag("p", "Nothing was said.")
    if transcript.synthetic:
        return tag("div", tag("p", SYNTHETIC, class_="hint"), inside)
    made = " ".join(filter(None, (transcript.engine, transcript.model)))
    return tag("div", inside, tag("p", f"Written down by {made}.", class_="hint"))


def _line(subject: Subject, segment: Segment) -> Markup:
    at = tag("button", clock(segment.start), type="button", class_="at", value=segment.start)
    name, place = speaker_of(segment, subject.names), segment.channel
    colour = f"who c{place % 4}" if place is not None else "who"
    who = [tag("span", person(name), class_=colour), " "] if name else []
    return tag("li", at, tag("p", *who, tag("bdi", segment.text), lang=segment.language or False))
