"""Worker processes for tests: real ones, as `callkit worker` starts them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from attrs import frozen

__all__ = ["Crew", "callkit_worker", "crew", "soon"]

ROOT = Path(__file__).parents[2]


@frozen
class Crew:
    """A worker with all its processes."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """All at once, as a machine goes down."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def crew(script: str, *arguments: object, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[Crew]:
    """A Python program that works until the block ends."""
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(environ or {})}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    workers = Crew(process, log)
    try:
        yield workers
    finally:
        workers.kill()


CALLKIT = "import sys; from callkit.cli import main; sys.exit(main(sys.argv[1:]))"


def callkit_worker(
    *arguments: object, log: Path, before: str = "", environ: Mapping[str, str] | None = None
) -> AbstractContextManager[Crew]:
    """`callkit worker`; `before` is run in its process first."""
    return crew(f"{before}\n{CALLKIT}", "worker", "-v", *arguments, log=log, environ=environ)


def soon(what: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Whether something becomes true."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
