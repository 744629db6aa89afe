"""A small storm of SIGKILLs; `nox -s storm` is the large one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="the storm finds workers in /proc, and kills by SIGKILL"
)
def test_killed_workers_and_parents_lose_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.storm", "--kills", "8", "--files", "12", "--seed", "7"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "nothing lost or twice" in run.stdout
