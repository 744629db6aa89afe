"""Anything at all, and anything made of a recording: it opens and reads, or it is an AudioError."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callkit.audio.source import open_audio
from callkit.errors import AudioError

Make = Callable[..., Any]


def _read_through(content: bytes) -> None:
    """Either it opens and reads, or it is an AudioError: nothing else may happen."""
    try:
        with open_audio(content) as reader:
            channels = reader.format.channels
            for block in reader.blocks():
                assert block.dtype == np.int16
                assert 0 < len(block) <= 32_000 * channels
                assert len(block) % channels == 0
    except AudioError as error:
        _ = str(error)  # every field of the sentence is there


@pytest.fixture
def _no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process for every example would take minutes."""
    monkeypatch.setattr("shutil.which", lambda *_: None)


_HEADS = [b"", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", b"ID3\4\0\0\0\0\0\0", b"fLaC", b"OggS", b"\xff\xfb\x90\x64", b".snd"]


@pytest.mark.usefixtures("_no_ffmpeg")
def test_any_bytes_open_or_are_an_audio_error() -> None:
    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(_HEADS), st.binary(max_size=300))
    def check(head: bytes, rest: bytes) -> None:
        _read_through(head + rest)

    check()


@pytest.mark.usefixtures("_no_ffmpeg")
def test_any_mutation_of_a_recording_opens_or_is_an_audio_error(tone: Make, wav: Make, encoded: Make) -> None:
    short = tone(0.5)
    files = [
        wav(short.tobytes()),
        wav(short.tobytes(), tag=7, bits=8),
        encoded(short, "WAV", "GSM610"),
        encoded(short, "WAV", "MS_ADPCM"),
        encoded(short, "MP3", "MPEG_LAYER_III"),
        encoded(short, "FLAC", "PCM_16"),
        encoded(short, "OGG", "VORBIS"),
    ]

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(files), st.data())
    def check(file: bytes, data: st.DataObject) -> None:
        mutated = bytearray(file[: data.draw(st.integers(0, len(file)), label="cut")] or file)
        places = st.one_of(st.integers(0, 80), st.integers(0, len(file)))
        for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6), label="changes"):
            if at < len(mutated):
                mutated[at] = value
        _read_through(bytes(mutated))

    check()
