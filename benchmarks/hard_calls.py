"""Calls with known truth, easy and hard: synthetic and recorded voices, in noise, through codecs, with hold music."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from attrs import evolve, frozen
from numpy.typing import NDArray

from benchmarks.hearing import RATE, Samples
from callkit.audio.source import open_audio
from callkit.core.analysis import Interval, gaps
from callkit.testing.dialogue import dialogue
from callkit.testing.factory import FactoryCall, Layer, make_call, mix
from callkit.testing.noises import babble, hold_music, pink_noise, recording, through
from callkit.testing.voices import Sound, noise

__all__ = [
    "CONDITIONS",
    "HardCall",
    "Music",
    "calls",
    "hold_tracks",
    "music_calls",
    "recorded_calls",
    "synthetic_music",
]

CALLS = Path(__file__).parents[1] / "examples" / "calls"
LEVEL = -20.0  # dBFS, of speech

Channel = NDArray[np.int16]


@frozen(eq=False)
class HardCall:
    """A call, and when each channel speaks; `music` is when it plays on the first channel."""

    samples: Samples
    speech: tuple[tuple[Interval, ...], ...]
    music: tuple[Interval, ...] = ()

    @property
    def duration(self) -> float:
        return len(self.samples) / RATE


@frozen
class Condition:
    """What is done to a call: noise on each channel, a level, codecs."""

    noise: Sound
    level: float = LEVEL
    codecs: tuple[str, ...] = ()


CLEAN = noise(LEVEL - 45)
CONDITIONS = {
    "clean": Condition(CLEAN),
    "quiet": Condition(noise(-65), level=-38.0),
    "white 20 dB": Condition(noise(LEVEL - 20)),
    "pink 20 dB": Condition(pink_noise(LEVEL - 20)),
    "babble 20 dB": Condition(babble(LEVEL - 20)),
    "white 10 dB": Condition(noise(LEVEL - 10)),
    "pink 10 dB": Condition(pink_noise(LEVEL - 10)),
    "µ-law": Condition(CLEAN, codecs=("pcm_mulaw",)),
    "GSM": Condition(CLEAN, codecs=("gsm",)),
    "MP3": Condition(CLEAN, codecs=("mp3",)),
}


def calls(condition: Condition, voices: str, number: int, length: float) -> Iterator[HardCall]:
    """Invented conversations.

    Args:
        condition: what makes them hard.
        voices: "synthetic" (the factory's) or "recorded" (those of examples/calls, in the same conversations).
        number: how many.
        length: seconds of each.
    """
    hiss = [Layer(channel, 0.0, length, condition.noise) for channel in range(2)]
    for seed in range(number):
        if voices == "synthetic":
            call = make_call(seconds=length, seed=seed, level_dbfs=condition.level, noise_dbfs=None, layers=hiss)
        else:
            call = _with_recorded_voices(length, seed, condition.level, hiss)
        yield HardCall(through(call.samples, RATE, *condition.codecs), call.speech)


def _with_recorded_voices(length: float, seed: int, level: float, layers: Sequence[Layer]) -> FactoryCall:
    """The same conversation, whose turns are cut out of recordings."""
    turns = dialogue(length, seed=seed)
    agent, *customers = VOICES.values()
    voices = (agent, customers[seed % len(customers)])
    spoken = [Layer(party, start, end, recording(voices[party], level)) for party, start, end in turns]
    samples = mix([*spoken, *layers], length, sample_rate=RATE, channels=2, seed=seed)
    return evolve(make_call(seconds=length, seed=seed, turns=turns), samples=samples)


def _voices() -> dict[str, Channel]:
    """Of the recordings that have them clean: what each speaker says, without pauses. The agent's comes first."""
    found: dict[str, list[Channel]] = {"agent": [], "customer": [], "announcer": []}
    for call in _manifest():
        if call["codec"] not in {"pcm_s16le", "mp3"}:
            continue
        samples = _decoded(CALLS / call["file"])
        for part in call["transcript"]:
            who = "announcer" if call["channels"] == 1 else ("agent", "customer")[part["channel"]]
            channel = samples[:, part["channel"]]
            found[who] += [_without_pauses(_cut(channel, one["start"], one["end"])) for one in part["segments"]]
    return {who: np.concatenate(pieces) for who, pieces in found.items()}


def _manifest() -> list[dict[str, Any]]:
    return list(json.loads((CALLS / "manifest.json").read_text("utf-8"))["files"])


def _decoded(path: Path) -> Samples:
    with open_audio(path) as reader:
        return np.concatenate([block.copy() for block in reader.blocks()]).reshape(-1, reader.format.channels)


def _cut(channel: Channel, start: float, end: float) -> Channel:
    return channel[round(start * RATE) : round(end * RATE)]


LONGEST_PAUSE = 10  # ticks of 10 ms: between words, not between sentences


def _without_pauses(channel: Channel) -> Channel:
    """So that truth need not say what lies within a turn: pauses are cut down to 0.1 s."""
    rows = channel[: len(channel) // 80 * 80].reshape(-1, 80)
    loud = np.sqrt((rows.astype(np.float64) ** 2).mean(axis=1)) > 32768 * 10 ** (-45 / 20)
    since = np.arange(len(loud)) - np.maximum.accumulate(np.where(loud, np.arange(len(loud)), -1))
    return rows[since <= LONGEST_PAUSE].reshape(-1)


VOICES = _voices()


def recorded_calls() -> Iterator[tuple[str, HardCall]]:
    """examples/calls as they are. What the manifest calls a segment may hold pauses between sentences.

    The one with the same line on both channels is left out: nobody could tell the parties apart.
    """
    for call in _manifest():
        if not call.get("dual_mono"):
            samples = _decoded(CALLS / call["file"])
            speech = {part["channel"]: _segments(part["segments"]) for part in call["transcript"]}
            yield call["file"], HardCall(samples, tuple(speech[channel] for channel in range(samples.shape[1])))


def _segments(segments: Sequence[dict[str, float]]) -> tuple[Interval, ...]:
    return tuple((segment["start"], segment["end"]) for segment in segments)


def hold_tracks(folder: Path) -> dict[str, Channel]:
    """Real hold music, if the folder has any at 8 kHz in one channel."""
    tracks = {}
    for path in sorted(folder.glob("*.wav")) if folder.is_dir() else []:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
        if rate == RATE and samples.shape[1] == 1:
            tracks[path.stem] = samples[:, 0]
    return tracks


Music = Callable[[int], Sound]
"""The music of the first, second … stretch."""


def music_calls(music: Music, number: int, codec: str) -> Iterator[HardCall]:
    """Recorded voices, and music wherever the agent pauses for 5 s or more, right up to the voice every other time."""
    length = 180.0
    for seed in range(number):
        turns = [turn for turn in dialogue(length, seed=seed, pause_share=0.4) if turn[0] == 0]
        spoken = [Layer(0, start, end, recording(VOICES["agent"], LEVEL)) for _, start, end in turns]
        margin = 0.5 * (seed % 2)
        free = gaps([(start, end) for _, start, end in turns], length)
        places = [(start + margin, end - margin) for start, end in free if end - start >= 5 + 2 * margin]
        playing = [Layer(0, start, end, music(number)) for number, (start, end) in enumerate(places)]
        samples = mix(
            [*spoken, *playing, Layer(0, 0.0, length, CLEAN)], length, sample_rate=RATE, channels=1, seed=seed
        )
        speech = (tuple((start, end) for _, start, end in turns),)
        yield HardCall(through(samples, RATE, codec), speech, tuple(places))


def synthetic_music(_: int) -> Sound:
    return hold_music()
