"""What many tests need."""

import io
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from callkit.testing.clock import Clock

if TYPE_CHECKING:
    from callkit import CallKit

# The machine that runs the tests may be busy: how long an example takes says nothing
settings.register_profile("callkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callkit")

WavMaker = Callable[..., bytes]


def make_wav(seconds: float = 3.0, *, seed: int = 0, channels: int = 1, rate: int = 8000) -> bytes:
    """A second of noise, a second of near silence, and so on; unlike that of any other seed."""
    dice = np.random.default_rng(seed)
    frames = round(seconds * rate)
    level = np.where(np.arange(frames) // rate % 2 == 0, 3000, 5)[:, None]
    samples = (dice.standard_normal((frames, channels)) * level).clip(-32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


@pytest.fixture(scope="session")
def wav() -> WavMaker:
    return make_wav


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kit(tmp_path: Path) -> "Iterator[CallKit]":
    """SQLite and local files; work is done at once, in this process."""
    from callkit import CallKit  # noqa: PLC0415 - tests of a single room need not load the whole house

    with CallKit.open(tmp_path / "data", runner="inline") as kit:
        yield kit
