import ntpath
import sys
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from callkit.backends.storages.keys import check_key, is_key
from callkit.errors import InvalidKeyError
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
