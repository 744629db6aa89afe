"""The files in examples/deployment, as far as they can be checked without a container engine.

`nox -s deployment` has docker compose's own parser and hadolint look at them, and takes the Dockerfile's steps.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks.image import Step, stages, words
from callkit.backends.repositories import open_repository
from callkit.backends.runners import open_runner
from callkit.backends.storages import open_storage
from callkit.cli.parser import build
from callkit.protocols import SignsUrls
from callkit.settings import load

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "deployment"
COMPOSE = FOLDER / "compose.yaml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PAGE = (ROOT / "docs" / "deployment.md").read_text("utf-8")

Service = Mapping[str, Any]


def examples() -> dict[str, str]:
    """The variables of .env.example."""
    lines = (FOLDER / ".env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def interpolated(text: str) -> str:
    """As compose sees it: ${NAME}, ${NAME:-default} and ${NAME:?complaint}; with a default, NAME may be left out."""
    return re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda match: examples()[match[1]], text)


def loaded(text: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return found


TEXT = COMPOSE.read_text("utf-8")
DOCUMENT = loaded(interpolated(TEXT))
SERVICES: Mapping[str, Service] = DOCUMENT["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


# ---- compose.yaml


def complaints(path: Path) -> str:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout if done.returncode else ""


def test_compose_yaml_is_as_the_specification_wants_it(tmp_path: Path) -> None:
    assert complaints(COMPOSE) == ""
    broken = tmp_path / "compose.yaml"
    broken.write_text(TEXT.replace("healthcheck:", "healthchek:", 1), "utf-8")
    assert "healthchek" in complaints(broken)


def test_it_has_what_a_team_needs() -> None:
    assert set(SERVICES) == {"callkit", "worker", "migrate", "bucket", "postgres", "valkey", "minio"}
    assert set(OURS) == {"callkit", "worker", "migrate"}


def test_who_is_waited_for_tells_when_it_is_ready() -> None:
    waited = [(name, *pair) for name, service in SERVICES.items() for pair in service.get("depends_on", {}).items()]
    assert len(waited) >= 5
    for name, target, how in waited:
        kind = {"service_healthy": "healthcheck", "service_completed_successfully": "no restart"}[how["condition"]]
        told = "healthcheck" in SERVICES[target] if kind == "healthcheck" else "restart" not in SERVICES[target]
        assert told, f"{name} waits for {target}"


def test_what_runs_for_ever_is_started_again() -> None:
    once = {"callkit", "migrate", "bucket"}
    assert {name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"} == (
        set(SERVICES) - once
    )


def test_images_are_of_a_known_version() -> None:
    for name, service in SERVICES.items():
        image, _, tag = service["image"].rpartition(":")
        assert image, name
        assert tag == "local" if name in OURS else re.search(r"\d", tag), name


def test_volumes_are_declared_and_used() -> None:
    named = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    assert {name for name in named if "/" not in name} == set(DOCUMENT["volumes"])


def test_only_this_machine_reaches_a_port() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:9000:9000"]


def test_every_variable_is_explained_and_used() -> None:
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == set(examples())


def test_secrets_must_be_given_and_changed() -> None:
    secrets = {name for name in examples() if name.endswith(("PASSWORD", "SECRET"))}
    assert len(secrets) == 3
    for name in secrets:
        assert examples()[name].startswith("change-me")
        assert re.search(rf"\$\{{{name}:\?", TEXT), f"{name} may be left out"
        assert not re.search(rf"\$\{{{name}:-", TEXT), f"{name} has a default"


# ---- what is ours in it


@pytest.mark.parametrize("name", OURS)
def test_its_variables_are_settings(name: str, tmp_path: Path) -> None:
    environ: Mapping[str, str] = OURS[name]["environment"]
    ours = {variable for variable in environ if not variable.startswith("AWS_")}
    settings = load(environ=environ, folder=tmp_path)
    assert {f"CALLKIT_{setting.upper()}" for setting in settings.explicit} == ours
    assert {"CALLKIT_DATABASE", "CALLKIT_STORAGE", "CALLKIT_RUNNER"} <= ours


def test_its_urls_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = OURS["worker"]["environment"]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    open_repository(environ["CALLKIT_DATABASE"]).close()
    open_runner(environ["CALLKIT_RUNNER"]).close()
    storage = open_storage(environ["CALLKIT_STORAGE"])
    assert isinstance(storage, SignsUrls)
    assert storage.sign("ab/x.wav").startswith("http://127.0.0.1:9000/callkit/recordings/ab/x.wav?")


@pytest.mark.parametrize("name", OURS)
def test_its_commands_can_be_typed(name: str) -> None:
    command = OURS[name].get("command") or words(FINAL, "CMD")
    if command == ["--help"]:
        command = ["config"]  # prints and leaves the parser
    assert build().parse_args([str(word) for word in command]).run


def test_the_commands_of_the_page_name_what_is_there() -> None:
    commands = [
        shlex.split(line) for line in re.findall(r"^\s*(docker compose .*|cp .*)$", PAGE + interpolated(TEXT), re.M)
    ]
    assert len(commands) >= 5
    for command in commands:
        paths = [word for word in command if word.startswith("examples/")]
        assert all((ROOT / path).exists() for path in paths if not path.endswith("/.env")), command
        if "run" in command:
            at = command.index("callkit")
            assert build().parse_args(command[at + 1 :]).run


# ---- Dockerfile

STAGES = stages((FOLDER / "Dockerfile").read_text("utf-8"))
BUILD, FINAL = STAGES


def test_lines_are_joined_and_stages_are_told_apart() -> None:
    text = "# x\nARG A=1\nFROM a AS b\nRUN c \\\n  # why\n  && d\n\nfrom e\ncopy f g\n"
    assert stages(text) == [
        [Step("FROM", "a AS b"), Step("RUN", "c   && d")],
        [Step("FROM", "e"), Step("COPY", "f g")],
    ]


def test_what_is_copied_reaches_the_builder() -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name for step in BUILD if step.word == "COPY" for name in step.rest.split()[:-1]}
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)
    assert {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml", "src"} == copied


def test_the_image_has_the_extras_that_compose_needs() -> None:
    asked = re.search(r'"\.\[(.*?)\]"', " ".join(step.rest for step in BUILD))
    assert asked is not None
    assert set(asked[1].split(",")) == {"postgres", "s3", "celery"} <= set(PROJECT["optional-dependencies"])


def test_the_image_runs_callkit_as_nobody_special() -> None:
    words_of = [step.word for step in FINAL]
    (user,) = [step.rest for step in FINAL if step.word == "USER"]
    assert user.isdecimal()
    assert int(user) > 0
    assert words_of.index("USER") < words_of.index("ENTRYPOINT")
    assert words(FINAL, "ENTRYPOINT")[0] in PROJECT["scripts"]


def test_its_python_is_one_that_is_supported() -> None:
    (version,) = re.findall(r"^ARG PYTHON=(\d+\.\d+)$", (FOLDER / "Dockerfile").read_text("utf-8"), re.M)
    assert any(fnmatch(line, f"*:: {version}") for line in PROJECT["classifiers"])
    assert all(steps[0].rest.startswith("python:${PYTHON}-slim") for steps in STAGES)


# ---- docs/deployment.md


def test_the_unit_of_the_page_starts_a_worker() -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", PAGE, re.M)
    program, *arguments = shlex.split(line)
    assert f"{Path(program).parents[1]}/bin/pip install" in PAGE
    assert build().parse_args(arguments).run


def test_the_variables_of_the_page_are_settings(tmp_path: Path) -> None:
    lines = re.findall(r"^\s*((?:CALLKIT|AWS)_\w+)=(\S+)$", PAGE, re.M)
    names = {name for name, _ in lines if name.startswith("CALLKIT")}
    found = load(environ=dict(lines), folder=tmp_path).explicit
    assert {f"CALLKIT_{name.upper()}" for name in found} == names
    assert len(names) >= 3
