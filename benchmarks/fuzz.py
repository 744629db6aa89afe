"""Thousands of requests that a fuzzer makes of the API's own description; every answer must be what that says.

    python -m benchmarks.fuzz --cases 5000

schemathesis with all its checks, against a server on SQLite with API keys: an answer that is not described, is not of
the described schema, is a crash, or is given to somebody without a key, is a failure. So is the exit code then.
"""

import argparse
import math
import os
import re
import struct
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import httpx
from attrs import frozen

from callkit.http.keys import Key, Scope, add_key

__all__ = ["SERVER", "Fuzzed", "fuzz", "main"]

SERVER = ("-m", "callkit")
"""What is run; a test puts a fault into it."""

_CONFIG = Path(__file__).with_name("fuzz.toml")
_NEW = {"caller": "101", "receiver": "102", "started_at": "2026-11-24T08:30:00Z"}
_ROOT = Path(__file__).parents[1]


@frozen
class Fuzzed:
    """What came of it: the fuzzer's exit code, how many cases there were, and all that it said."""

    code: int
    cases: int
    text: str


def fuzz(examples: int, seed: int | None = None) -> Fuzzed:
    """Run it.

    Args:
        examples: of each operation at most, in each phase.
        seed: of the fuzzer; None: another one each time.
    """
    with TemporaryDirectory() as name, _serving(Path(name)) as (url, key):
        config = Path(name, "fuzz.toml")
        config.write_text(_CONFIG.read_text("utf-8").replace("CALL_ID", _ready_call(url, key)), "utf-8")
        command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run", f"{url}/openapi.json"]
        command += ["--checks=all", f"--max-examples={examples}", f"--header=X-API-Key: {key}", "--no-color"]
        command += [f"--seed={seed}"] if seed is not None else []
        environ = os.environ | {"SCHEMATHESIS_HOOKS": "benchmarks.fuzz_hooks", "PYTHONPATH": str(_ROOT)}
        done = subprocess.run(command, check=False, cwd=name, env=environ, capture_output=True, encoding="utf-8")
    text = done.stdout + done.stderr
    cases = re.search(r"([\d,]+) generated", text)
    return Fuzzed(done.returncode, int(cases[1].replace(",", "")) if cases else 0, text)


def _ready_call(url: str, key: str) -> str:
    """The id of a call that has everything."""
    sound = beep(1.5)
    with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=30) as client:
        call = client.post("/calls", json=_NEW).json()["id"]
        client.post(f"/calls/{call}/recording", files={"file": ("a.wav", sound)}).raise_for_status()
        for _ in range(600):
            if client.get(f"/calls/{call}").json()["status"] == "ready":
                return str(call)
            sleep(0.1)
    raise TimeoutError("the call is not ready after a minute")


def beep(seconds: float) -> bytes:
    """A WAV file: a tone on one of two channels, then silence."""
    file = BytesIO()
    half = round(seconds * 4000)
    tone = b"".join(struct.pack("<hh", round(9000 * math.sin(0.35 * frame)), 0) for frame in range(half))
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(tone + bytes(4 * half))
    return file.getvalue()


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, str]]:
    key, text = Key.new("fuzz", [Scope.ADMIN], datetime.now(UTC))
    add_key(folder / "keys.json", key)
    environ = os.environ | {"CALLKIT_DATA": str(folder), "CALLKIT_HTTP_RATE": "100000", "CALLKIT_RUNNER": "threads:1"}
    command = [sys.executable, *SERVER, "serve", "--port", "0"]
    with subprocess.Popen(command, env=environ, cwd=folder, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr is not None
        found = (re.search(r"http://\S+:\d+", line) for line in process.stderr)
        try:
            yield next(filter(None, found))[0], text
        finally:
            process.terminate()
            process.communicate(timeout=60)


def main() -> int:
    """Run it, and print what the fuzzer says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=200, help="of each operation at most, in each phase")
    parser.add_argument("--cases", type=int, default=0, help="fail if there were fewer")
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    done = fuzz(arguments.examples, arguments.seed)
    print(done.text)
    if done.cases < arguments.cases:
        print(f"{done.cases} cases are too few: ask for more examples")
    return done.code or int(done.cases < arguments.cases)


if __name__ == "__main__":
    sys.exit(main())
