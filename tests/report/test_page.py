"""The page, without a browser: what is in it, and what can't be."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from html import unescape

import numpy as np
import pytest
from attrs import evolve

from callkit.audio.facts import Measured
from callkit.core.call import Direction
from callkit.core.transcript import SYNTHETIC, Segment, Transcript
from callkit.report.page import Sound, page
from callkit.report.subject import Subject
from callkit.report.timeline import ticks
from callkit.testing.dialogue import dialogue
from callkit.zones import MachineZone

MakeSubject = Callable[..., Subject]


@pytest.fixture(scope="module")
def text(subject: Subject, measured: Measured) -> str:
    return page(subject, measured.peaks.rows).decode("ascii")


def test_nothing_comes_from_elsewhere(text: str) -> None:
    told = re.sub(r"//\s.*|'sha256-[^']*'", "", unescape(text))  # comments, and digests, which may have slashes
    assert not re.search(r"(?:https?:)?//(?!\s)[\w.]+", told)
    assert set(re.findall(r'(?:src|href)="([^#"]*)', text)) == {"data:,", ""}
    assert "@import" not in text
    assert not re.search(r"url\((?!#speech\d\))", text)


def test_only_our_own_style_and_program_may_run(text: str) -> None:
    policy = unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0])
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for element, rule in (("style", "style-src"), ("script", "script-src")):
        inside = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert len(inside) == 1
        assert f"{rule} 'sha256-{digest}';" in policy
    assert not re.search(r'\s(?:style|on\w+)="', text)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\"><img src=x onerror='a'>", "</title><b>", "&lt;"])
def test_names_are_only_text(make_subject: MakeSubject, text: str, name: str) -> None:
    made = page(make_subject(facts={"caller": name, "receiver": name})).decode("ascii")
    assert name not in made.replace("&amp;lt;", "")
    assert unescape(made).count(name) >= 4
    plain = page(make_subject()).decode("ascii")
    assert re.findall(r"<\w+", made) == re.findall(r"<\w+", plain)


def test_numbers_are_shown_as_they_came_and_nothing_else_is(make_subject: MakeSubject) -> None:
    facts = {"caller": "+442079460018", "metadata": {"card": "SECRET"}, "tags": ("private",), "external_id": "X-77"}
    made = page(make_subject(facts=facts)).decode("ascii")
    assert "+442079460018" in made
    assert not {"SECRET", "private", "X-77"} & set(re.findall(r"[\w-]+", made))


def test_cyrillic_and_arabic_survive_any_encoding(make_subject: MakeSubject) -> None:
    made = page(make_subject(facts={"caller": "Иван", "receiver": "مرحبا"}))
    assert "<bdi>Иван</bdi>" in unescape(made.decode("ascii"))
    assert "<bdi>مرحبا</bdi>" in unescape(made.decode("ascii"))


def test_every_figure_says_why(text: str, subject: Subject) -> None:
    rows = re.findall(r'<tr title="([^"]+)"><th scope="row"><details><summary>([^<]+)</summary><p>([^<]+)</p>', text)
    assert len(rows) > 35
    assert all(title == why for title, _, why in rows)
    assert [unescape(why) for _, name, why in rows if name == "Talk share"] == [
        subject.analysis.explain("talk_share").sentence(subject.names)
    ]


def test_pressed_keys_are_not_in_it(make_subject: MakeSubject) -> None:
    made = page(make_subject()).decode("ascii")
    assert "4 keys from customer" in made
    assert not re.search(r"dtmf|\b1234\b|key \(", made)


def marks(text: str) -> dict[str, list[list[float]]]:
    found = json.loads(re.findall(r'<script type="application/json" id="marks">(.*?)</script>', text)[0])
    by_label: dict[str, list[list[float]]] = {}
    for start, end, label in found["marks"]:
        by_label.setdefault(found["labels"][label], []).append([start, end])
    return by_label


def test_the_program_knows_what_happens_when(text: str) -> None:
    found = marks(text)
    assert found["hold"] == [[31.0, 48.0]]
    assert [[round(start), round(end)] for start, end in found["agent speaks"]] == [[10, 18], [27, 30], [52, 52]]


def test_marks_can_not_end_their_element(make_subject: MakeSubject) -> None:
    subject = make_subject()
    event = evolve(subject.analysis.events[0], label="</script><script>alert(1)")
    made = page(make_subject(events=(event,))).decode("ascii")
    assert any("</script>" in label for label in marks(made))
    assert made.count("<script") == made.count("</script>") == 2


def test_a_waveform_for_each_party(text: str, make_subject: MakeSubject) -> None:
    assert re.findall(r'class="lane wave (p\d)"', text) == ["p0", "p1"]
    without = page(make_subject()).decode("ascii")
    assert 'class="lane wave' not in without
    assert ">customer</bdi>" in without


def test_the_recording_only_if_it_is_asked_for(subject: Subject, text: str) -> None:
    assert "<audio" not in text
    assert "media-src" not in text
    with_sound = page(subject, sound=Sound(b"RIFF", "audio/wav")).decode("ascii")
    assert 'src="data:audio/wav;base64,UklGRg=="' in with_sound
    assert "media-src data:;" in with_sound


def test_an_hour_stays_small(make_subject: MakeSubject, measured: Measured) -> None:
    talk = list(dialogue(3600.0, seed=3))
    parties = [
        evolve(party, speech=tuple((start, end) for number, start, end in talk if number == party.channel))
        for party in measured.analysis.parties
    ]
    rows = (np.random.default_rng(1).standard_normal((36000, 2, 2)) * 4000).astype(np.int16)
    made = page(make_subject(parties=tuple(parties), duration=3600.0, hold=(), events=()), rows)
    assert len(made) < 300_000


def test_very_many_moments_are_cut(make_subject: MakeSubject) -> None:
    subject = make_subject()
    beeps = tuple(
        evolve(subject.analysis.events[-1], start=place / 100, end=place / 100 + 0.005) for place in range(900)
    )
    made = page(make_subject(events=beeps)).decode("ascii")
    assert re.findall(r"And (\d+) more", made) == ["404"]


@pytest.mark.parametrize("channels", [0, 1, 3, 6])
def test_any_number_of_channels(make_subject: MakeSubject, channels: int) -> None:
    party = make_subject().analysis.parties[0]
    many = tuple(evolve(party, channel=number) for number in range(channels))
    subject = make_subject(channels=channels, parties=many, health=None, events=(), hold=None)
    made = page(subject, np.zeros((5, channels, 2), np.int16)).decode("ascii")
    assert made.count('class="lane wave') == channels
    assert ("everybody" in made) == (channels == 1)


def test_an_empty_recording_has_a_page(make_subject: MakeSubject) -> None:
    made = page(make_subject(duration=0.0, hold=None, events=(), health=None), np.zeros((0, 2, 2), np.int16))
    assert b"nan" not in made
    assert b"<dd>n/a</dd>" in made


def test_roles_come_from_the_direction_only(make_subject: MakeSubject) -> None:
    made = page(make_subject(facts={"direction": Direction.INTERNAL})).decode("ascii")
    assert ">caller</bdi>" in made
    assert "agent" not in made


@pytest.mark.parametrize("duration", [0.5, 7.0, 83.4, 3600.0, 86_400.0, 1e6])
def test_ticks_are_few_and_within(duration: float) -> None:
    found: Iterable[int] = ticks(duration)
    assert 1 <= len(list(found)) <= 12
    assert all(0 <= second <= duration for second in found)


def test_what_was_said_stands_beside_who_said_it(make_subject: MakeSubject) -> None:
    segments = (Segment(1.25, 2.0, "Hello & <b>", 0), Segment(3.0, 4.0, "Да.", 1, language="ru"))
    subject = evolve(make_subject(), transcript=Transcript(segments, "en", 60.0, "whisper", "base"))
    text = unescape(page(subject).decode("ascii"))
    assert re.findall(r'<button [^>]*value="([\d.]+)">([\d:.]+)</button>', text) == [
        ("1.25", "0:01.2"),
        ("3", "0:03.0"),
    ]
    assert "<bdi>customer</bdi></span> <bdi>Hello & <b></bdi>" in text
    assert '<p lang="ru"><span class="who c1"><bdi>agent</bdi></span> <bdi>Да.</bdi>' in text
    assert "Written down by whisper base." in text
    assert "about-transcript" not in page(make_subject()).decode("ascii")


def test_a_stand_in_says_so(make_subject: MakeSubject) -> None:
    stand_in = Transcript((Segment(0.0, 1.0, "Hello."),), None, 60.0, "placeholder", synthetic=True)
    assert SYNTHETIC in page(evolve(make_subject(), transcript=stand_in)).decode("ascii")
    silent = Transcript((), None, 60.0, "whisper")
    assert "Nothing was said." in page(evolve(make_subject(), transcript=silent)).decode("ascii")


def test_when_it_started_can_be_told_far_from_this_machine(subject: Subject) -> None:
    def started(zone: tzinfo) -> str:
        text = page(evolve(subject, zone=zone), None).decode("ascii")
        return text.partition("<dt>started</dt><dd>")[2].partition("<")[0]

    own = subject.call.started_at.astimezone(MachineZone())
    assert started(MachineZone()) == own.isoformat(" ", "minutes")
    assert started(MachineZone())[-6] in "+-"
    assert started(UTC).endswith(" UTC")
