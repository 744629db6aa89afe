"""Links that callkit signs itself, checked as whoever serves them will."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callkit.backends.storages import open_storage, signing
from callkit.backends.storages.files import FilesStorage
from callkit.backends.storages.links import content_disposition
from callkit.backends.storages.memory import MemoryStorage
from callkit.backends.storages.signed import Grant, SignedStorage
from callkit.errors import AccessDeniedError, BlobNotFoundError, CallKitError, SettingsError
from callkit.protocols import SignsUrls
from callkit.testing.signed_urls import SignsUrlsContract
from callkit.testing.storage import StorageContract

SECRET = "s3cret-" * 5
NOW = datetime.now(UTC)


class Answers(BaseHTTPRequestHandler):
    """As little of a server as shows that `check` is all that one needs."""

    storage: SignedStorage

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            grant = self.storage.check(self.command, self.path, datetime.now(UTC))
            self.put(grant, body) if self.command == "PUT" else self.get(grant)
        except AccessDeniedError as error:
            self.send(403, str(error).encode())
        except BlobNotFoundError as error:
            self.send(404, str(error).encode())

    do_GET = do_HEAD = do_PUT = do_DELETE = answer  # noqa: N815 - the names are the library's

    def put(self, grant: Grant, body: bytes) -> None:
        if grant.content_type not in {None, self.headers["Content-Type"]}:
            raise AccessDeniedError("tampered")
        self.storage.put(grant.key, io.BytesIO(body))
        self.send(200, b"")

    def get(self, grant: Grant) -> None:
        with self.storage.open(grant.key) as file:
            data = file.read()
        headers = {"Content-Type": grant.content_type or "application/octet-stream"}
        if grant.filename is not None:
            headers["Content-Disposition"] = content_disposition(grant.filename)
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            self.send(200, data, **headers)
            return
        start = int(wanted[1]) if wanted[1] else len(data) - int(wanted[2])
        stop = int(wanted[2]) + 1 if wanted[1] and wanted[2] else len(data)
        self.send(206, data[start:stop], **headers, **{"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"})

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quietly."""


class TestServedStorage(SignsUrlsContract):
    @pytest.fixture
    def storage(self) -> Iterator[SignedStorage]:
        with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
            place = f"http://127.0.0.1:{server.server_port}/recordings/"
            Answers.storage = SignedStorage(MemoryStorage(), place, SECRET)
            Thread(target=server.serve_forever, args=(0.02,)).start()
            yield Answers.storage
            server.shutdown()


class TestSignedStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> SignedStorage:
        return SignedStorage(FilesStorage(tmp_path, durable=False), "https://calls.example.org/recordings", SECRET)


@pytest.fixture
def storage() -> SignedStorage:
    return SignedStorage(MemoryStorage(), "https://calls.example.org/recordings", SECRET)


# ---- the value


def test_its_secret_is_never_shown(storage: SignedStorage) -> None:
    assert "s3cret" not in repr(storage)
    assert "public_url='https://calls.example.org/recordings'" in repr(storage)
    assert storage == SignedStorage(storage.storage, "https://calls.example.org/recordings/", SECRET.encode())


@pytest.mark.parametrize("secret", ["", "short", "x" * 31])
def test_a_short_secret_is_refused_with_how_to_make_one(secret: str) -> None:
    with pytest.raises(SettingsError, match=r"32 bytes at least: make one with .*token_urlsafe") as caught:
        SignedStorage(MemoryStorage(), "https://calls.example.org", secret)
    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "calls.example.org",
        "ftp://calls.example.org",
        "https://me:pw@calls.example.org",
        "https://a/?x",
        "https://a/#",
    ],
)
def test_a_public_url_that_can_not_be_one_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="public URL"):
        SignedStorage(MemoryStorage(), url, SECRET)


def test_it_tidies_up_if_the_storage_does(tmp_path: Path) -> None:
    (tmp_path / "a.01234567.part").write_bytes(b"")
    assert SignedStorage(MemoryStorage(), "https://calls.example.org", SECRET).tidy(NOW) == 0
    files = SignedStorage(FilesStorage(tmp_path), "https://calls.example.org", SECRET)
    assert files.tidy(NOW + timedelta(hours=1)) == 1


def test_a_storage_is_given_links_if_it_has_none(storage: SignedStorage) -> None:
    memory = open_storage("memory:")
    assert not isinstance(memory, SignsUrls)
    assert signing(memory, None, None) is memory
    made = signing(memory, "https://calls.example.org", SECRET)
    assert isinstance(made, SignedStorage)
    assert made.storage is memory
    assert signing(storage, "https://calls.example.org", SECRET) is storage


