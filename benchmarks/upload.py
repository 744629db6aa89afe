"""How fast a recording of 1 GB comes in over HTTP, and how much memory that takes, beside bare PUTs.

    python -m benchmarks.upload --size 1000 --rounds 5

One server (uvicorn), one process, local storage. `form` and `put` are callkit's routes: the recording is hashed, looked
at, written once, forced to the disk, and attached to its call. `bare` writes the body to a file, in the same batches,
and does nothing else; `hashed` makes its SHA-256 and forces it to the disk, too, which nobody can spare who keeps it.
The client sends from memory over a plain socket, so that it costs as little as possible. Rounds take turns.
"""

import argparse
import json
import os
import re
import secrets
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

from anyio import to_thread
from attrs import frozen

__all__ = ["WAYS", "main", "measure"]

WAYS = ("bare", "hashed", "put", "form")

_MIB = 1 << 20
_BATCH = _MIB
_NEW = {"caller": "101", "receiver": "102", "started_at": "2026-11-24T08:30:00Z"}


@frozen
class Upload:
    """What one upload took: MiB, seconds, the server's seconds of CPU, and the growth of its memory in MiB."""

    way: str
    size: int
    seconds: float
    cpu: float
    growth: float

    @property
    def rate(self) -> float:
        """MiB a second."""
        return self.size / self.seconds


# ---- the server


class Idle:
    """A runner that leaves everything to a sweep: the analysis is not what is measured."""

    def submit(self, task: Any) -> None: ...

    def close(self) -> None: ...


def serve(folder: Path, port: int) -> None:
    """callkit's application, with one more route."""
    import uvicorn  # noqa: PLC0415 - in the server only

    from callkit import CallKit  # noqa: PLC0415
    from callkit.http import HttpSettings, create_app  # noqa: PLC0415

    kit = CallKit.open(folder / "data", runner=Idle())
    api = create_app(kit, HttpSettings(sweep_every=0.0))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] in {"/bare", "/hashed"}:
            await _bare(folder / "bare", receive, send, hashed=scope["path"] == "/hashed")
        else:
            await api(scope, receive, send)

    uvicorn.run(app, port=port, log_level="error", access_log=False)


async def _bare(path: Path, receive: Any, send: Any, *, hashed: bool) -> None:
    batch: list[bytes] = []
    digest = sha256()
    waiting, more = 0, True

    def write(last: bool) -> None:
        for piece in batch if hashed else ():
            digest.update(piece)
        file.writelines(batch)
        if hashed and last:
            file.flush()
            os.fsync(file.fileno())

    with path.open("wb") as file:
        while more:
            message = await receive()
            more = message.get("more_body", False)
            batch.append(message.get("body", b""))
            waiting += len(batch[-1])
            if waiting >= _BATCH or not more:
                await to_thread.run_sync(write, not more)
                batch.clear()
                waiting = 0
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def running(folder: Path) -> Iterator[tuple[int, int]]:
    """The server's port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.upload", "--serve", str(folder), "--port", str(port)])
    try:
        for _ in range(300):
            try:
                _ask(port, "GET", "/health/ready")
                break
            except OSError:
                sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


# ---- the client


def measure(size: int, rounds: int, ways: Sequence[str] = WAYS) -> list[Upload]:
    """Uploads of `size` MiB, each way in turn.

    Args:
        size: MiB.
        rounds: of each.
        ways: of `WAYS`.
    """
    with TemporaryDirectory() as name, running(Path(name)) as (port, process):
        _upload(port, process, "form", 1)  # what is imported late, and threads
        _upload(port, process, "put", 1)
        return [_upload(port, process, way, size) for _ in range(rounds) for way in ways]


def _upload(port: int, process: int, way: str, size: int) -> Upload:
    head, tail, call = b"", b"", ""
    method, path, headers = "PUT", f"/{way}", {}
    if way in {"put", "form"}:
        call = json.loads(_ask(port, "POST", "/calls", json.dumps(_NEW).encode())[1])["id"]
        method, path = ("PUT" if way == "put" else "POST"), f"/calls/{call}/recording"
    if way == "form":
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        tail = b"\r\n--b--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
    before, cpu, begun = _peak(process, reset=True), _cpu(process), perf_counter()
    status, _ = _send(port, method, path, headers, [head + _wav_header(size), *_body(size), tail])
    seconds = perf_counter() - begun
    assert status in (201, 202), status
    done = Upload(way, size, seconds, _cpu(process) - cpu, _peak(process) - before)
    if call:
        _ask(port, "DELETE", f"/calls/{call}")
    return done


def _wav_header(size: int) -> bytes:
    data = size * _MIB
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", data + 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", data
    )


def _body(size: int) -> Iterator[bytes]:
    block = secrets.token_bytes(_MIB)
    yield from (block for _ in range(size))


def _send(port: int, method: str, path: str, headers: dict[str, str], parts: Sequence[bytes]) -> tuple[int, bytes]:
    length = sum(map(len, parts))
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        for part in parts:
            connection.sendall(part)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def _ask(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    return _send(port, method, path, {"Content-Type": "application/json"} if body else {}, [body])


def _peak(process: int, *, reset: bool = False) -> float:
    """The largest resident memory, MiB; since now, if it is reset."""
    if reset:
        Path(f"/proc/{process}/clear_refs").write_text("5")
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def _cpu(process: int) -> float:
    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a line for each way: medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1000, help="MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.port)
        return
    done = measure(arguments.size, arguments.rounds)
    bare = median(one.rate for one in done if one.way == "bare")
    for way in dict.fromkeys(one.way for one in done):
        some = [one for one in done if one.way == way]
        rate = median(one.rate for one in some)
        print(
            f"{way:5} {rate:7.0f} MiB/s  {rate / bare:5.2f} x bare  CPU {median(one.cpu for one in some):5.2f} s  "
            f"memory +{max(one.growth for one in some):.1f} MiB"
        )


if __name__ == "__main__":
    main()
