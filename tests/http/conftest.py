"""The API, asked in this process or in a server of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from attrs import define, field, frozen
from fastapi import FastAPI

from callkit import CallKit
from callkit.http import HttpSettings, create_app
from callkit.http.keys import Key, Scope, add_key

NEW = {"caller": "+44 20 7946 0018", "receiver": "+44 20 7946 0100", "started_at": "2026-11-23T08:41:00+01:00"}


@define
class Api:
    """Asks an application in this process, a request at a time."""

    app: FastAPI
    headers: dict[str, str] = field(factory=dict)
    url: str = "http://127.0.0.1"

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.url, headers=self.headers) as client:
                return await client.request(method, path, **more)

        return anyio.run(send)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self("POST", path, **more)

    def new_call(self, **facts: Any) -> str:
        """The id of a call without a recording."""
        return str(self.post("/calls", json=NEW | facts).json()["id"])

    def new_recording(self, content: bytes, name: str = "a.wav", **facts: Any) -> str:
        """The id of a call with a recording."""
        call = self.new_call(**facts)
        answer = self.post(f"/calls/{call}/recording", files={"file": (name, content)})
        assert answer.status_code == 202, answer.text
        return call


@pytest.fixture
def settings() -> HttpSettings:
    return HttpSettings(sweep_every=0.0)


@pytest.fixture
def api(kit: CallKit, settings: HttpSettings) -> Api:
    """Without keys; work is done at once."""
    return Api(create_app(kit, settings))


KeyMaker = Callable[..., str]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def new_key(key_file: Path) -> KeyMaker:
    """Makes keys; gives their texts."""

    def make(*scopes: str, expires_at: datetime | None = None) -> str:
        key, text = Key.new("test", [Scope(scope) for scope in scopes], datetime.now(UTC), expires_at)
        add_key(key_file, key)
        return text

    return make


# ---- a server of its own


@frozen
class Server:
    """`callkit serve` as a program."""

    url: str
    process: "subprocess.Popen[str]"
    client: httpx.Client

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> str:
        """Tell it to end; what it wrote to stderr."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=60)[1]


ServerMaker = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path) -> ServerMaker:
    """Starts `callkit serve` in a folder, which is kept for the next server."""

    @contextmanager
    def started(*options: str, **settings: str) -> Iterator[Server]:
        command = [sys.executable, "-X", "utf8", "-m", "callkit", "serve", "--port", "0", *options]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CALLKIT_")}
        environ |= {f"CALLKIT_{name.upper()}": value for name, value in settings.items()}
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
        )
        assert process.stderr is not None
        try:
            said, found = "", None
            while found is None:
                line = process.stderr.readline()
                assert line, said  # it ended
                said, found = said + line, re.search(r"http://\S+:\d+/ is served", line)
            url = found[0].partition("/ ")[0]
            with httpx.Client(base_url=url, timeout=30) as client:
                yield Server(url, process, client)
        finally:
            process.kill()
            process.communicate()

    return started
