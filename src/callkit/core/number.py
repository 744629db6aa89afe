"""Telephone numbers and SIP names as they are compared: `normalise`."""

import re
import unicodedata

__all__ = ["NORMALISER", "WITHHELD", "normalise"]

NORMALISER = 1
"""Version of `normalise`: raise it when an output changes, so that stored values can be brought up to date."""

WITHHELD = "withheld"
_WITHHELD_WORDS = frozenset({"anonymous", "private", "restricted", "unavailable", "unknown", WITHHELD})
_SCHEME = re.compile(r"^(?:tel|sips?|callto):", re.IGNORECASE)
_ANGLE = re.compile(r"<([^<>]+)>")
_NOISE = re.compile(r"[\s()\-./\u2010-\u2015\u2212]+")


def normalise(raw: str) -> str:
    """What a number or name is compared by: spelling, brackets and SIP addressing taken away.

    "+" is only ever the first character. Extensions stay as they are, and so does a leading "00".
    Numbers that were withheld become one word, whatever the exchange calls it.

    >>> normalise('"Reception" <sip:+44(20)7946-0018@pbx.example;user=phone>')
    '+442079460018'
    >>> normalise("Anonymous")
    'withheld'
    """
    plain = _plainer(raw)
    while plain != raw:  # what is taken away may have kept other things apart
        raw, plain = plain, _plainer(plain)
    return WITHHELD if plain in _WITHHELD_WORDS else plain


def _plainer(raw: str) -> str:
    text = unicodedata.normalize("NFKC", raw)
    if angle := _ANGLE.search(text):
        text = angle[1]
    text = _SCHEME.sub("", text.strip())
    user = re.split(r"[@;]", text, maxsplit=1)[0]
    kept = "".join(_ascii_digit(c) for c in _NOISE.sub("", user) if c.isprintable()).lower()
    plus = "+" if kept.startswith("+") else ""
    return plus + kept.replace("+", "")


def _ascii_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)
