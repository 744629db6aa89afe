"""The benchmarks: each takes the corpus and the sizes, and gives a chapter."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve

from benchmarks.corpus import Corpus
from benchmarks.measuring import Cost, Figure, Work, as_program, figures, in_turn
from benchmarks.peers import ANALYSE, Contender, analysers, callkits, ffmpeg, in_processes, programs
from benchmarks.server_chapters import (
    claim_chapter,
    postgres_chapter,
    postgres_transcript_chapter,
    search_chapter,
    transcript_chapter,
)
from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.tables import Chapter
from callkit.backends.repositories.sql import SqlRepository

__all__ = ["CHAPTERS", "FULL", "QUICK", "Sizes"]

_KINDS = {
    "mono WAV": (1, "pcm_s16le"),
    "stereo WAV": (2, "pcm_s16le"),
    "mono µ-law WAV": (1, "pcm_mulaw"),
    "mono MP3": (1, "mp3"),
    "stereo MP3": (2, "mp3"),
}


def marks(corpus: Corpus, sizes: Sizes) -> Chapter:
    """Everybody in one Python process."""
    found: list[Figure] = []
    for case, (channels, kind) in _KINDS.items():
        path = corpus.call(sizes.marks_seconds, channels, kind)
        found += _compare(case, in_processes(), path, sizes.rounds)
    minutes = sizes.marks_seconds // 60
    text = (
        f"Silence in one call of {minutes} minutes at 8 kHz, from the file to the marks, in a running Python process: "
        "what a program that uses callkit pays, and what it would pay instead. ffmpeg and sox are programs and are "
        "started as such. callkit.analyse also finds speech for each channel, levels, clipping, overlap and "
        "waveform peaks; the others find silence only. pydub's exact search was run once, all else "
        f"{sizes.rounds} times, in turn."
    )
    return Chapter("Silence marks, in a running process", text, tuple(found), crossed=True)


def whole(corpus: Corpus, sizes: Sizes) -> Chapter:
    """Programs against programs."""
    found: list[Figure] = []
    for case, (channels, kind) in _KINDS.items():
        path = corpus.call(sizes.marks_seconds, channels, kind)
        found += _compare(case, programs(), path, sizes.rounds)
    text = "The same files, a program for each: of Python's share, interpreter and imports are the larger part."
    return Chapter("Silence marks, a program for each file", text, tuple(found))


def analysis(corpus: Corpus, sizes: Sizes) -> Chapter:
    """All figures of a conversation, against whoever makes some of them."""
    path = corpus.call(sizes.marks_seconds, 2, "pcm_s16le")
    found = _compare("stereo WAV", analysers(), path, sizes.rounds)
    text = (
        f"A stereo WAV of {sizes.marks_seconds // 60} minutes at 8 kHz, everything that `callkit.analyse` measures "
        "(speech, conversation, keys and tones, hold music, loudness, health, levels, waveform) against "
        "call-ai-metrics, which finds speech by level and makes the figures of the conversation. First in a running "
        "Python process, then as programs."
    )
    return Chapter("The whole analysis", text, tuple(found))


def calls(corpus: Corpus, sizes: Sizes) -> Chapter:
    """Many short calls."""
    found: list[Figure] = []
    distinct = min(sizes.calls, 20)
    contenders = [callkits()[0], ffmpeg()]
    for case in ("mono WAV", "stereo WAV", "mono MP3"):
        channels, kind = _KINDS[case]
        paths = [corpus.call(sizes.call_seconds, channels, kind, seed) for seed in range(distinct)]
        able = {one.who: one for one in contenders if not one.missing}
        costs: dict[str, list[Cost]] = {who: [] for who in able}
        for number in range(-1, sizes.calls):
            for who, one in able.items():
                cost = one.run(paths[number % distinct])
                if number >= 0:  # the first one only warms up
                    costs[who].append(cost)
        found += figures(case, costs, tail=True) + _absent(case, contenders)
    text = (
        f"{sizes.calls} calls of {sizes.call_seconds} s each, one after the other in a running process; for one call."
    )
    return Chapter("Short calls", text, tuple(found))


def long(corpus: Corpus, sizes: Sizes) -> Chapter:
    """Memory must not grow with the recording."""
    piece = min(1800, sizes.long_seconds)
    files = {
        "stereo WAV": corpus.long_wav(sizes.long_seconds, piece),
        "mono MP3": corpus.long_mp3(sizes.long_seconds, piece),
    }
    import_numpy = [sys.executable, "-c", "import numpy"]
    bare = in_turn({"": lambda: as_program(import_numpy)}, 2)[""][-1]  # the first one may compile
    found = [Figure("no file", 'python -c "import numpy"', bare.cpu, wall=bare.wall, megabytes=bare.megabytes)]
    for case, path in files.items():
        own = as_program([sys.executable, "-c", ANALYSE, str(path)])
        other = _compare(case, [ffmpeg()], path, 1)
        over = f"{(own.megabytes or 0) - (bare.megabytes or 0):.0f} MB more than Python with numpy"
        [mine] = figures(case, {'python -c "callkit.analyse(…)"': [own]})
        found.append(evolve(mine, note=over))
        found += [evolve(one, ratio=one.cpu / own.cpu if one.cpu else None) for one in other]
    text = f"One recording of {sizes.long_seconds / 3600:.3g} h at 8 kHz, a program for each."
    return Chapter("A very long recording", text, tuple(found))


_DECODE = """
import sys
from pathlib import Path
import miniaudio
for path in Path(sys.argv[1]).iterdir():
    info = miniaudio.get_file_info(str(path))
    miniaudio.decode_file(str(path), nchannels=info.nchannels, sample_rate=info.sample_rate)
