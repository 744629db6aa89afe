"""The page in a real browser, headless Chromium.

These tests run where the package playwright and a Chromium (`chromium`, `google-chrome` on PATH) are found. Where one
is missing they are left out; with the environment variable CI_BROWSER set they fail instead. With CALLKIT_PICTURES they
put the pictures of the docs into the folder that it names.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from callkit.audio.facts import Measured
from callkit.report.heatmap import heatmap
from callkit.report.page import Sound, page
from callkit.report.subject import Subject
from callkit.testing.factory import make_call
from tests.report.conftest import TURNS

MakeSubject = Callable[..., Subject]
Opened = Callable[..., AbstractContextManager[Any]]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FOUND = CHROMIUM is not None and find_spec("playwright") is not None

pytestmark = pytest.mark.skipif(not FOUND and "CI_BROWSER" not in os.environ, reason="no playwright, or no Chromium")

FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
VIOLATION = "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective))"
SIZES = {"wide": (1280, 860), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with import_module("playwright.sync_api").sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Opened:
    """Opens a page; whatever the console says, and whatever it asks others for, is a failure at the end."""

    @contextmanager
    def open_page(content: bytes, size: str = "wide", scheme: str = "light", **options: Any) -> Iterator[Any]:
        (tmp_path / "report.html").write_bytes(content)
        url = (tmp_path / "report.html").as_uri()
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        tab, wrong, asked = context.new_page(), list[str](), set[str]()
        tab.add_init_script("alert = confirm = text => console.error(text)")
        tab.on("console", lambda message: wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda request: asked.add(request.url[:100]))
        tab.add_init_script(VIOLATION)
        tab.goto(url)
        yield tab
        context.close()
        assert not wrong
        assert {address for address in asked if not address.startswith("data:")} == {url}

    return open_page


@pytest.fixture(scope="module")
def content(subject: Subject, measured: Measured) -> bytes:
    return page(subject, measured.peaks.rows)


CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (let it = element; it; it = it.parentElement) {
      const colour = getComputedStyle(it).backgroundColor;
      if (rgb(colour)[3] !== 0) return colour;
    }
  };
  return [...document.querySelectorAll("h1, h2, dt, dd, p, td, th, li, caption, summary, output, .lane > span")]
    .filter(it => it.offsetParent && it.textContent.trim())
    .map(it => {
      const [one, two] = [getComputedStyle(it).color, behind(it)].map(rgb).map(light).sort((a, b) => b - a);
      return (one + .05) / (two + .05);
    })
    .reduce((least, ratio) => Math.min(least, ratio), 21);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_looks_right(opened: Opened, content: bytes, size: str, scheme: str) -> None:
    with opened(content, size, scheme) as tab:
        assert tab.evaluate("() => document.documentElement.scrollWidth") == SIZES[size][0]
        assert tab.evaluate(CONTRAST) >= 4.5
        tab.locator("#moment").fill("17.5")
        tab.locator("#moment").blur()
        picture = tab.screenshot()
        dark = tab.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(14, 16, 20)"
        assert dark == (scheme == "dark")
        keep(f"report-{size}-{scheme}.png", picture)


def keep(name: str, picture: bytes) -> None:
    if folder := os.environ.get("CALLKIT_PICTURES"):
        (Path(folder) / name).write_bytes(picture)


def test_pictures_of_the_docs(subject: Subject) -> None:
    picture = heatmap(subject)
    keep("report-heatmap.png", picture)
    assert len(picture) < 150_000


def test_a_pointer_and_the_keyboard_tell_what_happens(opened: Opened, content: bytes) -> None:
    with opened(content) as tab:
        now = tab.locator("#now")
        assert now.inner_text() == "0:00.0: ringing (440+480 Hz) from agent"
        box = tab.locator("#timeline svg").first.bounding_box()
        tab.mouse.move(box["x"] + box["width"] * 35 / 60, box["y"] + 10)
        assert now.inner_text() == "0:35.0: hold, music from agent"
        cursor = tab.locator("#cursor").bounding_box()
        assert abs(cursor["x"] - box["x"] - box["width"] * 35 / 60) < 1.5
        tab.locator("#moment").focus()
        tab.keyboard.press("Home")
        for _ in range(3):
            tab.keyboard.press("ArrowRight")
        assert now.inner_text().startswith("0:00.3: ")
        assert tab.locator("#moment").get_attribute("aria-valuetext") == now.inner_text()
        tab.keyboard.press("End")
        assert now.inner_text() == "1:00.0: nobody speaks"


def test_a_figure_opens_by_keyboard(opened: Opened, content: bytes) -> None:
    with opened(content, "phone") as tab:
        why = tab.locator("details p").first
        assert not why.is_visible()
        tab.locator("summary").first.focus()
        tab.keyboard.press("Enter")
        assert why.is_visible()
        assert why.inner_text().startswith("talk_time is ")
        assert tab.evaluate("() => document.documentElement.scrollWidth") == 390


def test_it_is_complete_without_its_program(opened: Opened, content: bytes) -> None:
    with opened(content, java_script_enabled=False) as tab:
        assert tab.locator(".lane.wave svg").count() == 2
        assert not tab.locator("#moment").is_visible()
        assert tab.locator("tbody tr").count() > 40


def test_names_do_nothing(opened: Opened, make_subject: MakeSubject, measured: Measured) -> None:
    facts = {"caller": "<script>alert(1)</script>", "receiver": "<img src=x onerror=alert(2)> مرحبا Иван"}
    with opened(page(make_subject(facts=facts), measured.peaks.rows)) as tab:
        assert tab.locator("h1").inner_text() == f"{facts['caller']} → {facts['receiver']}"
        assert tab.locator("h1 *").count() == 2


def test_the_recording_is_heard_from_where_one_clicks(opened: Opened, subject: Subject, measured: Measured) -> None:
    sound = Sound(make_call(seconds=60.0, turns=TURNS, seed=7).wav(), "audio/wav")
    with opened(page(subject, measured.peaks.rows, sound)) as tab:
        tab.wait_for_function("() => document.getElementById('sound').readyState > 0")
        box = tab.locator("#timeline svg").first.bounding_box()
        tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
        assert tab.evaluate("() => document.getElementById('sound').currentTime") == pytest.approx(30, abs=0.1)
        tab.evaluate("() => { document.getElementById('sound').currentTime = 52.2; }")
        tab.wait_for_function("() => document.getElementById('now').textContent.includes('agent speaks')")


def test_an_empty_recording_says_nothing(opened: Opened, make_subject: MakeSubject) -> None:
    empty = make_subject(duration=0.0, parties=(), channels=0, hold=None, events=(), health=None)
    with opened(page(empty)) as tab:
        assert not tab.locator("#moment").is_visible()
