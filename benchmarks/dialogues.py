"""What is transcribed to measure word errors: announcements with their texts, dialogues made of them, and no speech.

Debian's packages are read where they are installed: asterisk-core-sounds-en-wav and -ru-wav hold the sound,
asterisk-core-sounds-en and -ru the texts, asterisk-moh-opsound-wav the music; flite speaks the second party.
"""

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from attrs import frozen
from numpy.typing import NDArray

from benchmarks.hard_calls import hold_tracks
from callkit.testing.factory import Layer, mix
from callkit.testing.noises import pink_noise, recording, through
from callkit.testing.tones import keys, signals
from callkit.testing.voices import noise

__all__ = ["RATE", "Dialogue", "Said", "Spoken", "announcements", "dialogues", "missing", "no_speech"]

RATE = 8000
SHARE = Path("/usr/share")
_VOICES = {"en": "en_US_f_Allison", "ru": "ru_RU_f_IvrvoiceRU"}
_NOISE = -68.0  # dBFS
_LEVEL = -20.0
_FEWEST = 4  # words

Channel = NDArray[np.int16]

_CORRECTED = {  # what is printed, and what is said
    "umute": "unmute",
    "represenatives": "representatives",
    "по-этому": "поэтому",
    "завршить": "завершить",
    "взёздочка": "звёздочка",
    "демонтрационным": "демонстрационным",
    "увеличиения": "увеличения",
    "неразрешен": "не разрешен",
    "Что бы": "Чтобы",
    "что бы": "чтобы",
}


@frozen(eq=False)
class Spoken:
    """Somebody's words, and how they sound at 8 kHz."""

    text: str
    samples: Channel


@frozen
class Said:
    """A turn of a dialogue."""

    channel: int
    start: float
    text: str


@frozen(eq=False)
class Dialogue:
    """A call of two parties, each on its own channel, shape (frames, 2); turns in the order in which they start."""

    name: str
    samples: NDArray[np.int16]
    turns: tuple[Said, ...]

    @property
    def text(self) -> str:
        """All that is said, as it is said."""
        return " ".join(turn.text for turn in self.turns)

    def of(self, channel: int) -> str:
        """What one party says."""
        return " ".join(turn.text for turn in self.turns if turn.channel == channel)


def missing(language: str) -> str:
    """What is not installed; "" if all is there."""
    texts = SHARE / "doc" / f"asterisk-core-sounds-{language}"
    wanted = {
        texts.name: texts / f"core-sounds-{language}.txt.gz",
        f"{texts.name}-wav": SHARE / "asterisk" / "sounds" / _VOICES[language],
    }
    absent = [package for package, path in wanted.items() if not path.exists()]
    return ", ".join(absent + ([] if shutil.which("flite") or language != "en" else ["flite"]))


def announcements(language: str, number: int, seconds: float = 80.0) -> Iterator[Spoken]:
    """Files of one voice: announcements in an order that the dice choose, with pauses of 0.5 to 1.2 s."""
    for seed in range(number):
        dice, told, sound = Random(seed), list[str](), list[Channel]()
        prompts = _prompts(language)
        dice.shuffle(prompts)
        while sum(map(len, sound)) < seconds * RATE:
            one = prompts.pop()
            told.append(one.text)
            sound += [one.samples, np.zeros(round(dice.uniform(0.5, 1.2) * RATE), np.int16)]
        samples = np.concatenate(sound)
        yield Spoken(" ".join(told), samples + _hiss(len(samples), seed))


def _hiss(frames: int, seed: int) -> Channel:
    return np.asarray(noise(_NOISE)(np.random.default_rng(seed), frames, RATE) * 32768, np.int16)


def _prompts(language: str) -> list[Spoken]:
    """Those that are sentences, in letters of their own alphabet."""
    name = f"core-sounds-{language}"
    found = []
    with gzip.open(SHARE / "doc" / f"asterisk-{name}" / f"{name}.txt.gz", "rt", encoding="utf-8-sig") as lines:
        for line in lines:
            key, _, text = line.strip().partition(": ")
            path = SHARE / "asterisk" / "sounds" / _VOICES[language] / f"{key}.wav"
            if _is_sentence(text, language) and path.is_file():
                found.append(Spoken(_corrected(text), soundfile.read(path, dtype="int16")[0]))
    return found


def _is_sentence(text: str, language: str) -> bool:
    foreign = r"[\[\]<>()*#@:]" if language == "en" else r"[\[\]<>()*#@:A-Za-z]"
    return len(text.split()) >= _FEWEST and not re.search(foreign, text)


def _corrected(text: str) -> str:
    for printed, said in _CORRECTED.items():
        text = text.replace(printed, said)
    return text


# ---- dialogues

