"""Who plays in `benchmarks.faults`: the three servers, the workers, and the application that brings calls in."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import botocore.session
import psycopg
from attrs import define, field, frozen
from sqlalchemy import make_url

from benchmarks.faults_client import reported
from benchmarks.storm import children
from callkit.kit import CallKit
from callkit.settings import Settings, load
from tests import servers

__all__ = ["Scale", "Team", "Worker", "servers_running"]

ROOT = Path(__file__).parents[1]
_START = 60.0  # seconds


@frozen
class Scale:
    """How large a run is. `environ` holds settings of callkit; none: its own defaults."""

    calls: int = 500
    seconds: float = 10.0
    away: float = 10.0
    patience: float = 180.0
    sweep_every: float | None = None
    environ: Mapping[str, str] = field(factory=dict)


BUCKET = "faults"  # one for all: this server takes space for each, and has it for few


@frozen
class Servers:
    """Real ones, which can be killed and started again at the same place."""

    postgres: servers.Server
    broker: servers.Server
    s3: servers.Server


@contextmanager
def servers_running() -> Iterator[Servers]:
    with ExitStack() as stack:
        started = [stack.enter_context(start()) for start in (servers.postgres, servers.valkey, servers.s3)]
        if any(server.process is None for server in started):
            raise SystemExit("These servers are killed: unset CALLKIT_TEST_PG_URL, _REDIS_URL and _S3.")
        os.environ.update(started[-1].place.environ)  # for the looks of this process
        s3_client(started[-1]).create_bucket(Bucket=BUCKET)
        yield Servers(*started)


@define
class Worker:
    """A `callkit worker` process and what it started."""

    process: "subprocess.Popen[bytes]"

    @property
    def pool(self) -> list[int]:
        """The processes that do the work: forks of the first, unlike the one that sweeps."""
        own = command_of(self.process.pid)
        return [child for child in children(self.process.pid) if command_of(child) == own]

    def descendants(self) -> list[int]:
        found, unseen = list[int](), [self.process.pid]
        while unseen:
            more = children(unseen.pop())
            found += more
            unseen += more
        return found

    def wait(self) -> Self:
        """Until its pool is there."""
        until = monotonic() + _START
        while not self.pool:
            if self.process.poll() is not None or monotonic() > until:
                raise RuntimeError("callkit worker did not start")
            sleep(0.1)
        return self

    def kill(self, *, tree: bool) -> list[int]:
        """SIGKILL: to it alone, or to it and all that it started; the latter, which must be gone soon."""
        below = self.descendants()
        for pid in (self.process.pid, *(below if tree else ())):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        return below

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill(tree=True)
            return -1


@define
class Team:
    """One fault's own database, prefix and queue on the servers, and the processes of callkit that use them."""

    servers: Servers
    scale: Scale
    folder: Path
    environ: dict[str, str]
    name: str
    workers: list[Worker] = field(factory=list)
    client: "subprocess.Popen[bytes] | None" = None
    below: list[int] = field(factory=list)

    @classmethod
    def gather(cls, running: Servers, scale: Scale, folder: Path, workers: int = 2) -> Self:
        name = f"faults-{uuid.uuid4().hex[:8]}"
        environ = {
            **{variable: value for variable, value in os.environ.items() if not variable.startswith("CALLKIT_")},
            **scale.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "CALLKIT_DATABASE": new_database(running.postgres, name.replace("-", "_")),
            "CALLKIT_STORAGE": f"s3://{BUCKET}/{name}",
            "CALLKIT_RUNNER": f"celery+{running.broker.url}?queue={name}",
        }
        team = cls(running, scale, folder, environ, name)
        subprocess.run(team.callkit("db", "upgrade"), env=environ, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        team.workers = [team.start_worker() for _ in range(workers)]
        for worker in team.workers:
            worker.wait()
        return team

    def callkit(self, *arguments: str) -> Sequence[str]:
        return sys.executable, "-m", "callkit", *arguments

    def start(self, command: Sequence[str], log: str) -> "subprocess.Popen[bytes]":
        with (self.folder / log).open("ab") as file:
            return subprocess.Popen(
                command, env=self.environ, cwd=self.folder, stdout=file, stderr=file, start_new_session=True
            )

    def start_worker(self) -> Worker:
        sweep = () if self.scale.sweep_every is None else ("--sweep-every", f"{self.scale.sweep_every:g}")
        return Worker(self.start(self.callkit("worker", "--processes", "2", *sweep), "worker.log"))

    def look_after_workers(self) -> None:
        """Start those again that ended by themselves, as systemd would: Celery gives up if its pool dies at birth."""
        for place, worker in enumerate(self.workers):
            if worker.process.poll() is not None:
                self.workers[place] = self.start_worker()

    def start_client(self) -> None:
        options = ("--calls", str(self.scale.calls), "--seconds", str(self.scale.seconds), "--report", str(self.report))
        self.client = self.start((sys.executable, "-m", "benchmarks.faults_client", *options), "client.log")

    @property
    def report(self) -> Path:
        return self.folder / "report.jsonl"

    @property
    def brought(self) -> int:
        """How many calls the application knows to be taken in."""
        return len({line["number"] for line in reported(self.report) if "number" in line})

    def kit(self) -> CallKit:
        """A kit on the same servers, for looking."""
        return self.settings.open_kit("inline")

    @property
    def settings(self) -> Settings:
        return load(environ=self.environ, folder=self.folder)

    def end(self) -> list[str]:
        """Stop everybody; what was wrong with how they ended."""
        if self.client and self.client.poll() is None:
            self.client.kill()
        self.look_after_workers()
        wrong = [f"a worker ended with {code}" for worker in self.workers if (code := worker.wait().stop())]
        until = monotonic() + 10
        while (alive := [pid for pid in self.below if is_alive(pid)]) and monotonic() < until:
            sleep(0.1)
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        return wrong + [f"a process of a killed worker lived on: {pid}" for pid in alive]


def new_database(server: servers.Server, name: str) -> str:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        # the test servers answer before they write; what was promised by a killed server must be there, though
        admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    url = make_url(server.url).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


def s3_client(server: servers.Server) -> Any:
    """A botocore client, which may do anything there."""
    place = server.place
    keys = {"aws_access_key_id": place.key, "aws_secret_access_key": place.secret}
    return botocore.session.get_session().create_client("s3", place.region, endpoint_url=place.url, **keys)


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    """Running, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
