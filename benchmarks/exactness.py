"""callkit's silence marks against pydub's, on random recordings built to show any wrong rounding.

    python -m benchmarks.exactness --cases 20000

Random rates (odd ones, too), channels, sample widths, lengths, thresholds, windows and steps, on stretches of noise and
on stretches whose RMS lies exactly at, just below or just above the threshold. Exit status 1 on any difference.
"""

import argparse
import io
import math
import sys
import wave
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray
from pydub import AudioSegment, silence

from callkit.audio.silence import SilenceDetector, detect_silence

RATES = [8000, 16000, 11025, 44100, 22050, 12345, 7999, 48000, 1000, 999, 6000, 500, 4001]
LEVELS = [-70, -60, -50, -45, -40, -30, -20, -6]
LENGTHS = [1, 2, 7, 10, 20, 23, 50, 100, 333, 500, 1000]
STEPS = [1, 1, 1, 2, 3, 5, 7, 10, 100, 700]
THRESHOLDS = [-16, -30, -40, -45, -50, -60, -45.3, -90, 0]


@frozen
class Case:
    """A recording and the question asked of it."""

    wav: bytes
    min_silence_len: int
    silence_thresh: float
    seek_step: int


def random_case(seed: int, longest: float = 3.0) -> Case:
    """The same case for the same seed."""
    dice = np.random.default_rng(seed)
    rate, channels, width = (
        int(dice.choice(RATES)),
        int(dice.choice([1, 2, 1, 2, 3])),
        int(dice.choice([1, 2, 2, 3, 4])),
    )
    threshold = float(dice.choice(THRESHOLDS))
    frames = int(dice.integers(0, int(rate * longest)))
    samples = stretches(dice, (frames, channels), rate, 2 ** (8 * width - 1), threshold)
    return Case(encoded(samples, rate, width), int(dice.choice(LENGTHS)), threshold, int(dice.choice(STEPS)))


def stretches(
    dice: np.random.Generator, shape: tuple[int, int], rate: int, full: int, threshold: float
) -> NDArray[np.int64]:
    """(frames, channels) integers: noise at random levels, and ±v with v at or next to the largest silent RMS."""
    (frames, channels), place = shape, 0
    samples, limit = np.zeros(shape), math.floor(10 ** (threshold / 20) * full)
    while place < frames:
        size = min(int(dice.integers(1, max(2, rate // 2))), frames - place)
        if dice.random() < 0.3:
            samples[place : place + size] = dice.choice([-1, 1], (size, channels)) * (limit + dice.integers(-1, 2))
        else:
            level = full * 10 ** (dice.choice(LEVELS) / 20) * dice.uniform(0.7, 1.4)
            samples[place : place + size] = np.floor(dice.normal(0, level, (size, channels)))
        place += size
    return np.clip(samples, -full, full - 1).astype(np.int64)


def encoded(samples: NDArray[np.int64], rate: int, width: int) -> bytes:
    """A PCM WAV file."""
    if width == 1:
        data = (samples + 128).astype(np.uint8).tobytes()
    elif width == 3:
        data = samples.astype("<i4").reshape(-1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        data = samples.astype(f"<i{width}").tobytes()
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[1])
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(data)
    return file.getvalue()


def pydubs(case: Case) -> tuple[AudioSegment, list[list[int]]] | None:
    """What pydub says; None for the few inputs that it refuses itself."""
    question = asdict(case, filter=lambda field, _: field.name != "wav")
    try:
        segment = AudioSegment.from_file(io.BytesIO(case.wav), "wav")
        return segment, silence.detect_silence(segment, **question)
    except Exception:
        return None


def ours(case: Case, segment: AudioSegment, seed: int) -> dict[str, Any]:
    """What callkit says of the file, of the segment, and of the samples in blocks of random sizes."""
    question = asdict(case, filter=lambda field, _: field.name != "wav")
    dice = np.random.default_rng(seed)
    kind = {1: np.int8, 2: np.int16, 4: np.int32}[segment.sample_width]
    samples = np.frombuffer(segment.raw_data, kind)
    detector = SilenceDetector(segment.frame_rate, segment.channels, segment.sample_width, *question.values())
    detector.batch_ms = int(dice.choice([1, 50, 700, 60_000]))
    place = 0
    while place < len(samples):
        size = int(dice.choice([1, 37, 800, 5000, 100_000])) * segment.channels
        detector.feed(samples[place : place + size])
        place += size
    return {
        "file": detect_silence(case.wav, **question),
        "segment": detect_silence(segment, **question),
        "blocks": detector.finish(),
    }


def differences(seed: int) -> list[str] | None:
    """What differs in a case; None if pydub refuses it."""
    case = random_case(seed)
    theirs = pydubs(case)
    if theirs is None:
        return None
    segment, marks = theirs
    return [
        f"case {seed}, {how}: {got[:3]} for {marks[:3]}"
        for how, got in ours(case, segment, seed).items()
        if got != marks
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    checked, wrong, seeds = 0, list[str](), count(options.seed * 1_000_000)
    with ProcessPoolExecutor(2) as pool:
        while checked < options.cases:
            batch = [next(seeds) for _ in range(min(2000, options.cases - checked))]
            for found in pool.map(partial(differences), batch, chunksize=50):
                checked += found is not None
                wrong += found or []
    print("\n".join(wrong[:20]))
    print(f"{checked} cases, {len(wrong)} mismatches")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
