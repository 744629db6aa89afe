"""`callkit serve` as a program: the specification's session, what it refuses, and what survives its death."""

import json
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from callkit import CallKit
from callkit.cli import main
from tests.http.conftest import NEW, Server, ServerMaker

WavMaker = Callable[..., bytes]


def wait_until_ready(client: httpx.Client, call: str) -> dict[str, Any]:
    for _ in range(600):
        found: dict[str, Any] = client.get(f"/calls/{call}").json()
        if found["status"] not in {"created", "processing"}:
            return found
        time.sleep(0.05)
    raise TimeoutError(call)


def test_the_whole_way_on_its_defaults(serve: ServerMaker, wav: WavMaker) -> None:
    with serve() as server:
        client = server.client
        call = client.post("/calls/", json=NEW).json()["id"]
        answer = client.post(f"/calls/{call}/recording", files={"file": ("a.wav", wav(3), "audio/wav")})
        assert (answer.status_code, answer.json()["status"]) == (202, "processing")
        ready = wait_until_ready(client, call)
        assert ready["status"] == "ready"
        assert isinstance(ready["recording"]["transcription"], str), "by default somebody writes down what is said"
        assert client.get("/calls", params={"query": "7946", "limit": 5, "offset": 0}).json()["items"][0]["id"] == call
        assert client.get(f"/calls/{call}/audio", headers={"Range": "bytes=0-3"}).content == b"RIFF"
        download = client.get(f"/calls/{call}/download")
        assert (download.status_code, download.json()["code"]) == (501, "presign_not_configured")
        said = server.end()
    assert server.process.returncode == 0
    assert "Traceback" not in said


def test_it_says_to_whom_it_is_served(serve: ServerMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as server:
        assert server.client.get("/calls").status_code == 200
    assert main(["keys", "add", "ana", "--data", str(tmp_path / "callkit-data")]) == 0
    key = capsys.readouterr().out.strip()
    with serve("--host", "0.0.0.0") as server:
        own = server.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{own}/calls").status_code == 401
        assert httpx.get(f"{own}/calls", headers={"X-API-Key": key}).status_code == 200


def test_without_keys_others_are_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for host in ("0.0.0.0", "::"):
        assert main(["serve", "--data", str(tmp_path), "--host", host, "--port", "0"]) == 2
        assert "there are no API keys: make one by `callkit keys add NAME`" in capsys.readouterr().err


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["serve", "--data", str(tmp_path), "--port", port]) == 2
    assert "can't be listened on" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "x", "1.5"])
def test_what_is_no_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", port]) == 2
    assert "is no port" in capsys.readouterr().err


def test_the_extra_is_named_if_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("callkit.http.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve"]) == 1
    assert "pip install 'callkit[http]'" in capsys.readouterr().err


# ---- and dies


def half_upload(server: Server, call: str, sound: bytes) -> socket.socket:
    """A connection on which half of a recording was sent."""
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
    connection = socket.create_connection((host, port))
    head = f"PUT /calls/{call}/recording HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(sound)}\r\n\r\n"
    connection.sendall(head.encode() + sound[: len(sound) // 2])
    return connection


def test_a_server_killed_in_mid_upload_leaves_no_half_and_nothing_stuck(
    serve: ServerMaker, wav: WavMaker, tmp_path: Path
) -> None:
    sound = wav(300, channels=2)  # 9.6 MB
    folder = tmp_path / "callkit-data" / "recordings"
    with serve() as server:
        call = server.client.post("/calls", json=NEW).json()["id"]
        with half_upload(server, call, sound):
            while not any(path.stat().st_size > 1 << 20 for path in folder.rglob("*.part")):
                time.sleep(0.02)
            server.kill()
    with CallKit.open(tmp_path / "callkit-data", runner="inline") as kit:
        assert list(kit.storage.list()) == []
    with serve() as server:
        assert server.client.get(f"/calls/{call}").json()["status"] == "created"
        again = server.client.put(f"/calls/{call}/recording", content=sound)
        assert again.status_code == 202
        assert wait_until_ready(server.client, call)["status"] == "ready"


def test_a_server_killed_in_mid_work_is_no_loss(serve: ServerMaker, wav: WavMaker) -> None:
    """The next one finds in the rows what was promised."""
    with serve(lease="1") as server:
        calls = [server.client.post("/calls", json=NEW).json()["id"] for _ in range(4)]
        for number, call in enumerate(calls):
            server.client.put(f"/calls/{call}/recording", content=wav(20, seed=number)).raise_for_status()
        server.kill()
    with serve(lease="1") as server:
        assert {wait_until_ready(server.client, call)["status"] for call in calls} == {"ready"}


def test_it_ends_though_calls_wait_and_the_next_one_goes_on(serve: ServerMaker, wav: WavMaker) -> None:
    with serve(lease="1") as server:
        calls = [server.client.post("/calls", json=NEW).json()["id"] for _ in range(6)]
        for number, call in enumerate(calls):
            server.client.put(f"/calls/{call}/recording", content=wav(60, seed=number)).raise_for_status()
        begun = time.monotonic()
        server.end()
        assert time.monotonic() - begun < 20
    with serve(lease="1") as server:
        assert {wait_until_ready(server.client, call)["status"] for call in calls} == {"ready"}


def test_a_client_that_resets_its_connection_leaves_nothing(serve: ServerMaker, wav: WavMaker, tmp_path: Path) -> None:
    sound = wav(300)
    with serve() as server:
        call = server.client.post("/calls", json=NEW).json()["id"]
        connection = half_upload(server, call, sound)
        time.sleep(0.3)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        folder = tmp_path / "callkit-data" / "recordings"
        for _ in range(200):
            if not any(path.is_file() for path in folder.rglob("*")):
                break
            time.sleep(0.05)
        assert not [path for path in folder.rglob("*") if path.is_file()]
        assert server.client.put(f"/calls/{call}/recording", content=sound).status_code == 202
        said = server.end()
    assert "Traceback" not in said


# ---- keys on the command line


def test_keys_are_made_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path)]
    assert main(["keys", "add", "pbx", "--scope", "write", "--days", "30", *data]) == 0
    shown = capsys.readouterr()
    key = shown.out.strip()
    assert key.startswith("ck_")
    assert "can't be shown again" in shown.err
    assert key not in shown.err
    assert main(["keys", "list", "--json", *data]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["name"], listed["scopes"]) == ("pbx", ["write"])
    assert main(["keys", "list", *data]) == 0
    table = capsys.readouterr().out
    assert listed["id"] in table
    assert key not in table
    assert main(["keys", "revoke", listed["id"], "nobody", *data]) == 1
    assert "There is no key nobody" in capsys.readouterr().err
    assert main(["keys", "list", "--json", *data]) == 0
    assert capsys.readouterr().out == ""
    assert main(["keys", "add", "", *data]) == 2


def test_ctrl_c_ends_it(serve: ServerMaker) -> None:
    with serve() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 130
