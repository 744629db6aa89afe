"""Words as they are compared."""

import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.words import spans, stem, stemmer, stems


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("refund", "Refunds"),
        ("cancel", "cancelled"),
        ("возврат", "ВОЗВРАТА"),
        ("ёлка", "елки"),
        ("Straße", "straße"),
        ("ＡＢＣ", "abc"),
        ("cafe\u0301", "café"),
    ],
)
def test_forms_of_a_word_are_one(one: str, other: str) -> None:
    assert stems(one) == stems(other)


@pytest.mark.parametrize(("one", "other"), [("refund", "fund"), ("возврат", "развод"), ("café", "cafe"), ("x", "y")])
def test_words_differ(one: str, other: str) -> None:
    assert stems(one) != stems(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know.", ("i", "don", "t", "know")),
        ("e-mail_me 4711", ("e", "mail", "me", "4711")),
        ("退款。訂單", ("退", "款", "訂", "單")),
        ("カード no", ("カ", "ー", "ド", "no")),
        ("ขอคืน", ("ข", "อ", "ค", "น")),
        ("환불 해 주세요", ("환불", "해", "주세요")),
        ("😀 · \0\udc80", ()),
        ("the and не", ("the", "and", "не")),
    ],
)
def test_what_a_word_is(text: str, expected: tuple[str, ...]) -> None:
    assert stems(text) == expected


@given(st.text(max_size=60) | st.text(st.characters(categories=["L", "M", "N"]), max_size=9))
def test_a_stem_is_letters_and_digits_and_has_a_place(text: str) -> None:
    assert all(found.isalnum() and len(found) <= 100 for found in stems(text))
    assert tuple(stem(text[start:end]) for start, end in spans(text)) == stems(text)


def test_every_letter_has_a_stem_that_an_index_takes() -> None:
    letters = map(chr, range(sys.maxunicode + 1))
    odd = [one for one in letters if one.isalnum() and not all(found.isalnum() for found in stems(f"{one}a {one}"))]
    assert odd == []


@given(st.text(max_size=30))
def test_the_form_of_unicode_does_not_matter(text: str) -> None:
    composed, apart = (unicodedata.normalize(form, f"naïve ёж {text}") for form in ("NFC", "NFD"))
    assert stems(composed)[:2] == stems(apart)[:2]


def test_of_a_long_word_the_beginning_counts() -> None:
    assert stems("ж" * 3000) == ("ж" * 100,)
    assert stems("y" * 120 + "z") == stems("y" * 120)


def test_threads_have_stemmers_of_their_own() -> None:
    words = [f"refunding{number}s возвратами" for number in range(2000)]
    expected = [stems(word) for word in words]
    stem.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(stems, words)) == expected


def test_the_stemmer_has_a_version() -> None:
    assert stemmer().startswith("1/")
