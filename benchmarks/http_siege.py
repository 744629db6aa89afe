"""200 clients at once, for a minute, against `callkit serve` with its defaults; then nothing may be lost.

    python -m benchmarks.http_siege
    python -m benchmarks.http_siege --small             # 20 clients, seconds

A client announces a call, sends its recording (every other one in a form), searches for it, looks at it, and plays
pieces of calls that others sent; then it begins anew, without a pause. Every answer is held against what was sent. When
all is processed the server is stopped, and its folder is looked through. Clients and server share the machine, so the
times are those of a server that has more to do than it can.
"""

import argparse
import asyncio
import hashlib
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter

import orjson
from attrs import define, field, frozen

from benchmarks import http_services
from benchmarks.faults_client import recording
from benchmarks.http_check import violations
from benchmarks.http_client import Answer, Connection, form
from benchmarks.http_services import Service
from benchmarks.measuring import Figure
from benchmarks.tables import Chapter, markdown

__all__ = ["SMALL", "Scale", "Siege", "Sounds", "Tally", "besiege", "chapter"]

READS = ("search", "look", "play")
_PIECE = 1 << 16  # bytes: what a player asks for at a time


@frozen
class Scale:
    clients: int = 200
    seconds: float = 60.0


SMALL = Scale(20, 3.0)


class Sounds:
    """Recordings, each unlike any other and known by its number."""

    def __init__(self, seconds: Sequence[float] = (2, 3, 4, 5, 6, 7, 8, 9)) -> None:
        self._kinds = [recording(seed, length) for seed, length in enumerate(seconds)]

    def __getitem__(self, number: int) -> bytes:
        return self._kinds[number % len(self._kinds)][:-8] + number.to_bytes(8, "little")

    def sha256(self, number: int) -> str:
        return hashlib.sha256(self[number]).hexdigest()


@define
class Tally:
    """What was seen.

    Attributes:
        took: seconds of each request, by kind.
        statuses: how often each was answered, by kind.
        wrong: sentences.
        accepted: number of the recording, by the call's id.
    """

    took: dict[str, list[float]] = field(factory=dict)
    statuses: Counter[tuple[str, int]] = field(factory=Counter)
    wrong: list[str] = field(factory=list)
    accepted: dict[str, int] = field(factory=dict)

    @property
    def errors(self) -> int:
        """Answers of 500 and above."""
        return sum(count for (_, status), count in self.statuses.items() if status >= 500)

    @property
    def reads(self) -> list[float]:
        return [second for kind in READS for second in self.took.get(kind, ())]


@define
class Client:
    """One of many."""

    connection: Connection
    sounds: Sounds
    tally: Tally
    chance: random.Random

    async def go(self, number: int) -> None:
        """A call's way, from its announcement to the first listeners. What it promises is written into the tally."""
        caller = f"+4420{number:08}"
        call_id = await self.announce(caller)
        if call_id is None:
            return
        await self.upload(call_id, number)
        await self.search(caller, call_id)
        await self.look(call_id)
        for _ in range(2):
            await self.play()

    async def announce(self, caller: str) -> str | None:
        facts = {"caller": caller, "receiver": "101", "started_at": "2026-09-14T08:00:00Z"}
        facts["started_at"] = f"2026-09-{self.chance.randint(1, 30):02}T{self.chance.randrange(24):02}:00:00Z"
        answer = await self.ask("create", "POST", "/calls", orjson.dumps(facts), {"content-type": "application/json"})
        return answer.json["id"] if self.expect(answer, "create", 201) else None

    async def upload(self, call_id: str, number: int) -> None:
        target, sound = f"/calls/{call_id}/recording", self.sounds[number]
        if number % 2:
            answer = await self.ask("upload", "POST", target, *form(f"{number}.wav", sound))
        else:
            answer = await self.ask("upload", "PUT", f"{target}?filename={number}.wav", sound)
        if self.expect(answer, "upload", 202):
            self.tally.accepted[call_id] = number

    async def search(self, caller: str, call_id: str) -> None:
        answer = await self.ask("search", "GET", f"/calls?query={caller[-8:]}&limit=20")
        if self.expect(answer, "search", 200) and call_id not in {one["id"] for one in answer.json["items"]}:
            self.tally.wrong.append(f"call {call_id} is not found by its number")

    async def look(self, call_id: str) -> None:
        answer = await self.ask("look", "GET", f"/calls/{call_id}")
        if self.expect(answer, "look", 200) and answer.json["status"] not in ("processing", "ready"):
            self.tally.wrong.append(f"call {call_id} is {answer.json['status']}")

    async def play(self) -> None:
        """A piece of somebody's recording."""
        if not self.tally.accepted:
            return
        call_id, number = self.chance.choice(list(self.tally.accepted.items())[-500:])
        sound = self.sounds[number]
        start = self.chance.randrange(len(sound))
        span = {"range": f"bytes={start}-{start + _PIECE - 1}"}
        answer = await self.ask("play", "GET", f"/calls/{call_id}/audio", b"", span)
        if self.expect(answer, "play", 206) and answer.body != sound[start : start + _PIECE]:
            self.tally.wrong.append(f"the sound of call {call_id} is not what was sent")

    async def ask(
        self, kind: str, method: str, target: str, body: bytes = b"", more: Mapping[str, str] | None = None
    ) -> Answer:
        begun = perf_counter()
        answer = await self.connection.ask(method, target, body, more)
        self.tally.took.setdefault(kind, []).append(perf_counter() - begun)
        self.tally.statuses[kind, answer.status] += 1
        return answer

    def expect(self, answer: Answer, what: str, status: int) -> bool:
        if answer.status != status:
            self.tally.wrong.append(f"{what}: {answer.status} {answer.body[:200]!r}")
        return answer.status == status


