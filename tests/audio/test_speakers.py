"""Speakers of a mono recording, told apart by somebody else."""

import callkit
from callkit.audio.diarizer import Diarizer
from callkit.audio.source import AudioSource
from callkit.core.analysis import Results
from callkit.interop.rttm import read_rttm, write_rttm
from callkit.testing.factory import make_call
from callkit.wire import results_from_json, results_to_json

MONO = make_call(seconds=20, turns=[(0, 1.0, 5.0), (0, 6.0, 12.0), (0, 13.0, 18.0)], channels=1).wav()
SPEAKERS = {"Анна": [(1.0, 5.0), (13.0, 18.0)], "Boris": [(4.0, 12.0)]}


def test_without_speakers_a_mono_recording_has_one_party() -> None:
    analysis = callkit.analyse(MONO)
    assert len(analysis.parties) == 1
    assert analysis.parties[0].talk_share is None
    assert analysis.conversation.turns is None
    assert analysis.conversation.silence_time is not None


def test_speakers_are_parties() -> None:
    analysis = callkit.analyse(MONO, speakers=SPEAKERS)
    anna, boris = analysis.parties
    assert (anna.speaker, boris.speaker) == ("Анна", "Boris")
    assert (anna.talk_time, boris.talk_time) == (9.0, 8.0)
    assert anna.talk_share == 0.5294
    assert boris.interruptions == 1
    assert analysis.overlap_time == analysis.conversation.overlap_time == 1.0
    assert analysis.explain("talk_share").method == "diarizer"
    assert analysis.silence == callkit.analyse(MONO).silence


def test_an_rttm_file_says_the_same() -> None:
    text = write_rttm({"call": {name: tuple(own) for name, own in SPEAKERS.items()}})
    assert callkit.analyse(MONO, speakers=read_rttm(text)["call"]) == callkit.analyse(MONO, speakers=SPEAKERS)


def test_a_diarizer_is_asked() -> None:
    class Two:
        def speakers(self, source: AudioSource) -> dict[str, list[tuple[float, float]]]:
            assert source == MONO
            return {"a": [(0.0, 1.0)], "b": [(2.0, 99.0)]}

    assert isinstance(Two(), Diarizer)
    analysis = callkit.analyse(MONO, speakers=Two())
    assert analysis.parties[1].speech == ((2.0, 20.0),)


def test_they_are_kept() -> None:
    results = Results(callkit.analyse(MONO, speakers=SPEAKERS))
    assert results_from_json(results_to_json(results)) == results
