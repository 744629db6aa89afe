"""A real browser in front of the real server: what the tests of the page share.

They run where the package playwright and a Chromium (`chromium`, `google-chrome` on PATH) are found. Where one is
missing they are left out; with the environment variable CI_BROWSER set they fail instead.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from callkit import CallKit
from tests.http.invented_calls import Invented, invent, served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FOUND = CHROMIUM is not None and find_spec("playwright") is not None

needs_browser = pytest.mark.skipif(not FOUND and "CI_BROWSER" not in os.environ, reason="no playwright, or no Chromium")

FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
SIZES = {"wide": (1280, 800), "phone": (390, 844)}
WATCHED = """
  alert = confirm = prompt = text => console.error(`dialog: ${text}`);
  addEventListener("securitypolicyviolation", event => console.error(`policy: ${event.violatedDirective}`));
"""


@frozen
class World:
    """A server with calls."""

    url: str
    kit: CallKit
    calls: Invented


@contextmanager
def a_world(folder: Path) -> Iterator[World]:
    with CallKit.open(folder, runner="inline") as kit:
        calls = invent(kit)
    with CallKit.open(folder, runner="threads:1") as kit, served(kit) as url:
        yield World(url, kit, calls)


@contextmanager
def a_browser() -> Iterator[Any]:
    with import_module("playwright.sync_api").sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def opened(
    browser: Any, url: str, size: str = "wide", *, expected: Sequence[str] = (), ready: bool = True, **options: Any
) -> Iterator[Any]:
    """A page; whatever the console says beyond what is expected, and whatever it asks others for, is a failure."""
    width, height = SIZES[size]
    given = {"locale": "en-GB", "timezone_id": "UTC", "viewport": {"width": width, "height": height}} | options
    context = browser.new_context(**given)
    tab, wrong, asked = context.new_page(), list[str](), set[str]()
    tab.set_default_timeout(15_000)
    tab.add_init_script(WATCHED)
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: asked.add(request.url))
    tab.goto(url)
    if ready:
        tab.wait_for_selector("body[data-ready]")
    yield tab
    context.close()
    assert [text for text in wrong if not any(word in text for word in expected)] == []
    home = url.partition("#")[0]
    assert {address for address in asked if not address.startswith(home)} == set()


def expect(subject: Any) -> Any:
    """Playwright's, which waits for what is expected."""
    return import_module("playwright.sync_api").expect(subject)


def heard(tab: Any) -> float:
    """Where the player is, in seconds."""
    return float(tab.evaluate("() => document.getElementById('audio').currentTime"))


def wait_until_heard(tab: Any, low: float, high: float = 1e9, within: float = 15) -> None:
    """Until the player is there, at most so many seconds."""
    there = f"() => (t => t >= {low} && t <= {high})(document.getElementById('audio').currentTime)"
    tab.wait_for_function(there, timeout=within * 1000)


def keep(name: str, picture: bytes) -> None:
    """With CALLKIT_PICTURES pictures go into the folder that it names, for the docs."""
    assert len(picture) < 300_000
    if folder := os.environ.get("CALLKIT_PICTURES"):
        (Path(folder) / name).write_bytes(picture)
