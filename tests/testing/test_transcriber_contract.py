"""The transcribers' contract: the scripted one keeps it, and broken ones are found out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from attrs import evolve, field, frozen

from callkit.core.transcript import Transcript, Word
from callkit.protocols import Transcriber, TranscriberCapabilities
from callkit.testing import ScriptedTranscriber, TranscriberContract
from callkit.testing.scripted import sounds

SAID = (Word(0.1, 0.5, "good", 0.9), Word(0.6, 1.1, "morning", None))


class TestScripted(TranscriberContract):
    @pytest.fixture
    def transcriber(self) -> Transcriber:
        return ScriptedTranscriber(words=SAID)


class TestScriptedWithoutWords(TranscriberContract):
    @pytest.fixture
    def transcriber(self) -> Transcriber:
        return ScriptedTranscriber(capabilities=TranscriberCapabilities(words=False, sample_rate=16_000))


@frozen
class Broken:
    """A scripted engine with a fault."""

    fault: Any
    name: str = "broken"
    model: str = "script"
    fingerprint: str = "broken/1"
    capabilities: TranscriberCapabilities = field(factory=TranscriberCapabilities)

    def transcribe(
        self, samples: Any, rate: int, *, language: str | None = None, hints: Sequence[str] = ()
    ) -> Transcript:
        said = ScriptedTranscriber(words=SAID).transcribe(samples, rate, language=language, hints=hints)
        faulty: Transcript = self.fault(said)
        return evolve(faulty, engine="broken", fingerprint=self.fingerprint)


def segment(**changes: Any) -> Any:
    return lambda said: evolve(said, segments=tuple(evolve(one, **changes) for one in said.segments))


FAULTS = {
    "test_times_are_within_the_sound_and_in_order": segment(start=np.float64(0.1)),
    "test_words_are_there_if_they_are_promised": segment(words=()),
    "test_it_knows_nothing_of_channels": segment(channel=0),
    "test_confidence_is_a_share_or_nothing": segment(confidence=float("nan")),
    "test_languages_are_codes": segment(language="english, I think"),
    "test_the_transcript_says_where_it_is_from": lambda said: evolve(said, synthetic=True),
}


@pytest.mark.parametrize("test", FAULTS)
def test_broken_engines_are_found_out(test: str) -> None:
    broken = Broken(FAULTS[test])
    sound = np.zeros(16_000, np.float32)
    given = {"transcriber": broken, "said": broken.transcribe(sound, 8000), "samples": sound, "rate": 8000}
    wanted = getattr(TranscriberContract, test).__code__.co_varnames
    with pytest.raises(AssertionError):
        getattr(TranscriberContract(), test)(**{name: value for name, value in given.items() if name in wanted})


def test_sounds_are_found_where_they_are() -> None:
    sound = np.zeros(80_000, np.float32)
    sound[8000:16_000] = sound[17_000:20_000] = sound[40_000:44_000] = 0.1
    assert sounds(sound, 8000) == [(1.0, 2.5), (5.0, 5.5)]
    assert sounds(np.zeros(8000, np.float32), 8000) == []


def test_late_words_are_late_and_glued_ones_are_one_segment() -> None:
    glued = ScriptedTranscriber(words=SAID, late=0.5).transcribe(np.zeros(16_000, np.float32), 8000)
    assert [(one.start, one.end, one.text) for one in glued.segments] == [(0.6, 1.6, "good morning")]
    apart = ScriptedTranscriber(words=SAID, together=False).transcribe(np.zeros(16_000, np.float32), 8000)
    assert [one.text for one in apart.segments] == ["good", "morning"]
