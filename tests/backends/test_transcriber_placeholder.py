"""What stands in where nobody listens."""

import numpy as np
import pytest

from callkit.backends.transcribers import open_transcriber
from callkit.backends.transcribers.placeholder import Placeholder
from callkit.errors import SettingsError
from callkit.testing.transcriber import TranscriberContract


class TestPlaceholder(TranscriberContract):
    @pytest.fixture
    def transcriber(self) -> Placeholder:
        return Placeholder()


def test_it_says_that_nobody_listened() -> None:
    said = Placeholder().transcribe(np.zeros(12_400, np.float32), 8000, language="de")
    (segment,) = said.segments
    assert segment.text == "[Pseudo-transcript: 1.6 s of sound, and no speech recognition is set up.]"
    assert (segment.start, segment.end, segment.words, segment.confidence) == (0.0, 1.55, (), None)
    assert said.synthetic


def test_by_name() -> None:
    assert open_transcriber("placeholder") == Placeholder()
    with pytest.raises(SettingsError, match="has no model and no options"):
        open_transcriber("placeholder:base")
