"""Recordings in files and folders."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callkit import CallKit
from callkit.core.call import Call, Direction
from callkit.errors import CallErasedError, SettingsError, UnsupportedFormatError
from callkit.folder import Found, Taken, naming_of, recordings, take_in
from callkit.settings import Settings

WavMaker = Callable[..., bytes]
TEMPLATE = "{direction}-{number}-{extension}-{date}-{time}-{uniqueid}"
NAME = "out-0442079460053-103-20260915-121008-1789474208.31.wav"


def fill(folder: Path, *names: str, content: bytes = b"RIFF\0\0\0\0WAVEfmt ") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def under(found: Found, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found]


def only(kit: CallKit, paths: list[Path], settings: Settings | None = None) -> Call:
    (taken,) = take_in(kit, recordings(paths), settings or Settings())
    assert taken.error is None
    assert taken.call is not None
    return taken.call


def test_a_folder_is_looked_through_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.wav", "a.MP3", "sub/c.wav", "another/d.flac")
    assert under(recordings([tmp_path]), tmp_path) == ["a.MP3", "b.wav", "another/d.flac", "sub/c.wav"]


def test_suffix_or_content_makes_a_recording(tmp_path: Path) -> None:
    fill(tmp_path, "1789474208.31", "named.bin")
    fill(tmp_path, "notes.txt", "callkit.toml", content=b"names")
    fill(tmp_path, "broken.wav", content=b"names")
    found = recordings([tmp_path])
    assert under(found, tmp_path) == ["1789474208.31", "broken.wav", "named.bin"]
    assert found.others == 2
    assert len(found) == 3


def test_what_is_hidden_or_callkits_own_is_passed_over(tmp_path: Path) -> None:
    fill(
        tmp_path, ".hidden.wav", ".git/x.wav", "callkit-data/calls.db", "callkit-data/recordings/ab/x.wav", "own/y.wav"
    )
    fill(tmp_path, "call.wav")
    found = recordings([tmp_path], leave_out=[tmp_path / "own"])
    assert (under(found, tmp_path), found.others) == (["call.wav"], 0)


def test_a_file_that_is_named_is_always_one(tmp_path: Path) -> None:
    fill(tmp_path, "notes.txt", content=b"text")
    paths = [tmp_path / "notes.txt", tmp_path / "missing.wav"]
    assert list(recordings(paths)) == paths


def test_each_recording_comes_once(tmp_path: Path) -> None:
    fill(tmp_path, "a.wav", "sub/b.wav", "x.txt", content=b"text")
    found = recordings([tmp_path / "sub", tmp_path, tmp_path / "x.txt", tmp_path / "." / "a.wav"])
    assert under(found, tmp_path) == ["sub/b.wav", "a.wav", "x.txt"]
    assert found.others == 0


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.wav", "elsewhere/b.wav")
    try:
        (tmp_path / "in" / "loop").symlink_to(tmp_path / "in", target_is_directory=True)
    except OSError:  # Windows lets only some users make links; then there is nothing to follow
        return
    (tmp_path / "in" / "there").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "in" / "dangling").symlink_to(tmp_path / "nowhere")
    found = recordings([tmp_path / "in"])
    assert under(found, tmp_path) == ["in/a.wav", "in/there/b.wav"]


def test_a_name_tells_who_called_whom(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, f"calls/{NAME}", content=wav(1))
    fill(tmp_path, "calls/callkit.toml", content=f'names = "{TEMPLATE}"\ntimezone = "UTC"\nsource = "pbx"'.encode())
    call = only(kit, [tmp_path / "calls"])
    assert (call.caller, call.receiver, call.direction) == ("103", "0442079460053", Direction.OUTBOUND)
    assert (call.source, call.external_id) == ("pbx", "1789474208.31")
    assert call.started_at == datetime(2026, 9, 15, 12, 10, 8, tzinfo=UTC)
    assert kit.get(call.id).duration == 1.0


def test_without_a_template_only_the_files_time_is_known(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, NAME, content=wav(1))
    os.utime(tmp_path / NAME, (1_789_000_000, 1_789_000_000))
    call = only(kit, [tmp_path])
    assert (call.caller, call.receiver, call.direction) == ("", "", None)
    assert call.started_at == datetime.fromtimestamp(1_789_000_000, UTC)
    assert call.recording is not None
    assert (call.source, call.external_id) == ("upload", call.recording.sha256)


def test_a_name_that_does_not_fit_is_told(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, "conference.wav", content=wav(1))
    (taken,) = take_in(kit, recordings([tmp_path]), Settings(names=TEMPLATE))
    assert not taken.named
    assert taken.call is not None
    (again,) = take_in(kit, recordings([tmp_path]), Settings())
    assert again == Taken(tmp_path / "conference.wav", taken.call if again.call == taken.call else again.call)
    assert again.named


def test_metadata_and_tags_come_along(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, "sales_17.4.wav", content=wav(1))
    (taken,) = take_in(kit, recordings([tmp_path]), Settings(names="{queue}_{uniqueid}"), tags=["VIP"])
    assert taken.call is not None
    assert (dict(taken.call.metadata), taken.call.tags, taken.call.external_id) == (
        {"queue": "sales"},
        ("vip",),
        "17.4",
    )


def test_digits_behind_the_last_dot_are_no_suffix(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, "sales_1789474208.31", content=wav(1))
    assert only(kit, [tmp_path], Settings(names="{queue}_{uniqueid}")).external_id == "1789474208.31"


def test_the_nearest_file_wins_but_never_one_above_what_was_given(tmp_path: Path) -> None:
    fill(tmp_path, "callkit.toml", content=b'source = "above"')
    fill(tmp_path, "calls/callkit.toml", content=b'source = "here"')
    fill(tmp_path, "calls/a/b/x.wav", "calls/c/callkit.toml", content=b'names = "{caller}"')
    root = tmp_path / "calls"
    assert naming_of(root / "a" / "b", root, Settings()).source == "here"
    assert naming_of(root / "c", root, Settings(source="own")).source == "own"
    assert naming_of(root / "c", root, Settings(source="own")).template is not None
    assert naming_of(root / "a", root / "a", Settings()).source == "upload"


def test_an_option_beats_the_folders_own_file(tmp_path: Path) -> None:
    fill(tmp_path, "callkit.toml", content=b'source = "here"\nnames = "{caller}"')
    settings = Settings(source="option", names="", explicit=frozenset({"source", "names"}))
    naming = naming_of(tmp_path, tmp_path, settings)
    assert (naming.source, naming.template) == ("option", None)


@pytest.mark.parametrize("text", ["names = '{caller'", "timezone = 'Mars'", "nmaes = 'x'", "names ="])
def test_a_file_that_makes_no_sense_stops_all_before_anything_is_taken(
    kit: CallKit, tmp_path: Path, wav: WavMaker, text: str
) -> None:
    fill(tmp_path, "in/a.wav", "in/z/b.wav", content=wav(1))
    fill(tmp_path, "in/z/callkit.toml", content=text.encode())
    with pytest.raises(SettingsError):
        take_in(kit, recordings([tmp_path / "in"]), Settings())
    assert kit.count() == 0


def test_one_bad_file_does_not_stop_the_others(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, "a.wav", content=b"text")
    fill(tmp_path, "b.wav", content=wav(1))
    bad, good, missing = take_in(kit, recordings([tmp_path, tmp_path / "missing.wav"]), Settings())
    assert isinstance(bad.error, UnsupportedFormatError)
    assert good.call is not None
    assert isinstance(missing.error, FileNotFoundError)
    assert kit.count() == 1


def test_what_was_erased_does_not_come_back(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, "a.wav", content=wav(1))
    kit.erase(only(kit, [tmp_path]).id)
    (taken,) = take_in(kit, recordings([tmp_path]), Settings())
    assert isinstance(taken.error, CallErasedError)


def test_once_more_is_the_same_call(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, "a.wav", content=wav(1))
    assert only(kit, [tmp_path]).id == only(kit, [tmp_path]).id
    assert kit.count() == 1


def test_another_recording_is_taken_only_when_told(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    settings = Settings(names="{uniqueid}")
    fill(tmp_path, "17.wav", content=wav(1))
    first = only(kit, [tmp_path], settings)
    fill(tmp_path, "17.wav", content=wav(2))
    (refused,) = take_in(kit, recordings([tmp_path]), settings)
    assert refused.call is None
    (taken,) = take_in(kit, recordings([tmp_path]), settings, replace=True)
    assert taken.call is not None
    assert taken.call.id == first.id
    assert kit.get(first.id).duration == 2.0


def test_a_name_that_is_no_text_is_taken_all_the_same(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    try:
        path.write_bytes(wav(1))
    except (OSError, UnicodeError):  # macOS and Windows have no such names
        return
    call = only(kit, [tmp_path])
    assert call.recording is not None
    assert call.recording.name == "?.wav"


def test_a_folder_says_who_is_on_its_channels(kit: CallKit, tmp_path: Path, wav: WavMaker) -> None:
    fill(tmp_path, "here/a.wav", content=wav(1))
    fill(tmp_path, "there/b.wav", content=wav(1, seed=1))
    (tmp_path / "here" / "callkit.toml").write_text('channel_map = "0=agent,1=customer"')
    taken = [one.call for one in take_in(kit, recordings([tmp_path]), Settings())]
    assert [dict(call.metadata) for call in taken if call] == [{"channel_map": "0=agent,1=customer"}, {}]
    told = Settings(channel_map="0=customer,1=agent", explicit=frozenset({"channel_map"}))
    fill(tmp_path, "here/c.wav", content=wav(1, seed=2))
    assert not only(kit, [tmp_path / "here" / "c.wav"], told).metadata, "an option beats it"
    (tmp_path / "here" / "callkit.toml").write_text('channel_map = "left"')
    with pytest.raises(SettingsError, match="'left'"):
        list(take_in(kit, recordings([tmp_path]), Settings()))