def test_half_of_what_it_takes_is_refused() -> None:
    with pytest.raises(SettingsError, match="CALLKIT_URL_SECRET"):
        signing(MemoryStorage(), "https://calls.example.org", None)
    with pytest.raises(SettingsError, match="CALLKIT_PUBLIC_URL"):
        signing(MemoryStorage(), None, SECRET)


# ---- links


def why(storage: SignedStorage, url: str, method: str = "GET", now: datetime = NOW) -> str:
    with pytest.raises(AccessDeniedError) as caught:
        storage.check(method, url, now)
    return caught.value.why


def test_a_link_says_what_it_allows(storage: SignedStorage) -> None:
    url = storage.sign("ab/запись 1.wav", filename="a b.wav", content_type="audio/wav", expires=timedelta(minutes=5))
    assert url.startswith("https://calls.example.org/recordings/ab/%D0%B7")
    grant = storage.check("GET", url, NOW)
    assert (grant.key, grant.filename, grant.content_type) == ("ab/запись 1.wav", "a b.wav", "audio/wav")
    assert abs(grant.expires_at - datetime.now(UTC) - timedelta(minutes=5)) < timedelta(minutes=1)
    path = url.removeprefix("https://calls.example.org")
    assert storage.check("HEAD", path, NOW) == grant


def test_a_link_ends(storage: SignedStorage) -> None:
    url = storage.sign("a")
    end = storage.check("GET", url, NOW).expires_at
    assert storage.check("GET", url, end - timedelta(microseconds=1)).key == "a"
    assert why(storage, url, now=end) == "expired"


def test_each_refusal_has_its_reason(storage: SignedStorage) -> None:
    url = storage.sign("a")
    assert why(storage, url.partition("?")[0]) == "missing"
    assert why(storage, url.replace("signature=", "signed=")) == "missing"
    assert why(storage, f"{url}0") == "tampered"
    assert why(storage, url.replace("/a?", "/b?")) == "tampered"
    assert why(storage, url.replace("/recordings/", "/")) == "tampered"
    assert why(storage, url, "PUT") == "tampered"
    assert why(storage, f"{url}&x=1") == "tampered"
    assert why(storage, f"{url}&{urlsplit(url).query}") == "tampered"
    assert why(storage, "http://[/a?signature=1") == "tampered"
    assert why(storage, storage.sign("a", "PUT"), "HEAD") == "tampered"
    other = SignedStorage(storage.storage, storage.public_url, SECRET[::-1])
    assert why(other, url) == "tampered"


def test_what_is_not_signed_can_not_be_added(storage: SignedStorage) -> None:
    """Whether a parameter is absent or empty makes a difference."""
    url = storage.sign("a")
    for more in ("filename=", "type=", "filename=b.html", "type=text/html"):
        assert why(storage, f"{url}&{more}") == "tampered"


@given(st.text(), st.sampled_from(["GET", "PUT", "HEAD", "", "é"]))
def test_anything_else_is_refused_and_nothing_breaks(text: str, method: str) -> None:
    storage = SignedStorage(MemoryStorage(), "https://calls.example.org", SECRET)
    for url in (text, f"/{text}", f"/a?{text}", f"/a?signature={text}", f"/a?expires=9&signature=0&{text}"):
        why(storage, url, method)


names = st.none() | st.text(max_size=10)


@given(st.tuples(st.sampled_from(["a", "a/b", "b"]), names), st.tuples(st.sampled_from(["a", "a/b", "b"]), names))
def test_no_two_links_share_a_signature(one: tuple[str, str | None], other: tuple[str, str | None]) -> None:
    storage = SignedStorage(MemoryStorage(), "https://calls.example.org", SECRET)
    urls = [storage.sign(key, filename=name) for key, name in (one, other)]
    grants = [storage.check("GET", url, NOW) for url in urls]
    same = grants[0] == grants[1]
    assert (urls[0][-64:] == urls[1][-64:]) == same


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("call.wav", 'attachment; filename="call.wav"'),
        ("Änderung.wav", "attachment; filename=\"_nderung.wav\"; filename*=UTF-8''%C3%84nderung.wav"),
        ("50%.wav", "attachment; filename=\"50_.wav\"; filename*=UTF-8''50%25.wav"),
        ('"; x="\r\n', 'attachment; filename="_; x=___"'),
        ("../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'),
        ("", 'attachment; filename=""'),
    ],
)
def test_a_name_becomes_a_header(name: str, header: str) -> None:
    assert content_disposition(name) == header


@given(st.text())
def test_a_header_is_one_line_of_ascii(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.split("filename*")[0].count('"') == 2


def test_errors_say_what_to_do() -> None:
    assert str(AccessDeniedError("expired")) == "The link is refused, for its signature is expired: ask for a new one."
    assert issubclass(AccessDeniedError, CallKitError)
