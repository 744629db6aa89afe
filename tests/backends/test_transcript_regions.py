"""Regions, pieces and clips: whole ticks, none twice, none lost; and the sound is exactly theirs."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callkit.audio.reader import AudioFormat
from callkit.audio.source import open_audio
from callkit.backends.transcribers.pieces import GAP, Piece, clips, pieces_of
from callkit.backends.transcribers.regions import Span, regions_of
from callkit.backends.transcribers.resampling import resampled

TOTAL = 5000


@st.composite
def speeches(draw: st.DrawFn) -> list[Span]:
    edges = sorted(draw(st.sets(st.integers(0, TOTAL), max_size=24)))
    return [(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=False)]


@given(speeches(), st.sampled_from([300, 1000, 30_000]))
@example([(0, TOTAL)], 300)
@example([(0, 290), (310, 600)], 300)
def test_regions_hold_all_speech_and_no_tick_twice(speech: list[Span], longest: int) -> None:
    regions = regions_of(speech, TOTAL, longest)
    for (_, end), (begin, _) in pairwise(regions):
        assert end <= begin
    for begin, end in regions:
        assert 0 <= begin < end <= TOTAL
        assert end - begin <= longest
    covered = np.zeros(TOTAL + 1, bool)
    for begin, end in regions:
        covered[begin:end] = True
    lost = [(begin, end) for begin, end in speech if not covered[begin:end].all()]
    assert all(end - begin < 20 or end - begin > longest - 26 for begin, end in lost), "but for clicks"


def test_a_pause_of_300_ms_ends_a_region() -> None:
    assert regions_of([(100, 200), (229, 300)], TOTAL, 30_000) == ((97, 303),)
    assert regions_of([(100, 200), (230, 300)], TOTAL, 30_000) == ((97, 203), (227, 303))


def test_a_beat_of_music_is_no_word() -> None:
    assert regions_of([(100, 119)], TOTAL, 30_000) == ()
    assert regions_of([(100, 110), (120, 130)], TOTAL, 30_000) == ((97, 133),)


def test_one_that_is_too_long_ends_at_a_short_pause_else_where_it_must() -> None:
    assert regions_of([(0, 200), (222, 380)], TOTAL, 306) == ((0, 203), (219, 383))
    assert regions_of([(0, 700)], 700, 306) == ((0, 300), (300, 600), (600, 700))


@given(speeches(), st.sampled_from([300, 1000]))
def test_pieces_have_all_regions_in_order_and_are_not_too_long(speech: list[Span], longest: int) -> None:
    regions = regions_of(speech, TOTAL, longest)
    pieces = list(pieces_of(1, regions, longest))
    assert tuple(region for piece in pieces for region in piece.regions) == regions
    for piece in pieces:
        assert piece.length <= longest
        assert piece.starts[0] == 0
        for (one, start), (other, begin) in pairwise(zip(piece.regions, piece.starts, strict=True)):
            assert begin - start - (one[1] - one[0]) == min(other[0] - one[1], GAP)
    for full, after in pairwise(pieces):
        begin, end = after.regions[0]
        assert full.length + min(begin - full.regions[-1][1], GAP) + end - begin > longest, "nothing more fitted"


class Reader:
    """Gives samples in blocks of any size, in the same memory each time."""

    warnings: Sequence[str] = ()

    def __init__(self, samples: Any, rate: int, sizes: Sequence[int]) -> None:
        self.format = AudioFormat("wav", "pcm_s16le", rate, samples.shape[1])
        self.samples, self.sizes, self.read = samples, sizes, 0

    def blocks(self) -> Iterator[Any]:
        buffer = np.empty(max(self.sizes) * self.samples.shape[1], np.int16)
        while self.read < len(self.samples):
            for size in self.sizes:
                part = self.samples[self.read : self.read + size].reshape(-1)
                buffer[: len(part)] = part
                self.read += size
                yield buffer[: len(part)]

    def close(self) -> None: ...


@given(
    st.sampled_from([8000, 11_025, 22_050]),
    st.lists(st.integers(1, 9000), min_size=1, max_size=5),
    st.lists(st.integers(0, 990), min_size=2, max_size=12, unique=True),
)
def test_clips_are_the_samples_of_their_regions(rate: int, sizes: list[int], edges: list[int]) -> None:
    samples = np.random.default_rng(0).integers(-9999, 9999, (rate * 10, 2)).astype(np.int16)
    spans = [(a, b) for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)]
    pieces = [piece for channel in (0, 1) for piece in pieces_of(channel, spans, 2000)]
    found = {piece: clip.copy() for piece, clip in clips(Reader(samples, rate, sizes), pieces)}  # type: ignore[arg-type]  # all that is used
    assert set(found) == set(pieces)
    for piece, clip in found.items():
        expected = np.zeros(piece.length * rate // 100, np.float32)
        for (begin, end), start in zip(piece.regions, piece.starts, strict=True):
            sound = samples[begin * rate // 100 : end * rate // 100, piece.channel] / np.float32(32768)
            at = start * rate // 100
            expected[at : at + len(sound)] = sound[: len(expected) - at]
        assert np.array_equal(clip, expected)
        assert clip.dtype == np.float32


def test_nothing_is_read_beyond_the_last_piece_and_one_at_a_time_is_held() -> None:
    reader = Reader(np.zeros((80_000, 1), np.int16), 8000, [800])
    pieces = [Piece(0, ((0, 10),)), Piece(0, ((20, 30),)), Piece(0, ((40, 50),))]
    found = clips(reader, pieces)  # type: ignore[arg-type]  # all that is used
    for number in range(3):
        assert next(found)[0] is pieces[number]
        assert reader.read <= 800 + 1600 * number + 800, "it stops to read while somebody works"
    assert list(found) == []
    assert reader.read < 8000


def test_a_last_tick_that_is_not_full_is_silence_at_the_end() -> None:
    samples = np.full((8040, 1), 1000, np.int16)  # 100.5 ticks
    ((_, clip),) = clips(Reader(samples, 8000, [500]), [Piece(0, ((50, 101),))])  # type: ignore[arg-type]  # as above
    assert len(clip) == 51 * 80
    assert clip[-41] > 0
    assert not clip[-40:].any()


@pytest.mark.parametrize("soxr", [True, False])
@pytest.mark.parametrize("wanted", [16_000, 8000, 44_100])
def test_sound_at_another_rate_is_the_same_sound(monkeypatch: pytest.MonkeyPatch, soxr: bool, wanted: int) -> None:
    if not soxr:
        monkeypatch.setitem(__import__("sys").modules, "soxr", None)
    sine = np.sin(2 * np.pi * 300 * np.arange(8000) / 8000).astype(np.float32)
    made = resampled(sine, 8000, wanted)
    assert len(made) == wanted
    assert made.dtype == np.float32
    truth = np.sin(2 * np.pi * 300 * np.arange(wanted) / wanted)
    assert np.abs(made - truth)[wanted // 10 : -wanted // 10].max() < 0.02
    assert resampled(sine, 8000, None) is sine


def test_the_reader_of_a_file_is_one_too() -> None:
    from tests.backends.stamps import recording  # noqa: PLC0415 - of this test only

    with open_audio(recording([[(10, 50)]], 100)) as reader:
        ((_, clip),) = clips(reader, [Piece(0, ((10, 50),))])
    assert len(clip) == 400
    assert clip.all()
