"""Each example runs as a user would run it, on the recordings beside it."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
RECORDING = "out-0442079460053-103-20260915-121008-1789474208.31.wav"
SAYS = {
    "analyse_folder.py": "internal-204-102-20260915-091833-1789463     75.7      26%  56.4 s",
    "find_quiet_calls.py": "5 calls, 3 of them with more than 20 % silence:",
    "async_ingest.py": "5 of 5 are ready",
    "serve_smoke.py": "ready 2.0 s, silence: [{'start': 0.0, 'end': 2.0}]",
}
TAKE_A_FOLDER = sorted(SAYS.keys() - {"serve_smoke.py"})


def run(name: str, folder: Path) -> str:
    command = [sys.executable, "-X", "utf8", str(EXAMPLES / name)]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script, and curl")
def test_the_session_by_curl(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "callkit", "serve", "--data", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            url = next(filter(None, (re.search(r"http://\S+:\d+", line) for line in server.stderr)))[0]
            session = ["sh", str(EXAMPLES / "serve_session.sh"), url]
            done = subprocess.run(session, check=False, capture_output=True, text=True, timeout=60)
        finally:
            server.terminate()
    assert done.returncode == 0, done.stderr
    said = ["text: 422", "upload: 202", "once more: 409", "ready 2.0", "found", "part: 206", "link: 501"]
    assert done.stdout.splitlines()[1:] == said


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    assert SAYS[name] in run(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TAKE_A_FOLDER)
def test_an_example_takes_a_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(EXAMPLES / "calls" / RECORDING, tmp_path / "quiet.wav")
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    shown = capsys.readouterr().out
    assert "quiet.wav" in shown
    assert "internal" not in shown


@pytest.mark.parametrize("name", SAYS)
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text("utf-8").splitlines()) <= 40
