"""Words as they are compared: their stems.

"Refunds" and "refunded" are one word, «возврата» and «возврат» another: Russian endings are taken off words in
Cyrillic, English ones off words in plain Latin letters; words of other scripts stay whole. Of scripts without spaces
(Chinese, Japanese, Thai …) every character is a word, so what stands together is found as a phrase.
"""

import re
import unicodedata
from functools import lru_cache
from threading import local
from typing import Any

__all__ = ["spans", "stem", "stemmer", "stems"]

_RULES = 1  # raise it when the same text gives other stems
_LONGEST = 100  # characters of a word that count: every index takes so many
_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
_LETTER = rf"[^\W_{_NO_SPACES}]"
_WORD = re.compile(rf"{_LETTER}+(?:[\u0300-\u036f]+{_LETTER}*)*|(?=[^\W_])[{_NO_SPACES}]")
_stemmers = local()  # a stemmer is for one thread


def stems(text: str) -> tuple[str, ...]:
    """Of all words, in order. A stem is made of letters and digits, never empty.

    >>> stems("He cancelled: my ORDERS!")
    ('he', 'cancel', 'my', 'order')
    """
    return tuple(map(stem, _WORD.findall(text)))


def spans(text: str) -> list[tuple[int, int]]:
    """Where the words are: first character, and the one after the last."""
    return [match.span() for match in _WORD.finditer(text)]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Of one word, in whatever case it is written."""
    plain = _plain(word)[:_LONGEST]
    if plain.isascii():
        return _of("english").stemWord(plain) or plain
    return (_of("russian").stemWord(plain) or plain) if "\u0400" <= plain[0] <= "\u04ff" else plain


def _plain(word: str) -> str:
    if word.isascii():
        return word.lower()
    spelt = unicodedata.normalize("NFKC", word).lower().replace("ё", "е")
    return "".join(filter(str.isalnum, spelt)) or word[0]  # one sign may stand for several words


def _of(language: str) -> Any:
    try:
        return getattr(_stemmers, language)
    except AttributeError:
        import Stemmer  # noqa: PLC0415 - only where something is stemmed

        setattr(_stemmers, language, made := Stemmer.Stemmer(language, 0))
        return made


def stemmer() -> str:
    """Which rules make the stems: where it differs, they do, and what was stored has to be made anew."""
    import Stemmer  # noqa: PLC0415 - only where something is stemmed

    return f"{_RULES}/{Stemmer.version()}"
