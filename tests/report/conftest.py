"""Calls to report about, made by hand."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from callkit.audio.analyser import Measured, measure
from callkit.audio.source import open_audio
from callkit.core.call import Call, Direction, Status
from callkit.core.events import Event
from callkit.core.health import ChannelHealth, Leak, assessed
from callkit.core.loudness import Loudness
from callkit.core.roles import roles_of
from callkit.report.subject import Subject
from callkit.testing.factory import make_call

WHEN = datetime(2026, 9, 14, 10, 32, 12, tzinfo=UTC)
TURNS = [(0, 1.0, 9.0), (1, 10.0, 18.0), (0, 17.0, 20.0), (1, 27.0, 30.0), (0, 50.0, 55.0), (1, 52.0, 52.4)]
HOLD = ((31.0, 48.0),)
EVENTS = (
    Event("ringback", 0.0, 0.9, 1, "440+480 Hz", 0.99),
    *(Event("dtmf", 21.0 + place / 2, 21.2 + place / 2, 0, key, 0.98) for place, key in enumerate("1234")),
    Event("music", 31.0, 48.0, 1, "", 0.9),
    Event("beep", 56.0, 56.4, 1, "1400 Hz", 0.9),
)
MakeSubject = Callable[..., Subject]


def health(channels: int = 2) -> Any:
    one = ChannelHealth(0, 0.4, 0.0, -0.1, -62.0, 41.0, 0, 0.0, 0.0, ())
    other = ChannelHealth(1, 0.0, 0.0, -3.0, -35.0, 22.0, 1, 0.8, 0.8, ((19.0, 19.8),))
    return assessed(
        [one, other][:channels],
        duration=60.0,
        talk_times=[16.0, 11.4][:channels],
        correlation=0.01,
        leaks=[Leak(0, 1, -30.0)],
    )


@pytest.fixture(scope="session")
def measured() -> Measured:
    """What the analyser finds in a call of a minute, with peaks; events, hold, loudness and health are ours."""
    with open_audio(make_call(seconds=60.0, turns=TURNS, seed=7).wav()) as reader:
        found = measure(reader)
    heard = Loudness(-23.4, -15.1, -18.2, 6.5)
    parties = tuple(evolve(party, loudness=heard) for party in found.analysis.parties)
    added = {"hold": HOLD, "events": EVENTS, "loudness": heard, "health": health()}
    return evolve(found, analysis=evolve(found.analysis, parties=parties, **added))


@pytest.fixture(scope="session")
def make_subject(measured: Measured) -> MakeSubject:
    """A subject, with other facts of the call or of its analysis."""

    def make(*, facts: dict[str, Any] | None = None, **changes: Any) -> Subject:
        given = {"caller": "+442079460018", "receiver": "101", "direction": Direction.INBOUND} | (facts or {})
        call = Call(
            id=uuid.UUID("01a20d1c-8b58-723e-84bc-1ed35f5f3236"),
            started_at=WHEN,
            created_at=WHEN,
            updated_at=WHEN,
            status=Status.READY,
            **given,
        )
        analysis = evolve(measured.analysis, **changes)
        return Subject(call, analysis, roles_of(analysis.channels, call.direction), UTC)

    return make


@pytest.fixture(scope="session")
def subject(make_subject: MakeSubject) -> Subject:
    return make_subject()
