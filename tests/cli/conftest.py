"""The command line, called in this process."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from callkit.cli import main

TEMPLATE = "{direction}-{number}-{extension}-{date}-{time}-{uniqueid}"


@frozen
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory in UTC, without settings and without a terminal."""
    for name in os.environ:
        if name.startswith("CALLKIT_") or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
    yield tmp_path
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def runner(*argv: str | Path) -> Done:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        return Done(code, *capsys.readouterr())

    return runner


@pytest.fixture
def calls(place: Path, wav: Callable[..., bytes]) -> Path:
    """A folder with two calls, 6 and 4 seconds long, and how their files are named."""
    folder = place / "calls"
    folder.mkdir()
    (folder / "callkit.toml").write_text(f'names = "{TEMPLATE}"\ntimezone = "UTC"\n')
    (folder / "in-0442079460018-101-20260914-103212-1789381932.4.wav").write_bytes(wav(6, channels=2))
    (folder / "out-0442079460053-103-20260915-121008-1789474208.31.wav").write_bytes(wav(4, seed=1))
    return folder
