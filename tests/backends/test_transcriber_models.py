"""Models on disk: whether they are whole, and where they are found."""

import struct
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest

from callkit.backends.transcribers import models
from callkit.backends.transcribers.model_files import Tensor, digest, fault_of_ctranslate2, fault_of_ggml, tensors
from callkit.backends.transcribers.models import ModelKind, find_model
from callkit.errors import TranscriptionError
from tests.backends.model_folders import folder_of_a_model


def test_a_whole_model_has_no_fault(tmp_path: Path) -> None:
    folder = folder_of_a_model(tmp_path / "base")
    assert fault_of_ctranslate2(folder) is None
    (one, other) = tensors(folder / "model.bin")
    assert (one.name, one.shape, one.size, other.name, other.shape) == ("a", (2, 3), 24, "b", ())
    assert isinstance(one, Tensor)
    assert np.fromfile(folder / "model.bin", "<f4", 6, offset=one.offset).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    folder = folder_of_a_model(tmp_path / "base")
    (folder / name).unlink()
    assert name in str(fault_of_ctranslate2(folder))


@pytest.mark.parametrize("size", [0, 3, 11, 40, -1])
def test_a_model_that_is_cut_off_is_noticed(tmp_path: Path, size: int) -> None:
    path = folder_of_a_model(tmp_path / "base") / "model.bin"
    path.write_bytes(path.read_bytes()[:size])
    assert "is cut off: copy or download it again" in str(fault_of_ctranslate2(path.parent))


def test_a_model_of_another_version_is_left_to_the_engine(tmp_path: Path) -> None:
    folder = folder_of_a_model(tmp_path / "base")
    (folder / "model.bin").write_bytes(struct.pack("<I", 7))
    assert fault_of_ctranslate2(folder) is None


def test_what_is_no_ggml_file(tmp_path: Path) -> None:
    path = tmp_path / "ggml-base.bin"
    assert "is no file" in str(fault_of_ggml(path))
    path.write_bytes(b"RIFF")
    assert "is no ggml model" in str(fault_of_ggml(path))
    path.write_bytes(b"lmgg")
    assert fault_of_ggml(path) is None


def test_a_digest_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a")
    before = digest(path)
    assert before == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    path.write_bytes(b"bc")
    assert digest(path) != before


KIND = ModelKind("whisper", "{}", fault_of_ctranslate2)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is anywhere."""
    for variable in ("CALLKIT_ASR_MODEL", "CALLKIT_MODEL_DIR"):
        monkeypatch.delenv(variable, raising=False)
    offer(monkeypatch, None)


def offer(monkeypatch: pytest.MonkeyPatch, place: Path | None) -> None:
    """Of an installed package."""
    found = EntryPoint("base", "tests.backends.model_folders:offered", "callkit.asr_models")
    known = EntryPoints([found] if place else [])
    monkeypatch.setenv("TEST_OFFERED_MODEL", str(place))
    monkeypatch.setattr(models, "entry_points", known.select)


def test_the_first_place_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    direct, inside, offered, given_ = (folder_of_a_model(tmp_path / name) for name in ("x", "models/base", "o", "g"))
    fetching = ModelKind("whisper", "{}", fault_of_ctranslate2, lambda name: tmp_path / f"fetched-{name}")
    assert find_model(fetching, "base", allow_download=True) == tmp_path / "fetched-base"
    offer(monkeypatch, offered)
    assert find_model(fetching, "base", allow_download=True) == offered
    monkeypatch.setenv("CALLKIT_MODEL_DIR", str(inside.parent))
    assert find_model(fetching, "base", allow_download=True) == inside
    monkeypatch.setenv("CALLKIT_ASR_MODEL", str(direct))
    assert find_model(fetching, "base", allow_download=True) == direct
    assert find_model(fetching, str(given_), allow_download=True) == given_


def test_without_a_model_all_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetching = ModelKind("whisper", "{}", fault_of_ctranslate2, lambda _: tmp_path)
    with pytest.raises(TranscriptionError) as failure:
        find_model(fetching, "base")
    assert str(failure.value) == (
        "The transcriber whisper failed: no model 'base' was found (CALLKIT_ASR_MODEL is not set; CALLKIT_MODEL_DIR is "
        "not set; no installed package offers 'base' (entry points callkit.asr_models)): name the model itself in "
        "CALLKIT_ASR_MODEL, or the folder that holds it as base in CALLKIT_MODEL_DIR, or let it be downloaded with "
        "whisper:base?allow_download=yes."
    )
    monkeypatch.setenv("CALLKIT_MODEL_DIR", str(tmp_path))
    with pytest.raises(TranscriptionError, match="does not exist") as failure:
        find_model(ModelKind("whispercpp", "ggml-{}.bin", fault_of_ggml), "base", allow_download=True)
    assert "ggml-base.bin" in str(failure.value)
    assert "allow_download" not in str(failure.value)


@pytest.mark.parametrize("variable", ["CALLKIT_ASR_MODEL", "CALLKIT_MODEL_DIR", "name"])
def test_a_damaged_model_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    offer(monkeypatch, folder_of_a_model(tmp_path / "whole"))
    (folder_of_a_model(tmp_path / "base") / "model.bin").write_bytes(b"\6")
    monkeypatch.setenv(variable, str(tmp_path if variable == "CALLKIT_MODEL_DIR" else tmp_path / "base"))
    with pytest.raises(TranscriptionError, match="is cut off"):
        find_model(KIND, str(tmp_path / "base") if variable == "name" else "base")


def test_a_folder_here_is_not_taken_for_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of_a_model(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TranscriptionError, match="no model 'base' was found"):
        find_model(KIND, "base")
    assert find_model(KIND, "./base") == Path("base")
