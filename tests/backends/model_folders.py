"""Folders that look like a model from outside."""

import os
import struct
from pathlib import Path

__all__ = ["folder_of_a_model", "offered"]


def folder_of_a_model(folder: Path) -> Path:
    """A CTranslate2 model of two arrays, of which nothing can be made."""
    folder.mkdir(parents=True)
    arrays = [("a", (2, 3), struct.pack("<6f", *range(6))), ("b", (), struct.pack("<f", 7.0))]
    data = struct.pack("<I", 6) + _text("WhisperSpec") + struct.pack("<II", 3, len(arrays))
    for name, shape, values in arrays:
        data += _text(name) + struct.pack(f"<B{len(shape)}I", len(shape), *shape) + struct.pack("<BI", 0, len(values))
        data += values
    (folder / "model.bin").write_bytes(data)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).write_text("{}")
    return folder


def _text(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def offered() -> str:
    """What a package that brings a model has as its entry point."""
    return os.environ["TEST_OFFERED_MODEL"]
