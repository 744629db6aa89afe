"""How much of everything is measured."""

from attrs import frozen

__all__ = ["FULL", "QUICK", "Sizes"]


@frozen
class Sizes:
    """One run's."""

    rounds: int = 5
    marks_seconds: int = 1800
    calls: int = 200
    call_seconds: int = 90
    long_seconds: int = 36_000
    files: int = 500
    file_seconds: int = 300
    batch_rounds: int = 3
    starts: int = 15
    numbers: int = 1_000_000
    searches: int = 200
    claims: int = 4000
    messages: int = 2000
    transcripts: int = 200_000
    claimers: tuple[int, ...] = (1, 4, 16)


FULL = Sizes()
QUICK = Sizes(3, 180, 30, 90, 3600, 40, 60, 1, 5, 20_000, 20, 200, 200, 2000)
