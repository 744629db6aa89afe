"""Engines by name: callkit's own, those that are installed, the best that is here, and nobody."""

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from callkit.backends import transcribers
from callkit.backends.transcribers import NAMES, auto, open_transcriber, whisper
from callkit.backends.transcribers.asking import TranscriptOptions, fingerprint_of
from callkit.backends.transcribers.placeholder import Placeholder
from callkit.errors import MissingExtraError, SettingsError, TranscriptionError
from callkit.protocols import TranscriberCapabilities
from callkit.testing import ScriptedTranscriber


def of_third_party(text: str) -> ScriptedTranscriber:
    return ScriptedTranscriber(model=text)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = EntryPoints([EntryPoint("mine", f"{__name__}:of_third_party", "callkit.transcribers")])
    monkeypatch.setattr(transcribers, "entry_points", found.select)


def test_nobody_and_the_placeholder() -> None:
    assert open_transcriber("none") is None
    assert open_transcriber("placeholder") == Placeholder()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("text", ["mine", "mine:large", "mine+https://host/?key=1", "mine?fast=yes"])
def test_one_that_is_installed_gets_the_whole_text(text: str) -> None:
    assert open_transcriber(text) == ScriptedTranscriber(model=text)


@pytest.mark.usefixtures("installed")
def test_an_unknown_one_is_told_what_there_is() -> None:
    with pytest.raises(SettingsError, match="No transcriber is called 'whisker'") as caught:
        open_transcriber("whisker:base")
    for name in ("none", "mine", *NAMES):
        assert name in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_home(name: str) -> None:
    home = __import__(f"callkit.backends.transcribers.{name}", fromlist=["open_engine"])
    assert callable(home.open_engine)


class TestAuto:
    @pytest.fixture
    def missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(text: str, **_: Any) -> Any:
            raise MissingExtraError("The transcriber whisper", "whisper")

        auto._say.cache_clear()
        monkeypatch.setattr(whisper, "open_engine", refuse)

    @pytest.mark.usefixtures("missing")
    def test_without_whisper_the_placeholder_stands_in_and_says_so_once(self, caplog: pytest.LogCaptureFixture) -> None:
        assert open_transcriber("auto") == open_transcriber("auto") == Placeholder()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "callkit[whisper]" in caplog.text

    def test_without_a_model_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nowhere(_: Any) -> Any:
            raise TranscriptionError("whisper", "there is no model")

        monkeypatch.setattr(whisper.Whisper, "located", nowhere)
        assert open_transcriber("auto") == Placeholder()

    def test_else_it_is_whisper(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(whisper.Whisper, "located", lambda _: None)
        assert open_transcriber("auto:tiny.en", small_memory=True) == whisper.Whisper("tiny.en", small_memory=True)

    def test_what_is_no_name_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="auto"):
            open_transcriber("auto+https://host")


@pytest.mark.parametrize("piece", [0.0, 9.9, 3601.0, float("nan")])
def test_pieces_have_a_sensible_length(piece: float) -> None:
    with pytest.raises(SettingsError, match="piece"):
        TranscriptOptions(piece=piece)


def test_hints_are_a_list() -> None:
    with pytest.raises(SettingsError, match="list"):
        TranscriptOptions(hints="Acme")
    assert TranscriptOptions(hints=[" Acme ", ""]).hints == ("Acme",)


def test_how_long_a_piece_is() -> None:
    any_length = ScriptedTranscriber()
    short = ScriptedTranscriber(capabilities=TranscriberCapabilities(max_seconds=25.0))
    assert TranscriptOptions().longest(any_length) == 300
    assert TranscriptOptions(small_memory=True).longest(any_length) == 120
    assert TranscriptOptions(small_memory=True, piece=60).longest(any_length) == 60
    assert TranscriptOptions().longest(short) == 25


def test_a_fingerprint_is_one_line_and_tells_all_that_matters() -> None:
    engine = ScriptedTranscriber()
    made = {
        fingerprint_of(engine, options, None)
        for options in (
            TranscriptOptions(),
            TranscriptOptions(language="en"),
            TranscriptOptions(hints=["a"]),
            TranscriptOptions(hints=["b"]),
            TranscriptOptions(piece=20),
        )
    }
    assert len(made) == 5
    assert all("\n" not in text for text in made)
