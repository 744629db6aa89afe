"""That the Celery benchmark measures what it says, on a few calls. What it costs is not tested here."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("celery", reason="needs the extra celery")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time of other processes comes from /proc")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    return importlib.import_module("benchmarks.celery_overhead")


def test_all_calls_are_done_both_ways_and_all_processes_count(bench: Any, redis_url: str) -> None:
    (one,) = bench.measured(10, 1)
    assert one.calls == 10
    assert min(one.inline, one.client, one.inline_wall, one.wall) > 0
    assert one.workers > 0, "the measuring was done there"
    assert one.overhead == pytest.approx(100 * (one.client + one.workers - one.inline))


def test_a_process_s_cpu_is_found(bench: Any) -> None:
    before = bench.cpu(bench.os.getpid())
    sum(range(10_000_000))
    assert bench.cpu(bench.os.getpid()) > before
