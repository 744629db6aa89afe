"""The two services as programs: each one process, on a port of its own, for as long as it is needed. Needs Linux."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from benchmarks.celery_overhead import tree

__all__ = ["Service", "callkit", "reference"]

ROOT = Path(__file__).parents[1]
_START = 60.0  # seconds


@frozen
class Service:
    """One that answers."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def cpu(self) -> float:
        """Seconds so far, of the process and all below it."""
        return tree(self.process.pid)

    @property
    def memory(self) -> float:
        """MB, resident, at most so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def callkit(folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Service]:
    """`callkit serve` on a data folder, with its defaults but for the port and what `environ` says."""
    port = free_port()
    command = [sys.executable, "-m", "callkit", "serve"]
    own = {"CALLKIT_DATA": str(folder), "CALLKIT_HTTP_PORT": str(port), **(environ or {})}
    with _running(command, own, folder, port) as service:
        yield service


@contextmanager
def reference(folder: Path, database: str) -> Iterator[Service]:
    """The reference service, by uvicorn.

    Args:
        folder: of its recordings.
        database: SQLAlchemy's URL.
    """
    port = free_port()
    app = ("--factory", "benchmarks.reference_service:create_app")
    command = [sys.executable, "-m", "uvicorn", *app, "--port", str(port), "--no-access-log", "--no-server-header"]
    own = {"REFERENCE_DATABASE": database, "REFERENCE_FOLDER": str(folder / "recordings")}
    with _running(command, own, folder, port) as service:
        yield service


@contextmanager
def _running(command: list[str], environ: Mapping[str, str], folder: Path, port: int) -> Iterator[Service]:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "server.log").open("ab") as log,
        subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, stdout=log, stderr=log) as process,
    ):
        service = Service(process, port)
        try:
            _wait(service, folder)
            yield service
        finally:
            process.terminate()


def _wait(service: Service, folder: Path) -> None:
    until = time.monotonic() + _START
    while service.process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", service.port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the server did not start:\n{(folder / 'server.log').read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
