"""G.711, the telephone's 8-bit logarithmic samples, as two tables of 256 16-bit values.

Source:
    ITU-T Recommendation G.711 (11/88), tables 1a to 2b, scaled from 13 and 14 bits to 16.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["A_LAW", "MU_LAW"]

_MU_LAW_BIAS = 0x84


def _mu_law() -> NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF  # sent inverted, so that silence has many ones on the line
    magnitude = (((code & 0x0F) << 3) + _MU_LAW_BIAS << ((code & 0x70) >> 4)) - _MU_LAW_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_law() -> NDArray[np.int16]:
    code = np.arange(256) ^ 0x55  # every other bit is sent inverted
    step, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = np.where(segment == 0, step + 0x08, step + 0x108 << np.maximum(segment, 1) - 1)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


MU_LAW = _mu_law()
"""µ-law code → 16-bit sample, within ±32124."""

A_LAW = _a_law()
"""A-law code → 16-bit sample, within ±32256."""
