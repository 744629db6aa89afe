"""The driver: every word comes to who said it, when it was said, in the order in which it was said."""

import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from callkit.backends.transcribers import driver
from callkit.backends.transcribers.asking import TranscriptOptions
from callkit.backends.transcribers.driver import transcribe
from callkit.backends.transcribers.regions import Span
from callkit.core.transcript import Segment, Transcript
from callkit.errors import SettingsError, TranscriptionError
from callkit.protocols import TranscriberCapabilities
from callkit.testing import make_call
from callkit.testing.scripted import ScriptedTranscriber
from tests.backends.stamps import RATE, Kept, Line, Stamped, Stamps, recording


@pytest.fixture(autouse=True)
def stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "silero", Stamps)


def words(*texts: str, channel: int, begin: int, length: int = 20) -> list[Line]:
    """One after the other, `length` ticks each."""
    return [
        (channel, begin + number * length, begin + (number + 1) * length, text) for number, text in enumerate(texts)
    ]


def lines(transcript: Transcript) -> list[tuple[int | None, str]]:
    return [(segment.channel, segment.text) for segment in transcript.segments]


# ---- order

OVERLAPPING = [[(100, 200), (300, 360)], [(150, 280), (330, 430)]]
OVERLAPPING_WORDS = [
    *words("can", "I", "help", "you", channel=0, begin=105),
    *words("I", "want", "to", "cancel", "it", channel=1, begin=160),
    *words("oh", "no", channel=0, begin=310),
    *words("yes", "today", channel=1, begin=340),
]
DIALOGUE = [(0, "can I help you"), (1, "I want to cancel it"), (0, "oh no"), (1, "yes today")]


def test_who_talks_over_the_other_is_heard_in_the_order_of_turns() -> None:
    engine = Stamped(OVERLAPPING_WORDS)
    said = transcribe(recording(OVERLAPPING, 500), engine)
    assert lines(said) == DIALOGUE
    assert len(engine.asked) == 2, "one piece of each channel"
    naive = sorted([(0, "can I help you oh no"), (1, "I want to cancel it yes today")])
    assert lines(said) != naive, "whole segments by their start give another dialogue"


@pytest.mark.parametrize("late", [-0.25, -0.1, 0.1, 0.25])
def test_words_that_come_early_or_late_stay_where_they_belong(late: float) -> None:
    said = transcribe(recording(OVERLAPPING, 500), Stamped(OVERLAPPING_WORDS, late))
    assert lines(said) == DIALOGUE
    for segment in said.segments:
        for word in segment.words:
            assert segment.start <= word.start <= word.end <= segment.end


def test_a_segment_is_a_region_and_words_have_their_own_times() -> None:
    said = transcribe(recording([[(200, 300)]], 400), Stamped(words("good", "day", channel=0, begin=210, length=40)))
    (segment,) = said.segments
    assert (segment.start, segment.end) == (1.97, 3.03), "30 ms around it"
    assert [(word.text, word.start, word.end) for word in segment.words] == [("good", 2.1, 2.5), ("day", 2.5, 2.9)]
    assert (segment.channel, segment.confidence, segment.language) == (None, 0.5, "en")
    assert (said.duration, said.language, said.engine) == (4.0, "en", "stamped")


def test_a_word_far_from_any_speech_is_dropped_and_counted() -> None:
    script = words("here", channel=0, begin=210)
    said = transcribe(recording([[(200, 300)]], 900), Stamped(script, late=5.0))
    assert (lines(said), said.dropped_words, said.language) == ([], 1, None)
    near = transcribe(recording([[(200, 300)]], 900), Stamped(script, late=1.5))
    assert (lines(near), near.dropped_words) == ([(None, "here")], 0)


def test_where_nobody_speaks_nobody_is_asked() -> None:
    engine = Stamped([])
    said = transcribe(recording([[], []], 6000), engine)
    assert (said.segments, engine.asked, said.duration) == ((), [], 60.0)


