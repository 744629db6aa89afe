"""What every transcriber must do: subclass `TranscriberContract` and give it yours."""

import json
import pickle
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from attrs import asdict
from numpy.typing import NDArray

from callkit.core.transcript import Segment, Transcript, Word
from callkit.protocols import Transcriber, TranscriberCapabilities
from callkit.testing.contract import Contract
from callkit.testing.voices import speech

__all__ = ["TranscriberContract"]

Samples = NDArray[np.float32]

_ANY_RATE = 8000  # hertz, of engines that take any
_SECONDS = 2
_BEYOND = 1.0  # seconds that words may end after the sound: engines see it padded
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class TranscriberContract(Contract):
    """A transcriber keeps every promise of `callkit.protocols.Transcriber`.

    The subclass has a fixture `transcriber`. It may have a fixture `samples`, too: some seconds of real speech at the
    engine's rate, of which an engine with ears says something. By default it is the call factory's.
    """

    @pytest.fixture
    def transcriber(self) -> Iterator[Transcriber]:
        """The transcriber to be tested."""
        raise NotImplementedError("Give the subclass of TranscriberContract a fixture `transcriber`.")

    @pytest.fixture
    def rate(self, transcriber: Transcriber) -> int:
        """Hertz of the sound that it gets."""
        return transcriber.capabilities.sample_rate or _ANY_RATE

    @pytest.fixture
    def samples(self, rate: int) -> Samples:
        """Speech, -1 to 1; it can't be written to, for it is not the engine's."""
        sound = speech()(np.random.default_rng(0), _SECONDS * rate, rate).astype(np.float32)
        sound.flags.writeable = False
        return sound

    @pytest.fixture
    def said(self, transcriber: Transcriber, samples: Samples, rate: int) -> Transcript:
        """What it makes of them."""
        return transcriber.transcribe(samples, rate)

    def test_it_says_what_it_is(self, transcriber: Transcriber) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", transcriber.name)
        assert isinstance(transcriber.model, str)
        assert isinstance(transcriber.capabilities, TranscriberCapabilities)

    def test_its_fingerprint_is_one_line_and_stays_the_same(self, transcriber: Transcriber) -> None:
        told = transcriber.fingerprint
        assert told == transcriber.fingerprint
        assert re.fullmatch(r"\S(.*\S)?", told), "one line, without space around it"

    def test_it_travels_to_another_process(self, transcriber: Transcriber) -> None:
        copy = pickle.loads(pickle.dumps(transcriber))
        assert copy == transcriber
        assert (copy.fingerprint, copy.capabilities) == (transcriber.fingerprint, transcriber.capabilities)

    def test_it_is_a_value_that_names_an_engine_and_not_the_engine_itself(self, transcriber: Transcriber) -> None:
        assert len(pickle.dumps(transcriber)) < 10_000

    def test_the_transcript_says_where_it_is_from(
        self, transcriber: Transcriber, said: Transcript, samples: Samples, rate: int
    ) -> None:
        assert (said.engine, said.model) == (transcriber.name, transcriber.model)
        assert said.synthetic is transcriber.capabilities.synthetic
        assert said.duration == pytest.approx(len(samples) / rate)
        assert said.dropped_words == 0, "what is far from speech, the driver knows"

    def test_times_are_within_the_sound_and_in_order(self, said: Transcript) -> None:
        starts = [segment.start for segment in said.segments]
        assert starts == sorted(starts)
        for segment in said.segments:
            assert segment.text.strip()
            _check_times(segment, said.duration)
            assert [word.start for word in segment.words] == sorted(word.start for word in segment.words)
            for word in segment.words:
                assert word.text.strip()
                _check_times(word, said.duration)

    def test_words_are_there_if_they_are_promised(self, transcriber: Transcriber, said: Transcript) -> None:
        for segment in said.segments:
            assert bool(segment.words) is transcriber.capabilities.words

    def test_it_knows_nothing_of_channels(self, said: Transcript) -> None:
        assert {segment.channel for segment in said.segments} <= {None}

    def test_confidence_is_a_share_or_nothing(self, said: Transcript) -> None:
        told = [segment.confidence for segment in said.segments]
        told += [word.confidence for segment in said.segments for word in segment.words]
        for sure in told:
            assert sure is None or (type(sure) is float and 0.0 <= sure <= 1.0)

    def test_languages_are_codes(self, said: Transcript) -> None:
        for code in {said.language, *(segment.language for segment in said.segments)} - {None}:
            assert _LANGUAGE.fullmatch(str(code))
        assert said.segments or said.language is None, "of nothing there is no language"

    def test_it_can_be_kept_as_json(self, said: Transcript) -> None:
        assert json.loads(json.dumps(asdict(said), allow_nan=False))["engine"] == said.engine

    def test_of_no_sound_there_is_nothing(self, transcriber: Transcriber, rate: int) -> None:
        said = transcriber.transcribe(np.zeros(0, np.float32), rate)
        assert (said.segments, said.duration) == ((), 0.0)

    @pytest.mark.parametrize("seconds", [0.05, 1.0])
    def test_short_silence_is_no_error(self, transcriber: Transcriber, rate: int, seconds: float) -> None:
        said = transcriber.transcribe(np.zeros(round(seconds * rate), np.float32), rate)
        for segment in said.segments:  # whatever it dreams of, the driver never gives it silence
            _check_times(segment, said.duration)

    def test_it_takes_a_language_and_hints(self, transcriber: Transcriber, samples: Samples, rate: int) -> None:
        languages = transcriber.capabilities.languages
        code = sorted(languages)[0] if languages else "en"
        said = transcriber.transcribe(samples, rate, language=code, hints=("callkit", "Dvořák, Ltd."))
        assert said.language in {code, None}

    def test_the_same_sound_gives_the_same(
        self, transcriber: Transcriber, said: Transcript, samples: Samples, rate: int
    ) -> None:
        assert transcriber.transcribe(samples, rate) == said

    def test_several_threads_may_ask_at_once(
        self, transcriber: Transcriber, said: Transcript, samples: Samples, rate: int
    ) -> None:
        with ThreadPoolExecutor(3) as threads:
            answers = list(threads.map(lambda _: transcriber.transcribe(samples, rate), range(3)))
        assert answers == [said] * 3


def _check_times(it: Segment | Word, duration: float) -> None:
    assert type(it.start) is float
    assert type(it.end) is float
    assert 0.0 <= it.start <= it.end <= duration + _BEYOND
