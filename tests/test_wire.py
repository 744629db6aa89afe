"""What is written can be read again."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from callkit.core.call import Call
from callkit.errors import NewerDataError
from callkit.wire import call_from_dict, call_to_dict, results_from_json, to_json

WHEN = datetime(2026, 9, 14, 10, 32, 12, tzinfo=UTC)
CALL = Call(id=UUID(int=7), started_at=WHEN, created_at=WHEN, updated_at=WHEN, caller="Анна", metadata={"queue": [1]})


def test_a_call_comes_back_as_it_was() -> None:
    assert call_from_dict(call_to_dict(CALL)) == CALL


def test_times_end_in_z_and_text_stays_readable() -> None:
    text = to_json(call_to_dict(CALL))
    assert '"started_at":"2026-09-14T10:32:12Z"' in text
    assert "Анна" in text


def test_what_a_newer_callkit_wrote_is_refused() -> None:
    with pytest.raises(NewerDataError, match="upgrade callkit"):
        results_from_json('{"format": 2}')


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json(float("nan"))
