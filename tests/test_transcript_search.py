"""That the benchmark of transcript search checks what it measures. How long anything takes is not tested here."""

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
    return importlib.import_module("benchmarks.transcript_search")


def test_it_gives_a_line_for_each_class(benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--calls", "300", "--rounds", "3", "--data", str(tmp_path)]
    assert benchmark.main(options) == 0
    printed = capsys.readouterr().out
    assert "300 transcripts added" in printed
    assert all(f"| {kind.name} " in printed for kind in benchmark.KINDS)
    assert f"{2 * len(benchmark.KINDS)} searches among 300 calls held against a scan: 0 wrong" in printed
    assert "words' index:" in printed
    assert "| with a transcript " in printed
    assert benchmark.main(options) == 0, "what it added was taken away again"
    assert "transcripts added" not in capsys.readouterr().out


def test_transcripts_are_as_long_as_it_says(benchmark: Any) -> None:
    batch = list(benchmark.batch(0, 3))
    assert [language for language, _ in batch] == ["en", "ru", "en"]
    for _, segments in batch:
        assert sum(map(len, segments)) == benchmark.WORDS
        assert len(segments) == benchmark.SEGMENTS


def test_a_wrong_answer_is_told(
    benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SqlRepository, "find", lambda *_, **__: Page(()))
    assert benchmark.main(["--calls", "100", "--rounds", "3", "--data", str(tmp_path)]) == 1
    assert "scan: 0 wrong" not in capsys.readouterr().out
