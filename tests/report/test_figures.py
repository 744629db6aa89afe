"""The figures of a report."""

import doctest
from collections.abc import Callable

from attrs import evolve

from callkit.core.definitions import DEFINITIONS
from callkit.report import figures
from callkit.report.figures import UNKNOWN, Figure, health_lines, sections
from callkit.report.subject import Subject

MakeSubject = Callable[..., Subject]


def by_name(subject: Subject) -> dict[str, Figure]:
    return {figure.name: figure for section in sections(subject) for figure in section.figures}


def test_every_definition_has_a_row(subject: Subject) -> None:
    found = by_name(subject)
    assert set(found) >= set(DEFINITIONS)
    assert all(len(figure.cells) == 3 for figure in found.values())


def test_parties_and_the_call_have_their_own_columns(subject: Subject) -> None:
    found, talk = by_name(subject), subject.analysis.conversation
    first, second = (party.talk_share or 0 for party in talk.parties)
    assert found["talk_share"].cells == (f"{first:.1%}".replace("%", " %"), f"{second:.1%}".replace("%", " %"), "")
    assert found["turns"].cells == ("3", "2", "5")
    assert found["dead_air"].cells == ("", "", "1")
    assert found["hold_time"].cells == ("", "", "17.00 s")
    assert found["integrated_lufs"].cells == ("-23.4 LUFS",) * 3
    assert found["noise_floor_dbfs"].cells == ("-62.0 dBFS", "-35.0 dBFS", "")


def test_why_names_the_parties(subject: Subject) -> None:
    why = by_name(subject)["talk_share"].why
    assert why.startswith("talk_share is 0.")
    assert "for customer and" in why


def test_what_can_not_be_measured_is_never_zero(make_subject: MakeSubject) -> None:
    subject = make_subject()
    mono = make_subject(channels=1, parties=subject.analysis.parties[:1], loudness=None, health=None)
    found = by_name(mono)
    assert found["talk_share"].cells == (UNKNOWN, "")
    assert found["overlap_time"].cells == ("", UNKNOWN)
    assert found["interruptions"].cells == (UNKNOWN, UNKNOWN)
    assert "noise_floor_dbfs" not in found
    assert found["rms_dbfs"].cells[0].endswith(" dBFS")


def test_empty_columns_are_known(subject: Subject) -> None:
    assert [section.columns for section in sections(subject)] == [(0, 1, 2), (2,), (0, 1, 2)]


def test_advice_names_the_party(subject: Subject, make_subject: MakeSubject) -> None:
    lines = health_lines(subject)
    assert lines[0] == "Customer: The sound is cut off at full scale: turn it down before it is recorded."
    assert any(line.startswith("Agent: Another party is heard") for line in lines)
    assert health_lines(make_subject(health=None)) == ()
    assert subject.analysis.health is not None
    assert health_lines(make_subject(health=evolve(subject.analysis.health, flags=()))) == ()


def test_the_examples() -> None:
    assert doctest.testmod(figures).attempted
    assert not doctest.testmod(figures).failed
