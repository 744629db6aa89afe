"""Who else finds silence in recordings, each used as its own documentation shows, with the same -45 dB and 1 s."""

import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile
from attrs import evolve, frozen

from benchmarks.measuring import Cost, as_program, in_process
from callkit import analyse
from callkit.audio import detect_silence

__all__ = ["Contender", "analysers", "callkits", "ffmpeg", "in_processes", "peers", "programs"]

THRESHOLD = -45
SECOND = 1000


@frozen
class Contender:
    """Somebody who is measured; `missing` tells what would have to be installed, `slow` that once is enough."""

    who: str
    run: Callable[[Path], Cost]
    missing: str = ""
    slow: bool = False


def _python(who: str, work: Callable[[Path], object], needs: str = "", slow: bool = False) -> Contender:
    def run(path: Path) -> Cost:
        return in_process(lambda: work(path))

    return Contender(who, run, needs if needs and find_spec(needs) is None else "", slow)


def _program(who: str, command: Callable[[str], list[str]]) -> Contender:
    def run(path: Path) -> Cost:
        return as_program(command(str(path)))

    needs = command("")[0]
    return Contender(who, run, "" if shutil.which(needs) else needs)


# ---- callkit


def _detect_silence(path: Path) -> object:
    return detect_silence(path, min_silence_len=SECOND, silence_thresh=THRESHOLD, seek_step=1)


ANALYSE = "import callkit, sys; callkit.analyse(sys.argv[1])"


def callkits() -> list[Contender]:
    """callkit in this process; the first is what all others are held against."""
    return [
        _python("callkit.analyse", analyse),
        _python("callkit.audio.detect_silence (pydub's marks)", _detect_silence),
    ]


# ---- the others


def _pydub(step: int) -> Callable[[Path], object]:
    def work(path: Path) -> object:
        from pydub import AudioSegment  # noqa: PLC0415  # a peer may be missing
        from pydub.silence import detect_silence  # noqa: PLC0415

        with path.open("rb") as file:  # given the path, pydub forgets to close it
            segment = AudioSegment.from_file(file)
        return detect_silence(segment, SECOND, THRESHOLD, step)

    return work


def _auditok(path: Path) -> object:
    import auditok  # noqa: PLC0415  # a peer may be missing

    # auditok's decibels are those of the sample values: 20 log10(32768) = 90.3 above dBFS
    loud = THRESHOLD + 90.3
    second = SECOND / 1000
    regions = auditok.split(
        str(path), min_dur=0.03, max_dur=None, max_silence=second, energy_threshold=loud, analysis_window=0.01
    )
    return list(regions)


def _plain_numpy(path: Path) -> object:
    """What one would write down at once."""
    samples, rate = soundfile.read(path, always_2d=True)
    step = rate // 100
    rows = samples[: len(samples) // step * step].reshape(-1, step, samples.shape[1])
    quiet = np.sqrt((rows**2).mean(axis=(1, 2))) < 10 ** (THRESHOLD / 20)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]]))).reshape(-1, 2)
    return edges[edges[:, 1] - edges[:, 0] >= SECOND // 10] / 100


def ffmpeg() -> Contender:
    """The program that everybody has."""
    find = f"silencedetect=n={THRESHOLD}dB:d={SECOND / 1000:g}"
    return _program(
        "ffmpeg silencedetect",
        lambda path: ["ffmpeg", "-hide_banner", "-nostdin", "-i", path, "-af", find, "-f", "null", "-"],
    )


def _sox() -> Contender:
    level = f"{THRESHOLD}d"
    above = ["silence", "1", "0.03", level, "1", f"{SECOND / 1000:g}", level, ":", "restart"]
    return _program("sox silence", lambda path: ["sox", path, "-n", *above])


def peers() -> list[Contender]:
    """What is run beside callkit in this process; programs as programs, for there is no other way."""
    return [
        ffmpeg(),
        _sox(),
        _python("plain numpy and soundfile", _plain_numpy),
        _python("auditok.split", _auditok, "auditok"),
        _python("pydub detect_silence, seek_step=100 (inexact)", _pydub(100), "pydub"),
        _python("pydub detect_silence, seek_step=1", _pydub(1), "pydub", slow=True),
    ]


def _call_ai_metrics(path: Path) -> object:
    from call_ai_metrics import analyze  # noqa: PLC0415  # a peer may be missing

    return analyze(str(path))


CALL_AI_METRICS = "import call_ai_metrics, sys; call_ai_metrics.analyze(sys.argv[1])"


def analysers() -> list[Contender]:
    """Whoever makes figures of a conversation: in this process, then as programs, for their memory."""
    peer = _python("call_ai_metrics.analyze", _call_ai_metrics, "call_ai_metrics")
    program = _program(f'python -c "{CALL_AI_METRICS}"', lambda path: [sys.executable, "-c", CALL_AI_METRICS, path])
    return [callkits()[0], peer, programs()[0], evolve(program, missing=peer.missing)]


def in_processes() -> list[Contender]:
    """All that is compared in a running Python process."""
    return [*callkits(), *peers()]


def programs() -> list[Contender]:
    """Whole programs: interpreter, imports and all."""
    whole = _program('python -c "callkit.analyse(…)"', lambda path: [sys.executable, "-c", ANALYSE, path])
    return [whole, ffmpeg(), _sox()]