@frozen
class Siege:
    """How it went. Seconds, MB; `behind` from the last upload until all was processed."""

    tally: Tally
    wrong: Sequence[str]
    cpu: float
    behind: float
    memory: float


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="20 clients for three seconds")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(argv)
    scale = SMALL if options.small else Scale(options.clients, options.seconds)
    found = besiege(scale)
    print(markdown(chapter(scale, found)))
    print("\n".join(found.wrong[:20]))
    return 1 if found.wrong else 0


def besiege(scale: Scale) -> Siege:
    """Everything, on a data folder of its own."""
    tally, sounds = Tally(), Sounds()
    with TemporaryDirectory() as folder:
        data = Path(folder, "data")
        with http_services.callkit(data) as service:
            cpu = service.cpu
            asyncio.run(_all(service, scale, tally, sounds))
            spent = service.cpu - cpu
            behind = asyncio.run(settle(service.port))
            memory = service.memory
        sent = {call_id: sounds.sha256(number) for call_id, number in tally.accepted.items()}
        wrong = [*tally.wrong, *violations(data, sent, sweep=False)]
    return Siege(tally, wrong, spent, behind, memory)


async def _all(service: Service, scale: Scale, tally: Tally, sounds: Sounds) -> None:
    until = monotonic() + scale.seconds
    clients = [Client(Connection(service.port), sounds, tally, random.Random(place)) for place in range(scale.clients)]
    await asyncio.gather(*(_stay(one, place, until, scale) for place, one in enumerate(clients)))


async def _stay(client: Client, place: int, until: float, scale: Scale) -> None:
    """Call after call, until time is over."""
    await asyncio.sleep(client.chance.random() * min(2.0, scale.seconds / 10))  # people do not come all at once
    numbers = count(place, scale.clients)
    async with client.connection:
        while monotonic() < until:
            try:
                await client.go(next(numbers))
            except (OSError, TimeoutError, EOFError) as error:
                client.tally.wrong.append(f"no answer: {type(error).__name__} {error}")


async def settle(port: int, timeout: float = 600.0) -> float:
    """Wait until nothing is processed any more; seconds."""
    begun = monotonic()
    async with Connection(port) as connection:
        while (await connection.ask("GET", "/calls?query=status:processing&limit=1")).json["items"]:
            if monotonic() - begun > timeout:
                break
            await asyncio.sleep(0.25)
    return monotonic() - begun


def chapter(scale: Scale, found: Siege) -> Chapter:
    """The times of each kind of request; what went wrong is counted."""
    tally, told = found.tally, []
    for kind, took in {**tally.took, "all reads": tally.reads}.items():
        if len(took) > 1:
            p99 = quantiles(took, n=100)[-1]
            told.append(Figure(kind, f"{len(took):,} requests", wall=median(took), note=f"99 of 100 below {p99:.3f} s"))
    answers, rate = sum(tally.statuses.values()), sum(tally.statuses.values()) / scale.seconds
    text = (
        f"{scale.clients} clients for {scale.seconds:g} s: {answers:,} answers ({rate:.0f} a second), {tally.errors} "
        f"of them 5xx. {len(tally.accepted):,} recordings were accepted, and all processed {found.behind:.1f} s after "
        f"the last one. {len(found.wrong)} promises broken, of answers, calls, bytes and blobs. The server took "
        f"{found.cpu:.0f} s of CPU for serving and processing, and {found.memory:.0f} MB of memory at most. Clients "
        "and server share the processors, and clients never pause: a request waits for all the others."
    )
    return Chapter("A siege", text, tuple(told))


if __name__ == "__main__":
    sys.exit(main())
