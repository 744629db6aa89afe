"""That the benchmark of number searches checks what it measures. How long anything takes is not tested here."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from callkit.backends.repositories.sql import SqlRepository
from callkit.core.page import Page

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.number_search")


def test_it_gives_a_line_for_each_class(benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--calls", "3000", "--rounds", "4", "--data", str(tmp_path)]
    assert benchmark.main(options) == 0
    printed = capsys.readouterr().out
    assert all(f"| {kind.name} " in printed for kind in benchmark.KINDS)
    assert "36 searches among 3000 calls held against a scan: 0 wrong" in printed
    made = (tmp_path / "numbers-3000.db").stat().st_ino
    assert benchmark.main(options) == 0
    assert (tmp_path / "numbers-3000.db").stat().st_ino == made


def test_a_wrong_answer_is_told(
    benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SqlRepository, "find", lambda *_, **__: Page(()))
    assert benchmark.main(["--calls", "300", "--rounds", "4", "--data", str(tmp_path)]) == 1
    assert "scan: 0 wrong" not in capsys.readouterr().out
