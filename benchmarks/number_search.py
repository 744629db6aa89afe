"""How long a search for part of a number takes among a million calls, and whether it finds what it should.

    python -m benchmarks.number_search --data /var/tmp/callkit-benchmarks
    python -m benchmarks.number_search --small               # 20,000 calls, seconds

The database is made once and kept for the next run. Numbers: a quarter of them distinct, most of them in "+79…", a few
companies that take part in most calls; two years, 3 % of the calls added late. The first page (20 calls) is asked for
through `SqlRepository.find`, and held against a scan of all calls.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from uuid import UUID

from attrs import frozen
from sqlalchemy import insert

from benchmarks.tables import table
from callkit.backends.repositories.sql import SqlRepository
from callkit.backends.repositories.sql.engine import open_database
from callkit.backends.repositories.sql.rows import to_values
from callkit.backends.repositories.sql.tables import calls
from callkit.core.call import Call, Recording, Status
from callkit.core.query import Query, sort_base

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
    Kind("absent", lambda number, chance: f"+79{chance.randrange(10**8):08}x"),
    Kind("absent infix", lambda number, _: f"{number[3:8]}x"),
    Kind("one company number", lambda _, chance: company(chance.randrange(COMPANIES))),
)
OLD = "a number whose calls are all old"


def company(place: int) -> str:
    return f"+7495{9_000_000 + place * 137:07}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true", help="20,000 calls")
    parser.add_argument("--rounds", type=int, default=200, help="searches of each class")
    parser.add_argument("--data", type=Path, default=Path(gettempdir()) / "callkit-benchmarks", metavar="DIR")
    options = parser.parse_args(argv)
    total = 20_000 if options.small else options.calls
    with closing(SqlRepository.open(options.data / f"numbers-{total}.db")) as repository:
        if repository.count(Query(), at_most=total) < total:
            fill(repository, total)
        rows = list(scan(repository))
        searches = made(rows, options.rounds)
        print(table([["newest 20 calls, ms", "p50", "p95", "CPU p50"], *timed(repository, searches)]))
        wrong, checked = check(repository, rows, searches)
        print(f"\n{checked} searches among {len(rows)} calls held against a scan: {wrong} wrong")
        print(table([["one call, µs of CPU", "p50", "p95"], *single(repository)]))
    return 1 if wrong else 0


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


def subscriber(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.7:
        return f"+79{chance.randrange(10**9):09}"
    return f"+44{chance.randrange(10**10):010}" if kind < 0.8 else f"+7{chance.randrange(3 * 10**9, 9 * 10**9):010}"


def call(place: int, moment: datetime, numbers: Sequence[str], chance: random.Random) -> Call:
    """Customers call companies, mostly; whom they call, and how often, is skewed. Some numbers are given up."""
    customer = numbers[int(len(numbers) * chance.random() ** 1.2)]
    if place > 3e5 / 1e6 * len(numbers) * 4 and customer == numbers[0]:
        customer = numbers[1]
    other = company(int(COMPANIES * chance.random() ** 2)) if chance.random() < 0.9 else chance.choice(numbers)
    ends = (customer, other) if chance.random() < 0.8 else (other, customer)
    sha256 = f"{place:064x}"
    return Call(
        id=UUID(int=place),
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
