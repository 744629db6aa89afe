"""URLs that play a recording: signed by S3, or with a secret of ours."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callkit import AsyncCallKit, CallKit
from callkit.backends.storages.signed import SignedStorage
from callkit.cli import main
from callkit.errors import RecordingNotFoundError, SettingsError
from callkit.settings import Settings, load
from callkit.testing.signed_urls import ask

WavMaker = Callable[..., bytes]
SECRET = "s3cret-" * 5


@pytest.fixture
def signing(tmp_path: Path) -> CallKit:
    place = "https://calls.example.org/recordings"
    return CallKit.open(tmp_path / "data", runner="inline", public_url=place, url_secret=SECRET)


def test_a_url_says_how_the_recording_is_played_or_saved(signing: CallKit, wav: WavMaker) -> None:
    call = signing.ingest(wav(), name="звонок.wav")
    assert call.recording is not None
    assert isinstance(signing.storage, SignedStorage)
    url = signing.recording_url(call.id, expires=timedelta(minutes=5))
    assert url.startswith(f"https://calls.example.org/recordings/{call.recording.key}?")
    played = signing.storage.check("GET", url, datetime.now(UTC))
    saved = signing.storage.check("GET", signing.recording_url(str(call.id), download=True), datetime.now(UTC))
    assert (played.key, played.content_type, played.filename) == (call.recording.key, "audio/wav", None)
    assert (saved.key, saved.content_type, saved.filename) == (call.recording.key, "audio/wav", "звонок.wav")
    assert played.expires_at < saved.expires_at


def test_there_must_be_a_recording_and_somebody_who_signs(signing: CallKit, kit: CallKit, wav: WavMaker) -> None:
    with pytest.raises(RecordingNotFoundError):
        signing.recording_url(signing.create().id)
    with pytest.raises(SettingsError, match=r"set public_url and url_secret .*CALLKIT_URL_SECRET"):
        kit.recording_url(kit.ingest(wav()).id)
    with pytest.raises(SettingsError, match="a second to seven days"):
        signing.recording_url(signing.ingest(wav()).id, expires=timedelta(days=8))


def test_s3_signs_by_itself(bucket: str, tmp_path: Path, wav: WavMaker) -> None:
    place = f"s3://{bucket}/calls"
    settings = Settings(data=str(tmp_path), storage=place, public_url="https://calls.example.org", url_secret=SECRET)
    with settings.open_kit("inline") as kit:
        call = kit.ingest(wav(), name="звонок.wav")
        assert kit.get(call.id).status == "ready"
        played, saved = ask(kit.recording_url(call.id)), ask(kit.recording_url(call.id, download=True))
        assert played.body == saved.body == wav()
        assert played.headers["Content-Type"] == "audio/wav"
        assert played.headers.get_content_disposition() in {None, "inline"}
        assert saved.headers.get_content_disposition() == "attachment"
        kit.erase(call.id)
        assert list(kit.storage.list()) == []


def test_work_goes_to_other_processes_all_the_same(tmp_path: Path, wav: WavMaker) -> None:
    place = "https://calls.example.org"
    with CallKit.open(tmp_path, runner="processes:1", public_url=place, url_secret=SECRET) as kit:
        call = kit.ingest(wav())
        assert kit.wait(call.id, 60).status == "ready"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_it_can_be_awaited(tmp_path: Path, wav: WavMaker) -> None:
    async with AsyncCallKit.open(tmp_path, public_url="https://calls.example.org", url_secret=SECRET) as kit:
        call = await kit.ingest(wav())
        assert "signature=" in await kit.recording_url(call.id, download=True)


# ---- settings


def test_the_secret_comes_from_the_environment_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLKIT_URL_SECRET", SECRET)
    monkeypatch.setenv("CALLKIT_PUBLIC_URL", "https://calls.example.org")
    settings = load()
    assert "s3cret" not in repr(settings)
    with settings.open_kit() as kit:
        assert kit.storage == SignedStorage(kit.storage.storage, "https://calls.example.org", SECRET)  # type: ignore[attr-defined]  # that it is one is the point
    assert main(["config"]) == main(["config", "--json"]) == 0
    shown = capsys.readouterr().out
    assert "s3cret" not in shown
    rows = {row["name"]: row for row in map(json.loads, re.findall(r"^\{.*\}$", shown, re.MULTILINE))}
    assert rows["url_secret"] == {"name": "url_secret", "value": "***", "origin": "CALLKIT_URL_SECRET"}


def test_a_secret_of_the_wrong_kind_is_not_shown_either(tmp_path: Path) -> None:
    (tmp_path / "callkit.toml").write_text("url_secret = 5555555")
    with pytest.raises(SettingsError, match="must be text") as caught:
        load(environ={}, folder=tmp_path)
    assert "5555555" not in str(caught.value)


def test_half_of_the_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CALLKIT_PUBLIC_URL"):
        Settings(data=str(tmp_path), url_secret=SECRET).open_kit()
