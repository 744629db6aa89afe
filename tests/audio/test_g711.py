"""The tables against the values of the Recommendation and against another decoder."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from callkit.audio.g711 import A_LAW, MU_LAW


def test_landmarks() -> None:
    assert [int(MU_LAW[code]) for code in (0x00, 0x7F, 0x80, 0xFF)] == [-32124, 0, 32124, 0]
    assert [int(A_LAW[code]) for code in (0x2A, 0xAA, 0x55, 0xD5)] == [-32256, 32256, -8, 8]


@pytest.mark.parametrize("table", [MU_LAW, A_LAW])
def test_a_sign_bit_mirrors(table: Any) -> None:
    assert table.dtype == np.int16
    assert (table[:128] == -table[128:]).all()


@pytest.mark.parametrize(("subtype", "table", "tag"), [("ULAW", MU_LAW, 7), ("ALAW", A_LAW, 6)])
def test_every_code_as_libsndfile_decodes_it(
    subtype: str, table: Any, tag: int, wav: Callable[..., bytes], decoded: Callable[..., Any]
) -> None:
    codes = bytes(range(256))
    header = b".snd" + b"".join(n.to_bytes(4, "big") for n in (24, 256, 1 if tag == 7 else 27, 8000, 1))
    for file in (header + codes, wav(codes, tag=tag, bits=8)):
        found = decoded(file)
        assert found.samples[:, 0].tolist() == table.tolist()
        assert found.format.rails == (table.min(), table.max())
