"""The picture, read back by a decoder of its own."""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from callkit.report.heatmap import heatmap, png
from callkit.report.lettering import HEIGHT, lettering, width_of
from callkit.report.subject import Subject

MakeSubject = Callable[..., Subject]


def decoded(content: bytes) -> NDArray[np.uint8]:
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(content):
        (size,), kind = struct.unpack_from(">I", content, place), content[place + 4 : place + 8]
        inside = content[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", content, place + 8 + size)[0] == zlib.crc32(kind + inside)
        chunks[kind], place = inside, place + 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *kind_of = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert kind_of == [8, 2, 0, 0, 0]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


def test_pixels_come_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert (decoded(png(pixels)) == pixels).all()


def colour_share(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> float:
    """Of the columns of the picture, the share that have this colour anywhere."""
    return float((picture == colour).all(axis=2).any(axis=0).mean())


def test_rows_are_as_long_as_what_they_show(subject: Subject) -> None:
    picture = decoded(heatmap(subject))
    first, second = (sum(end - start for start, end in own) / 60 for own in subject.speech)
    room = 1055 / 1200  # of the picture is time
    assert colour_share(picture, (37, 99, 235)) == pytest.approx(first * room, abs=0.01)
    assert colour_share(picture, (8, 120, 93)) == pytest.approx(second * room, abs=0.01)
    assert colour_share(picture, (122, 91, 208)) == pytest.approx(17 / 60 * room, abs=0.01)
    assert len(heatmap(subject)) < 20_000


def test_calls_without_a_second_party_or_anything_at_all(make_subject: MakeSubject) -> None:
    tall = decoded(heatmap(make_subject())).shape[0]
    one = make_subject(channels=1, parties=make_subject().analysis.parties[:1], hold=None)
    assert decoded(heatmap(one)).shape[0] == tall - 3 * 44
    empty = decoded(heatmap(make_subject(duration=0.0, parties=(), channels=0, hold=None, events=(), health=None)))
    assert colour_share(empty, (194, 39, 48)) == 0


def test_letters_are_all_different() -> None:
    known = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:.-()%"
    drawn = {lettering(letter).tobytes() for letter in known}
    assert len(drawn) == len(known)
    assert lettering("a1").shape == (HEIGHT, width_of("a1"))
    assert (lettering("agent") == lettering("AGENT")).all()
    assert not lettering(" é").any()
    assert lettering("").shape == (HEIGHT, 0)
