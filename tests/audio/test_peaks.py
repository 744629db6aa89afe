"""The waveform file of audiowaveform."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.audio import Peaks, measure, open_audio
from callkit.errors import DamagedAudioError

DATA = Path(__file__).parents[1] / "data"


def test_the_reference_file_is_byte_for_byte_the_same() -> None:
    with open_audio(DATA / "reference_call.wav") as reader:
        assert measure(reader).peaks.to_dat() == (DATA / "peaks_v2_16bit.dat").read_bytes()


@given(st.integers(0, 20), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_what_is_written_can_be_read(rows: int, channels: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-32768, 32768, (rows, channels, 2)).astype(np.int16)
    peaks = Peaks.from_dat(Peaks(8000, 800, values).to_dat())
    assert (peaks.sample_rate, peaks.samples_per_row) == (8000, 800)
    assert np.array_equal(peaks.rows, values)


def test_eight_bits_are_widened() -> None:
    data = bytearray(Peaks(8000, 800, np.zeros((1, 1, 2), np.int16)).to_dat()[:24] + b"\x80\x7f")
    data[4] = 1
    assert Peaks.from_dat(bytes(data)).rows.tolist() == [[[-32768, 32512]]]


@pytest.mark.parametrize("data", [b"", b"\2\0\0\0", Peaks(8000, 800, np.zeros((5, 2, 2), np.int16)).to_dat()[:-1]])
def test_a_file_that_is_cut(data: bytes) -> None:
    with pytest.raises(DamagedAudioError, match="cut"):
        Peaks.from_dat(data)


def test_a_file_of_another_version() -> None:
    with pytest.raises(DamagedAudioError, match="version 1"):
        Peaks.from_dat(b"\1" + Peaks(8000, 800, np.zeros((1, 1, 2), np.int16)).to_dat()[1:])
