"""How many calls a second workers can claim, and that none is claimed twice.

    python -m benchmarks.claims                      # SQLite and a PostgreSQL of its own; 1, 4 and 16 processes
    python -m benchmarks.claims --small              # seconds

A message for each waiting call, and for every tenth of them a second one to somebody else, are dealt to the workers.
One reads the call, and claims it if nobody has, as `callkit worker` does. Who claimed what is counted outside.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from uuid import UUID

from attrs import frozen

from callkit.backends.repositories.sql import SqlRepository
from callkit.errors import LeaseHeldError, MoveNotAllowedError, StaleCallError
from callkit.testing.agreement import NOW, RECORDING, some_call
from tests import servers

_LEASE = timedelta(hours=1)


@frozen
class Share:
    """What one worker did: which calls it claimed, how often it came too late, from when to when, CPU seconds."""

    won: Sequence[UUID]
    lost: int
    begun: float
    ended: float
    cpu: float


@frozen
class Measured:
    """What all did: claims a second, CPU seconds for one, how often they were late, calls claimed twice, or never."""

    rate: float
    cpu: float
    late: int
    double: int
    never: int


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--small", action="store_true", help="200 calls; 1 and 4 workers")
    options = parser.parse_args(argv)
    calls, workers = (200, [1, 4]) if options.small else (options.calls, options.workers)
    print("| database   | workers | claims/s | came too late | double claims |")
    print("|------------|---------|----------|---------------|---------------|")
    wrong = 0
    with places() as found:
        for name, url in found.items():
            for count in workers:
                one = measured(url, calls, count)
                print(f"| {name:10} | {count:7} | {one.rate:8.0f} | {one.late:13} | {one.double:13} |", flush=True)
                wrong += one.double + one.never
    return 1 if wrong else 0


@contextmanager
def places() -> Iterator[dict[str, str]]:
    with TemporaryDirectory() as folder, servers.postgres() as server:
        repository = SqlRepository.open(server.url)
        repository.upgrade()
        repository.close()
        yield {"SQLite": str(Path(folder) / "calls.db"), "PostgreSQL": server.url}


def measured(url: str, calls: int, workers: int) -> Measured:
    """New calls, claimed by so many workers."""
    ids = waiting(url, calls)
    shares = claimed(url, ids, workers)
    claims = Counter(call for share in shares for call in share.won)
    return Measured(
        rate=len(claims) / (max(share.ended for share in shares) - min(share.begun for share in shares)),
        cpu=sum(share.cpu for share in shares) / len(claims),
        late=sum(share.lost for share in shares),
        double=sum(claims.values()) - len(claims),
        never=len(ids) - len(claims),
    )


def waiting(url: str, calls: int) -> list[UUID]:
    repository = SqlRepository.open(url)
    made = [some_call(number / 10).attach(RECORDING, NOW) for number in range(calls)]
    for call in made:
        repository.add(call)
    repository.close()
    return [call.id for call in made]


def claimed(url: str, ids: Sequence[UUID], workers: int) -> list[Share]:
    context = get_context("spawn")
    barrier, queue = context.Barrier(workers), context.SimpleQueue()
    messages = [*ids, *random.Random(1).sample(ids, len(ids) // 10)]
    random.Random(2).shuffle(messages)
    dealt = [messages[seed::workers] for seed in range(workers)]
    processes = [
        context.Process(target=claim, args=(url, dealt[seed], seed, barrier, queue)) for seed in range(workers)
    ]
    for process in processes:
        process.start()
    shares = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return shares


def claim(url: str, ids: Sequence[UUID], seed: int, barrier: Barrier, queue: "SimpleQueue[Share]") -> None:
    repository, won, lost = SqlRepository.open(url), list[UUID](), 0
    repository.get(ids[0])  # connected
    barrier.wait(120)
    begun, cpu = perf_counter(), process_time()
    for call_id in ids:
        try:
            repository.save(repository.get(call_id).claim(f"worker {seed}", NOW, _LEASE))
        except (LeaseHeldError, MoveNotAllowedError, StaleCallError):
            lost += 1
        else:
            won.append(call_id)
    queue.put(Share(won, lost, begun, perf_counter(), process_time() - cpu))
    repository.close()


if __name__ == "__main__":
    sys.exit(main())
