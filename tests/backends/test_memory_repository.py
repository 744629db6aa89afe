import pickle
from typing import ClassVar

import pytest

from callkit.backends.repositories import memory, open_repository
from callkit.backends.repositories.memory import MemoryRepository
from callkit.errors import InvalidCallError, SettingsError
from callkit.testing.agreement import NewRepository, some_call
from callkit.testing.repository import RepositoryContract


class TestMemoryRepository(RepositoryContract):
    lacks: ClassVar = {"test_it_travels_to_another_process": "its calls are in this process"}

    @pytest.fixture
    def new_repository(self) -> NewRepository:
        return MemoryRepository


def test_it_does_not_travel_and_says_what_does() -> None:
    with pytest.raises(SettingsError, match="SqlRepository"):
        pickle.dumps(MemoryRepository())


def test_it_is_opened_by_text() -> None:
    assert isinstance(open_repository("memory:"), MemoryRepository)


def test_a_millisecond_has_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TIES", 2)
    repository = MemoryRepository()
    for second in (0, 0, 0.001):
        repository.add(some_call(second))
    with pytest.raises(InvalidCallError, match="More than 2 calls start at"):
        repository.add(some_call())
