"""Streams: closed pipes, consoles that can't show everything, logs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callkit.cli import output
from callkit.errors import DamagedAudioError, ExternalIdConflictError

Run = Callable[..., Any]


def callkit(*words: str, **environ: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "callkit", *words]
    return subprocess.run(command, capture_output=True, check=False, env=os.environ | environ)


def test_a_closed_pipe_is_no_error() -> None:
    command = [sys.executable, "-m", "callkit", "completion", "bash"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_full_disk_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stdout.write", write)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(OSError, match="No space left"):
        run("config")


def test_a_console_that_can_not_show_it_gets_question_marks() -> None:
    done = callkit("config", "--data", "звонки", PYTHONIOENCODING="cp1252")
    assert done.returncode == 0
    assert re.search(rb"^data +\?{6} ", done.stdout, re.MULTILINE)


def test_json_is_escaped_where_it_can_not_be_shown() -> None:
    narrow = callkit("config", "--json", "--data", "звонки 🎧 é", PYTHONIOENCODING="cp1252")
    assert json.loads(narrow.stdout.splitlines()[0])["value"] == "звонки 🎧 é"
    wide = callkit("config", "--json", "--data", "звонки", PYTHONIOENCODING="utf-8")
    assert "звонки" in wide.stdout.splitlines()[0].decode()


def test_errors_speak_the_command_lines_language() -> None:
    conflict = ExternalIdConflictError("a.wav", "pbx", "17", "x")
    assert output.sentence(conflict).endswith("pass --replace to take the new one.")
    assert output.sentence(FileNotFoundError(2, "No such file", "a\x1b.wav")) == "a\ufffd.wav: No such file."
    assert output.sentence(OSError("odd")) == "odd"
    assert output.sentence(DamagedAudioError("a\nb.wav", "x")).startswith("a\ufffdb.wav is damaged")


def test_logs_go_to_stderr_when_asked_for(tmp_path: object) -> None:
    code = "import sys, logging; from callkit.cli import main; code = main(sys.argv[1:]); "
    code += "logging.getLogger('callkit.x').info('a detail'); logging.getLogger('other').info('noise')"
    for words, log in ((["config"], b""), (["config", "-v"], b"callkit: a detail")):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=True)
        assert done.stderr.strip() == log


def test_in_a_log_of_both_streams_the_table_comes_first(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = [sys.executable, "-m", "callkit", "process", "calls", "missing.wav", "--runner", "inline"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("started ")
    assert lines[-2:] == ["callkit: 1 of 3 files could not be taken in:", "  missing.wav: No such file or directory."]
