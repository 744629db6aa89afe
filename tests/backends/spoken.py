"""Real speech, for engines that have ears."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["spoken"]


def spoken() -> NDArray[np.float32]:
    """What the customer says in the first of the example calls."""
    from benchmarks.hard_calls import VOICES  # noqa: PLC0415 - decodes all of them

    samples = VOICES["customer"].astype(np.float32) / 32768
    times = np.arange(2 * len(samples)) / 2
    return np.interp(times, np.arange(len(samples)), samples).astype(np.float32)
