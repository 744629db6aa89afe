"""S3: the contracts on a real server, and what only S3 does."""

import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import BytesIO
from pathlib import Path
from threading import Timer
from time import sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore import exceptions as boto
from urllib3.exceptions import HTTPError

from callkit.backends.storages import open_storage, patience, s3_bucket
from callkit.backends.storages.s3 import S3Storage
from callkit.errors import BlobNotFoundError, MissingExtraError, SettingsError, StorageError
from callkit.protocols import SignsUrls, Storage, TidiesUp
from callkit.testing.signed_urls import SignsUrlsContract
from callkit.testing.storage import StorageContract, scripted
from tests import servers

PART = s3_bucket._PART
LATER = timedelta(minutes=1)


class TestS3Storage(StorageContract):
    @pytest.fixture
    def storage(self, bucket: str) -> S3Storage:
        return S3Storage(f"s3://{bucket}/calls")


class TestS3Urls(SignsUrlsContract):
    @pytest.fixture
    def storage(self, bucket: str) -> S3Storage:
        return S3Storage(f"s3://{bucket}/calls")


@pytest.fixture
def new_clients() -> Iterator[None]:
    """For tests that change the environment, which nobody else is to know of."""
    s3_bucket._client.cache_clear()
    yield
    s3_bucket._client.cache_clear()


@pytest.fixture
def storage(bucket: str) -> S3Storage:
    return S3Storage(f"s3://{bucket}/calls")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_PATIENCE", 0.2)


def client_of(storage: S3Storage) -> Any:
    return storage._bucket._client


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


@contextmanager
def requests(storage: S3Storage) -> Iterator[list[str]]:
    """The methods of the requests that are made meanwhile."""
    made: list[str] = []
    events = client_of(storage).meta.events
    events.register("before-send.s3", note := lambda request, **_: made.append(request.method))
    yield made
    events.unregister("before-send.s3", note)


# ---- the value


def test_it_is_a_value_that_names_a_place() -> None:
    one = S3Storage("s3://bucket/a/?region=eu-central-1&endpoint=http%3A%2F%2Flocalhost:9000/")
    other = S3Storage("s3://bucket/a?endpoint=http://localhost:9000&region=eu-central-1")
    assert one == other == open_storage(one.place)
    assert hash(one) == hash(other)
    assert one != S3Storage("s3://bucket/a")
    assert repr(S3Storage("s3://bucket/a/b")) == "S3Storage(place='s3://bucket/a/b')"
    assert isinstance(one, SignsUrls)
    assert isinstance(one, TidiesUp)


