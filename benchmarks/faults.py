"""Kill everything that a team's kit stands on while calls come in, and count what is lost: it must be nothing.

    python -m benchmarks.faults --seed 1
    python -m benchmarks.faults --only broker,postgres --calls 200

Real servers (see tests/servers.py), a kit on PostgreSQL, S3 and Celery, two `callkit worker`s, and an application that
brings 500 calls in. For each fault: SIGKILL at moments that the seed chooses; then everybody waits until nothing is
left to do; then all is checked: every call is ready exactly once, every blob is whole, nothing is left over. Prints
a table; exits with 1 if a promise was broken. Needs a system with SIGKILL and /proc.
"""

import argparse
import os
import random
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import psycopg
from attrs import evolve

from benchmarks.faults_check import Outcome, outcome, violations
from benchmarks.faults_team import Scale, Servers, Team, servers_running
from benchmarks.storm import children
from callkit.errors import BackendError
from callkit.kit import CallKit
from tests import servers

__all__ = ["FAULTS", "main"]

Strike = Callable[[Team, random.Random], None]

SMALL = Scale(calls=60, seconds=3.0, away=3.0, patience=60.0, sweep_every=1.0, environ={"CALLKIT_LEASE": "2"})
_S3_START = 3.2  # seconds that the server takes
_HEAD = ("fault", "times", "calls", "claimed again", "recovery", "longest gap", "all", "orphans", "what `ingest` met")


def pool_process(team: Team, chance: random.Random) -> None:
    """One of the processes that measure recordings."""
    worker = chance.choice(team.workers).wait()
    os.kill(chance.choice(worker.pool), signal.SIGKILL)


def worker(team: Team, chance: random.Random) -> None:
    """A whole `callkit worker`, or only its first process; something starts another."""
    place = chance.randrange(len(team.workers))
    team.below += team.workers[place].wait().kill(tree=chance.random() < 0.5)
    team.workers[place] = team.start_worker().wait()


def sweepers(team: Team, chance: random.Random) -> None:
    """All processes that look for lost work; and then the broker, which leaves them some."""
    for one in team.workers:
        for pid in set(children(one.wait().process.pid)) - set(one.pool):
            os.kill(pid, signal.SIGKILL)
    broker(team, chance)


def broker(team: Team, chance: random.Random) -> None:
    """It comes back empty."""
    server = team.servers.broker
    server.kill()
    sleep(chance.uniform(0.5, 3.0))
    server.start().wait()


def postgres(team: Team, chance: random.Random) -> None:
    """Killed, or stopped at once; it comes back with what it had promised to keep."""
    server = team.servers.postgres
    server.kill(chance.choice([signal.SIGKILL, signal.SIGQUIT]))
    sleep(chance.uniform(0.5, 3.0))
    revive(server)


def postgres_for_long(team: Team, _: random.Random) -> None:
    team.servers.postgres.kill()
    sleep(6 * team.scale.away)
    revive(team.servers.postgres)


