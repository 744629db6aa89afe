"""What every storage must do: subclass `StorageContract` and give it yours."""

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import BinaryIO, cast

import pytest

from callkit.errors import BlobNotFoundError, InvalidKeyError, StorageError
from callkit.protocols import Storage
from callkit.testing.contract import Contract

__all__ = ["BAD_KEYS", "ScriptedSource", "StorageContract"]

_MANY = 3 * (1 << 20) + 7  # bytes; more than anybody copies in one go
_LARGE = 2 * (8 << 20) + 7  # bytes; more than anybody fetches or sends in one go

BAD_KEYS = (
    *("", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "./a", "a/..", "~/../a"),
    *("a\0b", "a\nb", "a\x7fb", "a\\b", "..\\a", "C:/a", "C:a", "\\\\server\\share", "a:stream", "file:///a"),
    *("NUL", "a/con", "aux.wav", "COM1", "a/lpt9.tar.gz", "com¹", "conout$", "a.", "a ", "a./b", "a /b", "..."),
    *("a?", "a*", "a|b", "<a>", 'a"b', "a.part", "a.PART/b", "a" * 241, "a/" * 300 + "a", "ab\udcff"),
)
"""Keys that could leave their storage, or name another file on another system."""


class ScriptedSource:
    """A file that can't seek. At its end, and before it gives the next chunk, it calls `between`."""

    def __init__(self, *chunks: bytes, between: Callable[[], object] = lambda: None) -> None:
        self._chunks = iter(chunks)
        self._between = between
        self._left = next(self._chunks, b"")

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes."""
        if not self._left:
            self._between()
            self._left = next(self._chunks, b"")
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return data


def scripted(*chunks: bytes, between: Callable[[], object] = lambda: None) -> BinaryIO:
    """A `ScriptedSource`; reading is all that a storage may do with it."""
    return cast(BinaryIO, ScriptedSource(*chunks, between=between))


def _fail() -> None:
    raise OSError("the line to the source broke")


class StorageContract(Contract):
    """A storage keeps every promise of `callkit.protocols.Storage`.

    The subclass has a fixture `storage`: a new, empty one.
    """

    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        """The storage to be tested."""
        raise NotImplementedError("Give the subclass of StorageContract a fixture `storage`.")

    def read(self, storage: Storage, key: str) -> bytes:
        """All of a blob."""
        with storage.open(key) as file:
            return file.read()

    def keys(self, storage: Storage, prefix: str = "") -> list[str]:
        """The keys that are listed, in order."""
        return sorted(blob.key for blob in storage.list(prefix))

    @pytest.mark.parametrize("size", [0, 1, _MANY])
    def test_what_was_put_is_read(self, storage: Storage, size: int) -> None:
        data = bytes(range(251)) * (size // 251 + 1)
        storage.put("ab/call.wav", BytesIO(data[:size]))
        assert self.read(storage, "ab/call.wav") == data[:size]

    def test_only_what_is_left_to_read_is_put(self, storage: Storage) -> None:
        source = BytesIO(b"head and body")
        source.seek(9)
        storage.put("a", source)
        assert self.read(storage, "a") == b"body"
        assert not source.closed

    def test_a_source_need_not_seek_and_may_give_little_at_a_time(self, storage: Storage) -> None:
        storage.put("a", scripted(b"on", b"e ", b"two"))
        assert self.read(storage, "a") == b"one two"

    @pytest.mark.parametrize("key", ["a", "a-b_c (1).wav", "ab/0199/recording.wav", "звонок/запись.wav", "x" * 240])
    def test_keys_are_plain_paths(self, storage: Storage, key: str) -> None:
        storage.put(key, BytesIO(b"data"))
        assert self.read(storage, key) == b"data"
        assert self.keys(storage) == [key]

    @pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
    def test_a_key_that_could_leave_its_place_is_refused(self, storage: Storage, key: str) -> None:
        for use in (storage.open, storage.delete, lambda key: storage.put(key, BytesIO(b"data"))):
            with pytest.raises(InvalidKeyError) as caught:
                use(key)
            assert caught.value.key == key
        assert self.keys(storage) == []

    def test_the_new_takes_the_place_of_the_old(self, storage: Storage) -> None:
        storage.put("a", BytesIO(b"a long first one"))
        storage.put("a", BytesIO(b"second"))
        assert self.read(storage, "a") == b"second"
        assert self.keys(storage) == ["a"]

    def test_nobody_sees_half(self, storage: Storage) -> None:
        seen: list[list[str]] = []
        storage.put("ab/new", scripted(b"1" * _MANY, b"2", between=lambda: seen.append(self.keys(storage))))
        assert seen == [[], []]
        assert self.keys(storage) == ["ab/new"]

    def test_the_old_is_whole_until_the_new_is(self, storage: Storage) -> None:
        storage.put("a", BytesIO(b"old"))
        seen: list[bytes] = []
        storage.put("a", scripted(b"1" * _MANY, b"2", between=lambda: seen.append(self.read(storage, "a"))))
        assert seen == [b"old", b"old"]

    def test_a_source_that_fails_leaves_nothing(self, storage: Storage) -> None:
        with pytest.raises(OSError, match="the line to the source broke"):
            storage.put("ab/a", scripted(b"1" * _MANY, b"2", between=_fail))
        assert self.keys(storage) == []
        with pytest.raises(BlobNotFoundError):
            storage.open("ab/a")

    def test_a_source_that_fails_leaves_the_old(self, storage: Storage) -> None:
        storage.put("a", BytesIO(b"old"))
        with pytest.raises(OSError, match="the line to the source broke"):
            storage.put("a", scripted(b"new", between=_fail))
        assert self.read(storage, "a") == b"old"
        assert self.keys(storage) == ["a"]

    def test_writers_of_one_key_do_not_mix(self, storage: Storage) -> None:
        datas = [bytes([65 + number]) * _MANY for number in range(4)]
        with ThreadPoolExecutor(len(datas)) as threads:
            list(threads.map(lambda data: storage.put("ab/a", scripted(data[:99], data[99:])), datas))
        assert self.read(storage, "ab/a") in datas
        assert self.keys(storage) == ["ab/a"]

    def test_writers_and_removers_do_not_hinder_each_other(self, storage: Storage) -> None:
        def come_and_go(number: int) -> None:
            for _ in range(20):
                storage.put(f"ab/call/{number}", BytesIO(b"data"))
                storage.delete(f"ab/call/{number}")

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(come_and_go, range(4)))
        assert self.keys(storage) == []

    def test_an_open_blob_can_seek(self, storage: Storage) -> None:
        storage.put("a", BytesIO(b"0123456789"))
        with storage.open("a") as file:
            assert file.seekable()
            assert file.seek(-3, 2) == 7
            assert (file.read(2), file.tell(), file.read(), file.read()) == (b"78", 9, b"9", b"")
            assert file.seek(0) == 0
            assert file.read(1) == b"0"

    def test_readers_do_not_disturb_each_other(self, storage: Storage) -> None:
        storage.put("a", BytesIO(b"0123456789"))
        with storage.open("a") as one, storage.open("a") as other:
            assert (one.read(4), other.read(2), one.read(2), other.read()) == (b"0123", b"01", b"45", b"23456789")

    def test_a_large_blob_is_read_from_anywhere(self, storage: Storage) -> None:
        data = b"".join(number.to_bytes(4, "big") for number in range(_LARGE // 4))
        storage.put("a", scripted(data[: _LARGE // 2], data[_LARGE // 2 :]))
        with storage.open("a") as file:
            for start, size in ((0, 12), (len(data) - 8, 8), (8 << 20, 4), ((8 << 20) - 2, 9), (40, _MANY)):
                file.seek(start)
                assert file.read(size) == data[start : start + size]
            file.seek(0)
            assert file.read() == data

    def test_old_and_new_are_never_mixed_in_a_reader(self, storage: Storage) -> None:
        storage.put("a", BytesIO(b"1" * _LARGE))
        with storage.open("a") as file:
            read = file.read(10)
            try:  # Windows refuses to replace a file that is open
                storage.put("a", BytesIO(b"2" * _LARGE))
                read += file.read()
            except StorageError:
                return
        assert read == b"1" * _LARGE

    def test_a_missing_blob_says_so(self, storage: Storage) -> None:
        storage.put("ab/a", BytesIO(b"data"))
        for key in ("ab/b", "b/a", "ab", "ab/a/c"):
            with pytest.raises(BlobNotFoundError) as caught:
                storage.open(key)
            assert caught.value.key == key

    def test_what_was_deleted_is_gone(self, storage: Storage) -> None:
        storage.put("ab/a", BytesIO(b"data"))
        storage.put("ab/b", BytesIO(b"data"))
        storage.delete("ab/a")
        with pytest.raises(BlobNotFoundError):
            storage.open("ab/a")
        assert self.keys(storage) == ["ab/b"]

    def test_what_is_not_there_can_be_deleted(self, storage: Storage) -> None:
        storage.put("ab/a", BytesIO(b"data"))
        for key in ("ab/b", "b", "ab", "ab/a/c"):
            storage.delete(key)
        storage.delete("ab/a")
        storage.delete("ab/a")
        assert self.keys(storage) == []

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("", ["ab/1.wav", "ab/12.wav", "abc/1.wav", "b"]),
            ("a", ["ab/1.wav", "ab/12.wav", "abc/1.wav"]),
            ("ab/", ["ab/1.wav", "ab/12.wav"]),
            ("ab/1.", ["ab/1.wav"]),
            ("ab/1.wav", ["ab/1.wav"]),
            ("ab/1.wav/", []),
            ("c", []),
            ("../", []),
            ("/", []),
            ("./ab", []),
        ],
    )
    def test_a_prefix_is_the_beginning_of_a_key(self, storage: Storage, prefix: str, expected: list[str]) -> None:
        for key in ("ab/1.wav", "ab/12.wav", "abc/1.wav", "b"):
            storage.put(key, BytesIO(b"data"))
        assert self.keys(storage, prefix) == expected

    def test_the_list_tells_size_and_time(self, storage: Storage) -> None:
        before = datetime.now(UTC) - timedelta(minutes=1)  # another machine's clock may keep the time
        storage.put("ab/a", BytesIO(b"12345"))
        (blob,) = storage.list()
        assert (blob.key, blob.size) == ("ab/a", 5)
        assert before < blob.modified_at < before + timedelta(minutes=10)

    def test_a_list_goes_on_while_its_blobs_are_deleted(self, storage: Storage) -> None:
        for number in range(5):
            storage.put(f"{number % 2}/{number}", BytesIO(b"data"))
        for blob in storage.list():
            storage.delete(blob.key)
        assert self.keys(storage) == []

    def test_it_travels_to_another_process(self, storage: Storage) -> None:
        storage.put("ab/a", BytesIO(b"data"))
        copy: Storage = pickle.loads(pickle.dumps(storage))
        assert copy == storage
        assert self.read(copy, "ab/a") == b"data"