# ---- cost


def test_silence_costs_nothing() -> None:
    spans = [(begin, begin + 100) for begin in range(0, 60_000, 3000)]
    engine = Stamped([])
    transcribe(recording([spans, []], 60_000), engine)
    assert len(engine.asked) == 1
    assert engine.asked[0] == pytest.approx(20 * 1.06 + 19 * 0.4, abs=0.1), "20 s of speech in 10 minutes"


def test_two_channels_that_alternate_cost_what_one_with_both_costs() -> None:
    turns = [(begin, begin + 300) for begin in range(0, 12_000, 400)]
    two, one = Stamped([]), Stamped([])
    transcribe(recording([turns[::2], turns[1::2]], 12_000), two)
    transcribe(recording([turns], 12_000), one)
    assert sum(two.asked) <= sum(one.asked)


def test_one_line_on_two_channels_is_transcribed_once() -> None:
    spans = [(100, 900)]
    mono = np.frombuffer(recording([spans], 1000)[44:], "<i2")
    stereo = np.column_stack([mono, mono // 2])
    said_by = Stamped(words("hello", channel=0, begin=200))
    from callkit.testing.codecs import wav  # noqa: PLC0415 - of this test only

    said = transcribe(wav(stereo, RATE, "pcm_s16le"), said_by)
    assert (lines(said), len(said_by.asked)) == ([(None, "hello")], 1)


# ---- pieces


def test_long_calls_are_cut_between_regions() -> None:
    spans = [(begin, begin + 200) for begin in range(0, 30_000, 300)]
    script = [word for begin, _ in spans for word in words("a", "b", channel=0, begin=begin + 50)]
    engine = Stamped(script)
    said = transcribe(recording([spans], 30_000), engine, options=TranscriptOptions(piece=20))
    assert max(engine.asked) <= 20
    assert min(engine.asked[:-1]) > 15
    assert [segment.text for segment in said.segments] == ["a b"] * 100


def test_an_engine_that_takes_little_gets_little() -> None:
    engine = Stamped([], capabilities=TranscriberCapabilities(max_seconds=12.0))
    transcribe(recording([[(0, 5000)]], 5000), engine)
    assert engine.asked == [pytest.approx(12, abs=0.1)] * 4 + [pytest.approx(2, abs=0.5)]


def test_kept_pieces_are_not_transcribed_again_and_a_break_costs_one() -> None:
    sound = recording([[(begin, begin + 900) for begin in range(0, 10_000, 1000)]], 10_000)
    script = [(0, begin + 100, begin + 200, str(begin)) for begin in range(0, 10_000, 1000)]
    kept, options = Kept(), TranscriptOptions(piece=20)

    class Breaks(Stamped):
        def transcribe(self, samples: Any, rate: int, **options: Any) -> Transcript:
            if len(self.asked) == 3:
                raise TranscriptionError("stamped", "it broke")
            return super().transcribe(samples, rate, **options)

    with pytest.raises(TranscriptionError):
        transcribe(sound, Breaks(script), options=options, kept=kept)
    assert len(kept.found) == 3
    second = Stamped(script)
    said = transcribe(sound, second, options=options, kept=kept)
    assert (len(second.asked), len(kept.found)) == (2, 5)
    assert said == transcribe(sound, Stamped(script), options=options)
    third = Stamped(script)
    assert (transcribe(sound, third, options=options, kept=kept), third.asked) == (said, [])


@pytest.mark.parametrize("change", [{"language": "de"}, {"hints": ["Acme"]}, {"piece": 30.0}])
def test_other_options_are_another_transcript(change: Any) -> None:
    sound, kept = recording([[(0, 900)]], 1000), Kept()
    first = transcribe(sound, Stamped([]), kept=kept)
    engine = Stamped([])
    second = transcribe(sound, engine, options=TranscriptOptions(**change), kept=kept)
    assert engine.asked
    assert first.fingerprint != second.fingerprint
    assert "Acme" not in second.fingerprint, "a hint may be a name"


def test_progress_is_told_in_seconds_of_speech() -> None:
    sound = recording([[(0, 1000), (1500, 2500), (3000, 4000)]], 4000)
    told = list[tuple[float, float]]()
    transcribe(sound, Stamped([]), options=TranscriptOptions(piece=12), on_progress=lambda *it: told.append(it))
    assert [round(done) for done, _ in told] == [0, 10, 20, 30]
    assert {round(total) for _, total in told} == {30}


def _peak_of(minutes: int) -> int:
    regions: list[list[Span]] = [[(at, at + 1500) for at in range(c * 1600, minutes * 6000, 3200)] for c in (0, 1)]
    sound = recording(regions, minutes * 6000)
    engine = Stamped([])
    tracemalloc.start()
    transcribe(sound, engine, options=TranscriptOptions(piece=60))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(engine.asked) > minutes * 50
    return peak


def test_memory_does_not_grow_with_the_recording() -> None:
    assert _peak_of(5) * 1.25 > _peak_of(50), "ten times as long"


# ---- engines


def test_an_engine_without_words_is_asked_region_by_region() -> None:
    engine = Stamped(OVERLAPPING_WORDS, capabilities=TranscriberCapabilities(words=False))
    said = transcribe(recording(OVERLAPPING, 500), engine)
    assert lines(said) == DIALOGUE
    assert len(engine.asked) == 4
    assert all(not segment.words for segment in said.segments)


def test_sound_comes_at_the_rate_that_is_wanted() -> None:
    rates = list[tuple[int, float]]()

    class Asks(Stamped):
        def transcribe(self, samples: Any, rate: int, **options: Any) -> Transcript:
            assert samples.dtype == np.float32
            rates.append((rate, len(samples) / rate))
            return super().transcribe(samples, rate, **options)

    transcribe(recording([[(100, 300)]], 500), Asks([], capabilities=TranscriberCapabilities(sample_rate=16_000)))
    ((rate, seconds),) = rates
    assert rate == 16_000
    assert seconds == pytest.approx(2.06, abs=0.01)


def test_what_is_made_up_needs_no_sound_and_says_so() -> None:
    lengths = list[int]()

    class Invents(ScriptedTranscriber):
        def transcribe(self, samples: Any, rate: int, **options: Any) -> Transcript:
            lengths.append(len(samples))
            assert not samples.any()
            return Transcript((Segment(0.0, 5.0, "nothing of this was said"),), None, 5.0, "invents", synthetic=True)

    engine = Invents(capabilities=TranscriberCapabilities(synthetic=True, words=False))
    said = transcribe(recording([[(100, 300)], []], 500), engine)
    assert (said.synthetic, said.duration, lengths) == (True, 5.0, [5 * RATE])
    assert "speech=" not in said.fingerprint


def test_without_silero_the_analysis_tells_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "silero", lambda: None)
    turns = ((0, 1.0, 3.0), (1, 4.0, 7.0), (0, 8.0, 9.0))
    call = make_call(seconds=10, turns=turns)
    said = transcribe(call.wav(), ScriptedTranscriber())
    assert [(one.channel, round(one.start), round(one.end)) for one in said.segments] == [
        (party, round(start), round(end)) for party, start, end in turns
    ]
    assert "speech=analysis" in said.fingerprint


def test_any_source_will_do(tmp_path: Any) -> None:
    sound = recording(OVERLAPPING, 500)
    (tmp_path / "call.wav").write_bytes(sound)
    file = BytesIO(sound)
    file.seek(100)
    for source in (sound, file, tmp_path / "call.wav", str(tmp_path / "call.wav")):
        assert lines(transcribe(source, Stamped(OVERLAPPING_WORDS))) == DIALOGUE
    assert not file.closed


def test_an_engine_by_name() -> None:
    assert transcribe(recording([[]], 100), "placeholder").synthetic
    for name, why in (("none", "name a transcriber"), ("nobody:base", "whisper")):
        with pytest.raises(SettingsError, match=why):
            transcribe(recording([[]], 100), name)


# ---- properties


@st.composite
def dialogues(draw: st.DrawFn) -> tuple[list[list[Span]], list[Line], int]:
    """Regions of two channels, and words in them."""
    regions, script, reach = list[list[Span]](), list[Line](), 0
    for channel in (0, 1):
        spans, at = list[Span](), draw(st.integers(0, 200))
        for number in range(draw(st.integers(0, 5))):
            length = draw(st.integers(30, 400))
            spans.append((at, at + length))
            edges = sorted(draw(st.sets(st.integers(at, at + length), min_size=2, max_size=6)))
            script += [
                (channel, begin, end, f"w{channel}{number}{place}")
                for place, (begin, end) in enumerate(pairwise(edges))
            ]
            at += length + draw(st.integers(37, 2000))
        regions.append(spans)
        reach = max(reach, at)
    return regions, script, reach + 100


def run(given: Any, late: float = 0.0, shift: int = 0, **options: Any) -> Transcript:
    regions, script, ticks = given
    moved = [[(begin + shift, end + shift) for begin, end in spans] for spans in regions]
    said = [(channel, begin + shift, end + shift, text) for channel, begin, end, text in script]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "silero", Stamps)
        return transcribe(recording(moved, ticks + shift), Stamped(said, late), options=TranscriptOptions(**options))


