"""Capital letters of 5 by 7 pixels, for pictures made without any font."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["ADVANCE", "HEIGHT", "lettering", "width_of"]

HEIGHT = 7
ADVANCE = 6
"""Pixels from one letter to the next."""

# Each letter is seven rows of five bits, from the top, as pairs of hexadecimal digits
_DRAWN = """
A 0e11111f111111  B 1e11111e11111e  C 0e11101010110e  D 1e11111111111e  E 1f10101e10101f  F 1f10101e101010
G 0e11101713110f  H 1111111f111111  I 0e04040404040e  J 0702020202120c  K 11121418141211  L 1010101010101f
M 111b1515111111  N 11191915131311  O 0e11111111110e  P 1e11111e101010  Q 0e11111115120d  R 1e11111e141211
S 0f10100e01011e  T 1f040404040404  U 1111111111110e  V 11111111110a04  W 1111111515150a  X 11110a040a1111
Y 11110a04040404  Z 1f01020408101f  0 0e11131519110e  1 040c040404040e  2 0e11010204081f  3 1f02040201110e
4 02060a121f0202  5 1f101e0101110e  6 0608101e11110e  7 1f010204080808  8 0e11110e11110e  9 0e11110f01020c
: 000c0c000c0c00  . 00000000000c0c  - 0000001f000000  ( 02040808080402  ) 08040202020408  % 18190204081303
"""


def _read(drawn: str) -> Mapping[str, NDArray[np.bool_]]:
    words = drawn.split()
    codes = {letter: bytes.fromhex(code) for letter, code in zip(words[::2], words[1::2], strict=True)}
    rows = {letter: np.frombuffer(code, np.uint8)[:, None] for letter, code in codes.items()}
    return MappingProxyType({letter: np.unpackbits(row, axis=1)[:, 3:].astype(bool) for letter, row in rows.items()})


_LETTERS = _read(_DRAWN)
_SPACE = np.zeros((HEIGHT, ADVANCE - 1), bool)


def lettering(text: str) -> NDArray[np.bool_]:
    """Where the ink is: of shape (7, `width_of(text)`); what is no letter, digit or one of ":.-()%" is a space."""
    row = [np.pad(_LETTERS.get(letter, _SPACE), ((0, 0), (0, 1))) for letter in text.upper()]
    return np.concatenate(row, axis=1) if row else np.zeros((HEIGHT, 0), bool)


def width_of(text: str) -> int:
    """Pixels, the space after the last letter included."""
    return ADVANCE * len(text)
