import pickle
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import pytest

from callkit.backends.storages import open_storage
from callkit.backends.storages.files import FilesStorage
from callkit.backends.storages.memory import MemoryStorage
from callkit.errors import SettingsError
from callkit.testing.storage import StorageContract


class TestMemoryStorage(StorageContract):
    lacks: ClassVar = {"test_it_travels_to_another_process": "its blobs are in this process"}

    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()


def test_it_does_not_travel_and_says_what_does() -> None:
    with pytest.raises(SettingsError, match="FilesStorage"):
        pickle.dumps(MemoryStorage())


def test_a_list_is_of_the_moment_it_was_asked_for() -> None:
    storage = MemoryStorage()
    storage.put("a", BytesIO(b"data"))
    blobs = storage.list()
    storage.put("b", BytesIO(b"data"))
    assert [blob.key for blob in blobs] == ["a"]


def test_places_are_opened_by_text(tmp_path: Path) -> None:
    assert isinstance(open_storage("memory:"), MemoryStorage)
    assert isinstance(open_storage("memory://"), MemoryStorage)
    assert open_storage(str(tmp_path)) == open_storage(tmp_path) == FilesStorage(tmp_path)
    assert open_storage(tmp_path.as_uri()) == FilesStorage(tmp_path)


def test_an_unknown_scheme_names_those_that_exist() -> None:
    with pytest.raises(SettingsError, match=r"gopher:// URLs: use a folder, .*, s3://…, .* or memory:"):
        open_storage("gopher://host/path")
