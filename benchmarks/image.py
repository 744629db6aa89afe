"""Take the steps of the Dockerfile without a container engine: an image that can't be built is found here.

    python -m benchmarks.image

The files that it copies come to a scratch folder, and what it runs for Python runs there, with paths mapped into it.
Then the command that the image would start is started. Debian's packages and users are left out.
"""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "examples" / "deployment" / "Dockerfile"
_HOME = "/opt/callkit"
_WORKS = ("--version", "--help", "worker --help", "db upgrade --help")
_EXTRAS = "import botocore, celery, psycopg"


@frozen
class Step:
    """One instruction: its word in capitals, and the rest of its line, with continued lines joined."""

    word: str
    rest: str


def stages(text: str) -> list[list[Step]]:
    """The steps of a Dockerfile, a list for each FROM; what stands before the first is left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found: list[list[Step]] = []
    for line in "\n".join(lines).replace("\\\n", "").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() == "FROM":
            found.append([])
        if found:
            found[-1].append(Step(word.upper(), rest.strip()))
    return found


def main() -> int:
    build, final = stages(DOCKERFILE.read_text("utf-8"))
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        for command in commands(build, place):
            print("$", command, flush=True)
            subprocess.run(["sh", "-euc", command], cwd=place / "src", check=True)
        program = place / _HOME[1:] / "bin" / words(final, "ENTRYPOINT")[0]
        for arguments in _WORKS:
            print("$", program.name, arguments, flush=True)
            subprocess.run([program, *arguments.split()], cwd=place, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([program.with_name("python"), "-c", _EXTRAS], cwd=place, check=True)
    print("every step was taken, and callkit starts")
    return 0


def commands(build: list[Step], place: Path) -> Iterator[str]:
    """What the stage runs, once what it copies is there."""
    source = place / "src"
    for step in build:
        if step.word == "WORKDIR":
            assert step.rest == "/src", step.rest
            source.mkdir()
        elif step.word == "COPY":
            *names, target = step.rest.split()
            for name in names:
                copy(ROOT / name, source / (name if target == "./" else target))
        elif step.word == "RUN":
            yield step.rest.replace("python -m venv", f"{shlex.quote(sys.executable)} -m venv").replace(
                _HOME, str(place / _HOME[1:])
            )


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def words(steps: list[Step], word: str) -> list[str]:
    """The JSON list behind ENTRYPOINT or CMD."""
    (rest,) = [step.rest for step in steps if step.word == word]
    found: list[str] = json.loads(rest)
    return found


if __name__ == "__main__":
    sys.exit(main())
