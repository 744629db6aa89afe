import errno
import os
import pickle
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from callkit.backends.storages import local, open_storage
from callkit.backends.storages.files import FilesStorage
from callkit.backends.storages.local import LocalFiles
from callkit.errors import BlobNotFoundError, SettingsError, StorageError
from callkit.protocols import Storage, TidiesUp
from callkit.testing.storage import StorageContract, scripted

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATER = timedelta(minutes=1)


class TestFolder(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> FilesStorage:
        return FilesStorage(tmp_path / "not" / "there yet")


class TestFolderInHaste(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> FilesStorage:
        return FilesStorage(tmp_path, durable=False)


class TestFsspec(StorageContract):
    lacks: ClassVar = {"test_it_travels_to_another_process": "its files are in this process"}

    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        storage = FilesStorage(f"memory://{uuid4().hex}/calls/")
        yield storage
        for blob in storage.list():
            storage.delete(blob.key)


@pytest.fixture
def storage(tmp_path: Path) -> FilesStorage:
    return FilesStorage(tmp_path / "root")


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


def files(storage: FilesStorage) -> list[str]:
    root = Path(storage.place)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


# ---- the value


def test_it_is_a_value_that_names_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = FilesStorage("calls")
    assert storage == FilesStorage(tmp_path / "calls") == FilesStorage((tmp_path / "calls").as_uri())
    assert hash(storage) == hash(FilesStorage("calls/"))
    assert storage != FilesStorage("calls", durable=False)
    assert repr(FilesStorage("/calls")) == f"FilesStorage(place={str(Path('/calls').absolute())!r}, durable=True)"


def test_it_means_the_same_folder_in_another_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    storage = FilesStorage("calls", durable=False)
    storage.put("a", BytesIO(b"data"))
    monkeypatch.chdir("elsewhere")
    copy = pickle.loads(pickle.dumps(storage))
    assert copy == storage
    assert read(copy, "a") == b"data"


def test_file_urls_may_hold_escapes(tmp_path: Path) -> None:
    assert FilesStorage((tmp_path / "a b" / "ж").as_uri()) == FilesStorage(tmp_path / "a b" / "ж")
    assert FilesStorage(f"file://localhost{(tmp_path / 'a').as_uri()[7:]}") == FilesStorage(tmp_path / "a")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "file://calls",
        "file:///calls?durable=no",
        "file://",
        "gopher://host",
        "memory://key:secret@bucket",
        "s3://b",
    ],
)
def test_places_that_can_not_be_used_are_refused(place: str) -> None:
    with pytest.raises(SettingsError) as caught:
        FilesStorage(place)
    assert "secret" not in str(caught.value)


def test_files_in_memory_do_not_travel() -> None:
    with pytest.raises(SettingsError, match="use a folder"):
        pickle.dumps(FilesStorage("memory://calls"))


def test_it_can_tidy_up(storage: FilesStorage) -> None:
    assert isinstance(storage, TidiesUp)
    assert FilesStorage("memory://calls").tidy(datetime.now(UTC)) == 0


# ---- on other stores of objects


