"""An upload costs no memory, however large it is; `python -m benchmarks.upload` measures a gigabyte."""

import sys

import pytest

from benchmarks.upload import measure


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("way", ["form", "put"])
def test_an_upload_is_never_held_in_memory(way: str) -> None:
    (done,) = measure(size=100, rounds=1, ways=[way])
    assert done.size == 100
    assert done.growth < 20
