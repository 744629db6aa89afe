"""What many tests need."""

import io
import os
import uuid
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from callkit.testing.clock import Clock
from tests import servers

if TYPE_CHECKING:
    from callkit import CallKit

# The machine that runs the tests may be busy: how long an example takes says nothing
settings.register_profile("callkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callkit")

WavMaker = Callable[..., bytes]


def make_wav(seconds: float = 3.0, *, seed: int = 0, channels: int = 1, rate: int = 8000) -> bytes:
    """A second of noise, a second of near silence, and so on; unlike that of any other seed."""
    dice = np.random.default_rng(seed)
    frames = round(seconds * rate)
    level = np.where(np.arange(frames) // rate % 2 == 0, 3000, 5)[:, None]
    samples = (dice.standard_normal((frames, channels)) * level).clip(-32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


@pytest.fixture(scope="session")
def wav() -> WavMaker:
    return make_wav


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kit(tmp_path: Path) -> "Iterator[CallKit]":
    """SQLite and local files; work is done at once, in this process."""
    from callkit import CallKit  # noqa: PLC0415 - tests of a single room need not load the whole house

    with CallKit.open(tmp_path / "data", runner="inline") as kit:
        yield kit


# ---- real servers


def pytest_configure(config: pytest.Config) -> None:
    """With `-n`, the servers are started once, here in the controller; workers find them in the environment."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None):
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    os.environ.update(servers.share(stack))


def _used(server: Callable[[], AbstractContextManager[servers.Server]]) -> Iterator[servers.Place]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(server()).place
        except servers.ServerMissingError as missing:
            if os.environ.get("CI"):
                raise  # a skip would hide that nothing was tested
            pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A superuser's database on a real PostgreSQL, as libpq writes it."""
    for place in _used(servers.postgres):
        yield place.url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Valkey; tests keep to key prefixes of their own."""
    for place in _used(servers.valkey):
        yield place.url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[servers.Place]:
    """A real S3 server, without buckets."""
    yield from _used(servers.s3)


@pytest.fixture(scope="session")
def s3_client(s3_server: servers.Place) -> Any:
    """A botocore client, which may do anything on the S3 server."""
    import botocore.session  # noqa: PLC0415 - an extra

    keys = {"aws_access_key_id": s3_server.key, "aws_secret_access_key": s3_server.secret}
    return botocore.session.get_session().create_client("s3", s3_server.region, endpoint_url=s3_server.url, **keys)


@pytest.fixture
def bucket(s3_server: servers.Place, s3_client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket, with the environment that leads there."""
    for name, value in s3_server.environ.items():
        monkeypatch.setenv(name, value)
    name = f"callkit-{uuid.uuid4().hex[:12]}"
    s3_client.create_bucket(Bucket=name)
    yield name
    for page in s3_client.get_paginator("list_objects_v2").paginate(Bucket=name):
        for found in page.get("Contents", ()):
            s3_client.delete_object(Bucket=name, Key=found["Key"])
    s3_client.delete_bucket(Bucket=name)


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """A migrated database that each test gets a copy of; nobody is connected to it."""
    import psycopg  # noqa: PLC0415 - an extra

    from callkit.backends.repositories.sql import SqlRepository  # noqa: PLC0415

    name = f"callkit_template_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        repository = SqlRepository.open(sqlalchemy_url(postgres_url, name))
        repository.upgrade()
        repository.close()
        yield name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_database_url(postgres_url: str, postgres_template: str) -> Iterator[Callable[[], str]]:
    """Makes migrated, empty PostgreSQL databases; gives their URLs."""
    import psycopg  # noqa: PLC0415 - an extra

    made = []
    with psycopg.connect(postgres_url, autocommit=True) as admin:

        def new() -> str:
            name = f"callkit_{uuid.uuid4().hex[:12]}"
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY file_copy")
            made.append(name)
            return sqlalchemy_url(postgres_url, name)

        yield new
        for name in made:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(new_database_url: Callable[[], str]) -> str:
    """A migrated, empty PostgreSQL database."""
    return new_database_url()


@pytest.fixture
def bare_database_url(postgres_url: str) -> Iterator[str]:
    """An empty PostgreSQL database, without tables."""
    import psycopg  # noqa: PLC0415 - an extra

    name = f"callkit_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield sqlalchemy_url(postgres_url, name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def sqlalchemy_url(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    from sqlalchemy import make_url  # noqa: PLC0415 - tests of a single room need not load it

    return make_url(url).set(drivername="postgresql+psycopg", database=database).render_as_string(hide_password=False)
