"""What reading over HTTP costs: `callkit serve` against the reference service, over the same calls.

    python -m benchmarks.http_reads                  # SQLite and a PostgreSQL of its own; 10,000 calls
    python -m benchmarks.http_reads --small          # seconds

Both run all the time, one process each; rounds of requests go to one and the other in turn, over connections that stay
open. CPU is the server process's own, for one request; that of the database server is counted apart. Half of the calls
have a transcript with times for each word, which callkit tells in full: of the other service everybody gets the text.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.parse import quote
from uuid import uuid4

import psycopg
from attrs import frozen
from sqlalchemy import make_url

from benchmarks import http_calls, http_services
from benchmarks.celery_overhead import tree
from benchmarks.http_client import Answer, Connection
from benchmarks.http_services import Service
from benchmarks.measuring import Cost, Figure, figures, in_turn
from benchmarks.tables import Chapter, markdown
from tests import servers

__all__ = ["LIMITS", "Place", "Scale", "chapter", "over"]

LIMITS = {"SQLite": 1.0, "PostgreSQL": 1.3}  # times the reference's CPU
_TRIES = 100
REFERENCE, CALLKIT = "FastAPI + SQLAlchemy", "callkit serve"


@frozen
class Scale:
    """How much is measured. `requests`: of each service and case, in a round."""

    calls: int = 10_000
    rounds: int = 11
    requests: int = 500
    connections: int = 8


SMALL = Scale(calls=200, rounds=3, requests=60)


@frozen
class Place:
    """Both services, on databases of one kind that hold the same calls."""

    database: str
    server: servers.Server | None
    services: Mapping[str, Service]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="200 calls, and few requests")
    parser.add_argument("--only", choices=tuple(LIMITS), help="one of the databases")
    options = parser.parse_args(argv)
    slow = []
    for database in [options.only] if options.only else LIMITS:
        found = chapter(database, SMALL if options.small else Scale())
        print(markdown(found), flush=True)
        slow += over(database, found)
    print("\n".join(slow))
    return 1 if slow and not options.small else 0


def chapter(database: str, scale: Scale) -> Chapter:
    """All cases on a database."""
    lines: list[Figure] = []
    with place(database, scale.calls) as found:
        for case, paths in cases(scale).items():
            agree(found, paths[:20])
            lines += measured(case, found, paths, scale)
    text = (
        f"{scale.calls:,} calls on {database}; {scale.requests} requests a round over {scale.connections} connections, "
        f"{scale.rounds} rounds. CPU of the server process for one request. callkit may take {LIMITS[database]:g} "
        "times what the other takes. Both were seen to tell the same; callkit tells more."
    )
    return Chapter(f"Reading, on {database}", text, tuple(lines))


def over(database: str, found: Chapter) -> list[str]:
    """What takes more than it may."""
    limit = LIMITS[database]
    return [
        f"{database}, {one.case}: {one.ratio:.2f} × the reference's CPU, and {limit:g} × is allowed"
        for one in found.figures
        if one.who == CALLKIT and (one.ratio or 0) > limit
    ]


@contextmanager
def place(database: str, calls: int) -> Iterator[Place]:
    """Both services on new databases."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(servers.postgres()) if database == "PostgreSQL" else None
        own, other = str(folder / "callkit.db"), f"sqlite+aiosqlite:///{folder / 'reference.db'}"
        if server:
            own, other = stack.enter_context(_database(server.url))
        http_calls.fill(own, other, calls)
        reference = stack.enter_context(http_services.reference(folder / "reference", other))
        ours = stack.enter_context(http_services.callkit(folder / "callkit", {"CALLKIT_DATABASE": own}))
        yield Place(database, server, {REFERENCE: reference, CALLKIT: ours})


@contextmanager
def _database(server: str) -> Iterator[tuple[str, str]]:
    """A new one, by the URLs of both services."""
    name = f"http_reads_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield _url(server, "postgresql+psycopg", name), _url(server, "postgresql+asyncpg", name)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _url(server: str, driver: str, database: str) -> str:
    return make_url(server).set(drivername=driver, database=database).render_as_string(hide_password=False)


