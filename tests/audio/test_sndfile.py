"""What libsndfile reads, and what we do not leave to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callkit.audio.source import open_audio
from callkit.errors import DamagedAudioError

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("container", "subtype", "found_container", "codec"),
    [
        ("FLAC", "PCM_16", "flac", "flac"),
        ("AIFF", "PCM_16", "aiff", "pcm_s16be"),
        ("AU", "PCM_16", "au", "pcm_s16be"),
        ("CAF", "PCM_16", "caf", "pcm_s16be"),
        ("CAF", "ALAC_16", "caf", "alac"),
        ("W64", "PCM_16", "w64", "pcm_s16le"),
        ("VOC", "PCM_16", "voc", "pcm_s16le"),
    ],
)
def test_lossless(
    *, container: str, subtype: str, found_container: str, codec: str, tone: Make, encoded: Make, decoded: Make
) -> None:
    samples = tone(5, channels=2)
    found = decoded(encoded(samples, container, subtype))
    assert (found.samples == samples).all()
    assert (found.format.container, found.format.codec) == (found_container, codec)
    assert (found.format.declared_duration, found.format.declared_kind) == (5, "count")


@pytest.mark.parametrize(("subtype", "codec"), [("VORBIS", "vorbis"), ("OPUS", "opus")])
def test_ogg(subtype: str, codec: str, tone: Make, encoded: Make, decoded: Make) -> None:
    found = decoded(encoded(tone(5, 16000), "OGG", subtype, 16000))
    assert (found.duration, found.format.sample_rate, found.format.codec) == (5, 16000, codec)
    assert np.corrcoef(found.samples[:, 0], tone(5, 16000)[:, 0])[0, 1] > 0.95


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_loud_sound_is_limited_and_does_not_wrap_around(subtype: str, encoded: Make, decoded: Make) -> None:
    place = np.arange(32000) % 80  # in half a period of a square wave; codecs overshoot when they encode one
    square = np.where(np.arange(32000) // 80 % 2, 32767, -32767).astype(np.int16)
    found = decoded(encoded(square, "OGG", subtype, 16000)).samples[:, 0]
    assert found.max() == 32767
    flat = (place > 20) & (place < 60) & (np.arange(32000) < 31900)  # Opus fades at the very end
    assert (np.sign(found[flat]) == np.sign(square[flat])).all()


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_float_files_are_scaled(subtype: str, encoded: Make, decoded: Make) -> None:
    samples = np.array([0.5, -0.25, 3.0, -3.0])
    assert decoded(encoded(samples, "AIFF", subtype)).samples[:, 0].tolist() == [16384, -8192, 32767, -32768]


def test_wide_samples_are_given_in_16_bits(encoded: Make, decoded: Make, native: Make) -> None:
    file = encoded(np.array([0x12345678, -256 << 16], np.int32), "FLAC", "PCM_24")
    assert decoded(file).samples[:, 0].tolist() == [0x1234, -256]
    assert native(file).dtype.itemsize == decoded(file).format.width == 2


def test_a_decoder_that_fails_midway_keeps_what_came_before(tone: Make, encoded: Make, decoded: Make) -> None:
    file = bytearray(encoded(tone(12), "FLAC", "PCM_16"))
    file[len(file) // 2 : len(file) // 2 + 300] = bytes(300)
    found = decoded(bytes(file))
    assert 5 < found.duration < 6
    assert (found.samples == tone(12)[: len(found.samples)]).all()
    assert found.warnings[0] == "The decoder stopped: flac decoder lost sync."


def test_the_extension_does_not_matter(tone: Make, encoded: Make, decoded: Make, tmp_path: Path) -> None:
    path = tmp_path / "звонок.raw"  # soundfile by itself would take it for headerless samples
    path.write_bytes(encoded(tone(1), "FLAC", "PCM_16"))
    assert decoded(path).duration == 1


def test_a_header_and_nothing_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_: None)
    with pytest.raises(DamagedAudioError, match="flac is damaged"):
        open_audio(b"fLaC", name="call.flac")
