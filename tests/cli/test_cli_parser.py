"""What can be typed, and that the page about it is complete and true."""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shtab

from callkit.cli.parser import build
from callkit.cli.parser_upkeep import SHELLS
from callkit.settings import Settings

Run = Callable[..., Any]

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
CONFIGURATION = PAGE.with_name("configuration.md")


def commands() -> dict[str, argparse.ArgumentParser]:
    """By what is typed; "db upgrade" is one."""
    return dict(found(build()))


def found(parser: argparse.ArgumentParser, typed: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in parser._actions if isinstance(action.choices, dict)]
    if not groups:
        yield typed.strip(), parser
    for group in groups:
        for name, command in dict(group.choices or {}).items():
            yield from found(command, f"{typed} {name}")


NAMES = sorted(commands())


def test_the_commands() -> None:
    database = {"db copy", "db downgrade", "db status", "db upgrade"}
    upkeep = {"completion", "config", "doctor", "sweep", "worker"}
    http = {"serve", "keys add", "keys list", "keys revoke"}
    calls = {"erase", "export", "list", "process", "report", "search", "show", "transcribe"}
    assert set(NAMES) == calls | upkeep | database | http


@pytest.mark.parametrize("name", NAMES)
def test_help_has_examples_that_can_be_typed(run: Run, name: str) -> None:
    done = run(*name.split(), "--help")
    assert (done.code, done.err) == (0, "")
    examples = re.findall(
        r"^  (?:CALLKIT_\w+=\S+ )?callkit (.*?)(?:  .*)?$", done.out.split("Examples:\n")[1], re.MULTILINE
    )
    assert examples
    for example in examples:
        assert build().parse_args(shlex.split(example.partition(" > ")[0])).run


def test_the_first_page_names_every_command(run: Run) -> None:
    done = run("--help")
    assert (done.code, done.err) == (0, "")
    assert "Examples:" in done.out
    assert set(re.findall(r"^    (\w+)\s", done.out, re.MULTILINE)) == {name.split()[0] for name in NAMES}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "required"),
        (["proces"], "invalid choice: 'proces'"),
        (["process", "x", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["process", "x", "--processes", "0"], "'0' is no whole number above 0"),
        (["process", "x", "--min-silence", "0"], "must be above 0"),
        (["process", "x", "--min-silence", "nan"], "makes sense"),
        (["process", "x", "--tag", "two words"], "'two words' is no tag"),
        (["process", "x", "--sour", "pbx"], "unrecognized"),
        (["list", "--limit", "many"], "'many' is no whole number"),
        (["sweep", "--grace", "-1"], "makes sense"),
        (["completion", "ksh"], "invalid choice: 'ksh'"),
    ],
)
def test_what_can_not_be_typed(run: Run, words: list[str], why: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert why in done.err


def test_version(run: Run) -> None:
    assert re.fullmatch(r"callkit \d+\.\d+\.\d+\S*\n", run("--version").out)


@pytest.mark.parametrize("arguments", [["--help"], ["process", "--help"], ["list", "--nonsense"]])
def test_help_loads_no_third_party(arguments: list[str]) -> None:
    code = f"from callkit.cli import main; main({arguments}); import sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", _with_path(code)], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in re.findall(r"'([\w.]+)'", done.stdout.splitlines()[-1])}
    assert "argparse" in loaded
    assert loaded - {"callkit"} <= sys.stdlib_module_names | {"__main__"}


def _with_path(code: str) -> str:
    """-S leaves out what site-packages start with (editable installs, coverage); the code's own path comes back."""
    return f"import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}; {code}"


def test_python_m_callkit_is_the_same() -> None:
    done = subprocess.run([sys.executable, "-m", "callkit", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: callkit ")


@pytest.mark.parametrize("shell", SHELLS)
def test_completion(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert all(word in done.out for name in NAMES for word in name.split())
    assert "--min-silence" in done.out


def test_every_shell_that_can_be_asked_for_is_known() -> None:
    assert set(SHELLS) <= set(shtab.SUPPORTED_SHELLS)


def test_bash_understands_the_completion(run: Run, place: Path) -> None:
    bash = shutil.which("bash")
    if bash is None or sys.platform == "win32":
        return  # nobody there who would understand it
    (place / "completion.sh").write_text(run("completion", "bash").out)
    subprocess.run([bash, "-n", "completion.sh"], check=True)


def test_completion_needs_a_shtab_that_knows_the_shell(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shtab.SUPPORTED_SHELLS", ["bash"])
    done = run("completion", "fish")
    assert done.code == 2
    assert "pip install --upgrade shtab" in done.err


# ---- the pages


def test_what_the_page_shows_is_what_is_printed(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks marked `<!-- run -->`, one after the other, on the folder of the fixture."""
    monkeypatch.setenv("COLUMNS", "116")
    monkeypatch.setenv("CALLKIT_RUNNER", "inline")
    shown = re.findall(r"<!-- run -->\n```console\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(shown) >= 4
    for block in shown:
        lines = re.findall(r"^\$ callkit (.*)$", block, re.MULTILINE)
        printed = "".join(f"$ callkit {line}\n{run(*shlex.split(line)).out}" for line in lines)
        assert ID.sub("ID", printed) == ID.sub("ID", block)


def sections() -> dict[str, str]:
    parts = re.split(r"^## `callkit ([\w ]+)`\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def options(parser: argparse.ArgumentParser) -> set[str]:
    found = {name for action in parser._actions for name in action.option_strings}
    return found | {str(action.metavar) for action in parser._actions if not action.option_strings and action.metavar}


def told(text: str) -> set[str]:
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {word for row in rows for name in re.findall(r"`([^`]+)`", row) for word in name.split()[:1]}


def test_the_page_has_every_command_with_every_option_and_no_other() -> None:
    found = sections()
    common = told(found.pop(""))
    assert set(found) == set(NAMES)
    for name, parser in commands().items():
        assert told(found[name]) | common == options(parser) | ({"SHELL"} if name == "completion" else set()), name


def test_every_line_of_the_pages_can_be_typed() -> None:
    for page in (PAGE, CONFIGURATION):
        lines = re.findall(r"^\$ (?:CALLKIT_\w+=\S+ )*callkit (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert lines
        for line in lines:
            words = shlex.split(re.split(r" [|>] ", line)[0])
            assert words == ["--version"] or build().parse_args(words).run, line


def test_the_page_about_settings_has_them_all() -> None:
    found = {field.name for field in Settings.__attrs_attrs__ if field.metadata}
    assert told(CONFIGURATION.read_text("utf-8")) == found
