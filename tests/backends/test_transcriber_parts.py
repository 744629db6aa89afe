"""What engines share: languages, readings, choices, windows, things loaded once in a process."""

import math
import os
import sys
import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.backends.transcribers.choices import choices_of, number, yes
from callkit.backends.transcribers.languages import code_of, whisper_code
from callkit.backends.transcribers.per_process import PerProcess
from callkit.backends.transcribers.readings import confidence, likelihood, mean_confidence, seconds, within, word
from callkit.backends.transcribers.windows import passed_over, windows
from callkit.core.transcript import Segment, Word
from callkit.errors import SettingsError

# ---- languages


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("english", "en"),
        ("Haitian Creole", "ht"),
        ("jw", "jv"),
        ("javanese", "jv"),
        (" de ", "de"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("yue", "yue"),
        ("klingonese", None),
        ("", None),
        ("12", None),
        (None, None),
        (7, None),
    ],
)
def test_languages_become_codes(told: object, code: str | None) -> None:
    assert code_of(told) == code


def test_whispers_languages_come_back() -> None:
    for code in ("en", "he", "jv", "zh", "haw", "yue", "no"):
        assert code_of(whisper_code(code)) == code
    assert [whisper_code(code) for code in ("en-GB", "nb-NO", "iw", "fil")] == ["en", "no", "he", "tl"]


# ---- readings


@given(st.floats() | st.integers() | st.booleans() | st.none() | st.text(max_size=3))
def test_a_confidence_is_a_share_or_nothing(told: object) -> None:
    for read in (confidence, likelihood):
        sure = read(told)
        assert sure is None or (type(sure) is float and 0.0 <= sure <= 1.0)


def test_confidence_is_never_made_up() -> None:
    assert [confidence(told) for told in (0.25, 1, 0, math.nan, 1.01, -0.1, True, "0.5")] == [0.25, 1, 0] + 5 * [None]
    assert confidence(np.float32(0.5)) == 0.5
    assert likelihood(-math.inf) == 0.0
    assert [likelihood(told) for told in (math.nan, 0.1, None)] == [None] * 3
    assert mean_confidence((Word(0, 1, "a", 0.5), Word(0, 1, "b"), Word(0, 1, "c", 1.0))) == 0.75
    assert mean_confidence((Word(0, 1, "a"),)) is None


def test_words_are_plain() -> None:
    made = word(np.float64(1.5), np.float64(1.25), " So", np.float32(0.5))
    assert made == Word(1.5, 1.5, "So", 0.5)
    assert {type(made.start), type(made.end), type(made.confidence)} == {float}
    assert seconds(-0.02) == 0.0


@pytest.mark.parametrize("told", [(math.nan, 1, "a"), (0, math.inf, "a"), ("x", 1, "a"), (None, 1, "a"), (0, 1, None)])
def test_what_is_no_word_is_refused(told: tuple[object, object, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        word(*told)


def test_nothing_is_said_after_the_end() -> None:
    late = Segment(3.0, 4.0, "b", words=(Word(5.0, 6.0, "b"), Word(3.0, 3.5, "a"), Word(3.1, 3.2, "")))
    assert within([late, Segment(0, 1, ""), Segment(0.0, 1.0, "a")], 3.2) == (
        Segment(0.0, 1.0, "a"),
        Segment(3.0, 3.2, "b", words=(Word(3.0, 3.2, "a"), Word(3.2, 3.2, "b"))),
    )


# ---- choices

KNOWN: dict[str, Callable[[str], object]] = {"beam": number(1, 10), "fast": yes}


def test_choices_are_read() -> None:
    assert choices_of("it", "beam=3&fast=yes", KNOWN) == {"beam": 3, "fast": True}
    assert choices_of("it", "fast=no", KNOWN) == {"fast": False}
    assert choices_of("it", "", KNOWN) == {}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("beam=0", "write a number from 1 to 10"),
        ("beam=11", "write a number"),
        ("beam=²", "write a number"),
        ("beam=", "write a number"),
        ("fast=1", "write yes or no"),
        ("slow=yes", "has no such option: there are beam, fast"),
        ("fast=yes&fast=no", "given twice"),
    ],
)
def test_what_is_no_choice_is_refused(query: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        choices_of("it", query, KNOWN)


# ---- windows


@given(st.integers(0, 400), st.integers(0, 2**32 - 1))
def test_windows_cover_all_and_are_not_too_long(tenths: int, seed: int) -> None:
    sound = np.random.default_rng(seed).normal(0, 0.1, tenths * 100 + seed % 100).astype(np.float32)
    found = windows(sound, 1000, 3.0)
    assert found[0][0] == 0.0
    assert found[-1][1] == len(sound) / 1000
    assert all(one[1] == other[0] for one, other in pairwise(found))
    assert all(end - start < 3.001 for start, end in found)
    assert all(end - start > 2.49 for start, end in found[:-1])


def test_windows_end_in_pauses() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 80_000).astype(np.float32)
    sound[27_300:27_700] = 0
    first, second, *_ = windows(sound, 1000)
    assert first[1] == pytest.approx(27.5, abs=0.15)
    assert second[1] > 27.5 + 25 - 0.15


def test_what_was_passed_over() -> None:
    sound = np.full(30_000, 0.1, np.float32)
    sound[20_000:26_000] = 0
    words = [(4.5, 5.0), (5.0, 5.5), (4.0, 4.2), (12.0, 20.0), (26.0, 27.0)]
    assert passed_over(sound, 1000, words) == [(0.0, 4.0), (5.5, 12.0)], "neither the silence nor the short end"
    assert passed_over(sound, 1000, []) == [(0.0, 30.0)]
    assert passed_over(sound[:3000], 1000, []) == []


# ---- once in a process


def test_things_are_loaded_once() -> None:
    loaded: list[str] = []
    things: PerProcess[str] = PerProcess(2)
    ask = [things.get(key, lambda key=key: loaded.append(key) or key) for key in "abaca"]  # type: ignore[func-returns-value, misc]  # that append returns None is the point
    assert (ask, loaded) == (list("abaca"), list("abc")), "b went when c came, for a was asked for later"
    things.get("b", lambda: loaded.append("b") or "b")  # type: ignore[func-returns-value]  # as above
    assert loaded == list("abcb")


def test_one_thread_loads_and_the_others_wait() -> None:
    things: PerProcess[object] = PerProcess()
    start, made = threading.Barrier(4), []

    def load() -> object:
        made.append(object())
        return made[-1]

    def ask() -> None:
        start.wait()
        things.get("model", load)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_fails_to_load_is_tried_again() -> None:
    things: PerProcess[str] = PerProcess()

    def fail() -> str:
        raise OSError("no memory")

    with pytest.raises(OSError, match="no memory"):
        things.get("model", fail)
    assert things.get("model", lambda: "made") == "made"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_loads_its_own() -> None:
    things: PerProcess[int] = PerProcess()
    parent = things.get("model", os.getpid)
    lock, _ = things._by_pid[os.getpid()]
    with lock:  # as if another thread were loading just now
        child = os.fork()
        if not child:
            os._exit(0 if things.get("model", os.getpid) != parent else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
