"""`callkit sweep`, `config`, `doctor`."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callkit import CallKit
from callkit.errors import RepositoryError, StorageError
from callkit.kit import Swept
from callkit.work import Probe

Run = Callable[..., Any]


def states(objects: list[dict[str, Any]]) -> dict[str, str]:
    return {check["name"]: check["state"] for check in objects}


def test_sweep_does_what_a_crash_left(run: Run, calls: Path) -> None:
    class Nobody:
        def submit(self, task: object) -> None: ...
        def close(self) -> None: ...

    with CallKit.open("callkit-data", runner=Nobody()) as kit:
        for path in sorted(calls.glob("*.wav")):
            kit.ingest(path)
    assert run("sweep").out == "submitted again: 2, given up: 0, removed from the storage: 0\n"
    assert [call["status"] for call in run("list", "--json").objects] == ["ready", "ready"]
    assert run("sweep").out == "submitted again: 0, given up: 0, removed from the storage: 0\n"


def test_sweep_removes_what_no_call_knows(run: Run, calls: Path) -> None:
    run("process", "calls", "--processes", "1")
    call_id = "01993f6e-0000-7000-8000-00000000000a"
    orphan = Path("callkit-data", "recordings", call_id[-2:], call_id, "x.wav")
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x")
    assert "storage: 0" in run("sweep").out
    assert "storage: 1" in run("sweep", "--grace", "0").out
    assert not orphan.exists()


def test_sweep_again_and_again_tells_only_what_it_did(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = iter([Swept(2, 0, 0), Swept(), Swept(0, 1, 0)])

    def sweep(_: CallKit, *, grace: timedelta | None) -> Swept:
        assert grace is None, "sound is not looked at"
        try:
            return next(swept)
        except StopIteration:
            raise KeyboardInterrupt from None

    run("process", "calls", "--processes", "1")
    monkeypatch.setattr(CallKit, "sweep", sweep)
    done = run("sweep", "--every", "0.001")
    assert done.code == 130
    assert done.out.splitlines() == [
        "submitted again: 2, given up: 0, removed from the storage: 0",
        "submitted again: 0, given up: 1, removed from the storage: 0",
    ]


def test_config_tells_where_each_value_comes_from(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "callkit.toml").write_text('source = "pbx"\ndatabase = "postgresql://me:s3cret@db/calls"\n')
    monkeypatch.setenv("CALLKIT_PROCESSES", "3")
    done = run("config", "--data", "here")
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines()}
    assert rows["setting"] == ["value", "from"]
    assert rows["data"] == ["here", "--data"]
    assert rows["source"] == ["pbx", "callkit.toml"]
    assert rows["database"] == ["postgresql://me:***@db/calls", "callkit.toml"]
    assert rows["processes"] == ["3", "CALLKIT_PROCESSES"]
    assert rows["lease"] == ["30.0", "default"]
    assert "s3cret" not in done.out + run("config", "--json").out
    objects = {row["name"]: row for row in run("config", "--json").objects}
    assert objects["processes"] == {"name": "processes", "value": 3, "origin": "CALLKIT_PROCESSES"}
    assert objects["names"] == {"name": "names", "value": None, "origin": "default"}


def test_a_bad_settings_file_is_one_sentence(run: Run, place: Path) -> None:
    (place / "callkit.toml").write_text("dta = 'x'")
    done = run("config")
    assert (done.code, done.out) == (2, "")
    assert done.err == "callkit: dta in callkit.toml is no setting: did you mean data?\n"


def test_doctor_before_the_first_call(run: Run) -> None:
    done = run("doctor")
    assert done.code == 0
    lines = {line.split()[1]: line for line in done.out.splitlines()}
    assert list(lines) == ["python", "callkit", "packages", "ffmpeg", "settings", "sqlite", "data"]
    assert lines["python"].startswith("ok    python     3.")
    assert lines["data"].startswith("warn  data       There is no data folder")
    assert not Path("callkit-data").exists()


def test_doctor_tries_everything(run: Run, calls: Path) -> None:
    run("process", "calls", "--processes", "1")
    done = run("doctor", "--json", "--runner", "inline")
    assert done.code == 0
    found = states(done.objects)
    assert list(found)[-5:] == ["settings", "sqlite", "database", "storage", "runner"]
    assert {found[name] for name in ("database", "storage", "runner")} == {"ok"}
    assert "2 calls" in next(check["text"] for check in done.objects if check["name"] == "database")
    assert not list(Path("callkit-data", "recordings", "doctor").glob("*"))


def test_doctor_asks_workers_in_other_processes(run: Run, calls: Path) -> None:
    run("process", "calls", "--processes", "1")
    assert states(run("doctor", "--json", "--runner", "processes:1").objects)["runner"] == "ok"


def test_doctor_finds_what_is_broken(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("process", "calls", "--processes", "1")

    def fail_to_count(*_: object, **__: object) -> int:
        raise RepositoryError("postgresql://me:s3cret@db/calls", "nobody answers")

    def fail_to_put(self: Probe) -> None:
        raise StorageError("here", self.key, "it is full")

    with monkeypatch.context() as patch:
        patch.setattr(CallKit, "count", fail_to_count)
        patch.setattr(Probe, "__call__", fail_to_put)
        done = run("doctor", "--runner", "inline")
    assert done.code == 1
    assert "fail  database   The database postgresql://me:***@db/calls failed: nobody answers." in done.out
    assert "fail  storage    The storage here failed" in done.out
    assert "runner   " not in done.out


def test_doctor_notices_a_runner_that_does_nothing(run: Run, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("process", "calls", "--processes", "1")
    puts: list[str] = []
    original = Probe.__call__

    def once(self: Probe) -> None:
        if not puts:
            original(self)
        puts.append(self.key)

    monkeypatch.setattr(Probe, "__call__", once)
    found = run("doctor", "--json", "--runner", "inline")
    assert found.code == 1
    assert states(found.objects)["runner"] == "fail"


def test_doctor_without_ffmpeg_or_packages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.cli.doctor.find_program", lambda: None)
    monkeypatch.setattr("callkit.cli.doctor._PACKAGES", ("attrs", "no-such-package"))
    found = run("doctor", "--json")
    assert found.code == 1
    assert (states(found.objects)["ffmpeg"], states(found.objects)["packages"]) == ("warn", "fail")
    assert "no-such-package missing" in found.out


def test_doctor_with_settings_that_make_no_sense(run: Run, place: Path) -> None:
    (place / "callkit.toml").write_text("timezone = 'Mars'")
    found = run("doctor", "--json")
    assert found.code == 1
    assert found.objects[-1]["name"] == "settings"
    assert "no time zone" in found.objects[-1]["text"]