"""


def batch(corpus: Corpus, sizes: Sizes) -> Chapter:
    """`callkit process` over a folder, with one and with two processes."""
    folder = corpus.folder_of_mp3(sizes.files, sizes.file_seconds)
    contenders: dict[str, Work] = {
        f"callkit process --processes {number}": _processing(folder, corpus.folder, number) for number in (1, 2)
    }
    contenders["only decoding (miniaudio)"] = lambda: as_program([sys.executable, "-c", _DECODE, str(folder)])
    costs = in_turn(contenders, sizes.batch_rounds)
    one, two, _ = costs.values()
    gain = sorted(first.wall / second.wall for first, second in zip(one, two, strict=True))[len(one) // 2]
    found = [_per_call(figure, sizes.files) for figure in figures("MP3 folder", costs)]
    found[1] = evolve(found[1], note=f"{gain:.2f} times as fast as one process")
    text = (
        f"{sizes.files} different mono MP3 files of {sizes.file_seconds} s: taken in, stored, analysed, and saved in a "
        "fresh data folder (SQLite and local files). CPU is for one file; the clock is for all of them."
    )
    return Chapter("A folder of recordings", text, tuple(found))


def _processing(folder: Path, scratch: Path, processes: int) -> Work:
    def run() -> Cost:
        with TemporaryDirectory(dir=scratch) as data:
            options = ["--data", f"{data}/data", "--processes", str(processes), "--quiet"]
            return as_program([sys.executable, "-m", "callkit", "process", str(folder), *options])

    return run


def _per_call(figure: Figure, files: int) -> Figure:
    return evolve(figure, cpu=(figure.cpu or 0) / files)


def start(corpus: Corpus, sizes: Sizes) -> Chapter:  # noqa: ARG001  # all chapters are called alike
    """What it costs to begin."""
    commands = {
        'python -c "pass"': ["-c", "pass"],
        'python -c "import callkit"': ["-c", "import callkit"],
        'python -c "import numpy"': ["-c", "import numpy"],
        'python -c "callkit.analyse"': ["-c", "import callkit; callkit.analyse"],
        'python -c "callkit.CallKit"': ["-c", "import callkit; callkit.CallKit"],
        "callkit --help": ["-m", "callkit", "--help"],
    }
    contenders = {who: _starting(options) for who, options in commands.items()}
    in_turn(contenders, 1)  # the first one may compile
    costs = in_turn(contenders, sizes.starts)
    text = f"Whole programs, {sizes.starts} times in turn. `import callkit` loads a part when it is first used."
    return Chapter("Start", text, tuple(figures("start", costs)))


def numbers(corpus: Corpus, sizes: Sizes) -> Chapter:
    """Calls by (part of) a number."""
    with closing(SqlRepository.open(corpus.folder / f"numbers-{sizes.numbers}.db")) as repository:
        return search_chapter("Number search", "SQLite", repository, sizes)


def _starting(options: Sequence[str]) -> Work:
    return lambda: as_program([sys.executable, *options])


def _compare(case: str, contenders: Sequence[Contender], path: Path, rounds: int) -> list[Figure]:
    """Warm up once, then measure in turn. callkit's failure ends everything, that of others is a line."""
    able: dict[str, Work] = {}
    trouble: list[Figure] = []
    costs: dict[str, list[Cost]] = {}
    for one in contenders:
        if one.missing:
            continue
        try:
            costs[one.who] = [one.run(path)]
        except Exception as error:  # whatever others raise
            if "callkit" in one.who:
                raise
            trouble.append(Figure(case, one.who, note=f"can't read it ({type(error).__name__})"))
            continue
        if not one.slow:
            able[one.who] = _bound(one, path)
    costs |= in_turn(able, rounds)
    return figures(case, costs) + trouble + _absent(case, contenders)


def _bound(one: Contender, path: Path) -> Work:
    return lambda: one.run(path)


def _absent(case: str, contenders: Sequence[Contender]) -> list[Figure]:
    return [Figure(case, one.who, note=f"not installed ({one.missing})") for one in contenders if one.missing]


CHAPTERS: Mapping[str, Callable[[Corpus, Sizes], Chapter]] = {
    "marks": marks,
    "whole": whole,
    "analysis": analysis,
    "calls": calls,
    "long": long,
    "batch": batch,
    "start": start,
    "numbers": numbers,
    "postgres": postgres_chapter,
    "transcripts": transcript_chapter,
    "transcripts-postgres": postgres_transcript_chapter,
    "claims": claim_chapter,
}
"""Name, as the command line has it: benchmark."""
