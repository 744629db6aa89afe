"""What every storage that signs URLs must do: subclass `SignsUrlsContract` and give it yours."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from email.message import Message
from io import BytesIO
from time import sleep
from typing import Literal, Protocol
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote, unquote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from attrs import frozen

from callkit.errors import InvalidKeyError, SettingsError
from callkit.protocols import SignsUrls, Storage
from callkit.testing.contract import Contract

__all__ = ["SignsUrlsContract"]

_KEY = "ab/call 1+2=3%&#/запись.wav"
_DATA = b"0123456789"
_REFUSED = (400, 403)


class SigningStorage(Storage, SignsUrls, Protocol):
    """A storage that signs URLs."""


@frozen
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Message
    body: bytes


def ask(url: str, method: str = "GET", data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An HTTP request without credentials."""
    request = Request(url, data, dict(headers or {}), method=method)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


class SignsUrlsContract(Contract):
    """URLs keep every promise of `callkit.protocols.SignsUrls`, over real HTTP.

    The subclass has a fixture `storage`: a new, empty one, at whose URLs a server answers while it is used.
    """

    @pytest.fixture
    def storage(self) -> Iterator[SigningStorage]:
        """The storage to be tested."""
        raise NotImplementedError("Give the subclass of SignsUrlsContract a fixture `storage`.")

    @pytest.fixture
    def key(self, storage: SigningStorage) -> str:
        """Of a blob that is there."""
        storage.put(_KEY, BytesIO(_DATA))
        return _KEY

    def test_a_signed_url_reads_the_blob(self, storage: SigningStorage, key: str) -> None:
        assert isinstance(storage, SignsUrls)
        answer = ask(storage.sign(key))
        assert (answer.status, answer.body) == (200, _DATA)

    @pytest.mark.parametrize(
        ("wanted", "part", "got"), [("2-4", "2-4", b"234"), ("7-", "7-9", b"789"), ("-3", "7-9", b"789")]
    )
    def test_players_seek_by_range(self, storage: SigningStorage, key: str, wanted: str, part: str, got: bytes) -> None:
        answer = ask(storage.sign(key), headers={"Range": f"bytes={wanted}"})
        assert (answer.status, answer.body, answer.headers["Content-Range"]) == (206, got, f"bytes {part}/10")

    def test_a_blob_that_is_not_there_is_404(self, storage: SigningStorage) -> None:
        assert ask(storage.sign("ab/nothing")).status == 404

    def test_the_content_type_is_what_was_signed(self, storage: SigningStorage, key: str) -> None:
        assert ask(storage.sign(key, content_type="audio/wav")).headers["Content-Type"] == "audio/wav"

    @pytest.mark.parametrize(
        ("filename", "saved"),
        [
            ("call.wav", "call.wav"),
            ("запись 1 (ё).wav", "запись 1 (ё).wav"),
            ("100% 'a' *;,=.wav", "100% 'a' *;,=.wav"),
            ('a"b\\c/../d.wav', "a_b_c_.._d.wav"),
            ("a\r\nX-Evil: 1\0.wav", "a__X-Evil: 1_.wav"),
            ("\udcff\u202e.wav", "__.wav"),
        ],
    )
    def test_a_browser_saves_it_under_the_name(
        self, storage: SigningStorage, key: str, filename: str, saved: str
    ) -> None:
        answer = ask(storage.sign(key, filename=filename))
        assert answer.body == _DATA
        assert answer.headers.get_content_disposition() == "attachment"
        assert _saved_as(answer.headers["Content-Disposition"]) == saved
        assert "X-Evil" not in answer.headers

    def test_without_a_name_it_is_played(self, storage: SigningStorage, key: str) -> None:
        assert ask(storage.sign(key)).headers.get_content_disposition() in {None, "inline"}

    def test_a_signed_url_stores_a_blob(self, storage: SigningStorage) -> None:
        assert ask(storage.sign(_KEY, "PUT"), "PUT", _DATA).status == 200
        with storage.open(_KEY) as file:
            assert file.read() == _DATA

    def test_what_is_stored_must_be_what_was_signed_for(self, storage: SigningStorage) -> None:
        url = storage.sign(_KEY, "PUT", content_type="audio/wav")
        assert ask(url, "PUT", _DATA, {"Content-Type": "text/html"}).status in _REFUSED
        assert list(storage.list()) == []
        assert ask(url, "PUT", _DATA, {"Content-Type": "audio/wav"}).status == 200

    def test_a_url_is_good_for_one_method(self, storage: SigningStorage, key: str) -> None:
        assert ask(storage.sign(key), "PUT", b"other").status in _REFUSED
        assert ask(storage.sign(key, "PUT")).status in _REFUSED
        assert ask(storage.sign(key, "PUT"), "DELETE").status in (*_REFUSED, 405, 501)
        assert ask(storage.sign(key)).body == _DATA

    def test_without_a_signature_nothing_is_read(self, storage: SigningStorage, key: str) -> None:
        assert ask(storage.sign(key).partition("?")[0]).status in _REFUSED

    @pytest.mark.parametrize("method", ["GET", "PUT"])
    def test_nothing_in_a_url_can_be_changed(
        self, storage: SigningStorage, key: str, method: Literal["GET", "PUT"]
    ) -> None:
        url = storage.sign(key, method, filename="a.wav", content_type="audio/wav")
        data, headers = (_DATA, {"Content-Type": "audio/wav"}) if method == "PUT" else (None, {})
        assert ask(_with_query(url, parse_qsl(url.partition("?")[2])), method, data, headers).status == 200
        for changed in _changes(url):
            assert ask(changed, method, data, headers).status in _REFUSED, changed

    def test_it_ends(self, storage: SigningStorage, key: str) -> None:
        url = storage.sign(key, expires=timedelta(seconds=1))
        sleep(2.1)  # whole seconds are signed
        assert ask(url).status == 403

    @pytest.mark.parametrize("expires", [timedelta(0), timedelta(seconds=-5), timedelta(days=7, seconds=1)])
    def test_nobody_signs_for_ever_or_for_no_time(self, storage: SigningStorage, expires: timedelta) -> None:
        with pytest.raises(SettingsError, match="a second to seven days"):
            storage.sign(_KEY, expires=expires)
        assert storage.sign(_KEY, expires=timedelta(days=7))

    def test_what_can_not_be_signed_is_refused(self, storage: SigningStorage) -> None:
        with pytest.raises(InvalidKeyError):
            storage.sign("../secret")
        with pytest.raises(SettingsError, match="DELETE"):
            storage.sign(_KEY, "DELETE")  # type: ignore[arg-type]  # whoever has no type checker may try
        with pytest.raises(SettingsError, match="content type"):
            storage.sign(_KEY, content_type="audio/wav\r\nX-Evil: 1")


def _saved_as(disposition: str) -> str:
    """As RFC 6266 has it: the second form, which is in UTF-8, is better than the first, which `email` takes."""
    better = re.search(r"filename\*=UTF-8''(\S+)", disposition)
    plain = re.search(r'filename="(.*)"', disposition)
    return unquote(better[1]) if better else plain[1] if plain else ""


def _changes(url: str) -> Iterator[str]:
    """The URL with another key, and with each of its parameters changed or left out."""
    path, _, query = url.partition("?")
    yield f"{path[:-1]}x?{query}"
    pairs = parse_qsl(query)
    for at, (name, value) in enumerate(pairs):
        for instead in ([(name, _other(value))], []):
            yield _with_query(url, [*pairs[:at], *instead, *pairs[at + 1 :]])


def _other(value: str) -> str:
    return f"{value[:-1]}{'1' if value[-1] != '1' else '2'}"


def _with_query(url: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{url.partition('?')[0]}?{urlencode(pairs, quote_via=quote)}"