def spoken(said: Transcript) -> Iterator[tuple[int | None, int, int, str]]:
    for segment in said.segments:
        for word in segment.words:
            yield segment.channel, round(word.start * 100), round(word.end * 100), word.text


@given(dialogues(), st.sampled_from([10.0, 300.0]))
def test_every_word_comes_back_to_its_tick(given: Any, piece: float) -> None:
    regions, script, _ = given
    said = run(given, piece=piece)
    assert sorted(spoken(said)) == sorted(script)
    starts = [(segment.start, segment.channel) for segment in said.segments]
    assert starts == sorted(starts)
    truth = [(max(begin - 3, 0), channel) for channel, spans in enumerate(regions) for begin, _ in spans]
    assert {(round(start * 100), channel) for start, channel in starts} <= set(truth)


@given(dialogues(), st.floats(-4, 4))
def test_no_word_is_lost_but_those_that_are_counted(given: Any, late: float) -> None:
    said = run(given, late)
    assert len(list(spoken(said))) + said.dropped_words == len(given[1])
    assert {text for *_, text in spoken(said)} <= {text for *_, text in given[1]}
    assert " ".join(segment.text for segment in said.segments).split() == [text for *_, text in spoken(said)]


@given(dialogues(), st.integers(0, 4000), st.floats(-0.5, 0.5))
def test_silence_before_it_changes_nothing_but_times(given: Any, shift: int, late: float) -> None:
    assume(all(spans[0][0] >= 3 for spans in given[0] if spans))  # else the first one has less room before it
    early, later = run(given, late), run(given, late, shift)
    assert lines(later) == lines(early)
    for one, other in zip(early.segments, later.segments, strict=True):
        assert other.start == pytest.approx(one.start + shift / 100)
        assert [word.start for word in other.words] == pytest.approx([word.start + shift / 100 for word in one.words])


@given(dialogues())
def test_swapped_channels_give_the_same_swapped(given: Any) -> None:
    regions, script, ticks = given
    swapped = (regions[::-1], [(1 - channel, *rest) for channel, *rest in script], ticks)
    mirrored = [(1 - channel, *rest) for channel, *rest in spoken(run(swapped)) if channel is not None]
    assert sorted(mirrored) == sorted(spoken(run(given)))
