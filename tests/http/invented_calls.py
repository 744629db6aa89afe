"""Invented calls for the page, and a server that serves them."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import uvicorn
from attrs import evolve, frozen
from starlette.applications import Starlette
from starlette.routing import Mount

from callkit import CallKit
from callkit.core.call import Call
from callkit.core.transcript import Segment, Transcript
from callkit.http import HttpSettings, create_app
from callkit.testing.dialogue import Turn
from callkit.testing.factory import FactoryCall, Layer, make_call
from callkit.testing.voices import tone

NOON = datetime(2026, 11, 23, 11, 58, tzinfo=UTC)

REFUND = (
    (1, 0.6, 5.2, "Good morning, you are through to North Bank support. My name is Helen, how can I help?"),
    (0, 6.7, 11.3, "Hi Helen. I was charged twice for the same transfer yesterday evening."),
    (1, 12.2, 16.6, "I am sorry about that. Let me pull up your account, one moment please."),
    (1, 26.8, 32.0, "Thank you for holding. I can see both transactions, and the second one is a duplicate."),
    (0, 33.1, 36.4, "Right. Can you refund it today, please?"),
    (1, 35.4, 41.3, "Yes, the refund has been issued. It will arrive within two working days."),
    (0, 46.2, 48.3, "Perfect, thank you very much."),
    (1, 49.2, 51.6, "You are welcome. Have a good day!"),
)
ATTACK = (
    (0, 0.5, 4.0, "<script>alert('script')</script> <img src=x onerror=alert(1)>"),
    (1, 5.0, 9.0, "</script><svg onload=alert(2)> &lt;b&gt; ${alert(3)} {{constructor}}"),
)
HOSTILE = '"><img src=x onerror=alert(4)>'


def turns_of(lines: Sequence[tuple[int, float, float, str]]) -> tuple[Turn, ...]:
    return tuple((party, start, end) for party, start, end, _ in lines)


def written(lines: Sequence[tuple[int, float, float, str]], seconds: float, *, synthetic: bool = False) -> Transcript:
    segments = tuple(Segment(start, end, text, channel, language="en") for channel, start, end, text in lines)
    return Transcript(segments, "en", seconds, "placeholder" if synthetic else "whisper", synthetic=synthetic)


def ingested(kit: CallKit, sound: FactoryCall, **facts: Any) -> Call:
    with TemporaryFile() as file:
        file.write(sound.wav())
        return kit.ingest(file, **facts)


def spoken_call(
    kit: CallKit,
    lines: Sequence[tuple[int, float, float, str]],
    seconds: float,
    *,
    layers: Sequence[Layer] = (),
    transcript: Transcript | None = None,
    **facts: object,
) -> Call:
    """A call whose parties speak when the lines say, with a transcript of these lines or another one."""
    sound = make_call(seconds=seconds, turns=turns_of(lines), seed=len(lines), layers=layers)
    given = {"name": "recording.wav", "direction": "inbound"} | facts
    call = ingested(kit, sound, **given)
    results = kit.results(call.id)
    assert results is not None
    call = kit.get(call.id).annotate(kit.now())
    said = transcript or written(lines, seconds)
    kit.repository.save(call, evolve(results, transcript=said, sides=("customer", "agent")))
    return call


@frozen
class Invented:
    """The calls that there are, by what they are for."""

    refund: Call
    placeholder: Call
    unwritten: Call
    awaited: Call
    mono: Call
    failed: Call
    others: tuple[Call, ...]
    attack: Call


def invent(kit: CallKit) -> Invented:
    """A morning in a contact centre."""
    when = iter(NOON - timedelta(minutes=17 * number) for number in range(100))
    return Invented(
        refund=spoken_call(
            kit,
            REFUND,
            53,
            layers=[Layer(0, 20.0 + key / 2, 20.2 + key / 2, tone(770, 1336)) for key in range(4)],
            caller="+442079460018",
            receiver="+442079460100",
            started_at=next(when),
            tags=["billing", "vip"],
            name="in-02079460018-100-20261123-115800.wav",
        ),
        placeholder=spoken_call(
            kit,
            REFUND[:4],
            34,
            transcript=written(REFUND[:4], 34, synthetic=True),
            caller="Анна Смирнова",
            receiver="مركز الخدمة",
            started_at=next(when),
        ),
        unwritten=sounding(kit, 61, 5, next(when), caller="+12025550143", receiver="204", direction="outbound"),
        awaited=kit.create(caller="+33199001234", receiver="+442079460100", started_at=next(when)),
        mono=sounding(kit, 32, 9, next(when), channels=1, caller="+493023125014", receiver="100"),
        failed=_failed(kit, next(when)),
        others=tuple(_others(kit, when)),
        attack=spoken_call(
            kit,
            ATTACK,
            10,
            caller=HOSTILE,
            receiver="<b>101</b>",
            started_at=next(when),
            tags=["<script>alert(5)</script>"],
            name="<img src=x onerror=alert(6)>.wav",
        ),
    )


def sounding(kit: CallKit, seconds: float, seed: int, when: datetime, *, channels: int = 2, **facts: Any) -> Call:
    """A call of which nobody has written down what is said."""
    sound = make_call(seconds=seconds, seed=seed, channels=channels)
    return ingested(kit, sound, started_at=when, name="recording.wav", **facts)


def _failed(kit: CallKit, when: datetime) -> Call:
    call = kit.get(sounding(kit, 5, 3, when, caller="+442896496014", receiver="101").id)
    assert call.recording is not None
    now = kit.now()
    again = call.replace(call.recording, now)
    claimed = again.claim("test", now, timedelta(minutes=1))
    failed = claimed.fail("damaged_audio", "The recording is cut: fetch it again.", now)
    for version in (again, claimed, failed):
        kit.repository.save(version)
    return failed


def _others(kit: CallKit, when: Iterator[datetime]) -> Iterator[Call]:
    """Some to fill the list."""
    for seed in (11, 12):
        yield sounding(
            kit, 30 + seed, seed, next(when), caller=f"+4416149608{seed}", receiver="100", direction="inbound"
        )
    for number in range(60):
        yield kit.create(caller=f"+4411749600{number:02}", receiver="100", started_at=next(when), tags=["callback"])


@contextmanager
def served(kit: CallKit, keys: Path | None = None, mounted_at: str = "") -> Iterator[str]:
    """The real application on a free port; its address ends with a slash."""
    app = create_app(kit, HttpSettings(keys=keys, sweep_every=0))
    outer = Starlette(routes=[Mount(mounted_at, app)]) if mounted_at else app
    config = uvicorn.Config(outer, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}{mounted_at}/"
        finally:
            app.state.service.hub.ended = True
            server.should_exit = True
            thread.join(20)
