"""What a piece of work costs, in this process or as a program of its own. Needs POSIX (getrusage, wait4)."""

import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from attrs import frozen

__all__ = ["Cost", "Figure", "ProgramError", "as_program", "figures", "in_process", "in_turn"]


@frozen
class Cost:
    """CPU seconds (user + system, children included), seconds by the clock, and MB of peak resident memory."""

    cpu: float
    wall: float
    megabytes: float | None = None


@frozen
class Figure:
    """A line of a table. `ratio` is how many times as much CPU it took as the first of its case."""

    case: str
    who: str
    cpu: float | None = None
    ratio: float | None = None
    cpu_p95: float | None = None
    wall: float | None = None
    megabytes: float | None = None
    note: str = ""


class ProgramError(Exception):
    """A program failed."""


Work = Callable[[], Cost]


def in_process(work: Callable[[], object]) -> Cost:
    """What a function costs, with the programs that it starts and waits for."""
    cpu, wall = _spent(), perf_counter()
    work()
    return Cost(_spent() - cpu, perf_counter() - wall)


def _spent() -> float:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


# A program inherits the peak memory of whoever starts it, so that has to be a small one.
_LAUNCHER = """
import os, sys, time
start = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall, used.ru_maxrss)
"""


def as_program(command: Sequence[str], folder: Path | None = None) -> Cost:
    """What a program costs, with its children. What it prints is thrown away.

    Raises:
        ProgramError: its exit code was not 0.
    """
    launched = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    done = subprocess.run(
        launched, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    code, cpu, wall, peak = (done.stdout.split() or ["1", "0", "0", "0"])[:4]
    if code != "0":
        raise ProgramError(f"{command[0]} failed ({code}): {done.stderr.strip()[-500:]}")
    return Cost(float(cpu), float(wall), float(peak) / (2**20 if sys.platform == "darwin" else 2**10))


def in_turn(contenders: Mapping[str, Work], rounds: int) -> dict[str, list[Cost]]:
    """Each contender once, and again, round by round: what disturbs the machine for a while hits all of them."""
    costs: dict[str, list[Cost]] = {who: [] for who in contenders}
    for _ in range(rounds):
        for who, work in contenders.items():
            costs[who].append(work())
    return costs


def figures(case: str, costs: Mapping[str, Sequence[Cost]], *, tail: bool = False) -> list[Figure]:
    """Medians; ratios are medians of the rounds' ratios to the first contender. Whoever has no costs is left out.

    Args:
        case: what all of them did.
        costs: of each contender; the first is what the others are held against.
        tail: give the 95th percentile too.
    """
    first = next(iter(costs.values()))
    return [
        Figure(
            case,
            who,
            cpu=median(cost.cpu for cost in own),
            ratio=_ratio(own, first),
            cpu_p95=quantiles([cost.cpu for cost in own], n=20)[-1] if tail and len(own) > 1 else None,
            wall=median(cost.wall for cost in own),
            megabytes=_peak(own),
        )
        for who, own in costs.items()
        if own
    ]


def _ratio(own: Sequence[Cost], first: Sequence[Cost]) -> float:
    if len(own) != len(first):  # a slow one, which ran once
        return median(cost.cpu for cost in own) / max(median(cost.cpu for cost in first), 1e-9)
    return median(cost.cpu / max(one.cpu, 1e-9) for cost, one in zip(own, first, strict=True))


def _peak(costs: Sequence[Cost]) -> float | None:
    peaks = [cost.megabytes for cost in costs if cost.megabytes is not None]
    return max(peaks) if peaks else None
