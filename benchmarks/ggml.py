"""Whisper models in CTranslate2's format → ggml's, which no package carries: so that whisper.cpp can be measured.

python -m benchmarks.ggml FOLDER ggml-tiny.en.bin
"""

import argparse
import struct
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from callkit.backends.transcribers.model_files import tensors

__all__ = ["write_ggml"]

Array = NDArray[np.float32]

_HALF = 4  # CTranslate2's number of 16-bit floats
_FLOATS = {0: "<f4", _HALF: "<f2"}
_HEAD = 64  # values of an attention head, in all of Whisper's models
_MELS, _BINS = 80, 201
_PLACES = (1500, 448)  # of sound, of text
_NORM = {"gamma": "weight", "beta": "bias"}


def write_ggml(folder: Path, path: Path) -> None:
    """Write the model of a folder as a ggml file.

    Source: `models/convert-pt-to-ggml.py` of whisper.cpp tells the order: magic, sizes, mel filters, tokens, arrays;
    matrices of 16 bits, all else of 32.
    """
    arrays = dict(_arrays(folder / "model.bin"))
    words = (folder / "vocabulary.txt").read_text("utf-8").split("\n")
    ends = words.index("<|endoftext|>")
    size, state = arrays["decoder.token_embedding.weight"].shape
    layers = [1 + max(int(name.split(".")[2]) for name in arrays if f"{side}.blocks" in name) for side in SIDES]
    heads = state // _HEAD
    with path.open("wb") as file:
        sizes = (size, _PLACES[0], state, heads, layers[0], _PLACES[1], state, heads, layers[1], _MELS, 1)
        file.write(b"lmgg" + struct.pack("<11i", *sizes))
        filters = import_module("faster_whisper.feature_extractor").FeatureExtractor().mel_filters
        file.write(struct.pack("<2i", _MELS, _BINS) + filters.astype("<f4").tobytes())
        file.write(struct.pack("<i", ends))
        for word in words[:ends]:
            text = bytes(_BYTES[letter] for letter in word)
            file.write(struct.pack("<i", len(text)) + text)
        for name, array in arrays.items():
            _write(file, name, array)


SIDES = ("encoder", "decoder")


def _write(file: BinaryIO, name: str, array: Array) -> None:
    wide = array.ndim < 2 or "positional" in name
    if name in {"encoder.conv1.bias", "encoder.conv2.bias"}:
        array = array.reshape(-1, 1)
    file.write(struct.pack("<3i", array.ndim, len(name), 0 if wide else 1))
    file.write(struct.pack(f"<{array.ndim}i", *reversed(array.shape)) + name.encode())
    file.write(array.astype("<f4" if wide else "<f2").tobytes())


def _arrays(path: Path) -> Iterator[tuple[str, Array]]:
    for one in tensors(path):
        if one.kind in _FLOATS and one.shape:
            count = int(np.prod(one.shape))
            values = np.fromfile(path, _FLOATS[one.kind], count, offset=one.offset).reshape(one.shape)
            yield from _renamed(one.name, values.astype(np.float32))


def _renamed(name: str, array: Array) -> Iterator[tuple[str, Array]]:
    """The names of OpenAI; queries, keys and values are arrays of their own, and keys have no bias."""
    side, *rest = name.split("/")
    if rest[0].startswith("layer_") and rest[0] != "layer_norm":
        yield from _of_layer(f"{side}.blocks.{rest[0][6:]}", rest[1:], array)
    elif rest[0] == "layer_norm":
        yield f"{side}.{'ln_post' if side == 'encoder' else 'ln'}.{_NORM[rest[1]]}", array
    elif rest[0] in {"conv1", "conv2"}:
        yield ".".join([side, *rest]), array
    else:
        yield {"embeddings": "decoder.token_embedding.weight"}.get(rest[0], f"{side}.positional_embedding"), array


def _of_layer(block: str, rest: Sequence[str], array: Array) -> Iterator[tuple[str, Array]]:
    part, layer, kind = rest
    own = {"self_attention": "attn", "attention": "cross_attn", "ffn": "mlp"}[part]
    if layer == "layer_norm":
        yield f"{block}.{own}_ln.{_NORM[kind]}", array
    elif part == "ffn":
        yield f"{block}.mlp.{2 * int(layer[-1])}.{kind}", array
    else:
        several = {"self_attention": (("query", "key", "value"), ("out",))}
        names = several.get(part, (("query",), ("key", "value"), ("out",)))[int(layer[-1])]
        for own_name, values in zip(names, np.split(array, len(names)), strict=True):
            if (own_name, kind) != ("key", "bias"):
                yield f"{block}.{own}.{own_name}.{kind}", values


def _letters() -> dict[str, int]:
    """Source: `bytes_to_unicode` of GPT-2: a byte that can't be shown is a letter from 256 on."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + number): byte for number, byte in enumerate(hidden)}


_BYTES = _letters()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("path", type=Path)
    options = parser.parse_args(argv)
    write_ggml(options.folder, options.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
