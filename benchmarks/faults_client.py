"""The application of `benchmarks.faults`: it brings calls in, and behaves sensibly when something is away.

    python -m benchmarks.faults_client --calls 500 --report FILE

It finds the kit in the environment. What a server's absence spoils it tries again, later and later. Killed and run
again, it begins from the beginning: what it had brought is known by its external id.
"""

import argparse
import io
import json
import sys
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TextIO

import numpy as np

from callkit.errors import BackendError
from callkit.kit import CallKit
from callkit.settings import load

__all__ = ["recording", "reported"]

SOURCE = "pbx"
_FIRST = datetime(2026, 9, 14, 8, tzinfo=UTC)
_RATE = 8000
_PATIENCE = 120.0  # seconds: an application, too, gives up at last


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each recording")
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    with options.report.open("a", encoding="utf-8") as report, load().open_kit() as kit:
        for number in range(options.calls):
            bring(kit, number, recording(number, options.seconds), report)
    return 0


def bring(kit: CallKit, number: int, sound: bytes, report: TextIO) -> None:
    begun, pause = monotonic(), 0.1
    while True:
        try:
            call = kit.ingest(
                sound,
                caller=f"+44207946{number:04}",
                receiver="101",
                started_at=_FIRST + timedelta(minutes=number),
                source=SOURCE,
                external_id=str(number),
                name=f"{number}.wav",
            )
        except BackendError as error:
            tell(report, error=error.code, text=str(error), after=monotonic() - begun)
            if monotonic() - begun > _PATIENCE:
                raise
            sleep(pause)
            pause = min(2 * pause, 5.0)
        else:
            tell(report, number=number, id=str(call.id), took=monotonic() - begun)
            return


def tell(report: TextIO, **facts: Any) -> None:
    report.write(json.dumps(facts) + "\n")
    report.flush()


def reported(report: Path) -> Iterator[dict[str, Any]]:
    """What the client told; it may have been killed in the middle of a line."""
    if report.exists():
        for line in report.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def recording(number: int, seconds: float) -> bytes:
    """A WAV of noise in bursts, unlike that of any other number, and the same each time."""
    dice = np.random.default_rng(number)
    loud = np.repeat(dice.integers(0, 2, round(seconds * 4)) * 3000 + 20, _RATE // 4)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes((dice.standard_normal(len(loud)) * loud).clip(-32768, 32767).astype("<i2").tobytes())
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
