"""That the benchmarks measure what they say, on tiny recordings. How long anything takes is not tested here."""

import hashlib
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="CPU time of children needs getrusage and wait4")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of the benchmarks, which are no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(ROOT)
    names = ("bench", "chapters", "corpus", "measuring", "peers", "tables")
    return SimpleNamespace(**{name: importlib.import_module(f"benchmarks.{name}") for name in names})


def tiny(bench: Any) -> Any:
    return bench.chapters.Sizes(1, 4, 3, 3, 20, 3, 3, 1, 1, 300, 2, 40, 20, 30, (1, 2))


CHAPTERS = ["marks", "whole", "analysis", "calls", "long", "batch", "start", "numbers", "postgres"]
CHAPTERS += ["transcripts", "transcripts-postgres", "claims"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_benchmark_gives_its_lines(name: str, bench: Any, tmp_path: Path) -> None:
    chapter = bench.chapters.CHAPTERS[name](bench.corpus.Corpus(tmp_path), tiny(bench))
    cases: dict[str, list[Any]] = {}
    for figure in chapter.figures:
        cases.setdefault(figure.case, []).append(figure)
    for first, *_ in cases.values():
        assert first.ratio in (1, None)
    for figure in chapter.figures:
        assert (figure.cpu or 0) > 0 or figure.note.startswith(("not installed", "can't read"))
        assert figure.cpu is not None or "callkit" not in figure.who
    text = bench.tables.markdown(chapter)
    assert text.startswith(f"## {chapter.title}\n")
    assert all(figure.who in text for figure in chapter.figures)
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_every_benchmark_is_tested_here(bench: Any) -> None:
    assert list(bench.chapters.CHAPTERS) == CHAPTERS


def test_children_count(bench: Any) -> None:
    code = "sum(range(3_000_000))"
    program = bench.measuring.as_program([sys.executable, "-c", code])
    inside = bench.measuring.in_process(lambda: bench.measuring.as_program([sys.executable, "-c", code]))
    idle = bench.measuring.in_process(lambda: None)
    assert inside.cpu > program.cpu / 4 > idle.cpu
    assert inside.wall >= 0


def test_peak_memory_is_the_programs_own(bench: Any) -> None:
    ballast = b"x" * 300_000_000
    code = "block = b'x' * 100_000_000"
    small, large = (bench.measuring.as_program([sys.executable, "-c", what]) for what in ("pass", code))
    assert len(ballast) == 300_000_000
    assert small.megabytes < 60
    assert 95 < large.megabytes - small.megabytes < 110


def test_a_program_that_fails_is_no_figure(bench: Any) -> None:
    with pytest.raises(bench.measuring.ProgramError, match=r"failed \(3\): oh"):
        bench.measuring.as_program([sys.executable, "-c", "import sys; print('oh', file=sys.stderr); sys.exit(3)"])
    with pytest.raises(bench.measuring.ProgramError):
        bench.measuring.as_program(["no-such-program-anywhere"])


def test_ratios_are_medians_of_pairs(bench: Any) -> None:
    cost = bench.measuring.Cost
    own, other = [cost(1, 1), cost(2, 2), cost(10, 1)], [cost(4, 1, 7), cost(6, 1, 9), cost(10, 9, 8)]
    first, second, slow = bench.measuring.figures("case", {"own": own, "other": other, "slow": [cost(8, 1)]}, tail=True)
    assert (first.cpu, first.ratio, first.wall, first.megabytes) == (2, 1, 1, None)
    assert (second.cpu, second.ratio, second.wall, second.megabytes) == (6, 3, 1, 9)
    assert second.cpu_p95 >= 10
    assert (slow.cpu, slow.ratio, slow.cpu_p95) == (8, 4, None)


def test_contenders_take_turns(bench: Any) -> None:
    order: list[str] = []

    def work(who: str) -> Any:
        return lambda: order.append(who)

    bench.measuring.in_turn({"a": work("a"), "b": work("b")}, 3)
    assert order == ["a", "b"] * 3


def test_who_is_not_there_has_a_line(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: sys.executable if name == sys.executable else None)
    monkeypatch.setattr(bench.peers, "find_spec", {}.get)
    chapter = bench.chapters.marks(bench.corpus.Corpus(tmp_path), tiny(bench))
    notes = {figure.who: figure.note for figure in chapter.figures}
    assert notes["ffmpeg silencedetect"] == "not installed (ffmpeg)"
    assert notes["auditok.split"] == "not installed (auditok)"
    assert not notes["callkit.analyse"]
    assert "not installed (ffmpeg)" in bench.tables.markdown(chapter)


def test_a_peer_that_fails_has_a_line_and_callkit_may_not(bench: Any, tmp_path: Path) -> None:
    def fail(path: Path) -> Any:
        raise LookupError(path)

    good = bench.peers.callkits()[0]
    path = bench.corpus.Corpus(tmp_path).call(2, 1, "pcm_s16le")
    [_, line] = bench.chapters._compare("case", [good, bench.peers.Contender("other", fail)], path, 1)
    assert line.note == "can't read it (LookupError)"
    with pytest.raises(LookupError):
        bench.chapters._compare("case", [bench.peers.Contender("callkit", fail)], path, 1)


def test_the_folder_holds_recordings_that_differ(bench: Any, tmp_path: Path) -> None:
    corpus = bench.corpus.Corpus(tmp_path)
    folder = corpus.folder_of_mp3(5, 2, distinct=2)
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}) == 5
    made = (folder / "0000.mp3").stat().st_mtime_ns
    assert corpus.folder_of_mp3(5, 2, distinct=2) == folder
    assert (folder / "0000.mp3").stat().st_mtime_ns == made


def test_the_page_tells_how_it_was_made(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench.bench, "QUICK", tiny(bench))
    page = tmp_path / "page.md"
    options = ["--quick", "--only", "start", "--data", str(tmp_path / "data"), "--out", str(page)]
    assert bench.bench.main(options) == 0
    text = page.read_text("utf-8")
    assert "`python -m benchmarks.bench --quick --only start`" in text
    assert "callkit --help" in text
    assert str(tmp_path) not in text
    assert capsys.readouterr().out.strip() == text.strip()


def test_a_benchmark_that_is_not_there_is_refused(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.bench.main(["--only", "nope"]) == 2
    assert "nope" in capsys.readouterr().err
