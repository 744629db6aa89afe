"""SIGKILL of `callkit serve` in the middle of uploads, again and again; no half recording, and no call that is stuck.

    python -m benchmarks.http_kills --kills 20
    python -m benchmarks.http_kills --small             # 2 kills

Clients send recordings of some MB in small pieces, as over a slow line, every other one in a form. At a random moment
the server is killed, and started again on the same folder. A client whose upload had no answer asks what became of it,
and sends it again if it did not come. In the end every call must be ready, and no blob a piece of something.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import orjson
from attrs import define, field, frozen

from benchmarks import http_services
from benchmarks.http_check import violations
from benchmarks.http_client import Answer, Connection, form
from benchmarks.http_services import Service
from benchmarks.http_siege import Sounds, settle

__all__ = ["SMALL", "Scale", "Storm", "Upload", "storm"]

_PIECE = 1 << 16
_PAUSE = 0.02  # seconds between two pieces
_LENGTHS = (10, 60, 120, 240)  # seconds: up to 4 MB, more than the server keeps in memory
_LEASE = 1.0  # seconds
_PATIENCE = 30.0
_GONE = (OSError, TimeoutError, EOFError)


@frozen
class Scale:
    kills: int = 20
    clients: int = 24


SMALL = Scale(2, 8)


@define(eq=False)
class Upload:
    """A recording on its way. `call_id`: once its call was announced; `done`: once the server said so."""

    number: int
    call_id: str | None = None
    done: bool = False


@define
class Storm:
    """All uploads, and what happened to them.

    Attributes:
        cut: were in the middle when the server died.
        kept: came, although the client had no answer.
        wrong: broken promises.
    """

    scale: Scale
    sounds: Sounds
    uploads: list[Upload] = field(factory=list)
    cut: int = 0
    kept: int = 0
    wrong: list[str] = field(factory=list)
    _waiting: list[Upload] = field(factory=list, init=False)

    @property
    def open(self) -> list[Upload]:
        return [one for one in self.uploads if not one.done]

    @property
    def text(self) -> str:
        return (
            f"{self.scale.kills} times SIGKILL under {self.scale.clients} clients that upload all the time. "
            f"{len(self.uploads)} recordings; uploads were cut off in the middle {self.cut} times, and {self.kept} had "
            f"come although the answer was lost. {len(self.wrong)} promises broken: in the end every call is ready "
            "with the bytes that were sent, and no blob is a piece of something."
        )

    async def under_fire(self, service: Service, seconds: float) -> None:
        """All clients at once, first with what has no answer yet, until the server dies."""
        clients = [asyncio.create_task(self._one_after_the_other(service)) for _ in range(self.scale.clients)]
        self._waiting, before, until = self.open, self.cut, monotonic() + _PATIENCE
        await asyncio.sleep(seconds)
        while self.cut == before and monotonic() < until:  # nobody is in the middle just now
            await asyncio.sleep(0.001)
        service.kill()
        await asyncio.gather(*clients)

    async def _one_after_the_other(self, service: Service) -> None:
        while service.process.returncode is None:
            await self._bring(service.port, self._next(), _PAUSE)

    def _next(self) -> Upload:
        if self._waiting:
            return self._waiting.pop()
        self.uploads.append(one := Upload(len(self.uploads)))
        return one

    async def finish(self, port: int) -> None:
        """What is still open, at once."""
        await asyncio.gather(*(self._bring(port, one, 0.0) for one in self.open))
        self.wrong += [f"upload {one.number} was never taken" for one in self.open]

    async def _bring(self, port: int, one: Upload, pause: float) -> None:
        async with Connection(port) as connection:
            try:
                await self._until_done(connection, one, pause)
            except _GONE:
                return

    async def _until_done(self, connection: Connection, one: Upload, pause: float) -> None:
        """Announce the call unless that was done, ask whether the recording came, and send it."""
        if one.call_id is None:
            one.call_id = await announce(connection, one.number)
        elif (await connection.ask("GET", f"/calls/{one.call_id}")).json["recording"] is not None:
            self.kept += 1
            one.done = True
            return
        answer = await self._send(connection, one, pause)
        one.done = answer.status == 202
        if not one.done:
            self.wrong.append(f"upload {one.number}: {answer.status} {answer.body[:200]!r}")

    async def _send(self, connection: Connection, one: Upload, pause: float) -> Answer:
        method, body, headers = "PUT", self.sounds[one.number], dict[str, str]()
        if one.number % 2:
            method, (body, headers) = "POST", form(f"{one.number}.wav", body)
        await connection.send(connection.head(method, f"/calls/{one.call_id}/recording", len(body), headers))
        await connection.send(body[:_PIECE])
        self.cut += 1
        for start in range(_PIECE, len(body), _PIECE):
            await asyncio.sleep(pause)
            await connection.send(body[start : start + _PIECE])
        answer = await connection.answer()
        self.cut -= 1
        return answer


async def announce(connection: Connection, number: int) -> str:
    """With a key, so that whoever heard no answer may say it again."""
    facts = {"caller": f"+4420{number:08}", "receiver": "101", "started_at": "2026-09-14T08:00:00Z"}
    headers = {"content-type": "application/json", "idempotency-key": f"upload-{number}"}
    answer = await connection.ask("POST", "/calls", orjson.dumps(facts), headers)
    return str(answer.json["id"])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="2 kills")
    options = parser.parse_args(argv)
    found = storm(SMALL if options.small else Scale(options.kills), options.seed)
    print(found.text)
    print("\n".join(found.wrong[:20]))
    return 1 if found.wrong else 0


def storm(scale: Scale, seed: int = 0) -> Storm:
    """Kill and start again; then let all clients finish, and look at everything."""
    chance, found, environ = random.Random(seed), Storm(scale, Sounds(_LENGTHS)), {"CALLKIT_LEASE": str(_LEASE)}
    environ["CALLKIT_ATTEMPTS"] = "1000"
    with TemporaryDirectory() as folder:
        data = Path(folder, "data")
        for _ in range(scale.kills):
            with http_services.callkit(data, environ) as service:
                asyncio.run(found.under_fire(service, chance.uniform(0.3, 4.0)))
            sleep(_LEASE)  # what the killed one worked on is free again
        with http_services.callkit(data, environ) as service:
            asyncio.run(found.finish(service.port))
            asyncio.run(settle(service.port))
        sent = {str(one.call_id): found.sounds.sha256(one.number) for one in found.uploads}
        found.wrong += violations(data, sent, sweep=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
