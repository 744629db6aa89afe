"""Engines behind HTTP: what they ask, what they make of answers, patience, and that the key is told to nobody."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest

from callkit.backends.transcribers import service
from callkit.backends.transcribers.deepgram import Deepgram
from callkit.backends.transcribers.openai import OpenAI
from callkit.core.transcript import Segment, Word
from callkit.errors import TranscriptionError
from callkit.testing.transcriber import TranscriberContract
from tests.backends.speech_services import DEEPGRAM, OPENAI, Answer, SpeechServer, parts, running, samples_of

SOUND = np.linspace(-1, 1, 32_000, dtype=np.float32)
KEY = "sk-secret-0123456789"


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with running() as told:
        yield told


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits; how long it would have been."""
    slept: list[float] = []
    monkeypatch.setattr(service, "sleep", slept.append)
    monkeypatch.setenv(service.KEY, KEY)
    monkeypatch.delenv(service.KEY_FILE, raising=False)
    return slept


class TestOpenAI(TranscriberContract):
    @pytest.fixture
    def transcriber(self, server: SpeechServer) -> OpenAI:
        server.answers = [Answer.of(OPENAI)]
        return OpenAI(f"{server.url}/v1")


class TestOpenAIWithoutWords(TranscriberContract):
    @pytest.fixture
    def transcriber(self, server: SpeechServer) -> OpenAI:
        server.answers = [Answer.of({"text": "Hello."})]
        return OpenAI(f"{server.url}/v1", "gpt-4o-transcribe", words=False)


class TestDeepgram(TranscriberContract):
    @pytest.fixture
    def transcriber(self, server: SpeechServer) -> Deepgram:
        server.answers = [Answer.of(DEEPGRAM)]
        return Deepgram(server.url)


# ---- what is asked


def test_openai_is_asked_for_words(server: SpeechServer) -> None:
    server.answers = [Answer.of(OPENAI)]
    OpenAI(f"{server.url}/v1", "large").transcribe(SOUND, 16_000, language="en-GB", hints=["callkit", "Dvořák"])
    (asked,) = server.asked
    form = parts(asked.headers["content-type"], asked.body)
    assert asked.path == "/v1/audio/transcriptions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert samples_of(form.pop("file")[0]) == pytest.approx(SOUND, abs=1 / 32768)
    assert form == {
        "model": [b"large"],
        "response_format": [b"verbose_json"],
        "timestamp_granularities[]": [b"word", b"segment"],
        "language": [b"en"],
        "prompt": ["callkit, Dvořák".encode()],
    }


def test_deepgram_is_asked_for_utterances(server: SpeechServer) -> None:
    server.answers = [Answer.of(DEEPGRAM)]
    Deepgram(server.url).transcribe(SOUND, 8000, hints=["callkit", "PBX"])
    Deepgram(server.url, "nova-2").transcribe(SOUND, 8000, language="en-GB")
    first, second = server.asked
    assert first.path == (
        "/v1/listen?model=nova-3&punctuate=true&utterances=true&detect_language=true&keyterm=callkit&keyterm=PBX"
    )
    assert second.path == "/v1/listen?model=nova-2&punctuate=true&utterances=true&language=en-GB"
    assert (first.headers["authorization"], first.headers["content-type"]) == (f"Token {KEY}", "audio/wav")
    assert samples_of(first.body) == pytest.approx(SOUND, abs=1 / 32768)


