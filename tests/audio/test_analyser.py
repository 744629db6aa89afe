"""One pass: whatever the blocks, the rate and the channels, the figures are those of the samples."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import soundfile
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callkit.audio import Options, analyse, measure
from callkit.audio.reader import AudioFormat, Block
from callkit.errors import AudioTooLongError, SettingsError


class Blocks:
    """A reader of samples in memory, shape (frames, channels), in blocks of the given sizes."""

    def __init__(self, samples: NDArray[np.int16], rate: int = 8000, sizes: Sequence[int] = (32_000,)) -> None:
        self.format = AudioFormat("wav", "pcm_s16le", rate, samples.shape[1])
        self.warnings: list[str] = []
        self._samples, self._sizes = samples, sizes

    def blocks(self) -> Iterator[Block]:
        buffer, place, turn = np.empty(0, np.int16), 0, 0
        while place < len(self._samples):
            size = self._sizes[turn % len(self._sizes)]
            block = self._samples[place : place + size].reshape(-1)
            if len(buffer) < len(block):
                buffer = np.empty(len(block), np.int16)
            buffer[: len(block)] = block
            yield buffer[: len(block)]
            buffer[:] = 12345  # whoever kept a view sees nonsense now
            place, turn = place + size, turn + 1

    native = blocks

    def close(self) -> None: ...


def talk(seconds: float, rate: int = 8000, channels: int = 2, seed: int = 0) -> NDArray[np.int16]:
    """Bursts of noise, other ones on each channel."""
    dice = np.random.default_rng(seed)
    frames = round(seconds * rate)
    level = np.repeat(dice.integers(0, 2, (frames // rate * 2 + 2, channels)) * 3000 + 5, rate // 2 + 1, axis=0)
    return (dice.standard_normal((frames, channels)) * level[:frames]).clip(-32768, 32767).astype(np.int16)


@given(
    st.lists(st.sampled_from([1, 37, 800, 8000, 32_000]), min_size=1, max_size=4), st.sampled_from([8000, 11_025, 999])
)
def test_the_size_of_blocks_does_not_matter(sizes: list[int], rate: int) -> None:
    samples = talk(3.217, rate)
    one, other = measure(Blocks(samples, rate)), measure(Blocks(samples, rate, sizes))
    assert one.analysis == other.analysis
    assert one.peaks.to_dat() == other.peaks.to_dat()


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 12_345, 999, 50])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_levels_and_peaks_are_those_of_the_samples(rate: int, channels: int) -> None:
    samples = talk(2.53, rate, channels)
    samples[0, 0], samples[-1, -1] = 32767, -32768
    found = measure(Blocks(samples, rate))
    analysis = found.analysis
    assert (analysis.frames, analysis.duration, analysis.channels) == (len(samples), len(samples) / rate, channels)
    power = (samples.astype(float) ** 2).mean(0)
    near = 0.006 if rate >= 8000 else 0.05  # where a second is a few samples, their mean is taken for an offset
    for party, expected, column in zip(analysis.parties, power, samples.T, strict=True):
        assert party.rms_dbfs == pytest.approx(10 * np.log10(expected / 2**30), abs=near)
        assert party.peak_dbfs == pytest.approx(20 * np.log10(np.abs(column.astype(int)).max() / 32768), abs=0.006)
    rows = found.peaks.rows
    assert (rows[:, :, 0].min(0) == samples.min(0)).all()
    assert (rows[:, :, 1].max(0) == samples.max(0)).all()
    if rate % 10 == 0:
        first = samples[: rate // 10]
        assert np.array_equal(rows[0], np.column_stack([first.min(0), first.max(0)]))


def test_clipping_is_counted_at_the_codecs_own_rails() -> None:
    samples = np.zeros((8000, 1), np.int16)
    samples[100:140] = 32124
    reader = Blocks(samples)
    assert measure(reader).analysis.parties[0].clipping_percent == 0
    reader.format = evolve(reader.format, rails=(-32124, 32124))
    assert measure(reader).analysis.parties[0].clipping_percent == pytest.approx(0.5)


def test_digital_silence_is_silence() -> None:
    analysis = measure(Blocks(np.zeros((20_000, 2), np.int16))).analysis
    assert [(mark.start, mark.end, mark.channel) for mark in analysis.silence] == [(0.0, 2.5, None)]
    assert (analysis.silence_share, analysis.overlap_time) == (1.0, 0.0)
    assert [(party.rms_dbfs, party.peak_dbfs, party.talk_time) for party in analysis.parties] == [
        (-120.0, -120.0, 0.0)
    ] * 2


def test_a_recording_without_a_single_sample() -> None:
    analysis = measure(Blocks(np.empty((0, 1), np.int16))).analysis
    assert (analysis.duration, analysis.silence, analysis.silence_share) == (0.0, (), None)


def test_who_speaks_and_who_does_not() -> None:
    dice = np.random.default_rng(1)
    samples = dice.normal(0, 10, (80_000, 2))
    samples[8000:32_000, 0] += dice.normal(0, 3000, 24_000)  # 1 to 4 s
    samples[24_000:56_000, 1] += dice.normal(0, 3000, 32_000)  # 3 to 7 s
    options = Options(min_silence=0.5)
    analysis = measure(Blocks(samples.astype(np.int16)), options).analysis
    assert [party.talk_time for party in analysis.parties] == pytest.approx([3.0, 4.0], abs=0.06)
    assert analysis.overlap_time == pytest.approx(1.0, abs=0.06)
    assert analysis.silence_time == pytest.approx(4.0, abs=0.06)
    assert len(analysis.silence) == 2
    assert [mark.channel for mark in analysis.silence_of(0, 0.5)] == [0, 0]
    swapped = measure(Blocks(samples[:, ::-1].astype(np.int16)), options).analysis
    assert [party.speech for party in swapped.parties] == [party.speech for party in analysis.parties][::-1]
    assert swapped.silence == analysis.silence


def test_pauses_of_exactly_the_shortest_length_are_marks() -> None:
    samples = talk(20)
    pauses = measure(Blocks(samples), Options(min_silence=0.0)).analysis.silence
    some = sorted(mark.duration for mark in pauses)[len(pauses) // 2]
    marks = measure(Blocks(samples), Options(min_silence=some)).analysis.silence
    assert {round(mark.duration, 6) for mark in marks} == {
        round(m.duration, 6) for m in pauses if m.duration >= some - 1e-9
    }


def test_a_bomb_stops_early() -> None:
    reader = Blocks(np.zeros((8000 * 60, 1), np.int16))
    seen: list[float] = []
    with pytest.raises(AudioTooLongError, match=r"bomb\.flac decodes to more than 10 s"):
        measure(reader, Options(max_duration=10), name="bomb.flac", on_progress=seen.append)
    assert seen == [4.0, 8.0]


@pytest.mark.parametrize(
    ("kind", "declared", "truncated"),
    [("count", 10.0, True), ("count", 5.4, False), ("estimate", 10.0, False), ("none", None, False)],
)
def test_truncated_means_a_count_was_promised(kind: str, declared: float | None, truncated: bool) -> None:
    reader = Blocks(np.zeros((40_000, 1), np.int16))
    reader.format = evolve(reader.format, declared_kind=kind, declared_duration=declared)  # type: ignore[arg-type]
    assert measure(reader).analysis.truncated is truncated


@pytest.mark.parametrize(
    "options",
    [{"min_silence": -1}, {"min_silence": float("nan")}, {"max_duration": 0}, {"compat": "sox"}, {"seek_step": 0}],
)
def test_options_that_make_no_sense(options: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        Options(**options)  # type: ignore[arg-type]  # that is the point


def test_the_fingerprint_names_what_matters() -> None:
    assert Options().fingerprint == "callkit-audio/4 adaptive min_silence=1.0"
    assert Options(max_duration=5).fingerprint == Options().fingerprint
    assert Options(min_silence=1).fingerprint == Options().fingerprint, "1 is 1.0"
    assert Options(compat="pydub", silence_thresh=-16).fingerprint == Options(compat="pydub").fingerprint
    assert Options(compat="pydub").fingerprint != Options(compat="pydub", seek_step=2).fingerprint


@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_16"), ("OGG", "OPUS")])
def test_a_small_file_of_endless_silence_is_refused(container: str, subtype: str) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8000, 1, subtype, format=container) as writer:
        for _ in range(60):
            writer.write(np.zeros(80_000, np.int16))
    assert len(file.getvalue()) < 200_000
    with pytest.raises(AudioTooLongError, match="bomb decodes to more than 60 s"):
        analyse(file.getvalue(), name="bomb", max_duration=60)
