"""Kill workers and their parent at random moments of `callkit process`, and count what is lost: it must be nothing.

    python -m benchmarks.storm --kills 200

Rounds of recordings are processed in a fresh data folder. Again and again SIGKILL hits a worker process, or the
parent, which is then started again. At the end of a round `sweep` puts things right, and everything is checked:
every file is one call, every call is ready, every blob is whole and known. Needs a system with SIGKILL and /proc.
"""

import argparse
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
import wave
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from callkit import CallKit, Leasing, Status

FILES = 40
SECONDS = 240
LEASE = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, default=FILES)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    kills = {"parent": 0, "worker": 0}
    rounds = 0
    while sum(kills.values()) < options.kills:
        with TemporaryDirectory() as folder:
            most = options.kills - sum(kills.values())
            one_round(Path(folder), options.files, chance, kills, min(most, 20))
        rounds += 1
    print(f"{kills['worker']} workers and {kills['parent']} parents killed in {rounds} rounds: nothing lost or twice")
    return 0


def one_round(folder: Path, files: int, chance: random.Random, kills: dict[str, int], most: int) -> None:
    """Process a folder under fire, then check everything."""
    recordings = folder / "in"
    recordings.mkdir()
    for number in range(files):
        (recordings / f"{number:03}.wav").write_bytes(recording(number))
    end = sum(kills.values()) + most
    while sum(kills.values()) < end:
        if under_fire(folder, chance, kills, end):
            break
    run = subprocess.run(command(folder), env=environment(), capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"the last run failed ({run.returncode}): {run.stderr[-2000:]}")
    check(folder, files)


def under_fire(folder: Path, chance: random.Random, kills: dict[str, int], end: int) -> bool:
    """Run once; true if it came to its end by itself."""
    parent = subprocess.Popen(
        command(folder), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while sum(kills.values()) < end:
        time.sleep(chance.uniform(0.02, 0.8))
        if parent.poll() is not None:
            return parent.returncode == 0
        workers = children(parent.pid)
        if chance.random() < 0.7:
            kills["worker"] += kill(chance.choice(workers)) if workers else 0
        else:
            kills["parent"] += kill(parent.pid)
            parent.wait()
            return False
    return parent.wait() == 0


def command(folder: Path) -> list[str]:
    data = str(folder / "data")
    return [
        sys.executable,
        "-m",
        "callkit",
        "process",
        str(folder / "in"),
        "--data",
        data,
        "--processes",
        "2",
        "--quiet",
    ]


def environment() -> dict[str, str]:
    return os.environ | {"CALLKIT_LEASE": str(LEASE), "CALLKIT_ATTEMPTS": "1000"}


def children(pid: int) -> list[int]:
    """The living child processes."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def kill(pid: int) -> int:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def recording(seed: int) -> bytes:
    """Some minutes of noise in bursts, unlike any other."""
    dice = np.random.default_rng(seed)
    loud = np.repeat(dice.integers(0, 2, SECONDS) * 3000 + 20, 8000)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes((dice.standard_normal(len(loud)) * loud).clip(-32768, 32767).astype("<i2").tobytes())
    return file.getvalue()


def check(folder: Path, files: int) -> None:
    """Every file one ready call; every blob whole and known."""
    with CallKit.open(folder / "data", runner="inline", leasing=Leasing(timedelta(seconds=LEASE))) as kit:
        time.sleep(LEASE)
        kit.sweep(grace=timedelta(0))
        calls = list(kit.calls())
        wrong = [f"call {call.id} is {call.status}" for call in calls if call.status is not Status.READY]
        hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "in").iterdir()}
        known: set[str] = set()
        for call in calls:
            assert call.recording is not None
            known |= {call.recording.key, call.recording.peaks_key}
            with kit.open_recording(call.id) as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            if digest != call.recording.sha256:
                wrong.append(f"the recording of call {call.id} is not what came in")
        if len(calls) != files or {call.recording.sha256 for call in calls if call.recording} != hashes:
            wrong.append(f"{len(calls)} calls of {files} files")
        stored = {blob.key for blob in kit.storage.list()}
        wrong += [f"orphan blob {key}" for key in sorted(stored - known)]
        wrong += [f"missing blob {key}" for key in sorted(known - stored)]
        wrong += [f"left over {path}" for path in (folder / "data").rglob("*.part")]
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    sys.exit(main())
