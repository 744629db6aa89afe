"""`run`: the application in a server of its own, with the kit that the settings describe."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

import uvicorn
from attrs import frozen

from callkit.backends.runners.pools import ProcessRunner, ThreadRunner
from callkit.errors import SettingsError
from callkit.http.app import make_app
from callkit.http.keys import KeyRing
from callkit.http.service import Service
from callkit.http.settings import HttpSettings, is_loopback
from callkit.kit import CallKit
from callkit.settings import Settings

__all__ = ["Address", "run"]

_GRACE = 10  # seconds that requests get to end
_BACKLOG = 2048
_INTERRUPTED = 130


@frozen
class Address:
    """Where to listen; port 0: any that is free."""

    host: str
    port: int


def run(settings: Settings, address: Address, runner: str, tell: Callable[[str], None]) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code.

    Args:
        settings: of everything.
        address: where to listen.
        runner: who does the work.
        tell: called with a line about where and to whom.

    Raises:
        SettingsError: others could reach the server, and there are no keys; or the address can't be used.
    """
    http = HttpSettings.of(settings)
    locked = KeyRing(http.keys).is_locked()
    if not locked and not is_loopback(address.host):
        raise SettingsError(
            f"Others can reach {address.host}, and there are no API keys: make one by `callkit keys add NAME`, "
            "or listen on 127.0.0.1."
        )
    with _listen(address) as sock:
        kit = settings.open_kit(runner)
        app = make_app(kit, http)
        server = _Server(_config(app), app.state.service)
        _announce(sock, locked, tell)
        try:
            server.run(sockets=[sock])
        finally:
            _let_go(kit)
    if not server.started:
        return 1
    return _INTERRUPTED if server.interrupted else 0


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        log_config=None,
        access_log=False,  # ours says less
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=75,  # longer than a proxy's 60 s
        ws="none",
    )


class _Server(uvicorn.Server):
    """Ends the streams of events when it is told to end, for they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self.interrupted = False

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        """Uvicorn's own would raise the signal once more at the end, before anything is put away."""
        self._service.hub.ended = True
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self.interrupted = self.interrupted or sig == signal.SIGINT


def _listen(address: Address) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as undo:
            sock = undo.enter_context(socket.socket(family, kind, protocol))
            if os.name != "nt":  # there it would let two programs listen on one port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
            sock.listen(_BACKLOG)
            undo.pop_all()
    except OSError as error:
        why = error.strerror or error
        raise SettingsError(f"{address.host}:{address.port} can't be listened on: {why}.") from None
    return sock


def _announce(sock: socket.socket, locked: bool, tell: Callable[[str], None]) -> None:
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    who = "to who has an API key" if locked else "without API keys, so only to this machine"
    tell(f"http://{shown}:{port}/ is served {who}; Ctrl-C ends it.")


def _let_go(kit: CallKit) -> None:
    """The rows promise the work: what waits here is submitted again by the next server."""
    if isinstance(kit.runner, ThreadRunner | ProcessRunner):
        kit.runner.stop()
    kit.close()
