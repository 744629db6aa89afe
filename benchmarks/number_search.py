"""How long a search for part of a number takes among a million calls, and whether it finds what it should.

    python -m benchmarks.number_search --data /var/tmp/callkit-benchmarks
    python -m benchmarks.number_search --small               # 20,000 calls, seconds
    python -m benchmarks.number_search --postgres            # on a PostgreSQL of its own, which is gone afterwards
    python -m benchmarks.number_search --database postgresql://user@host/empty

A SQLite database is made once and kept for the next run. Numbers: a quarter of them distinct, most in "+79…", a few
companies that take part in most calls; two years, 3 % of the calls added late. The first page (20 calls) is asked for
through `SqlRepository.find`, and held against a scan of all calls.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter, process_time
from uuid import UUID, uuid4

from attrs import evolve, frozen
from sqlalchemy import insert, select, text

from callkit.backends.repositories.sql import SqlRepository
from callkit.backends.repositories.sql.engine import open_database
from callkit.backends.repositories.sql.rows import to_values
from callkit.backends.repositories.sql.tables import calls
from callkit.core.call import Call, Recording, Status
from callkit.core.page import TIES, cursor, sort_base
from callkit.core.query import Query, matches
from tests import servers

START = datetime(2024, 9, 1, tzinfo=UTC)
DAYS = 730
PAGE = 20
COMPANIES = 60
Row = tuple[int, str, str]  # sort key, caller, receiver


@frozen
class Kind:
    """A class of searches: what it is called, and how one is made from a number that exists."""

    name: str
    needle: Callable[[str, random.Random], str]


KINDS = (
    Kind("full number", lambda number, _: number),
    Kind("first 8 characters", lambda number, _: number[:8]),
    Kind("first 5 characters", lambda number, _: number[:5]),
    Kind('"+79"', lambda *_: "+79"),
    Kind("last 4", lambda number, _: number[-4:]),
    Kind("last 7", lambda number, _: number[-7:]),
    Kind("3 in the middle", lambda number, chance: number[(place := chance.randrange(4, 8)) : place + 3]),
    Kind("2 digits", lambda number, _: number[-2:]),
    Kind("absent", lambda _, chance: f"+79{chance.randrange(10**8):08}x"),
    Kind("absent infix", lambda number, _: f"{number[3:8]}x"),
    Kind("one company number", lambda _, chance: company(chance.randrange(COMPANIES))),
    Kind("3 k calls, all old", lambda *_: OLD),
)
OLD = "+79990001122"  # in the first third, one call of a hundred


def company(place: int) -> str:
    return f"+7495{9_000_000 + place * 137:07}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true", help="20,000 calls")
    parser.add_argument("--postgres", action="store_true", help="on a new PostgreSQL server")
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL database, empty or filled by an earlier run")
    parser.add_argument("--rounds", type=int, default=200, help="searches of each class")
    parser.add_argument("--data", type=Path, default=Path(gettempdir()) / "callkit-benchmarks", metavar="DIR")
    options = parser.parse_args(argv)
    total = 20_000 if options.small else options.calls
    with opened(options, total) as (repository, other):
        if repository.count(Query(), at_most=total) < total:
            fill(repository, total)
        rows = scan(repository)
        searches = made(rows, options.rounds)
        print_table(("newest 20 calls, ms", "p50", "p95", "CPU p50"), timed(repository, searches))
        print_table(("page by cursor, ms", "p50", "p95", "CPU p50"), paged(repository, rows, options.rounds))
        wrong, checked = check(repository, rows, searches)
        print(f"\n{checked} searches among {len(rows)} calls held against a scan: {wrong} wrong")
        print_table(("one call, µs", "p50", "p95", "CPU p50"), single(other, 10 * options.rounds))
    return 1 if wrong else 0


@contextmanager
def opened(options: argparse.Namespace, total: int) -> Iterator[tuple[SqlRepository, SqlRepository]]:
    """The repository to search, and one to add to (in PostgreSQL it is the same)."""
    if options.postgres:
        with servers.postgres() as server:
            options.postgres, options.database = False, server.url
            with opened(options, total) as both:
                yield both
    elif options.database:
        with closing(SqlRepository.open(options.database)) as repository:
            repository.upgrade()
            yield repository, repository
    else:
        kept = SqlRepository.open(options.data / f"numbers-{total}.db")
        with closing(kept), TemporaryDirectory() as folder, closing(SqlRepository.open(Path(folder) / "new.db")) as new:
            yield kept, new


# ---- the calls


def fill(repository: SqlRepository, total: int) -> None:
    """Add the calls in order of their start, but for the late ones."""
    chance = random.Random(1)
    numbers = [subscriber(chance) for _ in range(total // 4)]
    order = sorted(range(total), key=lambda place: place + (chance.random() < 0.03) * chance.randrange(total // 10))
    step = timedelta(days=DAYS) / total
    taken: dict[int, int] = {}
    for start in range(0, total, 20_000):
        batch = [call(place, START + place * step, numbers, chance) for place in order[start : start + 20_000]]
        with open_database(repository.url).writing.begin() as connection:
            connection.execute(insert(calls), [row(one, taken) for one in batch])
    if repository.url.startswith("postgresql"):  # as its own upkeep does a little later
        with open_database(repository.url).looking.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))


def subscriber(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.7:
        return f"+79{chance.randrange(10**9):09}"
    return f"+44{chance.randrange(10**10):010}" if kind < 0.8 else f"+7{chance.randrange(3 * 10**9, 9 * 10**9):010}"


def call(place: int, moment: datetime, numbers: Sequence[str], chance: random.Random) -> Call:
    """Customers call companies, mostly; whom they call, and how often, is skewed."""
    is_old = place < 0.3 * 4 * len(numbers) and chance.random() < 0.01
    customer = OLD if is_old else numbers[int(len(numbers) * chance.random() ** 1.2)]
    other = company(int(COMPANIES * chance.random() ** 2)) if chance.random() < 0.9 else chance.choice(numbers)
    ends = (customer, other) if chance.random() < 0.8 else (other, customer)
    sha256 = f"{abs(place):064x}"
    return Call(
        id=UUID(int=abs(place)),
        started_at=moment,
        created_at=moment,
        updated_at=moment,
        caller=ends[0],
        receiver=ends[1],
        status=Status.READY if chance.random() < 0.97 else Status.FAILED,
        duration=chance.expovariate(1 / 180),
        silence_share=chance.random(),
        tags=("vip",) if chance.random() < 0.02 else (),
        recording=Recording(f"{sha256[-2:]}/{place}/recording.wav", f"{place}.wav", 10**6, sha256, "wav", moment),
    )


def row(one: Call, taken: dict[int, int]) -> dict[str, object]:
    base = sort_base(one.started_at)
    taken[base] = taken.get(base, -1) + 1
    return to_values(one) | {"pk": base + taken[base]}


# ---- the searches

Searches = dict[str, list[str]]
Line = tuple[str, float, float, float]


def made(rows: Sequence[Row], rounds: int) -> Searches:
    """Needles of each class, from the callers of calls all over the two years."""
    chance = random.Random(2)
    searches: Searches = {}
    for kind in KINDS:
        sources = (chance.choice(chance.choice(rows)[1:]) for _ in range(rounds))
        searches[kind.name] = [kind.needle(number, chance) for number in sources]
    return searches


def timed(repository: SqlRepository, searches: Searches) -> Iterator[Line]:
    for name, needles in searches.items():
        find(repository, needles[0])
        yield line(name, 1000, [costs(lambda: find(repository, needle)) for needle in needles])  # noqa: B023 - used here


def paged(repository: SqlRepository, rows: Sequence[Row], rounds: int) -> Iterator[Line]:
    """Pages of all calls by their cursors: the first, the 100th …"""
    for page in (1, 100, 10_000, len(rows) // PAGE):
        if page * PAGE <= len(rows):
            after = cursor(rows[(page - 1) * PAGE - 1][0]) if page > 1 else None
            spent = [costs(lambda: repository.find(Query(), limit=PAGE, after=after)) for _ in range(rounds)]  # noqa: B023 - used here
            yield line(f"page {page:,}", 1000, spent)


def find(repository: SqlRepository, needle: str) -> list[Call]:
    return list(repository.find(Query(numbers=(needle,)), limit=PAGE))


def single(repository: SqlRepository, rounds: int) -> Iterator[Line]:
    """What `callkit process` does with each call, one by one."""
    chance, lease = random.Random(3), timedelta(seconds=30)
    numbers = [subscriber(chance) for _ in range(rounds // 4)]
    added = [call(-1 - n, START - timedelta(minutes=n), numbers, chance) for n in range(rounds)]
    added = [evolve(one, id=uuid4(), external_id=str(uuid4()), status=Status.PROCESSING) for one in added]
    claimed = [one.claim("worker", START, lease) for one in added]
    failed = [one.fail("damaged_audio", "It is broken.", START) for one in claimed]
    works: dict[str, list[Callable[[], object]]] = {
        "add": [partial(repository.add, one) for one in added],
        "get": [partial(repository.get, one.id) for one in added],
        "save a claim": [partial(repository.save, one) for one in claimed],
        "save a failure": [partial(repository.save, one) for one in failed],
    }
    for name, work in works.items():
        yield line(name, 1e6, [costs(one) for one in work])


def costs(work: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = process_time(), perf_counter()
    work()
    return perf_counter() - wall, process_time() - cpu


def line(name: str, unit: float, spent: Sequence[tuple[float, float]]) -> Line:
    walls = [wall * unit for wall, _ in spent]
    return name, median(walls), quantiles(walls, n=20)[-1], median(cpu * unit for _, cpu in spent)


def print_table(head: tuple[str, ...], lines: Iterable[Line]) -> None:
    print(
        f"\n| {head[0]:20} | {head[1]:>7} | {head[2]:>7} | {head[3]:>7} |\n|{'-' * 22}|{'-' * 9}|{'-' * 9}|{'-' * 9}|"
    )
    for name, *figures in lines:
        print(f"| {name:20} | {' | '.join(f'{figure:7.3g}' for figure in figures)} |", flush=True)


# ---- the truth


def scan(repository: SqlRepository) -> list[Row]:
    """All calls, newest first; callers and receivers are written as they are compared."""
    wanted = select(calls.c.pk, calls.c.caller, calls.c.receiver).order_by(calls.c.pk.desc())
    with open_database(repository.url).looking.begin() as connection:
        return [tuple(one) for one in connection.execute(wanted)]


def check(repository: SqlRepository, rows: Sequence[Row], searches: Searches) -> tuple[int, int]:
    """How many of some searches find other calls than a scan, and how many were checked."""
    checked = [needle for needles in searches.values() for needle in needles[:3]]
    wrong = sum(found(repository, needle) != scanned(rows, needle) for needle in checked)
    return wrong, len(checked)


def found(repository: SqlRepository, needle: str) -> list[tuple[datetime, str, str]]:
    return [(one.started_at, one.caller, one.receiver) for one in find(repository, needle)]


def scanned(rows: Sequence[Row], needle: str) -> list[tuple[datetime, str, str]]:
    """The first page, by `matches` on all that could match and on a sample of the others."""
    chance, query, hits = random.Random(needle), Query(numbers=(needle,)), []
    for key, caller, receiver in rows:
        if needle in caller or needle in receiver or chance.random() < 0.0001:
            moment = datetime.fromtimestamp(key // TIES / 1000, UTC)
            one = Call(
                id=UUID(int=0),
                started_at=moment,
                created_at=moment,
                updated_at=moment,
                caller=caller,
                receiver=receiver,
            )
            hits += [(one.started_at, caller, receiver)] if matches(query, one) else []
        if len(hits) == PAGE:
            break
    return hits


if __name__ == "__main__":
    sys.exit(main())
