import numpy as np
import pytest

from callkit.audio.spectra import Spectra


@pytest.mark.parametrize("rate", [8000, 8001, 11025, 16000, 44100])
def test_the_bins_of_a_block_add_up_to_its_power(rate: int) -> None:
    noise = (np.random.default_rng(1).standard_normal(3 * rate) * 3000).astype(np.int16)
    found = Spectra(rate)(noise)
    size, starts = rate // 10, np.arange(10) * rate // 10
    assert found.shape == (30, size // 2 + 1)
    blocks = [noise[second * rate + start :][:size] for second in range(3) for start in starts]
    expected = [np.mean((block / 32768) ** 2) for block in blocks]
    assert found.sum(axis=1) == pytest.approx(expected, rel=1e-5)


def test_a_tone_is_in_its_bin() -> None:
    spectra = Spectra(8000)
    tone = (16384 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16)
    found = spectra(tone)
    assert spectra.frequencies[found.argmax(axis=1)] == pytest.approx([440] * 10)
    assert found.max(axis=1) == pytest.approx([0.125] * 10, rel=1e-3)


def test_of_the_rest_whole_blocks_count() -> None:
    noise = (np.random.default_rng(1).standard_normal(8000) * 3000).astype(np.int16)
    spectra = Spectra(8000)
    assert spectra.rest(noise[:1799]) == pytest.approx(spectra(noise)[:2])
    assert spectra.rest(noise[:799]).shape == (0, 401)
