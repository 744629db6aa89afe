import pytest

from callkit.cli import serve
from callkit.cli.workers import default_runner
from callkit.settings import load


@pytest.fixture(autouse=True)
def one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.cli.workers.processors", lambda: 1)


def test_an_upload_is_answered_before_its_work_is_done_on_one_processor_too() -> None:
    assert default_runner(load({})) == "inline"
    assert serve.runner_of(load({})) == "threads:1"


@pytest.mark.parametrize("runner", ["inline", "threads:2", "processes:3"])
def test_the_runner_that_is_set_does_the_work(runner: str) -> None:
    assert serve.runner_of(load({"runner": runner})) == runner
