import ntpath
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from callkit.backends.storages.files import FilesStorage
from callkit.backends.storages.keys import check_key, is_key, may_begin_key
from callkit.backends.storages.memory import MemoryStorage
from callkit.errors import InvalidKeyError
from callkit.protocols import Storage
from callkit.testing.storage import BAD_KEYS

# Pieces from which keys that mean harm are made, so that Hypothesis need not find them letter by letter
PIECES = ["..", ".", "/", "\\", "C:", "~", "NUL", "con", "com1", ".part", " ", "a", "b.wav", "é", "\0", "\n", "?", "$"]
letters = st.characters(exclude_categories=["C"], exclude_characters='\\/<>:"|?*')
keys = st.one_of(
    st.lists(st.text(letters, min_size=1, max_size=8), min_size=1, max_size=5).map("/".join),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.text(max_size=40),
)


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
def test_bad_keys_are_refused_with_the_reason(key: str) -> None:
    assert not is_key(key)
    with pytest.raises(InvalidKeyError) as caught:
        check_key(key)
    assert caught.value.key == key
    assert caught.value.why in str(caught.value)


@pytest.mark.parametrize(
    "key", ["a", "ab/c.wav", "...a", "a..b", "~a", "-", "console.wav", "com10", "a b", "звонок", "part"]
)
def test_plain_keys_pass(key: str) -> None:
    assert is_key(key)
    check_key(key)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("a/../b", "'..'"),
        ("a\\b", r"'\\\\'"),
        ("a/nul.wav", "device"),
        ("ab.part", "still being written"),
        ("a/b.", "ends in"),
        ("é" * 121, "240 bytes"),
        ("ab/" * 171, "512 bytes"),
        ("\udc80", "Unicode"),
    ],
)
def test_the_reason_fits(key: str, why: str) -> None:
    with pytest.raises(InvalidKeyError, match=why):
        check_key(key)


def reserved(key: str) -> bool:
    """Whether Windows would not take it for a plain file."""
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(key)
    return PureWindowsPath(key).is_reserved()


@given(keys)
@settings(max_examples=500)  # half of the keys are refused
@example("a/ ..b/c")
def test_a_key_that_passes_stays_below_its_root(key: str) -> None:
    if not is_key(key):
        return
    posix = PurePosixPath("/srv/store") / key
    assert posix.is_relative_to("/srv/store")
    assert ".." not in posix.parts
    assert str(posix) == f"/srv/store/{key}"
    windows = ntpath.normpath(ntpath.join("C:\\root", key))
    assert windows == "C:\\root\\" + key.replace("/", "\\")
    assert not reserved(key)
    assert PureWindowsPath(windows).is_relative_to("C:\\root")


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=4, max_size=36), min_size=1, max_size=6))
def test_names_of_letters_digits_and_dashes_always_pass(parts: list[str]) -> None:
    assume(all(part[:3] not in {"com", "lpt"} for part in parts))
    check_key("/".join(parts))


@given(keys, st.integers(0, 60))
def test_a_prefix_of_a_key_may_begin_one(key: str, size: int) -> None:
    assume(is_key(key))
    assert may_begin_key(key[:size])


@pytest.mark.parametrize("prefix", ["/", "../", "./a", "a//", "a/../", "a\0", "a\\", "\udcff", "nul.", "a" * 241])
def test_what_begins_no_key(prefix: str) -> None:
    assert not may_begin_key(prefix)


# ---- on storages


def try_key(storage: Storage, key: str) -> None:
    """Either the key is refused, or its blob is where it belongs; and then it is gone."""
    try:
        storage.put(key, BytesIO(b"data"))
    except InvalidKeyError:
        assert not is_key(key)
        return
    assert [blob.key for blob in storage.list()] == [key]
    with storage.open(key) as file:
        assert file.read() == b"data"
    storage.delete(key)
    assert list(storage.list()) == []


@given(keys)
@settings(max_examples=300)
def test_no_key_leaves_a_memory(key: str) -> None:
    try_key(MemoryStorage(), key)


if sys.platform != "win32" and sys.platform != "darwin":  # which have names of their own for some letters

    @given(keys)
    @settings(max_examples=300)
    def test_no_key_leaves_a_folder(key: str) -> None:
        with TemporaryDirectory() as folder:
            storage = FilesStorage(Path(folder, "a", "b"), durable=False)
            Path(storage.place).mkdir(parents=True)
            try_key(storage, key)
            assert [path.relative_to(folder).as_posix() for path in Path(folder).rglob("*")] == ["a", "a/b"]


@pytest.fixture
def s3(bucket: str) -> Iterator[Storage]:
    from callkit.backends.storages.s3 import S3Storage  # noqa: PLC0415 - an extra

    whole = S3Storage(f"s3://{bucket}")
    whole.put("outside", BytesIO(b"data"))
    yield S3Storage(f"s3://{bucket}/a/b")
    assert [blob.key for blob in whole.list()] == ["outside"]


def test_no_key_leaves_a_prefix(s3: Storage) -> None:
    @given(keys)
    @settings(max_examples=100)
    def never(key: str) -> None:
        try_key(s3, key)

    never()
