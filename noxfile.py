"""What is checked, and how: `nox` runs lint, types and tests; the long runs are sessions of their own."""

from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
CODE = ("src", "tests", "examples", "benchmarks", "noxfile.py")


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite, on two cores."""
    session.install("-e", ".", *group("test"))
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    session.install(*group("lint"))
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *CODE)


@nox.session
def types(session: nox.Session) -> None:
    session.install("-e", ".", *group("types"), *group("test"))
    session.run("mypy")


@nox.session(python=["3.11", "3.12", "3.13"])
def pythons(session: nox.Session) -> None:
    """The suite on every supported Python that is installed."""
    session.install("-e", ".", *group("test"))
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Time and memory against the peers, in one run (half an hour); writes docs/benchmarks.md."""
    session.install("-e", ".", *group("bench"), *group("test"))
    session.run("python", "-m", "benchmarks.bench", "--out", "docs/benchmarks.md", *session.posargs)


@nox.session
def exactness(session: nox.Session) -> None:
    """Silence marks against pydub's, on 20,000 random recordings."""
    session.install("-e", ".")
    session.run("python", "-m", "benchmarks.exactness", "--cases", "20000", *session.posargs)


@nox.session
def storm(session: nox.Session) -> None:
    """Kill workers and their parent 200 times while recordings are processed; nothing may be lost."""
    session.install("-e", ".")
    session.run("python", "-m", "benchmarks.storm", "--kills", "200", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Kill workers, servers and the application under 500 calls each (20 minutes); nothing may be lost."""
    session.install("-e", ".", *group("test"))
    session.run("python", "-m", "benchmarks.faults", *session.posargs)


@nox.session
def celery(session: nox.Session) -> None:
    """What Celery adds to each call of a bulk ingest, against doing the work at once."""
    session.install("-e", ".", *group("test"))
    session.run("python", "-m", "benchmarks.celery_overhead", *session.posargs)


@nox.session
def http(session: nox.Session) -> None:
    """Reading over HTTP against a service of FastAPI and SQLAlchemy, and two sieges; writes docs/http-benchmarks.md."""
    session.install("-e", ".", *group("http-bench"), *group("test"))
    session.run("python", "-m", "benchmarks.http_bench", "--out", "docs/http-benchmarks.md", *session.posargs)


@nox.session
def deployment(session: nox.Session) -> None:
    """The compose file by docker compose's own parser, the Dockerfile by hadolint, and its steps in a clean place."""
    session.install("-e", ".", *group("deployment"))
    folder = "examples/deployment"
    options = ("--file", f"{folder}/compose.yaml", "--env-file", f"{folder}/.env.example", "--profile", "*")
    session.run("docker-compose", *options, "config", "--quiet")
    session.run("hadolint", f"{folder}/Dockerfile")
    session.run("python", "-m", "benchmarks.image")


@nox.session
def browser(session: nox.Session) -> None:
    """Reports and the page in a real browser; `CALLKIT_PICTURES=docs/images` renews the pictures of the docs."""
    session.install("-e", ".", *group("test"), *group("browser"))
    session.run("playwright", "install", "chromium")
    tests = sorted(str(path) for path in Path("tests").rglob("*_browser.py") if path.name.startswith("test_"))
    session.run("pytest", *tests, *session.posargs, env={"CI_BROWSER": "1"})


@nox.session
def accuracy(session: nox.Session) -> None:
    """Speech, talk share, interruptions and music against the truth, side by side with the peers."""
    session.install("-e", ".[silero]", *group("accuracy"))
    session.run("python", "-m", "benchmarks.accuracy", "--out", "docs/accuracy.md", *session.posargs)
    session.notify("wer")  # how right the words are


@nox.session
def dtmf(session: nox.Session) -> None:
    """Keys pressed over speech, and false ones, side by side with multimon-ng."""
    session.install("-e", ".")
    session.run("python", "-m", "benchmarks.dtmf", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """More than 5,000 requests that a fuzzer makes of the HTTP API's own description; none may surprise it."""
    session.install("-e", ".[http]", "httpx", *group("fuzz"))
    session.run("python", "-m", "benchmarks.fuzz", "--examples", "140", "--cases", "5000", *session.posargs)


@nox.session
def wer(session: nox.Session) -> None:
    """Word errors, order, CPU and memory of transcripts (half an hour); writes docs/transcript-accuracy.md.

    Debian's asterisk-core-sounds-en, -en-wav, -ru and -ru-wav, asterisk-moh-opsound-wav and flite are to be installed.
    """
    session.install("-e", ".[whisper]", *group("wer"), *group("asr-models"))
    session.run("python", "-m", "benchmarks.wer", "--out", "docs/transcript-accuracy.md", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    session.install("-e", ".", *group("docs"))
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})