def test_without_a_key_none_is_sent(server: SpeechServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(service.KEY)
    server.answers = [Answer.of(OPENAI)]
    OpenAI(server.url).transcribe(SOUND, 16_000)
    assert "authorization" not in server.asked[0].headers


def test_the_key_may_be_in_a_file(server: SpeechServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv(service.KEY)
    monkeypatch.setenv(service.KEY_FILE, str(tmp_path / "key"))
    server.answers = [Answer.of(OPENAI)]
    with pytest.raises(TranscriptionError, match="CALLKIT_ASR_KEY_FILE names can't be read"):
        OpenAI(server.url).transcribe(SOUND, 16_000)
    (tmp_path / "key").write_text("from-a-file\n")
    OpenAI(server.url).transcribe(SOUND, 16_000)
    assert server.asked[0].headers["authorization"] == "Bearer from-a-file"


def test_sound_beyond_full_scale_is_cut(server: SpeechServer) -> None:
    server.answers = [Answer.of(OPENAI)]
    OpenAI(server.url).transcribe(np.array([-2, 0, 2], np.float32), 16_000)
    form = parts(server.asked[0].headers["content-type"], server.asked[0].body)
    assert samples_of(form["file"][0]).tolist() == [-1.0, 0.0, 32767 / 32768]


# ---- what is made of it


def test_words_beside_the_segments_go_into_them(server: SpeechServer) -> None:
    server.answers = [Answer.of(OPENAI)]
    said = OpenAI(server.url).transcribe(SOUND, 16_000)
    first, second = said.segments
    assert said.language == "en"
    assert first == Segment(
        0.0, 0.8, "Hello there.", None, None, "en", first.confidence, (Word(0.0, 0.3, "Hello"), Word(0.3, 0.8, "there"))
    )
    assert first.confidence == pytest.approx(np.exp(-0.2))
    assert [word.text for word in second.words] == ["I", "want", "a", "refund"]


def test_words_inside_the_segments_stay_there(server: SpeechServer) -> None:
    inside = {
        "start": 0,
        "end": 2,
        "text": "Yes",
        "words": [{"word": " Yes", "start": 0, "end": 2, "probability": 0.5}],
    }
    server.answers = [Answer.of({"text": "Yes", "language": "en", "segments": [inside]})]
    (segment,) = OpenAI(server.url).transcribe(SOUND, 16_000).segments
    assert (segment.words, segment.confidence) == ((Word(0.0, 2.0, "Yes", 0.5),), None)


def test_a_text_alone_is_one_segment(server: SpeechServer) -> None:
    server.answers = [Answer.of({"text": " Hello. "})]
    said = OpenAI(server.url, words=False).transcribe(SOUND, 16_000, language="de")
    assert said.segments == (Segment(0.0, 2.0, "Hello.", language="de"),)
    server.answers = [Answer.of({"text": ""})]
    assert OpenAI(server.url).transcribe(SOUND, 16_000).segments == ()


def test_utterances_are_segments(server: SpeechServer) -> None:
    server.answers = [Answer.of(DEEPGRAM)]
    said = Deepgram(server.url).transcribe(SOUND, 16_000)
    assert said.segments == (
        Segment(0.08, 0.4, "Hello.", None, None, "en", 0.99, (Word(0.08, 0.4, "Hello.", 0.99),)),
        Segment(1.2, 1.8, "Refund?", None, None, "en", 0.75, (Word(1.2, 1.8, "Refund?", 0.75),)),
    )


def test_without_utterances_all_is_one_segment(server: SpeechServer) -> None:
    results = {"channels": DEEPGRAM["results"]["channels"]}
    server.answers = [Answer.of({"results": results})]
    (segment,) = Deepgram(server.url).transcribe(SOUND, 16_000).segments
    assert (segment.start, segment.end, segment.text, segment.confidence) == (0.08, 1.8, "Hello. Refund?", 0.9)
    silent = {"channels": [{"alternatives": [{"transcript": "", "confidence": 0.0, "words": []}]}]}
    server.answers = [Answer.of({"results": silent})]
    assert Deepgram(server.url).transcribe(SOUND, 16_000).segments == ()


STRANGE = [
    b"",
    b"<html>hello</html>",
    b"[]",
    b"null",
    b"3",
    b"{}",
    b'{"text": 3}',
    b'{"text": "a", "segments": [{"text": "a"}]}',
    b'{"text": "a", "segments": [{"text": "a", "start": "x", "end": 1}]}',
    b'{"text": "a", "segments": [{"text": "a", "start": NaN, "end": 1}]}',
    b'{"text": "a", "words": [{"word": null, "start": 0, "end": 1}]}',
    b'{"results": {}}',
    b'{"results": {"channels": []}}',
    b'{"results": {"channels": [{"alternatives": []}]}}',
    b'{"results": {"channels": [{"alternatives": [{"transcript": "a"}]}]}}',
    b'{"results": {"channels": [{"alternatives": [{"transcript": "a", "words": []}]}]}}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", STRANGE)
@pytest.mark.parametrize("kind", [OpenAI, Deepgram])
def test_what_is_no_transcription_is_an_error(
    server: SpeechServer, kind: type[OpenAI] | type[Deepgram], body: bytes
) -> None:
    server.answers = [Answer(body)]
    with pytest.raises(TranscriptionError, match="is not what such a service says: check the URL"):
        kind(server.url).transcribe(SOUND, 16_000)
    assert len(server.asked) == 1


# ---- patience


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(server: SpeechServer, pauses: list[float], status: int) -> None:
    server.answers = [Answer(b"", status), Answer(b"", status), Answer.of(OPENAI)]
    assert OpenAI(server.url).transcribe(SOUND, 16_000).segments
    assert len(server.asked) == 3
    assert len({len(asked.body) for asked in server.asked}) == 1, "all of the sound, each time"
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1.0


def test_a_service_that_hangs_up_is_asked_again(server: SpeechServer) -> None:
    server.answers = [Answer(b"", rude=True), Answer.of(OPENAI)]
    assert OpenAI(server.url).transcribe(SOUND, 16_000).segments


def test_the_service_says_how_long_to_wait(server: SpeechServer, pauses: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    earlier = format_datetime(datetime.now(UTC) - timedelta(seconds=30), usegmt=True)
    busy = [Answer.of({}, 429, retry_after=text) for text in ("7", later, earlier, "soon")]
    server.answers = [*busy, Answer.of(OPENAI)]
    OpenAI(server.url).transcribe(SOUND, 16_000)
    assert pauses[0] == 7.0
    assert 25 < pauses[1] <= 30
    assert pauses[2] == 0.0
    assert 0 < pauses[3] <= 8


def test_nobody_waits_for_ever(server: SpeechServer, pauses: list[float]) -> None:
    server.answers = [Answer.of({}, 429, retry_after="3600")]
    with pytest.raises(TranscriptionError, match="answered 429: and went on doing so: try again later"):
        OpenAI(server.url).transcribe(SOUND, 16_000)
    assert (len(server.asked), pauses) == (1, [])
    server.answers = [Answer(b"", 500)]
    with pytest.raises(TranscriptionError, match="answered 500"):
        OpenAI(server.url).transcribe(SOUND, 16_000)
    assert len(server.asked) == 1 + 5


def test_a_service_that_hangs_is_given_up(server: SpeechServer) -> None:
    held = threading.Event()
    server.answers = [Answer.of(OPENAI), Answer(b"{}", slow=held)]
    try:
        OpenAI(server.url).transcribe(SOUND, 16_000)
        with pytest.raises(TranscriptionError, match=r"took too long: for 0\.05 s: raise timeout"):
            OpenAI(server.url, timeout=0.05).transcribe(SOUND, 16_000)
    finally:
        held.set()
    assert len(server.asked) == 1 + 2


def test_a_service_that_is_not_there(pauses: list[float]) -> None:
    with running() as gone:
        url = gone.url
    with pytest.raises(TranscriptionError, match=r"can't be reached \(ConnectError\): check the URL"):
        OpenAI(url).transcribe(SOUND, 16_000)
    assert len(pauses) == 4


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "check the model"),
        (401, "set CALLKIT_ASR_KEY"),
        (403, "the key does not allow it"),
        (404, "check the URL"),
        (413, "ask for shorter pieces"),
        (302, "answered 302"),
        (418, "answered 418: its log or its manual says why"),
    ],
)
def test_a_refusal_says_what_to_do(server: SpeechServer, status: int, advice: str) -> None:
    server.answers = [Answer.of({"error": {"message": "no"}}, status, location="https://elsewhere.example")]
    with pytest.raises(TranscriptionError, match=advice):
        OpenAI(server.url).transcribe(SOUND, 16_000)
    assert len(server.asked) == 1, "what is refused once will be again"


def test_an_answer_without_end_is_cut_off(server: SpeechServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_MOST", 1 << 16)
    server.answers = [Answer(b" " * (1 << 20))]
    with pytest.raises(TranscriptionError, match="its answer is longer than"):
        OpenAI(server.url).transcribe(SOUND, 16_000)
