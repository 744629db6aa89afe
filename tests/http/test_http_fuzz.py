"""A small run of the fuzzer: the whole one is `nox -s fuzz`."""

import pytest

from benchmarks.fuzz import fuzz


def test_no_request_surprises_the_server() -> None:
    done = fuzz(examples=2, seed=1)
    assert done.code == 0, done.text
    assert done.cases > 300
    assert "Selected: " in done.text


def test_a_fault_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an answer that is not described, the same run fails."""
    monkeypatch.setenv("CALLKIT_HTTP_RATE", "100000")
    monkeypatch.setattr("benchmarks.fuzz.SERVER", ("-c", FAULTY))
    done = fuzz(examples=2, seed=1)
    assert done.code == 1
    assert "Response violates schema" in done.text


FAULTY = """
import sys
from callkit.http import answers
honest = answers._summary
answers._summary = lambda call: {"surprise": 1, **honest(call)}
from callkit.cli import main
sys.exit(main())
"""
