"""`callkit report`, and `callkit show --explain`."""

import csv
import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from callkit import CallKit
from callkit.core.definitions import DEFINITIONS
from callkit.testing.factory import make_call

Run = Callable[..., Any]

UNKNOWN = "00000000-0000-7000-8000-000000000000"
TURNS = [(0, 1.0, 9.0), (1, 10.0, 18.0), (0, 17.0, 20.0), (1, 27.0, 30.0)]
NAME = "in-0442079460018-101-20260914-103212-1.wav"


@pytest.fixture(autouse=True)
def processed(run: Run, place: Path) -> str:
    """The id of a call between an agent and a customer; there is another one, in mono."""
    folder = place / "calls"
    folder.mkdir()
    template = "{direction}-{number}-{extension}-{date}-{time}-{uniqueid}"
    (folder / "callkit.toml").write_text(f'names = "{template}"\ntimezone = "UTC"\n')
    (folder / NAME).write_bytes(make_call(seconds=32, turns=TURNS).wav())
    mono = make_call(seconds=5, turns=[(0, 1.0, 4.0)], channels=1).wav()
    (folder / "out-0442079460053-103-20260915-121008-2.wav").write_bytes(mono)
    assert run("process", "calls", "--processes", "1").code == 0
    return str(run("list", "--json").objects[1]["id"])


# ---- in the terminal


