"""Numbers are compared by what they are, not by how they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.core.number import normalise


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("+44 (20) 7946-0018", "+442079460018"),
        ("tel:+44-20-7946-0018", "+442079460018"),
        ("sip:Anna.Müller@pbx.example;transport=tcp", "annamüller"),
        ('"Reception" <sip:101@10.0.0.1>', "101"),
        ("٠١٢٣", "0123"),
        ("\uff0b44\u00a020", "+4420"),  # full-width plus, no-break space
        ("0044 20", "004420"),
        ("101", "101"),
        ("44+20", "4420"),
        ("Anonymous", "withheld"),
        ("PRIVATE", "withheld"),
        ("", ""),
    ],
)
def test_spelling_does_not_matter(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


@given(st.text())
def test_it_is_stable_and_plus_is_only_ever_first(raw: str) -> None:
    plain = normalise(raw)
    assert normalise(plain) == plain
    assert "+" not in plain[1:]
    assert plain == plain.lower()
