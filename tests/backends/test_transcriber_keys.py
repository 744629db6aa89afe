"""The key to a service is told to nobody, and a URL that holds secrets is not shown."""

import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.backends.transcribers import library, open_transcriber, service
from callkit.backends.transcribers.deepgram import Deepgram
from callkit.backends.transcribers.openai import OpenAI
from callkit.errors import MissingExtraError, SettingsError, TranscriptionError
from tests.backends.speech_services import OPENAI, Answer, SpeechServer, running

SOUND = np.linspace(-1, 1, 100, dtype=np.float32)

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=5, max_size=60).map("sk-{}".format)
ECHOES = st.sampled_from(["body", "json", "error", "header", "text", "redirect"])


def echo(kind: str, key: str, status: int) -> Answer:
    """A server that says the key wherever it can."""
    document: dict[str, Any] = {"error": {"message": f"Incorrect API key provided: {key}", "code": key}}
    if kind == "text":
        document = {"text": 3, "key": key}
    headers = {"location": f"https://elsewhere.example/?key={key}"} if kind == "redirect" else {}
    headers |= {"retry-after": key, "x-key": key} if kind == "header" else {}
    body = key.encode() if kind == "body" else json.dumps(document).encode()
    return Answer(body, status, headers)


@pytest.fixture(scope="module")
def server() -> Iterator[SpeechServer]:
    with running() as told:
        yield told


@given(KEYS, ECHOES, st.sampled_from([200, 302, 400, 401, 403, 404, 429, 500]), st.sampled_from([OpenAI, Deepgram]))
def test_the_key_is_told_to_nobody(
    server: SpeechServer, key: str, kind: str, status: int, engine: type[OpenAI] | type[Deepgram]
) -> None:
    made, log = engine(server.url), Log()
    server.answers, server.asked = [echo(kind, key, status)], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(service.KEY, key)
        patch.setattr(service, "sleep", lambda _: None)
        with log, pytest.raises(TranscriptionError) as failure:
            made.transcribe(SOUND, 16_000)
        shown = [repr(made), made.fingerprint, repr(pickle.dumps(made))]
    assert key in server.asked[0].headers["authorization"], "it was sent"
    assert key not in server.asked[0].path
    told = "".join(traceback.format_exception(failure.value))
    for text in (told, repr(failure.value), str(failure.value), log.text, *shown):
        assert key not in text


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "\x7f"])
def test_what_can_be_no_key_is_not_shown(server: SpeechServer, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(service.KEY, key)
    server.answers, server.asked = [Answer.of(OPENAI)], []
    with pytest.raises(TranscriptionError, match="gives can't be a key") as failure:
        OpenAI(server.url).transcribe(SOUND, 16_000)
    assert key not in "".join(traceback.format_exception(failure.value))
    assert not server.asked


class Log(logging.Handler):
    """All that anybody logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "httpcore.http11" and "receive_response_headers" in record.getMessage():
            return  # what the server says, as it says it: it is this test's own
        self.text += f"{record.getMessage()} {record.__dict__}\n"

    def __enter__(self) -> "Log":
        root = logging.getLogger()
        self._level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level)


# ---- by name


def test_engines_by_url() -> None:
    assert open_transcriber("openai+https://asr.example/v1/?model=large&words=no&timeout=9") == OpenAI(
        "https://asr.example/v1", "large", words=False, timeout=9
    )
    assert open_transcriber("openai:whisper-1") == open_transcriber("openai") == OpenAI()
    assert open_transcriber("deepgram+http://10.0.0.1:8000?model=x") == Deepgram("http://10.0.0.1:8000", "x")
    assert open_transcriber("deepgram:nova-2") == Deepgram(model="nova-2")


@pytest.mark.parametrize(
    "text",
    [
        "openai+https://user:hunter2@asr.example/v1",
        "openai+https://asr.example/v1#hunter2",
        "openai+https://asr.example/v1?key=hunter2",
        "openai+https://asr.example/v1?timeout=hunter2",
        "openai+https://asr.example/v1?model=a&model=hunter2",
        "openai+ftp://hunter2",
        "openai+https://",
        "openai+https://[hunter2",
        "deepgram+https://asr.example:hunter2",
        "deepgram+https://asr.example?token=hunter2",
    ],
)
def test_a_url_that_cant_be_used_is_not_shown(text: str) -> None:
    with pytest.raises(SettingsError) as failure:
        open_transcriber(text)
    assert "hunter2" not in "".join(traceback.format_exception(failure.value))


@pytest.mark.parametrize("text", ["openai", "deepgram"])
def test_without_httpx_the_extra_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"callkit\[remote\]"):
        open_transcriber(text)
