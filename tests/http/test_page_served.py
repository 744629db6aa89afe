"""The page, without a browser: what is sent, and what may not be in it."""

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.resources import files as resources
from pathlib import Path

import pytest

from callkit import CallKit
from callkit.http import HttpSettings, create_app
from callkit.http.page import files
from tests.http.conftest import Api, KeyMaker

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src" / "callkit" / "http" / "static"
NAMES = sorted(path.name for path in STATIC.iterdir())
MODULES = [name for name in NAMES if name.endswith(".js")]


def text_of(name: str) -> str:
    return (STATIC / name).read_text("utf-8")


# ---- what is sent


def test_the_page_and_its_files_are_sent(api: Api) -> None:
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for name in NAMES:
        path = "/" if name == "index.html" else f"/static/{name}"
        answer = api.get(path)
        assert answer.status_code == 200
        assert answer.content == (STATIC / name).read_bytes()
        assert answer.headers["content-type"] == f"{types[name.rpartition('.')[2]]}; charset=utf-8"
        head = api("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(answer.content))


def test_it_is_sent_again_only_if_it_changed(api: Api) -> None:
    first = api.get("/static/app.js")
    assert first.headers["cache-control"] == "no-cache"  # ask, but there is nothing to send
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = api.get("/static/app.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    assert api.get("/static/app.js", headers={"If-None-Match": '"other"'}).status_code == 200
    assert len({file.etag for file in files().values()}) == len(NAMES)


@pytest.mark.parametrize("path", ["nothing.js", "../page.py", "%2e%2e%2fpage.py", "..%5cpage.py", "", "app.js/", "%00"])
def test_nothing_else_is_sent(api: Api, path: str) -> None:
    answer = api.get(f"/static/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_policy_is_strict(api: Api) -> None:
    for path in ("/", "/static/app.js", "/static/icon.svg"):
        headers = api.get(path).headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert policy["trusted-types"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        for source in ("script-src", "style-src", "img-src", "media-src", "connect-src", "form-action"):
            assert policy[source] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_without_a_key_one_sees_the_page_and_no_call(kit: CallKit, key_file: Path, new_key: KeyMaker) -> None:
    new_key("read")
    api = Api(create_app(kit, HttpSettings(keys=key_file, sweep_every=0.0)))
    assert api.get("/").status_code == api.get("/static/app.js").status_code == 200
    assert api.get("/session").json() == {"locked": True, "scopes": [], "name": None}
    assert api.get("/calls").status_code == 401


def test_it_is_no_part_of_the_api(api: Api) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    assert "/calls" in paths
    assert not [path for path in paths if path == "/" or path.startswith("/static")]


# ---- what is in it


def test_it_comes_with_the_package() -> None:
    found = resources("callkit.http").joinpath("static")
    assert sorted(one.name for one in found.iterdir()) == NAMES
    assert set(NAMES) == set(files())
    built = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert built["targets"]["wheel"] == {"packages": ["src/callkit"]}  # with all that is in it, unless git ignores it
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert not [name for name in NAMES for pattern in ignored if fnmatch(name, pattern)]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    text = text_of(name).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|wss?:|url\(|@import|[\"'(]//", text)


UNSAFE = r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|srcdoc|createContextualFragment|DOMParser"
UNSAFE += r"|\beval\b|new Function|javascript:|import\(|trustedTypes|setTimeout\([\"'`]|setInterval\([\"'`]"


@pytest.mark.parametrize("name", NAMES)
def test_text_never_becomes_markup_or_program(name: str) -> None:
    assert not re.search(UNSAFE, text_of(name))


def test_the_search_for_unsafe_things_can_fail() -> None:
    for text in ("x.innerHTML = y", "eval(x)", "setTimeout('x', 1)", 'document.write("x")'):
        assert re.search(UNSAFE, text)


def test_the_markup_has_no_style_and_no_program_in_it() -> None:
    page = text_of("index.html")
    assert not re.search(r"<[^>]+\s(style|on\w+)\s*=", page)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == ["", ""]
    assert "<style" not in page


def imported(name: str) -> Iterator[str]:
    yield from re.findall(r"^import (?:.* from )?\"\./([\w.]+)\";$", text_of(name), re.MULTILINE)


def test_every_file_is_used_and_every_used_file_is_there() -> None:
    page = text_of("index.html")
    used, left = {"index.html"}, set(re.findall(r"(?:src|href)=\"static/([^\"]+)\"", page))
    while left:
        name = left.pop()
        used.add(name)
        left |= set(imported(name)) - used if name.endswith(".js") else set()
    assert used == set(NAMES)


def test_every_element_that_is_asked_for_is_there_once() -> None:
    ids = re.findall(r"\sid=\"([\w-]+)\"", text_of("index.html"))
    assert len(ids) == len(set(ids))
    asked = {name for module in MODULES for name in re.findall(r"\$\(\"([\w-]+)\"\)", text_of(module))}
    assert len(asked) > 50
    assert asked <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_small_and_say_what_they_hold(name: str) -> None:
    lines = text_of(name).splitlines()
    assert len(lines) < 300
    assert max(map(len, lines)) <= (150 if name.endswith(".js") else 400)
    if name.endswith((".js", ".css")):
        assert re.match(r"(//|/\*) [A-Z]\w+.*[.*/]$", lines[0])


def test_all_of_it_is_small() -> None:
    assert sum(len(text_of(name).encode()) for name in NAMES) < 120_000


def test_what_is_exported_is_imported() -> None:
    texts = {name: text_of(name) for name in MODULES}
    for name, text in texts.items():
        exported = set(re.findall(r"^export (?:async )?(?:function|const) ([\w$]+)", text, re.MULTILINE))
        wanted = {
            one.strip()
            for other in texts.values()
            for names in re.findall(rf'^import {{([^}}]*)}} from "\./{re.escape(name)}";', other, re.MULTILINE)
            for one in names.split(",")
        }
        assert exported == wanted, name


def test_all_modules_are_asked_for_at_once() -> None:
    preloaded = re.findall(r'<link rel="modulepreload" href="static/([^"]+)">', text_of("index.html"))
    assert sorted([*preloaded, "app.js", "theme.js"]) == MODULES