def cases(scale: Scale) -> dict[str, list[str]]:
    """The requests of each case; the same in each round."""
    chance = random.Random(1)
    numbers = [chance.randrange(scale.calls) for _ in range(scale.requests)]
    ids = [http_calls.id_of(number) for number in numbers]
    spoken = http_calls.has_transcript
    pieces = [quote(http_calls.caller_of(number)[-6:]) for number in numbers]
    return {
        "one call": [f"/calls/{one}" for one, number in zip(ids, numbers, strict=True) if not spoken(number)],
        "one call, transcribed": [f"/calls/{one}" for one, number in zip(ids, numbers, strict=True) if spoken(number)],
        "newest 20": ["/calls?limit=20"] * len(numbers),
        "20 at an offset": [f"/calls?limit=20&offset={number % 1000}" for number in numbers],
        "search by a number's end": [f"/calls?query={piece}&limit=20" for piece in pieces],
    }


def measured(case: str, found: Place, paths: Sequence[str], scale: Scale) -> list[Figure]:
    """Rounds in turn, after one that does not count; the database server's share as a note."""
    shares: dict[str, list[float]] = {who: [] for who in found.services}

    def round_of(who: str) -> Cost:
        return asked(found, found.services[who], paths, scale.connections, shares[who])

    works = {who: lambda who=who: round_of(who) for who in found.services}
    in_turn(works, 1)
    for share in shares.values():
        share.clear()
    lines = figures(case, in_turn(works, scale.rounds))
    return [_noted(one, median(shares[one.who])) if found.server else one for one in lines]


def _noted(one: Figure, share: float) -> Figure:
    return Figure(one.case, one.who, one.cpu, one.ratio, wall=one.wall, note=f"PostgreSQL {1000 * share:.2f} ms")


def asked(found: Place, service: Service, paths: Sequence[str], connections: int, shares: list[float]) -> Cost:
    """What one request costs."""
    cpu, database, begun = service.cpu, database_cpu(found), perf_counter()
    asyncio.run(ask_all(service.port, paths, connections))
    cost = Cost((service.cpu - cpu) / len(paths), (perf_counter() - begun) / len(paths))
    shares.append((database_cpu(found) - database) / len(paths))
    return cost


def database_cpu(found: Place) -> float:
    """0 for a server that runs already, perhaps on another machine."""
    if found.server is None or found.server.process is None:
        return 0.0
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, ProcessLookupError):  # its helpers come and go while one looks
            return tree(found.server.process.pid)
    raise SystemExit("the database server ended")


async def ask_all(port: int, paths: Sequence[str], connections: int) -> list[Answer]:
    """The answers, in the order of the requests.

    Raises:
        SystemExit: one is an error.
    """
    dealt = [paths[start::connections] for start in range(connections)]
    answers = await asyncio.gather(*(ask(port, share) for share in dealt))
    return [answers[place % connections][place // connections] for place in range(len(paths))]


async def ask(port: int, paths: Sequence[str]) -> list[Answer]:
    found = []
    async with Connection(port) as connection:
        for path in paths:
            found.append(answer := await connection.ask("GET", path))
            if answer.status != 200:
                raise SystemExit(f"GET {path}: {answer.status} {answer.body[:200]!r}")
    return found


def agree(found: Place, paths: Sequence[str]) -> None:
    """Both tell the same of the same calls.

    Raises:
        SystemExit: they differ.
    """
    told = [asyncio.run(ask_all(service.port, paths, 1)) for service in found.services.values()]
    for path, *answers in zip(paths, *told, strict=True):
        first, second = (http_calls.gist(answer.json) for answer in answers)
        if not first or first != second:
            raise SystemExit(f"GET {path}: {first} and {second}")


if __name__ == "__main__":
    sys.exit(main())
