"""A small siege of a team's kit (`nox -s faults` is the large one), and whether it would notice what is broken."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from benchmarks.faults import FAULTS
from benchmarks.faults_check import nothing_left, ready_once, taken_in_once, whole
from benchmarks.faults_client import bring, recording, reported
from callkit import CallKit
from callkit.errors import StorageError

ROOT = Path(__file__).parents[1]
SECONDS = 0.5
COUNT = 3


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found in /proc, and killed by SIGKILL")
@pytest.mark.usefixtures("postgres_url", "redis_url", "s3_server")  # it starts its own: these tell that there are some
def test_whatever_dies_nothing_is_lost() -> None:
    command = [sys.executable, "-m", "benchmarks.faults", "--small", "--only", "everything", "--seed", "1"]
    own = {
        name: value for name, value in os.environ.items() if not name.startswith("CALLKIT_TEST_")
    }  # those are killed
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| everything | {len(FAULTS['everything'])} | 60 |" in done.stdout


@pytest.fixture
def report(kit: CallKit, tmp_path: Path) -> Path:
    """Three calls were brought, and all is well."""
    path = tmp_path / "report.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(COUNT):
            bring(kit, number, recording(number, SECONDS), file)
    assert broken(kit, path) == []
    return path


def broken(kit: CallKit, report: Path) -> list[str]:
    calls = list(kit.calls())
    return [
        *taken_in_once(calls, COUNT, reported(report)),
        *ready_once(kit, calls),
        *whole(kit, calls, SECONDS),
        *nothing_left(kit, calls),
    ]


def key_of(kit: CallKit, number: int) -> str:
    (call,) = kit.find(f"external_id:{number}").items
    assert call.recording is not None
    return call.recording.key


def test_a_call_too_many_is_noticed(kit: CallKit, report: Path) -> None:
    kit.ingest(recording(1, SECONDS), source="another", external_id="1")
    assert "4 calls of 3" in broken(kit, report)


def test_a_call_that_was_promised_and_is_not_there_is_noticed(kit: CallKit, report: Path) -> None:
    with report.open("a", encoding="utf-8") as file:
        file.write('{"number": 1, "id": "other", "took": 0.1}\n{"numb')
    assert any(sentence.startswith("call 1 was taken in as other, and is ") for sentence in broken(kit, report))


def test_a_call_that_is_not_ready_is_noticed(kit: CallKit, report: Path) -> None:
    (call,) = kit.find("external_id:1").items
    kit.repository.save(call.retry(kit.now()))
    assert any(sentence.startswith("call 1 is processing after ") for sentence in broken(kit, report))


def test_a_lost_and_a_damaged_blob_are_noticed(kit: CallKit, report: Path) -> None:
    kit.storage.delete(key_of(kit, 0))
    kit.storage.put(key_of(kit, 2), BytesIO(recording(1, SECONDS)))
    found = broken(kit, report)
    assert "the sound of call 0 is not what came in" in found
    assert "the sound of call 2 is not what came in" in found
    assert f"the blob {key_of(kit, 0)} is missing" in found


def test_a_blob_that_stays_after_a_sweep_is_noticed(kit: CallKit, report: Path) -> None:
    kit.storage.put("not/ours.wav", BytesIO(b"x"))
    assert broken(kit, report) == ["no call knows the blob not/ours.wav"]


def test_the_application_tries_again(kit: CallKit, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, away = kit.storage.put, [StorageError("place", "key", "away")]

    def hiccup(key: str, source: BytesIO) -> None:
        if away:
            raise away.pop()
        put(key, source)

    monkeypatch.setattr(type(kit.storage), "put", lambda _, key, source: hiccup(key, source))
    with report.open("a", encoding="utf-8") as file:
        bring(kit, 3, recording(3, SECONDS), file)
    told = list(reported(report))[-2:]
    assert told[0]["error"] == "storage_error"
    assert told[1]["number"] == 3
