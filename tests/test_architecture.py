"""The architecture page is the law: who may import whom, what `import callkit` loads, how long files may be."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import callkit

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "callkit"
PAGE = ROOT / "docs" / "concepts" / "architecture.md"
MODULES = sorted(SOURCE.rglob("*.py"))


def table() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return {room: set(re.findall(r"`([\w.]+)`", allowed)) for room, allowed in rows}


def imports(path: Path) -> set[str]:
    """The modules of callkit that a file imports, as "room.module"."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
            assert node.level == 0, f"{path}: imports are absolute"
    return {name.removeprefix("callkit.") for name in found if name.startswith("callkit.")}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_everybody_imports_only_what_the_table_allows(path: Path) -> None:
    own = room(path)
    if own in {"__init__", "__main__"}:
        return
    allowed = table()[own]
    for name in imports(path):
        there = name.split(".")[0]
        fits = there == own or there in allowed or any(f"{name}.".startswith(f"{one}.") for one in allowed)
        assert fits or any(one.startswith(f"{name}.") for one in allowed), f"{own} may not import callkit.{name}"


def test_backends_of_different_kinds_know_nothing_of_each_other() -> None:
    for path in (SOURCE / "backends").rglob("*.py"):
        kind = path.relative_to(SOURCE / "backends").parts[0]
        others = {"repositories", "storages", "runners", "transcribers"} - {kind}
        assert not {name for name in imports(path) if name.split(".")[1:2] and name.split(".")[1] in others}
        assert kind == "transcribers" or not {name for name in imports(path) if name.split(".")[0] == "audio"}


def test_the_table_names_every_room() -> None:
    assert set(table()) == {room(path) for path in MODULES} - {"__init__", "__main__"}


def test_the_table_is_held_against_what_is_there() -> None:
    """The check must be able to fail: the core may not import the kit."""
    assert "kit" not in table()["core"]
    assert table()["errors"] == set()


def loaded(code: str) -> set[str]:
    command = f"import sys; before = set(sys.modules); {code}; import json; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


THIRD_PARTY = {"attr", "attrs", "cattrs", "anyio", "numpy", "soundfile", "miniaudio", "fsspec", "sqlalchemy", "alembic"}
THIRD_PARTY |= {"pydub", "rich", "shtab", "pytest", "hypothesis", "asyncio", "logging", "typing"}


def test_importing_callkit_loads_nothing_else() -> None:
    assert not loaded("import callkit") & THIRD_PARTY


def test_pydub_is_imported_only_when_asked_for() -> None:
    assert "pydub" not in loaded(
        "import callkit, callkit.audio; callkit.CallKit; callkit.analyse; callkit.audio.detect_silence"
    )


def test_every_public_name_has_a_home() -> None:
    for name in callkit.__all__:
        assert getattr(callkit, name) is not None
    assert set(callkit.__all__) <= set(dir(callkit))
    with pytest.raises(AttributeError, match="Nope"):
        _ = callkit.Nope  # type: ignore[attr-defined]  # that mypy finds it too is the point


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    if path.name not in {"errors.py", "kit.py"}:  # one flat list of errors; one facade, half of it docstrings
        assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            first = node.body[1 if documented and len(node.body) > 1 else 0]
            assert (node.end_lineno or 0) - first.lineno < 50, f"{node.name} is too long"


@pytest.mark.parametrize("package", ["audio", "testing"])
def test_packages_have_lazy_doors(package: str) -> None:
    door = getattr(callkit, package)
    for name in door.__all__:
        assert getattr(door, name) is not None
    with pytest.raises(AttributeError, match="Nope"):
        _ = door.Nope
