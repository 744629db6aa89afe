"""Options, environment and files become one value."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

import callkit
from callkit import Leasing, Options
from callkit.errors import SettingsError
from callkit.settings import Settings, load, masked, read_file


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, "utf-8")


def test_without_anything_all_is_default(tmp_path: Path) -> None:
    settings = load(environ={}, folder=tmp_path)
    assert settings == Settings(origins=settings.origins)
    assert set(settings.origins.values()) == {"default"}
    assert (settings.data, settings.source, settings.lease, settings.longest) == ("callkit-data", "upload", 30, 3600)


def test_the_nearer_source_wins_and_each_value_knows_its_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        pyproject='[project]\nname = "x"\n[tool.callkit]\ndata = "1"\nsource = "1"\nnames = "1"\nattempts = 1',
        callkit='data = "2"\nsource = "2"\nnames = "2"',
    )
    settings = load(
        {"data": "4", "source": None}, environ={"CALLKIT_DATA": "3", "CALLKIT_SOURCE": "3"}, folder=tmp_path
    )
    assert (settings.data, settings.source, settings.names, settings.attempts) == ("4", "3", "2", 1)
    origins = {name: settings.origins[name] for name in ("data", "source", "names", "attempts", "lease")}
    assert origins == {
        "data": "--data",
        "source": "CALLKIT_SOURCE",
        "names": str(tmp_path / "callkit.toml"),
        "attempts": str(tmp_path / "pyproject.toml"),
        "lease": "default",
    }
    assert settings.explicit == {"data", "source"}


def test_a_file_that_is_named_takes_the_place_of_callkit_toml(tmp_path: Path) -> None:
    write(tmp_path, callkit='data = "no"', other='data = "yes"', third='data = "both"')
    other, third = tmp_path / "other.toml", tmp_path / "third.toml"
    assert load(environ={"CALLKIT_CONFIG": str(other)}, folder=tmp_path).data == "yes"
    assert load(config=third, environ={"CALLKIT_CONFIG": str(other)}, folder=tmp_path).data == "both"
    with pytest.raises(SettingsError, match=r"nothing\.toml can't be read: No such file"):
        load(config=tmp_path / "nothing.toml", environ={}, folder=tmp_path)


def test_numbers_come_as_text_from_the_environment(tmp_path: Path) -> None:
    environ = {"CALLKIT_PROCESSES": "4", "CALLKIT_MIN_SILENCE": "0.5", "CALLKIT_NAMES": "", "CALLKIT_NOSE": "x"}
    settings = load(environ=environ, folder=tmp_path)
    assert (settings.processes, settings.min_silence, settings.names) == (4, 0.5, None)


def test_other_options_of_a_command_line_are_left_out(tmp_path: Path) -> None:
    assert load({"json": True, "paths": ["x"], "processes": 2}, environ={}, folder=tmp_path).processes == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('databse = "x"', "databse in .*callkit.toml is no setting: did you mean database"),
        ('zzz = "x"', "zzz in .* is no setting: there are data, database"),
        ("data = 5", "data in .* must be text, not 5"),
        ("processes = 0", "must be a whole number above 0, not 0"),
        ("processes = 1.5", "must be a whole number above 0, not 1.5"),
        ("processes = true", "must be a whole number above 0, not True"),
        ('lease = "long"', "must be a number above 0, not 'long'"),
        ("lease = nan", "must be a number above 0, not nan"),
        ("longest = inf", "must be a number above 0, not inf"),
        ("data = \n", "callkit.toml is not valid TOML: .*line 1"),
    ],
)
def test_what_is_no_setting_is_refused_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    write(tmp_path, callkit=text)
    with pytest.raises(SettingsError, match=why):
        read_file(tmp_path / "callkit.toml")
    with pytest.raises(SettingsError, match=why):
        load(environ={}, folder=tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "callkit.toml").write_bytes(b"data = '\xff'")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load(environ={}, folder=tmp_path)


def test_a_windows_editor_may_mark_the_start_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "callkit.toml").write_bytes(b"\xef\xbb\xbfdata = 'x'\r\n")
    assert load(environ={}, folder=tmp_path).data == "x"


def test_the_table_in_pyproject_must_be_one(tmp_path: Path) -> None:
    write(tmp_path, pyproject="[tool]\ncallkit = 5")
    with pytest.raises(SettingsError, match=r"\[tool.callkit\] in .* must be a table"):
        load(environ={}, folder=tmp_path)


def test_a_misspelt_variable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CALLKIT_DATABSE is no setting: did you mean CALLKIT_DATABASE"):
        load(environ={"CALLKIT_DATABSE": "x"}, folder=tmp_path)
    with pytest.raises(SettingsError, match="CALLKIT_PROCESSES must be a whole number"):
        load(environ={"CALLKIT_PROCESSES": "two"}, folder=tmp_path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cret@db/calls", "postgresql://me:***@db/calls"),
        ("postgresql://me:p@ss/word@db/calls", "postgresql://me:***@db/calls"),
        ("postgresql://me@db:5432/calls", "postgresql://me@db:5432/calls"),
        ("s3://bucket/x?secret=abc&region=eu", "s3://bucket/x?secret=***&region=eu"),
        ("sqlite:///calls.db", "sqlite:///calls.db"),
        ("callkit-data", "callkit-data"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_they_open_a_kit(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "data"), min_silence=2.5, lease=6, longest=60, attempts=2)
    with settings.open_kit() as kit:
        assert kit.options.min_silence == 2.5
        assert (kit.leasing.lease, kit.leasing.longest) == (timedelta(seconds=6), timedelta(minutes=1))
        assert kit.leasing.attempts == 2
        assert kit.count() == 0
    assert (tmp_path / "data").is_dir()


def test_the_defaults_are_the_librarys_own(tmp_path: Path) -> None:
    with Settings(data=str(tmp_path)).open_kit() as kit:
        assert (kit.options, kit.leasing) == (Options(), Leasing())


def test_a_folder_that_must_exist_is_not_made(tmp_path: Path) -> None:
    place = str(tmp_path / "typo")
    with pytest.raises(SettingsError, match=re.escape(f"There is no data folder {place!r}: `callkit process PATH`")):
        Settings(data=place).open_kit(must_exist=True)
    assert not (tmp_path / "typo").exists()


def test_the_zone_is_checked_when_it_is_used() -> None:
    assert str(Settings(timezone="Europe/London").zone) == "Europe/London"
    with pytest.raises(SettingsError, match="no time zone"):
        _ = Settings(timezone="Mars").zone


def test_the_front_door_opens_what_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLKIT_DATABASE", str(tmp_path / "team.db"))
    with callkit.open_kit(storage=str(tmp_path / "sound")) as kit:
        assert "team.db" in repr(kit.repository)
        assert "sound" in repr(kit.storage)
    with pytest.raises(SettingsError, match="bucket is no setting"):
        callkit.open_kit(bucket="x")