@pytest.mark.parametrize("width", [50, 80, 120, 250])
def test_a_report_at_every_width(run: Run, processed: str, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    done = run("report", processed)
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= width


def test_what_a_report_says(run: Run, processed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = run("report", processed).out
    assert out.startswith("2026-09-14 10:32  0442079460018 → 101  inbound  0:32\n")
    assert re.search(r"^customer  +▁[▁-█]{64}$", out, re.MULTILINE)
    assert re.search(r"^agent  +▁[▁-█]{64}$", out, re.MULTILINE)
    assert re.search(r"^overlap +[▂-█]{2,3}$", out, re.MULTILINE)
    assert re.search(r"^dead air +[▂-█]{14,16}$", out, re.MULTILINE)
    assert re.search(r"^ +0:00 +0:10 +0:20 +0:30$", out, re.MULTILINE)
    assert re.search(r"^parties +customer +agent +call$", out, re.MULTILINE)
    assert re.search(r"^interruptions +1 +0 +1$", out, re.MULTILINE)
    assert re.search(r"^longest_silence +[67]\.\d\d s$", out, re.MULTILINE)


def test_signals_have_letters(run: Run, processed: str) -> None:
    change(processed, events=(event("music", 20.5, 26.0), event("dtmf", 0.2, 0.4)))
    out = run("report", processed).out
    assert re.search(r"^events +k+ +m+$", out, re.MULTILINE)
    assert "events: k key, m music" in out


def event(kind: Any, start: float, end: float) -> Any:
    return import_module("callkit.core.events").Event(kind, start, end, 0, "7", 1.0)


def change(call_id: str, **changes: Any) -> None:
    """Measured otherwise."""
    with CallKit.open("callkit-data", runner="inline") as kit:
        found = kit.results(call_id)
        assert found is not None
        call = kit.get(call_id).annotate(kit.now())
        kit.repository.save(call, evolve(found, analysis=evolve(found.analysis, **changes)))


def test_a_console_without_blocks(run: Run, processed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callkit.cli.look.glyphs_for", lambda _: "_.:-=+*#")
    out = run("report", processed).out
    assert re.search(r"^customer +[_.:=+*#-]{20,}$", out, re.MULTILINE)
    assert not re.search("[▁-█]", out)


def test_several_calls_and_one_that_is_not_there(run: Run, processed: str) -> None:
    done = run("report", processed, UNKNOWN, processed)
    assert done.code == 1
    assert done.out.count("→ 101") == 2
    assert done.err == f"callkit: There is no call {UNKNOWN}: `callkit list` shows the ids.\n"


def test_what_was_not_measured_can_not_be_reported(run: Run) -> None:
    with CallKit.open("callkit-data", runner="inline") as kit:
        call_id = kit.create(caller="1").id
    done = run("report", call_id)
    assert done.code == 1
    assert "Nothing was measured of call" in done.err
    assert "(status created)" in done.err


# ---- pages and pictures


def test_a_page_and_a_picture(run: Run, processed: str) -> None:
    done = run("report", processed, "--html", "call.html", "--png", "call.png")
    assert (done.code, done.out, done.err) == (0, "", "")
    page = Path("call.html").read_text("ascii")
    assert page.startswith("<!doctype html>")
    assert page.count('class="lane wave') == 2
    assert "<audio" not in page
    assert Path("call.png").read_bytes().startswith(b"\x89PNG")
    assert run("report", processed, "--html", "-").out == page
    assert sorted(path.name for path in Path().iterdir()) == ["call.html", "call.png", "callkit-data", "calls"]


def test_a_page_with_sound(run: Run, processed: str) -> None:
    assert run("report", processed, "--html", "call.html", "--audio").code == 0
    assert 'src="data:audio/wav;base64,' in Path("call.html").read_text("ascii")


def test_a_page_without_its_peaks(run: Run, processed: str) -> None:
    next(Path("callkit-data/recordings").rglob("*.dat")).unlink()
    for peaks in Path("callkit-data/recordings").rglob("*.dat"):
        peaks.unlink()
    done = run("report", processed, "--html", "call.html")
    assert done.code == 0
    assert done.err == f"callkit: The waveform of call {processed} is not in the storage.\n"
    assert "talk_share is" in Path("call.html").read_text("ascii")


@pytest.mark.parametrize("option", ["--html", "--png"])
def test_a_file_that_can_not_be_written(run: Run, processed: str, option: str) -> None:
    done = run("report", processed, option, "missing/call.out")
    assert done.code == 1
    assert done.err == "callkit: missing/call.out: No such file or directory.\n"


# ---- tables


def rows() -> list[dict[str, str]]:
    with Path("calls.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_of_all_calls(run: Run, processed: str) -> None:
    done = run("report", "--all", "--csv", "calls.csv")
    assert (done.code, done.out, done.err) == (0, "", "callkit: 2 calls in the table\n")
    mono, stereo = rows()
    assert stereo["id"] == processed
    assert (stereo["party0_side"], stereo["party1_side"]) == ("customer", "agent")
    assert stereo["interruptions"] == "1"
    assert (mono["channels"], mono["role_source"], mono["interruptions"]) == ("1", "none", "")
    assert run("report", "--all", "--csv", "-").out.splitlines() == Path("calls.csv").read_text("utf-8").splitlines()


def test_a_table_of_what_a_search_finds(run: Run, processed: str) -> None:
    done = run("report", "--all", "--csv", "calls.csv", "--bom", "--parties", "1", "to:101", "since:2026-09-01")
    assert (done.code, done.err) == (0, "callkit: 1 call in the table\n")
    assert Path("calls.csv").read_bytes().startswith(b"\xef\xbb\xbfid,")
    assert [row["receiver"] for row in rows()] == ["101"]
    assert not any(name.startswith("party1_") for name in rows()[0])


def test_a_table_as_parquet(run: Run) -> None:
    assert run("report", "--all", "--parquet", "calls.parquet").code == 0
    assert import_module("pyarrow.parquet").read_table("calls.parquet").num_rows == 2


def test_a_table_that_breaks_off_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("calls.csv").write_text("older")
    monkeypatch.setattr("callkit.cli.report.roles_in", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("report", "--all", "--csv", "calls.csv")
    assert Path("calls.csv").read_text() == "older"
    assert not list(Path().glob("*.part"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["report"], "Which call?"),
        (["report", "--all"], "pass --csv FILE or --parquet FILE"),
        (["report", "--all", "--csv", "a", "--parquet", "b"], "--all makes one table"),
        (["report", "--all", "--csv", "a", "--png", "b"], "and nothing else"),
        (["report", UNKNOWN, "--csv", "a"], "pass --all"),
        (["report", UNKNOWN, UNKNOWN, "--html", "a"], "pass one ID"),
        (["report", "--html", "a"], "Which call?"),
        (["report", UNKNOWN, "--png", "-"], "name a file"),
        (["report", "--all", "--parquet", "-"], "name a file"),
        (["report", "--all", "--csv", "a", "colour:red"], "can't be read"),
        (["show", UNKNOWN, "--explain", "talk_shar"], "did you mean talk_share"),
    ],
)
def test_what_makes_no_sense(run: Run, words: list[str], why: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert not Path("a").exists()


# ---- explanations


def test_a_figure_explained(run: Run, processed: str) -> None:
    done = run("show", processed, "--explain", "interruptions", "--explain", "talk_share", "--explain", "talk_share")
    assert (done.code, done.err) == (0, "")
    first, interval, second, *rest = done.out.splitlines()
    assert first.startswith("interruptions is 1 for customer and 0 for agent: speech begun while")
    assert "grace 0.5 s" in first
    assert re.fullmatch(r" +0:1[67]\.\d\d +0:1[78]\.\d\d +[01]\.\d\d s  customer", interval)
    assert second.startswith("talk_share is 0.")
    assert [line.split()[-1] for line in rest] == ["customer", "agent", "customer", "agent"]


def test_all_figures_explained_as_json(run: Run, processed: str) -> None:
    shown = run("show", processed, "--explain", "all", "--json").objects[0]
    explained = {one["metric"]: one for one in shown.pop("explanations")}
    assert shown == run("show", processed, "--json").objects[0]
    assert list(explained) == list(DEFINITIONS)
    share = explained["talk_share"]
    assert share["parties"] == ["customer", "agent"]
    assert sum(share["values"]) == pytest.approx(1)
    assert (share["unit"], share["method"], share["parameters"]["join_gap"]) == ("ratio", "channel_energy", 0.25)
    assert set(share["intervals"][0]) == {"start", "end", "party"}
    assert explained["latency"]["values"][1]["n"] == 2
    assert json.dumps(explained["talk_span"]["values"][0]).startswith("[")


def test_explanations_of_what_is_not_there(run: Run, processed: str) -> None:
    done = run("show", UNKNOWN, processed, "--explain", "tail", "--json")
    assert done.code == 1
    assert [one["id"] for one in done.objects] == [processed]


def test_a_channel_map_names_the_parties(run: Run, processed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_direction = run("show", processed, "--explain", "talk_time").out
    monkeypatch.setenv("CALLKIT_CHANNEL_MAP", "0=agent,1=customer")
    by_map = run("show", processed, "--explain", "talk_time").out
    assert by_direction.index("customer") < by_direction.index("agent")
    assert by_map.index("agent") < by_map.index("customer")
    rows = list(csv.DictReader(run("report", "--all", "--csv", "-").out.splitlines()))
    assert "agent" in str(rows[1]["party0_role"] if "party0_role" in rows[1] else rows[1])
    monkeypatch.setenv("CALLKIT_CHANNEL_MAP", "0=boss")
    done = run("report", processed)
    assert done.code == 2
    assert "channel map '0=boss'" in done.err
