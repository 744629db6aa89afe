"""A server on this machine that answers as services for transcription do, well or badly."""

import io
import json
import threading
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

__all__ = ["DEEPGRAM", "OPENAI", "Answer", "Asked", "SpeechServer", "parts", "running", "samples_of"]

OPENAI: Mapping[str, Any] = {
    "task": "transcribe",
    "language": "english",
    "duration": 2.0,
    "text": "Hello there. I want a refund.",
    "segments": [
        {"id": 0, "start": 0.0, "end": 0.8, "text": " Hello there.", "avg_logprob": -0.2, "no_speech_prob": 0.01},
        {"id": 1, "start": 0.9, "end": 1.9, "text": " I want a refund.", "avg_logprob": -0.1, "no_speech_prob": 0.01},
    ],
    "words": [
        {"word": "Hello", "start": 0.0, "end": 0.3},
        {"word": "there", "start": 0.3, "end": 0.8},
        {"word": "I", "start": 0.9, "end": 1.0},
        {"word": "want", "start": 1.0, "end": 1.2},
        {"word": "a", "start": 1.2, "end": 1.3},
        {"word": "refund", "start": 1.3, "end": 1.9},
    ],
}
_HELLO = [
    {"word": "hello", "start": 0.08, "end": 0.4, "confidence": 0.99, "punctuated_word": "Hello."},
    {"word": "refund", "start": 1.2, "end": 1.8, "confidence": 0.75, "punctuated_word": "Refund?"},
]
DEEPGRAM: Mapping[str, Any] = {
    "metadata": {"request_id": "0", "duration": 2.0, "channels": 1},
    "results": {
        "channels": [
            {
                "detected_language": "en",
                "alternatives": [{"transcript": "Hello. Refund?", "confidence": 0.9, "words": _HELLO}],
            }
        ],
        "utterances": [
            {"start": 0.08, "end": 0.4, "confidence": 0.99, "transcript": "Hello.", "words": _HELLO[:1], "channel": 0},
            {"start": 1.2, "end": 1.8, "confidence": 0.75, "transcript": "Refund?", "words": _HELLO[1:], "channel": 0},
        ],
    },
}


@frozen
class Answer:
    """What the server says; `slow` lets it write the body when the event is set, `rude` hangs up without a word."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    slow: threading.Event | None = None
    rude: bool = False

    @classmethod
    def of(cls, document: Any, status: int = 200, **headers: str) -> "Answer":
        """A document as JSON."""
        return cls(
            json.dumps(document).encode(), status, {name.replace("_", "-"): text for name, text in headers.items()}
        )


@frozen
class Asked:
    """What it was asked."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@define
class SpeechServer:
    """The answers that come next, the last of them again and again; and what was asked."""

    url: str
    answers: Sequence[Answer] = ()
    asked: list[Asked] = field(factory=list)

    def next(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@contextmanager
def running() -> Iterator[SpeechServer]:
    """A server, at a port of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: told)) as server:
        server.daemon_threads = True
        told = SpeechServer(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


def _handler(server: Callable[[], SpeechServer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._say(server().next(Asked(self.path, {key.lower(): text for key, text in self.headers.items()}, body)))

        def _say(self, answer: Answer) -> None:
            if answer.rude:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in ({"content-type": "application/json"} | dict(answer.headers)).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if answer.slow:
                answer.slow.wait(30)
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


def parts(content_type: str, body: bytes) -> dict[str, list[bytes]]:
    """The fields of a form."""
    boundary = content_type.partition("boundary=")[2].encode()
    found: dict[str, list[bytes]] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = head.decode().partition('name="')[2].partition('"')[0].replace("%5B", "[").replace("%5D", "]")
        found.setdefault(name, []).append(value.removesuffix(b"\r\n"))
    return found


def samples_of(data: bytes) -> NDArray[np.float32]:
    with wave.open(io.BytesIO(data)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth()) == (1, 2)
        return (np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32768).astype(np.float32)