def revive(server: servers.Server) -> None:
    """A killed PostgreSQL leaves a file that says it is ready, and does not start while its last children live."""
    until = monotonic() + 60
    server.start()
    while True:
        try:
            psycopg.connect(server.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if monotonic() > until:
                raise
            if not server.is_alive:
                server.start()
            sleep(0.1)
        else:
            return


def s3(team: Team, _: random.Random) -> None:
    """Nobody listens for a while."""
    server = team.servers.s3
    server.kill()
    sleep(max(0.0, team.scale.away - _S3_START))
    server.start().wait()


def s3_for_long(team: Team, _: random.Random) -> None:
    """Longer than anybody waits at a time."""
    team.servers.s3.kill()
    sleep(9 * team.scale.away)
    team.servers.s3.start().wait()


def frozen_s3(team: Team, _: random.Random) -> None:
    """It listens, and says nothing for a while."""
    process = team.servers.s3.process
    assert process is not None
    os.killpg(process.pid, signal.SIGSTOP)
    sleep(team.scale.away)
    os.killpg(process.pid, signal.SIGCONT)


def application(team: Team, _: random.Random) -> None:
    """It is started again, and begins from the beginning."""
    assert team.client is not None
    team.client.kill()
    team.client.wait()
    team.start_client()


FAULTS: Mapping[str, Sequence[Strike]] = {
    "none": (),
    "pool process": 8 * (pool_process,),
    "worker": 3 * (worker,),
    "broker": 3 * (broker,),
    "sweepers": (sweepers,),
    "postgres": 3 * (postgres,),
    "s3": (s3,),
    "frozen s3": (frozen_s3,),
    "application": 3 * (application,),
    "long postgres": (postgres_for_long,),
    "long s3": (s3_for_long,),
    "everything": (pool_process, worker, broker, postgres, s3, application),
}


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that whoever was started is ended, too
    options = arguments()
    scale = SMALL if options.small else Scale()
    scale = evolve(scale, calls=options.calls or scale.calls)
    broken = 0
    print("| " + " | ".join(_HEAD) + " |\n|" + "---|" * len(_HEAD), flush=True)
    with servers_running() as running:
        for name in options.only or FAULTS:
            broken += one_fault(name, running, scale, random.Random(f"{options.seed} {name}"))
    return 1 if broken else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, help="default: 500")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=_names, help=f"some of: {', '.join(FAULTS)}")
    parser.add_argument("--small", action="store_true", help="few calls, short leases: for the tests")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(FAULTS):
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(unknown)}")
    return names


def one_fault(name: str, running: Servers, scale: Scale, chance: random.Random) -> int:
    """Play it, and print its line; how many promises were broken."""
    with TemporaryDirectory() as folder:
        team = Team.gather(running, scale, Path(folder))
        try:
            restored = besiege(team, FAULTS[name], chance)
            with team.kit() as kit:
                until_all_is_done(team, kit)
                cost = outcome(team, kit, restored)
                wrong = list(violations(team, kit))
        finally:
            ended = team.end()
        show(name, scale, cost)
        wrong += ended
        for sentence in wrong:
            print(f"BROKEN ({name}): {sentence}", file=sys.stderr)
        if wrong:
            print((team.folder / "worker.log").read_text(errors="replace")[-5000:], file=sys.stderr)
    return len(wrong)


def besiege(team: Team, strikes: Sequence[Strike], chance: random.Random) -> datetime:
    """Strike while calls come in; when the last fault was over."""
    moments = sorted(chance.uniform(0.05, 0.9) for _ in strikes)
    restored = datetime.now(UTC)
    team.start_client()
    for moment, strike in zip(moments, chance.sample(strikes, len(strikes)), strict=True):
        while team.brought < moment * team.scale.calls and team.client and team.client.poll() is None:
            sleep(0.05)
        sleep(chance.uniform(0.0, 0.5))
        team.look_after_workers()
        strike(team, chance)
        restored = datetime.now(UTC)
    assert team.client is not None
    if code := team.client.wait(600):
        raise SystemExit(f"the application ended with {code}:\n{(team.folder / 'client.log').read_text()[-3000:]}")
    return restored


def until_all_is_done(team: Team, kit: CallKit) -> None:
    """Until no call is worked on, or nothing has happened for a long time."""
    before, since = -1, monotonic()
    while monotonic() - since < team.scale.patience:
        team.look_after_workers()
        try:
            left = kit.count("status:processing", at_most=10 * team.scale.calls)
        except BackendError:
            left = before
        if left == 0:
            return
        if left != before:
            before, since = left, monotonic()
        sleep(0.1)


def show(name: str, scale: Scale, cost: Outcome) -> None:
    figures = (f"{seconds:.1f} s" for seconds in (cost.recovery, cost.gap, cost.total))
    cells = (name, len(FAULTS[name]), scale.calls, cost.repeated, *figures, cost.orphans, cost.seen)
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
