"""What Celery adds to each call of a bulk ingest: CPU of client and workers beyond doing the work at once.

    python -m benchmarks.celery_overhead --calls 2000 --rounds 3

In each round the same small recordings are taken in twice, into fresh data folders: by one program that does the work
at once, and by a program that submits it to `callkit worker --processes 2`, over a Valkey of this run. The
worker has done a few calls before it is measured. Needs Linux (/proc).
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

from attrs import frozen

from benchmarks.measuring import as_program
from benchmarks.storm import children
from callkit import CallKit
from callkit.testing.factory import make_call
from tests import servers

__all__ = ["Round", "measured"]

ROOT = Path(__file__).parents[1]
LIMIT = 5.0  # ms for each call
PROCESSES = 2
_WARM = 10
_TICK = os.sysconf("SC_CLK_TCK")
_INGEST = """
import sys
from pathlib import Path
from callkit import CallKit
recordings, data, runner = sys.argv[1:]
with CallKit.open(data, runner=runner) as kit:
    for path in sorted(Path(recordings).iterdir()):
        kit.ingest(path)
"""


@frozen
class Round:
    """CPU seconds of all calls; `wall` until the last one was ready."""

    calls: int
    inline: float
    client: float
    workers: float
    broker: float
    inline_wall: float
    wall: float

    @property
    def overhead(self) -> float:
        """ms for each call."""
        return 1000 * (self.client + self.workers - self.inline) / self.calls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="30 calls, one round")
    options = parser.parse_args()
    calls, rounds = (30, 1) if options.small else (options.calls, options.rounds)
    found = measured(calls, rounds)
    print("| inline CPU | client | workers | broker | overhead/call | inline wall | Celery wall |")
    print("|---|---|---|---|---|---|---|")
    for one in found:
        print(
            f"| {one.inline:.2f} s | {one.client:.2f} s | {one.workers:.2f} s | {one.broker:.2f} s "
            f"| {one.overhead:.2f} ms | {one.inline_wall:.1f} s | {one.wall:.1f} s |"
        )
    overhead = median(one.overhead for one in found)
    print(f"{calls} calls: {overhead:.2f} ms of CPU for each beyond inline (limit {LIMIT} ms)")
    return 0 if options.small or overhead <= LIMIT else 1


def measured(calls: int, rounds: int) -> list[Round]:
    """So many rounds."""
    with TemporaryDirectory() as folder, servers.valkey() as broker:
        recordings, warm = Path(folder, "in"), Path(folder, "warm")
        write(recordings, range(calls))
        write(warm, range(calls, calls + _WARM))
        return [one_round(Path(folder, str(number)), recordings, warm, broker) for number in range(rounds)]


def write(folder: Path, seeds: Sequence[int]) -> None:
    """Calls of two to three seconds."""
    folder.mkdir()
    for seed in seeds:
        call = make_call(seconds=2 + seed % 5 / 4, channels=1, seed=seed, sample_rate=8000)
        (folder / f"{seed}.wav").write_bytes(call.wav("pcm_s16le"))


def one_round(folder: Path, recordings: Path, warm: Path, broker: servers.Server) -> Round:
    calls = len(list(recordings.iterdir()))
    inline = as_program([sys.executable, "-c", _INGEST, str(recordings), str(folder / "inline"), "inline"])
    data, runner = folder / "data", f"celery+{broker.url}?prefix=bench-{uuid4().hex}:"
    data.mkdir(parents=True)
    with worker(data, runner) as pid:
        ingest(warm, data, runner)
        wait(data, _WARM)
        before, broker_before, begun = tree(pid), broker_cpu(broker), time.perf_counter()
        client = ingest(recordings, data, runner)
        wait(data, calls + _WARM)
        wall = time.perf_counter() - begun
        return Round(
            calls=calls,
            inline=inline.cpu,
            client=client,
            workers=tree(pid) - before,
            broker=broker_cpu(broker) - broker_before,
            inline_wall=inline.wall,
            wall=wall,
        )


def ingest(recordings: Path, data: Path, runner: str) -> float:
    return as_program([sys.executable, "-c", _INGEST, str(recordings), str(data), runner]).cpu


def wait(data: Path, calls: int) -> None:
    """Until all are ready. Seldom asked: that is nobody's work here, but takes a processor."""
    with CallKit.open(data, runner="inline") as kit:
        while kit.count("status:ready", at_most=10**6) < calls:
            if failed := kit.count("status:failed"):
                raise SystemExit(f"{failed} calls failed")
            time.sleep(0.25)


@contextmanager
def worker(data: Path, runner: str) -> Iterator[int]:
    """`callkit worker`, by its process id."""
    command = [sys.executable, "-m", "callkit", "worker", "--processes", str(PROCESSES)]
    environ = os.environ | {"CALLKIT_DATA": str(data), "CALLKIT_RUNNER": runner}
    with (
        (data.parent / "log").open("wb") as log,
        subprocess.Popen(command, env=environ, stderr=log, stdout=log) as process,
    ):
        try:
            yield process.pid
        finally:
            process.terminate()


def tree(pid: int) -> float:
    """CPU seconds of a process and all below it."""
    return cpu(pid) + sum(map(tree, children(pid)))


def broker_cpu(broker: servers.Server) -> float:
    """0 for one that runs already, perhaps on another machine."""
    return cpu(broker.process.pid) if broker.process else 0.0


def cpu(pid: int) -> float:
    """CPU seconds of a process, and of children that it has buried."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK


if __name__ == "__main__":
    sys.exit(main())
