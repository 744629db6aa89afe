"""`callkit process --again`: the archive, measured once more."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callkit import CallKit
from callkit.core.call import Status

Run = Callable[..., Any]


def fingerprints(run: Run) -> set[str]:
    return {call["analysis"]["fingerprint"] for call in run("list", "--json").objects}


@pytest.fixture
def archive(run: Run, calls: Path) -> None:
    """Two calls, measured by an older analyser."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("callkit.audio.options.VERSION", 0)
        assert run("process", "calls", "--processes", "1").code == 0


@pytest.mark.usefixtures("archive")
def test_an_older_measurement_is_made_again_and_then_no_more(run: Run) -> None:
    old = fingerprints(run)
    done = run("process", "--again", "--json", "--processes", "1")
    assert (done.code, done.err) == (0, "")
    assert [call["status"] for call in done.objects] == ["ready", "ready"]
    assert fingerprints(run).isdisjoint(old)
    assert run("process", "--again", "--json").out == ""
    assert "all calls are measured as they would be now" in run("process", "--again").err


@pytest.mark.usefixtures("archive")
def test_only_later_calls_are_asked_for(run: Run) -> None:
    days = sorted(call["started_at"][:10] for call in run("list", "--json").objects)
    assert run("process", "--again", "--since", "2100-01-01", "--json").out == ""
    done = run("process", "--again", "--since", days[0], "--json", "--processes", "1")
    assert len(done.objects) == 2


@pytest.mark.usefixtures("archive")
def test_one_that_breaks_off_goes_on_where_it_was(run: Run) -> None:
    with CallKit.open("callkit-data", runner="inline") as kit:
        first = next(kit.outdated())
        assert kit.retry(first.id).status is Status.PROCESSING
        kit.wait(first.id)
        assert first.id not in [call.id for call in kit.outdated()]
    assert len(run("process", "--again", "--json", "--processes", "1").objects) == 1


@pytest.mark.usefixtures("archive")
def test_never_many_are_taken_away_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.cli.again._AT_ONCE", 1)
    retry, busy = CallKit.retry, list[int]()

    def told(kit: CallKit, call_id: Any) -> Any:
        busy.append(kit.count("status:processing"))
        return retry(kit, call_id)

    monkeypatch.setattr(CallKit, "retry", told)
    assert run("process", "--again", "--runner", "threads:1", "--quiet").code == 0
    assert busy == [0, 0]


@pytest.mark.parametrize(
    "words", [("process",), ("process", "x.wav", "--again"), ("process", "x.wav", "--since", "2026-01-01")]
)
def test_what_makes_no_sense_is_said(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert "--again" in done.err
