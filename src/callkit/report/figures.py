"""The figures of a report: what each is called, what it is for each party and for the call, and why."""

from collections.abc import Callable, Iterator

from attrs import fields_dict, frozen

from callkit.core.analysis import Analysis
from callkit.core.conversation import Conversation
from callkit.core.definitions import DEFINITIONS
from callkit.core.explaining import FIRST_WORD, Value
from callkit.core.party import Latency, PartyTalk
from callkit.report.subject import Subject

__all__ = ["UNKNOWN", "Figure", "Section", "health_lines", "on_one_line", "sections", "shown"]

UNKNOWN = "n/a"
"""Stands for what can't be measured, which is never 0."""


@frozen
class Figure:
    """A row of a table.

    Attributes:
        name: as `explain` knows it.
        label: in words.
        cells: one for each party, then the call's; "" where there is no such figure, `UNKNOWN` if it can't be measured.
        why: what it means and how it was made, a sentence.
    """

    name: str
    label: str
    cells: tuple[str, ...]
    why: str


@frozen
class Section:
    """Figures that belong together."""

    title: str
    figures: tuple[Figure, ...]

    @property
    def columns(self) -> tuple[int, ...]:
        """The places of those cells in which any of the figures has something."""
        rows = zip(*(figure.cells for figure in self.figures), strict=True)
        return tuple(place for place, cells in enumerate(rows) if any(cells))


def sections(subject: Subject) -> tuple[Section, ...]:
    """All figures, in the order in which people ask for them."""
    party = [name for name in DEFINITIONS if name in fields_dict(PartyTalk) or name == FIRST_WORD]
    call = [name for name in DEFINITIONS if name not in party]
    return (
        Section("Parties", tuple(_explained(subject, name) for name in party)),
        Section("Conversation", tuple(_explained(subject, name) for name in call)),
        Section("Sound", tuple(_sound(subject))),
    )


def _explained(subject: Subject, name: str) -> Figure:
    found = subject.analysis.explain(name)
    cells = [shown(value, found.unit) for value in found.values]
    if found.parties == (None,):
        cells = [""] * len(subject.names) + cells
    else:
        cells.append(_of_all(subject.analysis.conversation, name))
    return Figure(name, name.replace("_", " ").capitalize(), tuple(cells), found.sentence(subject.names))


def _of_all(conversation: Conversation, name: str) -> str:
    """What the call has of something that its parties have, too."""
    if name not in fields_dict(Conversation):
        return ""
    found = getattr(conversation, name)
    return shown(None if found is None else len(found), "count")


# ---- what is measured of the sound

_Numbers = tuple[float | None, ...]
_Reader = Callable[[Analysis], tuple[_Numbers, float | None]]


def _levels(name: str) -> _Reader:
    return lambda found: (tuple(getattr(party, name) for party in found.parties), None)


def _loudness(name: str) -> _Reader:
    return lambda found: (
        tuple(getattr(party.loudness, name, None) for party in found.parties),
        getattr(found.loudness, name, None),
    )


def _health(name: str) -> _Reader:
    return lambda found: (tuple(getattr(one, name) for one in found.health.channels) if found.health else (), None)


_SOUND: dict[str, tuple[str, str, str, _Reader]] = {
    "rms_dbfs": ("Level", "dBFS", "the level of the whole channel", _levels("rms_dbfs")),
    "peak_dbfs": ("Peak", "dBFS", "the largest sample", _levels("peak_dbfs")),
    "clipping_percent": (
        "Clipping",
        "percent",
        "the share of samples at the codec's largest value",
        _levels("clipping_percent"),
    ),
    "integrated_lufs": (
        "Loudness",
        "LUFS",
        "how loud it is to people, pauses left out (BS.1770)",
        _loudness("integrated_lufs"),
    ),
    "range_lu": ("Loudness range", "LU", "between its quiet and its loud passages (EBU 3342)", _loudness("range_lu")),
    "noise_floor_dbfs": (
        "Noise floor",
        "dBFS",
        "the level when nobody speaks on the channel",
        _health("noise_floor_dbfs"),
    ),
    "snr_db": ("Signal to noise", "dB", "how far speech stands above the noise floor, an estimate", _health("snr_db")),
}
"""Name: label, unit, what it is, and where it is; of each party and of the call."""


def _sound(subject: Subject) -> Iterator[Figure]:
    """What nobody measured is left out."""
    for name, (label, unit, text, read) in _SOUND.items():
        parties, call = read(subject.analysis)
        if any(value is not None for value in (*parties, call)):
            cells = (*(shown(value, unit) for value in parties), "" if call is None else shown(call, unit))
            yield Figure(name, label, cells, f"{name} is {text}.")


# ---- as text

_FORMATS = {
    "s": "{:.2f} s",
    "percent": "{:.1f} %",
    "count": "{:.0f}",
    "per minute": "{:.1f} / min",
}


def shown(value: Value, unit: str) -> str:
    """A value as people read it.

    >>> shown(0.5523, "ratio"), shown(None, "s"), shown((0.5, 29.8), "s")
    ('55.2 %', 'n/a', '0.5 to 29.8 s')
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, Latency):
        return f"{value.median:.2f} s (n {value.n})"
    if isinstance(value, tuple):
        return f"{value[0]:.1f} to {value[1]:.1f} s"
    if unit == "ratio":
        return shown(100 * value, "percent")
    return _FORMATS.get(unit, f"{{:.1f}} {unit}").format(value)


def on_one_line(subject: Subject) -> str | None:
    """Why there is so little to know, if everybody is on one channel."""
    if subject.analysis.separable:
        return None
    return f"Everybody is on one line: who spoke can't be told, so what is of parties is {UNKNOWN}."


def health_lines(subject: Subject) -> tuple[str, ...]:
    """What is wrong with the recording and what to do about it, a sentence each, with the party if it is one's."""
    health = subject.analysis.health
    return tuple(
        flag.advice if flag.channel is None else f"{subject.names[flag.channel].capitalize()}: {flag.advice}"
        for flag in (health.flags if health else ())
    )
