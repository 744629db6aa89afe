"""Time and memory of callkit against its peers, in one run.

    python -m benchmarks.bench --quick
    python -m benchmarks.bench --only marks,calls
    python -m benchmarks.bench --out docs/benchmarks.md      # half an hour

Figures are medians; what is compared runs in turn, round by round, so that ratios hold on a busy machine too.
"""

import argparse
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

from benchmarks.chapters import CHAPTERS, FULL, QUICK
from benchmarks.corpus import Corpus
from benchmarks.tables import markdown, versions

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
PACKAGES = ("numpy", "soundfile", "miniaudio", "sqlalchemy", "pydub", "auditok", "call-ai-metrics")


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    unknown = [name for name in options.only if name not in CHAPTERS]
    if unknown:
        print(f"There is no {unknown[0]!r}: choose of {', '.join(CHAPTERS)}.", file=sys.stderr)
        return 2
    corpus, sizes = Corpus(options.data), QUICK if options.quick else FULL
    parts = [_heading(options.quick, options.only)]
    print(parts[0], flush=True)
    for name, chapter in CHAPTERS.items():
        if name in options.only or not options.only:
            parts.append(markdown(chapter(corpus, sizes)))
            print(parts[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(parts), "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: a minute or two")
    parser.add_argument(
        "--only",
        metavar="NAME,…",
        type=lambda text: text.split(","),
        default=[],
        help=f"some of {', '.join(CHAPTERS)}",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the tables there as well, as Markdown")
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=Path(gettempdir()) / "callkit-benchmarks",
        help="where the recordings are kept for the next run (2 GB)",
    )
    return parser


def _heading(quick: bool, only: Sequence[str]) -> str:
    words = ["python", "-m", "benchmarks.bench", *["--quick"] * quick, *(["--only", ",".join(only)] if only else [])]
    return (
        "# Benchmarks\n\n"
        f"Written by `{shlex.join(words)}` on {datetime.now(UTC):%Y-%m-%d}, on a machine with {os.cpu_count()} "
        f"processors ({platform.system()}, {platform.machine()}; load {os.getloadavg()[0]:.1f} at the start).\n"
        f"Versions: {', '.join(_versions())}. `OPENBLAS_NUM_THREADS=1` for everybody.\n\n"
        "CPU is user and system time, child processes included. Figures are medians; what is compared runs in turn, "
        "round by round. A ratio says how many times as much CPU as the first line of its case: it travels to other "
        "machines, seconds do not. The calls are synthetic (`callkit.testing.make_call`): two parties, turns, pauses "
        "and overlaps, light noise.\n"
    )


def _versions() -> list[str]:
    programs = [_program_version(name, option) for name, option in (("ffmpeg", "-version"), ("sox", "--version"))]
    return [*versions(PACKAGES), *programs]


def _program_version(name: str, option: str) -> str:
    if shutil.which(name) is None:
        return f"{name} not installed"
    printed = subprocess.run([name, option], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+(\.\d+)+", printed)
    return f"{name} {number[0] if number else 'of unknown version'}"


if __name__ == "__main__":
    if ONE_THREAD.items() - os.environ.items():  # numpy reads it when it is loaded, so begin again
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.bench", *sys.argv[1:]], kept | ONE_THREAD)
    sys.exit(main())