@pytest.mark.parametrize(("place", "package"), [("gs://bucket/calls", "gcsfs"), ("abfs://box@me/calls", "adlfs")])
def test_a_store_needs_the_package_that_knows_it(place: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    storage = open_storage(place)
    assert storage == pickle.loads(pickle.dumps(storage)) == FilesStorage(place)
    with pytest.raises(SettingsError, match=f"need another package: pip install {package}"):
        storage.open("a")


def test_whatever_such_a_package_raises_is_a_storages_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class HttpError(Exception):
        """Of no family that we know."""

    def fail(*_: object) -> None:
        raise HttpError("secret")

    monkeypatch.setattr(MemoryFileSystem, "cat_file", fail)
    with pytest.raises(StorageError, match="HttpError: check the credentials") as caught:
        FilesStorage("memory://calls").open("a")
    assert "secret" not in str(caught.value)


# ---- what lies in the folder


def test_a_blob_is_a_file_by_its_key(storage: FilesStorage) -> None:
    storage.put("ab/call/a.wav", BytesIO(b"data"))
    assert files(storage) == ["ab", "ab/call", "ab/call/a.wav"]
    with storage.open("ab/call/a.wav") as file:
        assert Path(file.name) == Path(storage.place, "ab", "call", "a.wav")
        assert file.fileno() > 0


def test_the_last_blob_takes_its_folder_along(storage: FilesStorage) -> None:
    storage.put("ab/call/a", BytesIO(b"data"))
    storage.put("ab/b", BytesIO(b"data"))
    storage.delete("ab/call/a")
    assert files(storage) == ["ab", "ab/b"]
    storage.delete("ab/b")
    assert Path(storage.place).is_dir()
    assert files(storage) == []


def test_deleting_a_folder_deletes_nothing(storage: FilesStorage) -> None:
    storage.put("ab/a", BytesIO(b"data"))
    storage.delete("ab")
    assert files(storage) == ["ab", "ab/a"]


def test_what_is_being_written_lies_beside_its_place(storage: FilesStorage) -> None:
    seen: list[list[str]] = []
    storage.put("ab/a.wav", scripted(b"1", between=lambda: seen.append(files(storage))))
    ((folder, part),) = seen
    assert folder == "ab"
    assert part.startswith("ab/a.wav.")
    assert part.endswith(".part")
    assert files(storage) == ["ab", "ab/a.wav"]


def test_a_source_that_fails_leaves_no_file(storage: FilesStorage) -> None:
    with pytest.raises(ZeroDivisionError):
        storage.put("a.wav", scripted(b"1", between=lambda: 1 // 0))
    assert files(storage) == []


def test_names_that_are_no_keys_are_not_listed(storage: FilesStorage) -> None:
    storage.put("a", BytesIO(b"data"))
    for name in ("b.part", "c ", "d?"):
        if os.name != "nt" or name == "b.part":
            Path(storage.place, name).write_bytes(b"data")
    assert [blob.key for blob in storage.list()] == ["a"]


def test_tidy_removes_what_died_midway_and_nothing_else(storage: FilesStorage) -> None:
    def old(name: str) -> None:
        path = Path(storage.place, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"data")
        os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))

    old("ab/call/a.wav.01234567.part")
    old("ab/b.wav")
    old("movie.part")  # of somebody else
    Path(storage.place, "cd/empty").mkdir(parents=True)
    seen: list[int] = []
    storage.put("new", scripted(b"1", between=lambda: seen.append(storage.tidy(LONG_AGO + LATER))))
    assert seen == [1]
    assert files(storage) == ["ab", "ab/b.wav", "movie.part", "new"]
    assert storage.tidy(LONG_AGO + LATER) == 0


def test_tidying_what_is_not_there_is_fine(storage: FilesStorage) -> None:
    assert storage.tidy(datetime.now(UTC)) == 0
    assert list(storage.list()) == []


# ---- links


if sys.platform != "win32":  # where making links is a privilege

    def test_links_that_lead_out_are_not_followed(storage: FilesStorage, tmp_path: Path) -> None:
        outside = tmp_path / "root of somebody else"  # begins as the storage's own root does
        outside.mkdir()
        (outside / "secret").write_bytes(b"secret")
        Path(storage.place).mkdir()
        Path(storage.place, "link").symlink_to(outside)
        Path(storage.place, "file").symlink_to(outside / "secret")
        for use in (storage.open, storage.delete, lambda key: storage.put(key, BytesIO(b"mine"))):
            with pytest.raises(StorageError, match="symbolic link"):
                use("link/secret")
        with pytest.raises(StorageError, match="symbolic link"):
            storage.open("file")
        assert list(storage.list()) == []
        assert storage.tidy(datetime.now(UTC) + LATER) == 0
        assert [path.name for path in outside.iterdir()] == ["secret"]

    def test_a_link_in_the_place_of_a_blob_is_replaced_or_removed_itself(storage: FilesStorage, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        Path(storage.place).mkdir()
        for name in ("replaced", "removed"):
            Path(storage.place, name).symlink_to(tmp_path / "secret")
        storage.put("replaced", BytesIO(b"mine"))
        storage.delete("removed")
        assert read(storage, "replaced") == b"mine"
        assert (tmp_path / "secret").read_bytes() == b"secret"
        assert files(storage) == ["replaced"]

    def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "root").symlink_to(tmp_path / "disk")
        storage = FilesStorage(tmp_path / "root", durable=False)
        storage.put("ab/a", BytesIO(b"data"))
        assert read(storage, "ab/a") == b"data"
        assert (tmp_path / "disk" / "ab" / "a").exists()


# ---- when the disk fails


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/home/+442079460018.wav")


def check_failure(storage: FilesStorage, why: str) -> None:
    """Putting fails as storages do, without naming files, and the old is as it was."""
    with pytest.raises(StorageError) as caught:
        storage.put("ab/a", BytesIO(b"new"))
    assert str(caught.value) == str(StorageError(storage.place, "ab/a", why))
    assert "+44" not in str(caught.value)
    assert read(storage, "ab/a") == b"old"
    assert files(storage) == ["ab", "ab/a"]


def test_a_disk_that_is_full_at_the_end(storage: FilesStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put("ab/a", BytesIO(b"old"))
    monkeypatch.setattr(os, "fsync", full)
    check_failure(storage, "No space left on device")


def test_a_disk_that_is_full_midway(storage: FilesStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As buffered files do, it fails again when it is closed."""
    storage.put("ab/a", BytesIO(b"old"))
    create = LocalFiles._create

    def created(self: LocalFiles, part: Path) -> Any:
        create(self, part).close()
        return SimpleNamespace(write=full, flush=full, close=full)

    monkeypatch.setattr(LocalFiles, "_create", created)
    check_failure(storage, "No space left on device")


def test_a_folder_where_nobody_may_write(storage: FilesStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/home/+442079460018.wav")

    storage.put("ab/a", BytesIO(b"old"))
    monkeypatch.setattr(Path, "replace", denied)
    check_failure(storage, "Permission denied")
    monkeypatch.setattr(Path, "unlink", denied)
    with pytest.raises(StorageError, match="Permission denied"):
        storage.delete("ab/a")
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(StorageError, match="Permission denied"):
        list(storage.list())


def test_a_file_in_the_place_of_a_folder(storage: FilesStorage) -> None:
    storage.put("ab", BytesIO(b"data"))
    with pytest.raises(StorageError, match=r"failed at 'ab/a'"):
        storage.put("ab/a", BytesIO(b"data"))
    Path(storage.place, "cd", "a").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"failed at 'cd/a'"):
        storage.put("cd/a", BytesIO(b"data"))
    with pytest.raises(BlobNotFoundError):
        storage.open("cd/a")
    assert files(storage) == ["ab", "cd", "cd/a"]


def test_a_folder_that_is_removed_before_the_blob_is_in_it(
    storage: FilesStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By somebody who deletes the last blob of the folder."""
    make, removed = LocalFiles._make_folder, list[Path]()

    def made(self: LocalFiles, folder: Path) -> None:
        make(self, folder)
        if folder.name == "call" and len(removed) < 3:
            removed.append(folder)
            folder.rmdir()

    monkeypatch.setattr(LocalFiles, "_make_folder", made)
    storage.put("ab/call/a", BytesIO(b"data"))
    assert len(removed) == 3
    assert read(storage, "ab/call/a") == b"data"


def test_whoever_reads_on_windows_is_waited_for(storage: FilesStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Path] = []
    replace = Path.replace

    def busy(part: Path, target: Path) -> Path:
        tries.append(part)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "Access is denied")
        return replace(part, target)

    monkeypatch.setattr(local, "_PATIENCE", (0, 0, 0))
    monkeypatch.setattr(Path, "replace", busy)
    storage.put("a", BytesIO(b"data"))
    assert len(tries) == 3
    assert read(storage, "a") == b"data"


def test_a_blob_is_on_the_disk_before_it_has_its_name(storage: FilesStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    sync = os.fsync

    def synced(descriptor: int) -> None:
        seen.append(files(storage))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    storage.put("ab/a", BytesIO(b"data"))
    assert any(names and names[-1].endswith(".part") for names in seen)
    if os.name != "nt":
        assert seen[-1] == ["ab", "ab/a"]  # the name, too
    seen.clear()
    FilesStorage(storage.place, durable=False).put("b", BytesIO(b"data"))
    assert seen == []


def test_a_url_with_one_slash_is_no_folder() -> None:
    with pytest.raises(SettingsError, match="two slashes"):
        open_storage("s3:/recordings")
