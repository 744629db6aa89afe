"""What is written is run: code, commands, links, the diagram of a call's life, the version."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from callkit.cli.parser import build
from callkit.core.call import MOVES, Event, Status

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SYBIL = Sybil(parsers=[PythonCodeBlockParser()])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_of(page: Path) -> str:
    return "\n".join(example.parsed for example in SYBIL.parse(page))


PROGRAMS = [page for page in PAGES if "```python" in page.read_text("utf-8")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which `examples/calls` is found."""
    shutil.copytree(ROOT / "examples" / "calls", tmp_path / "examples" / "calls")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "utf8", *arguments]
    calm = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "FORCE_COLOR"}}
    return subprocess.run(
        command, check=False, cwd=folder, env=calm, capture_output=True, encoding="utf-8", timeout=120
    )


# ---- code

UNHURRIED_DISK = """
import sqlite3
from functools import wraps

connect = sqlite3.connect

@wraps(connect)
def connect_without_waiting(*args, **options):
    database = connect(*args, **options)
    database.execute("PRAGMA synchronous = OFF")
    return database

sqlite3.connect = connect_without_waiting
"""
"""Hundreds of commits need not reach a disk that other tests keep busy: no power is cut here."""


@pytest.mark.parametrize("page", PROGRAMS, ids=name_of)
def test_the_code_of_a_page_runs(page: Path, desk: Path) -> None:
    for example in SYBIL.parse(page):
        example.evaluate()


def test_the_backends_that_are_shown_keep_their_contracts(tmp_path: Path) -> None:
    code = code_of(ROOT / "docs" / "backends.md")
    shutil.copytree(ROOT / "examples" / "calls", tmp_path / "examples" / "calls")
    (tmp_path / "test_shown.py").write_text(code, "utf-8")
    (tmp_path / "conftest.py").write_text(UNHURRIED_DISK, "utf-8")
    # the long stories are told to its parent, the memory repository, in a test of its own
    quick = ("-k", "not (TellingRepository and agrees)", "test_shown.py")
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *quick, folder=tmp_path)
    passed = re.search(r"(\d+) passed, 6 skipped", done.stdout)
    assert done.returncode == 0, done.stdout
    assert passed is not None, done.stdout
    assert int(passed[1]) > 60


# ---- commands


def commands(page: Path) -> Iterator[list[str]]:
    """What is typed after `$ … callkit`, without the shell's own part of the line."""
    for line in re.findall(r"^\$ (.*)$", page.read_text("utf-8"), re.MULTILINE):
        for command in re.split(r" && | \| ", line.partition(" > ")[0]):
            words = shlex.split(command)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words and words[0].rpartition("/")[2] == "callkit":
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_can_be_typed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in commands(page):
        if arguments == ["--version"]:
            with pytest.raises(SystemExit, match="0"):
                build().parse_args(arguments)
        else:
            assert build().parse_args(arguments).run


def test_commands_are_found() -> None:
    assert ["process", "examples/calls"] in list(commands(ROOT / "README.md"))
    assert ["process", "recordings/", "--processes", "4"] in list(commands(ROOT / "README.md"))


def test_the_readme_shows_what_its_first_command_prints(desk: Path) -> None:
    first = next(commands(ROOT / "README.md"))
    done = python("-m", "callkit", *first, folder=desk)
    assert done.returncode == 0, done.stderr
    shown = re.search(r"```text\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert shown is not None
    assert len(done.stdout.splitlines()) == 1 + 5
    assert words(done.stdout) == words(shown[1])


def words(table: str) -> list[list[str]]:
    """The rows without the pictures of speech, which depend on the width."""
    return [re.sub("[▁▂▃▄▅▆▇█]+", "", row).split() for row in table.splitlines()]


# ---- links


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"^  - .*: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    assert listed == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES[1:]}


# ---- facts


def test_the_diagram_of_a_calls_life_is_the_table_of_moves() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    arrows = re.findall(r"^    (\w+) --> (\w+): (.+)$", text, re.MULTILINE)
    drawn = [(Status(a), Event(event), Status(b)) for a, b, events in arrows for event in events.split(", ")]
    assert sorted(drawn) == sorted((before, event, after) for (before, event), after in MOVES.items())


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