_LINES = (
    "Good morning, I would like to ask about the bill that came last week.",
    "Yes, I can wait while you look for it.",
    "The number of my account is four nine two, seven seven one.",
    "It says that I have to pay for two months, but I paid for one of them already.",
    "No, nobody has called me about it.",
    "Could you send the answer to my new address, please?",
    "I moved from Green Street to Station Road in April.",
    "That was my brother, he does not live here now.",
    "I am not sure whether I still have the letter.",
    "Let me see, it was on the third of May.",
    "Then I would rather cancel the second line.",
    "How much does it cost if I keep the old telephone?",
    "That sounds good, but I have to talk to my wife first.",
    "Please call me back tomorrow after five in the afternoon.",
    "I have been waiting for an engineer since Tuesday.",
    "The light on the box is red, and it does not change.",
    "I have switched it off and on again three times.",
    "Is there anything else that I can try today?",
    "Thank you very much, you have been a great help.",
    "All right, then I will wait for your message.",
    "Sorry, the line was bad, could you say that again?",
    "My daughter needs the connection for her school.",
    "We were promised a discount of ten percent for a year.",
    "I do not want another contract, only the one that I had.",
)
"""Written for this; nobody's words."""

_WHOLE = re.compile(r"[A-Z][^.]*[^.][.!?]")  # a sentence, not a part for others to be put behind it
_BREATH = 0.5  # seconds at least between two turns of one party, else they are one
_KINDS = {"alternating": (0.3, 1.2), "overlapping": (-1.6, -0.4)}
"""Seconds between the end of one turn and the start of the next one."""


def dialogues(seconds: float = 75.0) -> Iterator[tuple[str, Dialogue]]:
    """Two of each kind, with another second voice in each: (kind, dialogue)."""
    for kind, pauses in _KINDS.items():
        for number, voice in enumerate(("rms", "slt")):
            yield kind, _dialogue(f"{kind} {number + 1}", pauses, voice, number, seconds)


def _dialogue(name: str, pauses: tuple[float, float], voice: str, seed: int, seconds: float) -> Dialogue:
    dice = Random(seed)
    announcer = [one for one in _prompts("en") if 1.5 < len(one.samples) / RATE < 7.0 and _WHOLE.fullmatch(one.text)]
    caller = [*_spoken(_LINES, voice)]
    for lines in (announcer, caller):
        dice.shuffle(lines)
    turns, layers, ends = list[Said](), list[Layer](), [0.0, 0.6]
    for number in range(2 * len(caller)):
        own = number % 2
        one = (announcer, caller)[own].pop()
        start = max(ends[1 - own] + dice.uniform(*pauses), ends[own] + _BREATH, 0.3)
        ends[own] = start + len(one.samples) / RATE
        if max(ends) > seconds:
            break
        turns.append(Said(own, start, one.text))
        layers.append(Layer(own, start, ends[own], recording(one.samples, _LEVEL)))
    end = layers[-1].end
    hiss = [Layer(channel, 0.0, end + 1, noise(_NOISE)) for channel in range(2)]
    samples = mix([*layers, *hiss], end + 1, sample_rate=RATE, channels=2, seed=seed)
    return Dialogue(name, through(samples, RATE, "pcm_mulaw"), tuple(turns))


def _spoken(lines: Sequence[str], voice: str) -> Iterator[Spoken]:
    """By flite, in the band of a telephone."""
    with TemporaryDirectory() as folder:
        for line in lines:
            path = Path(folder) / "line.wav"
            subprocess.run(["flite", "-voice", voice, "-t", line, "-o", path], check=True, capture_output=True)
            samples, rate = soundfile.read(path, dtype="float64")
            yield Spoken(line, _telephone(samples, rate))


def _telephone(samples: NDArray[np.float64], rate: int) -> Channel:
    """300 to 3400 Hz, at 8 kHz."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    count = len(samples) * RATE // rate
    sound = np.fft.irfft(spectrum[: count // 2 + 1], count) * (count / len(samples))
    return np.asarray(np.clip(np.rint(sound * 32767), -32768, 32767), np.int16)


# ---- what is no speech


def no_speech(music: Path) -> Mapping[str, Channel]:
    """Sounds in which nobody says anything: a line's noise and tones, and hold music as far as it is installed."""
    seconds = 60.0
    tones = [*signals("us ringback", 1.0, 30.0).layers, *keys("1234567890*#", 35.0).layers]
    made = {
        "silence": [],
        "white noise at -60 dBFS": [Layer(0, 0.0, seconds, noise(-60.0))],
        "pink noise at -45 dBFS": [Layer(0, 0.0, seconds, pink_noise(-45.0))],
        "ringback and keys": tones,
    }
    sounds = {name: mix(layers, seconds, sample_rate=RATE, channels=1, seed=1)[:, 0] for name, layers in made.items()}
    return sounds | {name: track[: 3 * 60 * RATE] for name, track in hold_tracks(music).items()}