def test_it_travels_without_secrets(storage: S3Storage, s3_server: servers.Place) -> None:
    storage.put("a", BytesIO(b"data"))
    sent = pickle.dumps(storage)
    assert s3_server.secret.encode() not in sent
    assert read(pickle.loads(sent), "a") == b"data"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("s3://", "no S3 URL"),
        ("s3:///prefix", "no S3 URL"),
        ("s3://bucket:9000/a", "no S3 URL"),
        ("s3://bucket/a#b", "no S3 URL"),
        ("s3://key:secret@bucket/a", "credentials into the environment"),
        ("s3://bucket/../a", "plain path"),
        ("s3://bucket/a//b", "plain path"),
        ("s3://bucket?secret_key=secret", "no option 'secret_key': there are endpoint, region, public_endpoint"),
        ("s3://bucket?endpoint=localhost:9000", "endpoint of an s3:// URL is like 'https://s3.example.org:9000'"),
        ("s3://bucket?endpoint=http://key:secret@host", "endpoint of an s3:// URL is like"),
        ("s3://bucket?public_endpoint=http://host/path", "public_endpoint of an s3:// URL is like"),
        ("s3://bucket?region=", "region of an s3:// URL is like 'eu-central-1'"),
        ("s3://bucket?region=a&region=b", "given twice"),
    ],
)
def test_places_that_can_not_be_used_are_refused(place: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        S3Storage(place)
    assert "secret@" not in str(caught.value)
    assert "=secret" not in str(caught.value)


def test_a_missing_package_is_named(storage: S3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    from callkit.backends.storages import s3  # noqa: PLC0415 - its cache is emptied

    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(MissingExtraError, match=r"s3://… needs .*: pip install 'callkit\[s3\]'"):
        open_storage("s3://bucket/a")
    s3._bucket.cache_clear()
    with pytest.raises(MissingExtraError):  # it was made where the package is
        storage.open("a")


# ---- servers, regions, addresses


Sign = Callable[..., str]


@pytest.fixture
def signed(new_clients: None, monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Signs a URL, in an environment that says no more than what is given."""

    def sign(place: str, **environ: str) -> str:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return S3Storage(place).sign("c.wav")

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": os.devnull}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    return sign


def test_aws_has_a_host_for_each_bucket(signed: Sign) -> None:
    url = urlsplit(signed("s3://bucket/calls?region=eu-central-1"))
    assert (url.netloc, url.path) == ("bucket.s3.eu-central-1.amazonaws.com", "/calls/c.wav")
    assert parse_qs(url.query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "/eu-central-1/s3/aws4_request" in parse_qs(url.query)["X-Amz-Credential"][0]


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_be_in_the_environment(signed: Sign, name: str) -> None:
    assert "bucket.s3.eu-west-1.amazonaws.com" in signed("s3://bucket", **{name: "eu-west-1"})


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_other_servers_have_paths(signed: Sign, name: str) -> None:
    assert signed("s3://bucket/calls", **{name: "http://minio:9000"}).startswith(
        "http://minio:9000/bucket/calls/c.wav?"
    )
    given = "s3://bucket?endpoint=https://s3.example.org"
    assert signed(given, **{name: "http://minio:9000"}).startswith("https://s3.example.org/bucket/c.wav?")


def test_a_bucket_with_dots_has_no_host_for_itself(signed: Sign) -> None:
    url = signed("s3://calls.example.org?region=eu-west-1")
    assert url.startswith("https://s3.eu-west-1.amazonaws.com/calls.example.org/c.wav?")


def test_a_profile_is_read_from_the_usual_file(signed: Sign, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile calls]\nregion = eu-north-1\nendpoint_url = http://minio:9000\n")
    url = signed("s3://bucket", AWS_PROFILE="calls", AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert url.startswith("http://minio:9000/bucket/c.wav?")
    assert "%2Feu-north-1%2Fs3" in url


def test_a_session_token_is_signed_along(signed: Sign) -> None:
    assert "X-Amz-Security-Token=token" in signed("s3://bucket", AWS_SESSION_TOKEN="token")


def test_others_may_know_the_server_by_another_address(storage: S3Storage, s3_server: servers.Place) -> None:
    public = S3Storage(f"{storage.place}?public_endpoint=https://sound.example.org")
    public.put("a", BytesIO(b"data"))
    assert read(storage, "a") == b"data"
    assert public.sign("a").startswith(f"https://sound.example.org/{urlsplit(storage.place).netloc}/calls/a?")


# ---- writing and reading


def uploads(storage: S3Storage) -> list[str]:
    found = client_of(storage).list_multipart_uploads(Bucket=urlsplit(storage.place).netloc)
    return [upload["Key"] for upload in found.get("Uploads", ())]


@pytest.mark.parametrize(
    ("size", "methods"), [(0, ["PUT"]), (PART - 1, ["PUT"]), (2 * PART + 1, ["POST", "PUT", "PUT", "PUT", "POST"])]
)
def test_a_small_blob_is_sent_at_once_and_a_large_one_in_parts(
    storage: S3Storage, size: int, methods: list[str]
) -> None:
    with requests(storage) as made:
        storage.put("a", BytesIO(bytes(size)))
    assert made == methods
    assert len(read(storage, "a")) == size
    assert uploads(storage) == []


def test_an_upload_that_fails_midway_is_given_up(storage: S3Storage) -> None:
    seen: list[list[str]] = []

    def fail() -> None:
        seen.append(uploads(storage))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        storage.put("a", scripted(b"1" * 2 * PART, b"2", between=fail))
    assert seen == [["calls/a"]]
    assert uploads(storage) == []
    assert list(storage.list()) == []


def test_a_small_blob_is_fetched_at_once_and_a_large_one_in_ranges(storage: S3Storage) -> None:
    storage.put("small", BytesIO(bytes(PART)))
    storage.put("large", BytesIO(bytes(2 * PART + 1)))
    with requests(storage) as made:
        assert len(read(storage, "small")) == PART
        assert len(made) == 1
        assert len(read(storage, "large")) == 2 * PART + 1
        assert len(made) == 1 + 3


def test_looking_at_both_ends_costs_nothing_twice(storage: S3Storage) -> None:
    """As it goes with a WAV file: its header, what follows the sound, and then the sound."""
    storage.put("a", BytesIO(bytes(3 * PART)))
    with requests(storage) as made, storage.open("a") as file:
        file.read(44)
        file.seek(-8, 2)
        file.read()
        file.seek(44)
        file.read(1000)
        assert len(made) == 2


def test_a_blob_that_was_replaced_is_read_no_further(storage: S3Storage) -> None:
    storage.put("a", BytesIO(b"1" * 2 * PART))
    with storage.open("a") as file:
        storage.put("a", BytesIO(b"2" * 2 * PART))
        assert file.read(10) == b"1" * 10
        file.seek(PART)
        with pytest.raises(StorageError, match="it was replaced while it was read: open it again"):
            file.read(1)
        storage.delete("a")
        with pytest.raises(BlobNotFoundError):
            file.read(1)


def test_many_threads_share_a_client(storage: S3Storage) -> None:
    def come_and_go(number: int) -> bytes:
        storage.put(f"ab/{number}", BytesIO(b"%d" % number))
        return read(storage, f"ab/{number}")

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(come_and_go, range(100))) == [b"%d" % number for number in range(100)]


# ---- listing


@contextmanager
def short_pages(storage: S3Storage, operation: str, name: str) -> Iterator[list[int]]:
    pages: list[int] = []
    events = client_of(storage).meta.events

    def two(params: dict[str, Any], **_: object) -> None:
        params[name] = 2
        pages.append(1)

    events.register(f"provide-client-params.s3.{operation}", two)
    yield pages
    events.unregister(f"provide-client-params.s3.{operation}", two)


def test_a_list_comes_page_by_page(storage: S3Storage) -> None:
    for number in range(7):
        storage.put(f"ab/{number}", BytesIO(b"data"))
    with short_pages(storage, "ListObjectsV2", "MaxKeys") as pages:
        blobs = storage.list()
        assert pages == []
        assert [next(blobs).key for _ in range(3)] == ["ab/0", "ab/1", "ab/2"]
        assert len(pages) == 2
        assert len([*blobs]) == 4


def test_what_is_not_below_the_prefix_is_not_ours(storage: S3Storage) -> None:
    client, name = client_of(storage), urlsplit(storage.place).netloc
    for key in ("calls", "calls2/a", "b", "calls/a", "calls/a.part", "calls/folder/", "calls/ab /c"):
        client.put_object(Bucket=name, Key=key, Body=b"")
    assert [blob.key for blob in storage.list()] == ["a"]
    assert {"calls/a", "b"} <= {blob.key for blob in S3Storage(f"s3://{name}").list()}
    with requests(storage) as made:
        for prefix in ("../", "/", "a/../../", "\udcff", "a\0"):
            assert list(storage.list(prefix)) == []
    assert made == []


def test_tidy_gives_up_what_was_begun_long_ago_and_nothing_else(storage: S3Storage) -> None:
    client, name = client_of(storage), urlsplit(storage.place).netloc
    for key in ("calls/a", "calls/a", "calls/b", "calls/c", "other/a"):
        client.create_multipart_upload(Bucket=name, Key=key)
    now = datetime.now(UTC)
    assert storage.tidy(now - LATER) == 0
    with short_pages(storage, "ListMultipartUploads", "MaxUploads") as pages:
        assert storage.tidy(now + LATER) == 4
        assert len(pages) > 1
    assert uploads(storage) == ["other/a"]
    assert storage.tidy(now + LATER) == 0


# ---- processes


if hasattr(os, "fork"):
    CHILD = """
import os, sys
from io import BytesIO
from callkit.backends.storages.s3 import S3Storage
storage = S3Storage(sys.argv[1])
storage.put("parent", BytesIO(b"data"))
client = storage._bucket._client
assert storage._bucket._client is client
children = []
for number in range(3):
    if not (child := os.fork()):
        assert storage._bucket._client is not client
        for _ in range(20):
            storage.put(f"child{number}", storage.open("parent"))
        os._exit(0)
    children.append(child)
for _ in range(20):
    assert storage.open("parent").read() == b"data"
assert not any(os.waitpid(child, 0)[1] for child in children)
print(sorted(blob.key for blob in storage.list()))
"""

    def test_a_forked_child_has_a_client_of_its_own(storage: S3Storage) -> None:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, storage.place], check=False, capture_output=True, text=True, timeout=60
        )
        assert (done.stdout, done.stderr) == ("['child0', 'child1', 'child2', 'parent']\n", "")


# ---- when it goes wrong


def trouble(storage: S3Storage, key: str = "a") -> str:
    with pytest.raises(StorageError) as caught:
        storage.open(key)
    assert os.environ.get("AWS_SECRET_ACCESS_KEY", "none") not in f"{caught.value}{caught.value!r}"
    assert (caught.value.place, caught.value.key) == (storage.place, key)
    assert str(caught.value).startswith(f"The storage {storage.place} failed at {key!r}: ")
    return caught.value.why


def test_a_wrong_key_or_secret_is_named(storage: S3Storage, new_clients: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong" * 8)
    assert trouble(storage) == "the secret key does not fit the access key: check AWS_SECRET_ACCESS_KEY"
    s3_bucket._client.cache_clear()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    assert trouble(storage) == "the access key is not known there: check AWS_ACCESS_KEY_ID"


def test_a_missing_bucket_is_named(bucket: str) -> None:
    assert trouble(S3Storage("s3://no-such-bucket")) == "there is no such bucket: create it, or correct the URL"
    with pytest.raises(StorageError, match="no such bucket"):
        next(S3Storage("s3://no-such-bucket").list())


def test_missing_credentials_are_named_and_may_come_later(
    storage: S3Storage, new_clients: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = os.environ["AWS_ACCESS_KEY_ID"]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert trouble(storage).startswith("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SettingsError, match="can't sign: there are no credentials"):
        storage.sign("a")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    storage.put("a", BytesIO(b"data"))


def test_a_missing_profile_is_named(storage: S3Storage, new_clients: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert trouble(storage).startswith("the profile is not in the AWS configuration")


def test_a_server_that_is_not_there_is_asked_again_and_then_named(
    bucket: str, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    storage = S3Storage(f"s3://{bucket}?endpoint=http://127.0.0.1:9")
    with caplog.at_level(logging.WARNING, "callkit.storages"):
        assert trouble(storage) == (
            "the server can't be reached (EndpointConnectionError): check the endpoint, and that it runs"
        )
    assert [record.getMessage() for record in caplog.records] == [
        f"{storage.place} does not answer (EndpointConnectionError): it is asked again"
    ]


@pytest.mark.parametrize(
    ("code", "status", "why"),
    [
        ("AccessDenied", 403, "do not allow it: allow s3:ListBucket"),
        ("", 403, "do not allow it: allow s3:ListBucket"),
        ("ExpiredToken", 400, "get new credentials"),
        ("RequestTimeTooSkewed", 403, "clock of this machine"),
        ("PermanentRedirect", 301, r"add \?region="),
        ("SlowDown", 503, "answered SlowDown, and went on doing so: .* try again later"),
        ("InternalError", 500, "answered InternalError, and went on"),
        ("", 502, "answered 502, and went on"),
        ("QuotaExceeded", 400, "answered QuotaExceeded: its log"),
        ("NotImplemented", 501, "answered NotImplemented: its log"),
    ],
)
def test_each_answer_has_a_sentence(
    storage: S3Storage, impatient: None, monkeypatch: pytest.MonkeyPatch, code: str, status: int, why: str
) -> None:
    answer = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    tries = []

    def fail(**_: object) -> None:
        tries.append(1)
        raise boto.ClientError(answer, "GetObject")

    monkeypatch.setattr(client_of(storage), "get_object", fail)
    with pytest.raises(StorageError, match=why) as caught:
        storage.open("a")
    assert "secret" not in str(caught.value)
    assert (len(tries) > 1) == ("went on" in why)


def test_what_the_library_raises_is_known() -> None:
    """Either ancestor is translated; a new kind of error without one would pass unseen."""
    errors = {error for error in vars(boto).values() if isinstance(error, type) and issubclass(error, Exception)}
    strangers = {error.__name__ for error in errors if not issubclass(error, boto.BotoCoreError | boto.ClientError)}
    strangers -= set(dir(import_module("builtins"))) | {"UndefinedModelAttributeError", "MissingServiceIdError"}
    assert {name for name in strangers if not name.endswith("Warning")} == set()


class Cut:
    """A body that ends too early."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self) -> bytes:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        boto.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        boto.ReadTimeoutError(endpoint_url="", error=""),
        HTTPError("the line was cut"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_body_that_breaks_off_is_fetched_again(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    storage.put("a", BytesIO(b"data"))
    client, broken = client_of(storage), [Cut(error)]
    get = client.get_object
    monkeypatch.setattr(
        client, "get_object", lambda **wanted: get(**wanted) | ({"Body": broken.pop()} if broken else {})
    )
    assert read(storage, "a") == b"data"
    assert broken == []


def test_a_certificate_that_is_not_trusted_is_no_reason_to_wait(
    storage: S3Storage, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def fail(**_: object) -> None:
        tries.append(1)
        raise boto.SSLError(endpoint_url="https://host", error="[SSL: CERTIFICATE_VERIFY_FAILED]")

    monkeypatch.setattr(client_of(storage), "get_object", fail)
    assert "AWS_CA_BUNDLE" in trouble(storage)
    assert len(tries) == 1


if sys.platform != "win32":  # which has neither signals nor a wheel of the server

    @pytest.fixture
    def own_server(new_clients: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[servers.Server]:
        """One that may be killed."""
        monkeypatch.delenv("CALLKIT_TEST_S3", raising=False)
        with servers.s3() as server:
            for name, value in server.place.environ.items():
                monkeypatch.setenv(name, value)
            yield server

    def test_a_server_that_is_away_for_a_while_loses_nothing(own_server: servers.Server) -> None:
        storage = S3Storage("s3://callkit-away/calls")
        client_of(storage).create_bucket(Bucket="callkit-away")
        storage.put("before", BytesIO(b"1" * (PART + 1)))
        assert own_server.process is not None
        own_server.process.send_signal(signal.SIGSTOP)
        Timer(2, own_server.process.send_signal, (signal.SIGCONT,)).start()
        storage.put("frozen", BytesIO(b"2" * (PART + 1)))
        own_server.kill()
        with ThreadPoolExecutor(2) as threads:
            writer = threads.submit(storage.put, "killed", BytesIO(b"3" * (PART + 1)))
            reader = threads.submit(read, storage, "before")
            sleep(0.5)
            own_server.start().wait()
            writer.result(60)
            assert reader.result(60) == b"1" * (PART + 1)
        assert read(storage, "frozen") == b"2" * (PART + 1)
        assert read(storage, "killed") == b"3" * (PART + 1)
        assert uploads(storage) == []
