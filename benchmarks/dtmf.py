"""How many pressed keys are found over speech, how many are found that nobody pressed, and what that costs.

    python -m benchmarks.dtmf
    python -m benchmarks.dtmf --digits 2000 --hours 5 --speech /usr/share/asterisk/sounds

Digits of 45 to 120 ms, at -26 to -10 dBFS, with up to 4 dB of twist, are put into speech that is all but muted while a
key is held, as telephones do it. The speech is that of `examples/calls`, or of another folder of recordings at 8 kHz,
again and again, louder and softer, from ever other places; hours of it without any digit give the false ones.

Beside callkit, multimon-ng (a Debian package) hears the same sounds. It wants them at 22,050 Hz; to make them so costs
it nothing here. It gives no times: for both, digits are right if they come in the right order.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from benchmarks.measuring import Figure, in_process
from benchmarks.tables import Chapter, markdown
from callkit.audio.source import open_audio
from callkit.audio.spectra import Spectra
from callkit.audio.tones import Tones
from callkit.errors import CallKitError
from callkit.testing.codecs import compressed, wav
from callkit.testing.tones import key

Samples = NDArray[np.int16]
Detector = Callable[[Samples, int], str]

RATE = 8000
EXAMPLES = Path(__file__).parents[1] / "examples" / "calls"
NAMES = "123A456B789C*0#D"
SPACING = 0.4  # seconds from digit to digit
MULTIMON_RATE = 22_050
AT_ONCE = 16  # seconds that callkit is fed with


@frozen
class Case:
    """What the digits have to get through."""

    name: str
    detuned: float = 0.012
    under: float = 0.02  # of the speech's amplitude while a key is held
    codec: str | None = None
    rate: int = RATE


CASES = (
    Case("as they are"),
    Case("1.5 % out of tune", detuned=0.015),
    Case("µ-law", codec="pcm_mulaw"),
    Case("A-law", codec="pcm_alaw"),
    Case("GSM 06.10", codec="gsm"),
    Case("GSM, 1.5 % out of tune", codec="gsm", detuned=0.015),
    Case("MP3", codec="mp3"),
    Case("16 kHz", rate=16_000),
    Case("44.1 kHz", rate=44_100),
    Case("speech goes on at a tenth", under=0.1),
    Case("speech goes on at a fifth", under=0.2),
    Case("speech goes on at a half", under=0.5),
)


class Speech:
    """Recordings without digits, as one long sound.

    Args:
        folder: of recordings at 8 kHz; others, and what can't be read, are passed over.
    """

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".wav", ".mp3"})
        self._sound = np.concatenate([channel for path in paths for channel in _channels(path)])

    @property
    def seconds(self) -> float:
        """Of different speech."""
        return len(self._sound) / RATE

    def some(self, seconds: float, dice: np.random.Generator) -> NDArray[np.float64]:
        """From any place, at -12 to 0 dB of its own level; with a little noise."""
        places = (np.arange(round(seconds * RATE)) + int(dice.integers(len(self._sound)))) % len(self._sound)
        gain = 10 ** (dice.uniform(-12, 0) / 20)
        return np.asarray(self._sound[places] * gain + dice.standard_normal(len(places)) * 20)


def _channels(path: Path) -> Iterator[Samples]:
    try:
        with open_audio(path) as reader:
            if reader.format.sample_rate != RATE or not _is_spoken(path):
                return
            sound = np.concatenate([np.empty(0, np.int16), *(block.copy() for block in reader.blocks())])
            yield from sound.reshape(-1, reader.format.channels).T
    except CallKitError as error:
        print(f"passed over: {error}", file=sys.stderr)


def _is_spoken(path: Path) -> bool:
    """Announcement sets hold beeps and dial tones, too."""
    return not any(word in path.stem for word in ("beep", "tone", "silence"))


def planted(speech: Speech, case: Case, count: int, dice: np.random.Generator) -> tuple[Samples, str]:
    """Speech with so many digits, before any codec; and which digits."""
    sound = _resampled(speech.some(count * SPACING + 1, dice), RATE, case.rate)
    names = "".join(dice.choice(list(NAMES), count))
    for number, name in enumerate(names):
        length = round(dice.uniform(0.045, 0.12) * case.rate)
        begin = round((SPACING * number + dice.uniform(0.3, 0.54)) * case.rate)
        how = {"dbfs": dice.uniform(-26, -10), "twist": dice.uniform(-4, 4)}
        digit = key(name, detuned=dice.uniform(-case.detuned, case.detuned), **how)(dice, length, case.rate)
        sound[begin : begin + length] = sound[begin : begin + length] * case.under + digit * 32767
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16), names


def _resampled(sound: NDArray[np.float64], rate: int, other: int) -> NDArray[np.float64]:
    if rate == other:
        return sound
    length = len(sound) * other // rate
    spectrum = np.fft.rfft(sound)[: length // 2 + 1]
    return np.fft.irfft(spectrum, length) * (length / len(sound))


def coded(samples: Samples, case: Case) -> Samples:
    """After the codec and back."""
    if case.codec is None:
        return samples
    column = samples[:, None]
    make = wav if case.codec.startswith("pcm") else compressed
    with open_audio(make(column, case.rate, case.codec)) as reader:
        return np.concatenate([block.copy() for block in reader.blocks()])


def by_callkit(samples: Samples, rate: int) -> str:
    """The digits that callkit finds, in order; its spectra, which other meters use as well, are made here too."""
    spectra, meter = Spectra(rate), Tones(rate)
    whole = len(samples) // rate * rate
    for begin in range(0, whole, AT_ONCE * rate):
        part = samples[begin : min(begin + AT_ONCE * rate, whole)]
        meter.feed(part, spectra(part))
    meter.finish(samples[whole:], spectra.rest(samples[whole:]))
    return "".join(event.label for event in meter.events(0) if event.kind == "dtmf")


class Multimon:
    """multimon-ng, which hears one file after the other."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "sound.raw"

    def prepare(self, samples: Samples, rate: int) -> None:
        """Write what it will hear."""
        sound = _resampled(samples.astype(np.float64), rate, MULTIMON_RATE)
        np.clip(np.rint(sound), -32768, 32767).astype("<i2").tofile(self._file)

    def __call__(self, _: Samples, __: int) -> str:
        command = ["multimon-ng", "-q", "-t", "raw", "-a", "DTMF", str(self._file)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return "".join(line.split()[1] for line in said.splitlines() if line.startswith("DTMF:"))


def in_order(true: str, found: str) -> int:
    """How many characters both have in the same order: the length of the longest common subsequence."""
    best = np.zeros(len(found) + 1, np.int64)
    letters = np.array(list(found))
    for name in true:
        step = np.maximum(best[1:], np.where(letters == name, best[:-1] + 1, 0)) if len(found) else best[1:]
        best[1:] = np.maximum.accumulate(step)
    return int(best[-1])


@frozen(eq=False)
class Trial:
    """What both hear, and the digits in it."""

    case: str
    samples: Samples
    rate: int
    true: str

    def of(self, who: str, detect: Detector) -> Figure:
        """How a detector fares; CPU is for half an hour."""
        answers: list[str] = []
        cost = in_process(lambda: answers.append(detect(self.samples, self.rate)))
        right, hours = in_order(self.true, answers[0]), len(self.samples) / self.rate / 3600
        false = len(answers[0]) - right
        note = (
            f"{100 * right / len(self.true):.2f} % right, {false} false"
            if self.true
            else f"{false / hours:.2f} an hour"
        )
        return Figure(self.case, who, cpu=cost.cpu * 0.5 / hours, note=note)

    def figures(self, multimon: Multimon | None) -> list[Figure]:
        """A line for each detector."""
        if multimon is None:
            missing = Figure(self.case, "multimon-ng", note="not installed (apt install multimon-ng)")
            return [self.of("callkit", by_callkit), missing]
        multimon.prepare(self.samples, self.rate)
        return [self.of("callkit", by_callkit), self.of("multimon-ng", multimon)]


def chapter(speech: Speech, digits: int, hours: float, multimon: Multimon | None) -> Chapter:
    """All cases, then speech alone."""
    trials = []
    for number, case in enumerate(CASES):
        sound, names = planted(speech, case, digits, np.random.default_rng(number))
        trials.append(Trial(case.name, coded(sound, case), case.rate, names))
    spoken = _hours(speech, hours)
    trials.append(Trial("no digits: false ones", spoken, RATE, ""))
    trials.append(Trial("no digits, GSM: false ones", coded(spoken, Case("", codec="gsm")), RATE, ""))
    found = [figure for trial in trials for figure in trial.figures(multimon)]
    text = (
        f"{digits} digits in each case, and {hours:g} hours of speech without any, made of {speech.seconds / 60:.0f} "
        "different minutes. CPU is for half an hour of one channel, in which a case with digits has 4,500 of them. "
        "callkit's holds the spectra and all other tones as well."
    )
    return Chapter("DTMF digits", text, tuple(found))


def _hours(speech: Speech, hours: float) -> Samples:
    """Ten minutes at a time, for levels and places to change."""
    count = max(round(hours * 6), 1)
    parts = [speech.some(hours * 3600 / count, np.random.default_rng(part)) for part in range(count)]
    return np.clip(np.rint(np.concatenate(parts)), -32768, 32767).astype(np.int16)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=1000, help="in each case")
    parser.add_argument("--hours", type=float, default=3.0, help="of speech without digits")
    parser.add_argument("--speech", type=Path, default=EXAMPLES, metavar="FOLDER", help="of recordings at 8 kHz")
    options = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        multimon = Multimon(Path(folder)) if shutil.which("multimon-ng") else None
        print(markdown(chapter(Speech(options.speech), options.digits, options.hours, multimon)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
