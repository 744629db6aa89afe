"""callkit over HTTP: what reading costs, a siege, and a storm of SIGKILLs, in one run.

    python -m benchmarks.http_bench --out docs/http-benchmarks.md      # ten minutes
    python -m benchmarks.http_bench --small

Each part is a program of its own, too: `benchmarks.http_reads`, `benchmarks.http_siege`, `benchmarks.http_kills`.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import http_kills, http_reads, http_siege
from benchmarks.tables import markdown, versions

__all__ = ["main"]

_SERVING = ("fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "orjson")
_KEEPING = ("sqlalchemy", "aiosqlite", "asyncpg", "psycopg")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a minute")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write all that is printed there, as Markdown")
    options = parser.parse_args(argv)
    printed, wrong = [heading(small=options.small)], list[str]()
    print(printed[0], flush=True)
    for text, broken in parts(small=options.small):
        printed.append(text)
        wrong += broken
        print(text, flush=True)
    if options.out:
        options.out.write_text("\n".join(printed), "utf-8")
    print("\n".join(wrong[:50]), file=sys.stderr)
    return 1 if wrong else 0


def heading(*, small: bool) -> str:
    command = "python -m benchmarks.http_bench" + " --small" * small
    return (
        "# Benchmarks over HTTP\n\n"
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}, on a machine with {os.cpu_count()} processors "
        f"({platform.system()}, {platform.machine()}; load {os.getloadavg()[0]:.1f} at the start).\n"
        f"Versions: {', '.join(versions(_SERVING + _KEEPING))}.\n\n"
        "The other service is `benchmarks/reference_service.py`: what the specification describes, written with "
        "FastAPI, pydantic and SQLAlchemy's asyncio ORM as their manuals advise, run by one uvicorn process without an "
        "access log. `callkit serve` runs with its defaults. CPU is user and system time of the server process. "
        "Figures are medians; what is compared runs in turn, round by round. A ratio says how many times as much CPU "
        "as the first line of its case: it travels to other machines, seconds do not.\n"
    )


def parts(*, small: bool) -> Iterator[tuple[str, list[str]]]:
    """Each part as Markdown, and what is wrong."""
    reading = http_reads.SMALL if small else http_reads.Scale()
    for database in http_reads.LIMITS:
        chapter = http_reads.chapter(database, reading)
        yield markdown(chapter), [] if small else http_reads.over(database, chapter)
    scale = http_siege.SMALL if small else http_siege.Scale()
    siege = http_siege.besiege(scale)
    yield markdown(http_siege.chapter(scale, siege)), list(siege.wrong)
    storm = http_kills.storm(http_kills.SMALL if small else http_kills.Scale())
    yield f"## Killed in the middle of uploads\n\n{storm.text}\n", storm.wrong


if __name__ == "__main__":
    sys.exit(main())
