"""What comes in, changes and goes while somebody looks. See `tests.http.in_browser` for when these tests run."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callkit import CallKit
from callkit.core.call import Status
from callkit.testing.factory import make_call
from tests.http.in_browser import World, a_browser, a_world, expect, heard, needs_browser, opened, wait_until_heard
from tests.http.invented_calls import ingested, served

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("page")) as world:
        yield world


def at(world: World, name: str) -> str:
    return f"{world.url}#{getattr(world.calls, name).id}"


# ---- recordings come in

DROP = """files => {
  const data = new DataTransfer();
  for (const {name, text} of files) {
    data.items.add(new File([Uint8Array.from(atob(text), letter => letter.charCodeAt(0))], name));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
  }
}"""


def drop(tab: Any, **files: bytes) -> None:
    told = [{"name": name, "text": base64.b64encode(content).decode()} for name, content in files.items()]
    tab.evaluate(DROP, told)


def test_recordings_are_dropped_and_become_ready(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund"), expected=["422"]) as tab:
        sounds = [make_call(seconds=6, seed=seed).wav() for seed in (21, 22)]
        drop(tab, **{"in-442079460027-101-20261120-083000.wav": sounds[0], "b.wav": sounds[1], "notes.txt": b"hello"})
        assert tab.locator("#ask-title").inner_text() == "Upload 3 recordings"
        assert tab.locator("[name=caller-0]").input_value() == "442079460027"
        assert tab.locator("[name=started-0]").input_value().startswith("2026-11-20T08:30")
        tab.locator("[name=caller-1]").fill("Zoë <b>")
        tab.locator("#ask-form [name=tags]").fill("dropped, new")
        tab.keyboard.press("Enter")
        rows = tab.locator("#tray-list li")
        for number in (0, 1):
            expect(rows.nth(number).locator(".progress")).to_have_text("Ready")
        expect(rows.nth(2)).to_contain_text("notes.txt can't be read as audio")
        expect(tab.locator("#calls > li").first).to_contain_text("Zoë <b> → unknown")  # by itself
        expect(tab.locator("#calls > li").first.locator(".state")).to_have_text("0:06")
        assert {call.caller for call in world.kit.calls("tag:dropped")} == {"442079460027", "Zoë <b>"}
        rows.nth(1).locator("a").click()
        expect(tab.locator("#title")).to_have_text("Zoë <b> → unknown")
        tab.locator("#play").click()
        wait_until_heard(tab, 0.3)


def test_an_upload_that_broke_off_is_tried_again(world: World, browser: Any) -> None:
    with opened(browser, world.url, expected=["ERR_FAILED"]) as tab:
        tab.route("**/recording?*", lambda route: route.abort(), times=1)
        content = {"name": "n.wav", "mimeType": "audio/wav", "buffer": make_call(seconds=4, seed=24).wav()}
        tab.locator("#many-files").set_input_files([content])
        tab.locator("[name=caller-0]").fill("+442079460144")
        tab.locator("#ask-yes").click()
        row = tab.locator("#tray-list li")
        expect(row).to_contain_text("The server can't be reached.")
        row.get_by_role("button", name="Try again").click()
        expect(row.locator(".progress")).to_have_text("Ready")
        assert world.kit.count("+442079460144") == 1
        row.get_by_label("Dismiss: n.wav").click()
        expect(tab.locator("#tray")).to_be_hidden()


def test_an_upload_is_cancelled(world: World, browser: Any) -> None:
    with opened(browser, world.url) as tab:
        held: list[Any] = []
        tab.route("**/recording?*", lambda route: held.append(route))  # noqa: PLW0108 - it marks what it is given
        content = {"name": "n.wav", "mimeType": "audio/wav", "buffer": make_call(seconds=4, seed=25).wav()}
        tab.locator("#many-files").set_input_files([content])
        tab.locator("#ask-yes").click()
        tab.get_by_label("Cancel: n.wav").click()
        expect(tab.locator("#tray")).to_be_hidden()


def test_the_recording_of_a_known_call_is_brought(world: World, browser: Any) -> None:
    with opened(browser, at(world, "awaited")) as tab:
        expect(tab.locator("#state-text")).to_contain_text("has not come yet")
        expect(tab.locator("#player")).to_be_hidden()
        with tab.expect_file_chooser() as chooser:
            tab.locator("#bring").click()
        content = make_call(seconds=5, seed=23).wav()
        chooser.value.set_files({"name": "late.wav", "mimeType": "audio/wav", "buffer": content})
        expect(tab.locator("#player")).to_be_visible()  # when it is ready
        expect(tab.locator("#clock")).to_have_text("0:00 / 0:05")


def test_a_failed_call_says_why_and_is_tried_again(world: World, browser: Any) -> None:
    with opened(browser, at(world, "failed")) as tab:
        expect(tab.locator("#state-text")).to_contain_text("The recording is cut: fetch it again.")
        tab.locator("#retry").click()
        expect(tab.locator("#player")).to_be_visible()
        assert world.kit.get(world.calls.failed.id).status is Status.READY


# ---- what happens meanwhile


def watched(kit: CallKit, tab: Any, state: str, number: str) -> None:
    """A call comes in elsewhere, gets a tag, and is erased."""
    expect(tab.locator("#live")).to_have_attribute("data-state", state)
    call = ingested(kit, make_call(seconds=4, seed=31), caller=number, duplicates="allow", external_id=number)
    row = tab.locator("#calls > li", has_text=number)
    expect(row.locator(".state")).to_have_text("0:04")
    kit.annotate(call.id, tags=["elsewhere"])
    expect(row.locator(".tag")).to_have_text(["elsewhere"])
    kit.erase(call.id)
    expect(row).to_have_count(0)


def test_changes_are_told(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund")) as tab:
        tab.locator("#play").click()
        watched(world.kit, tab, "live", "+442079460111")
        world.kit.annotate(world.calls.refund.id, tags=["heard"])
        expect(tab.locator("#tags bdi")).to_have_text(["heard"])
        assert heard(tab) > 0.5
        assert not tab.locator("#audio").evaluate("audio => audio.paused")  # what is heard goes on


def test_where_nobody_tells_the_page_asks(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund"), ready=False, expected=["ERR_FAILED"]) as tab:
        tab.route("**/events", lambda route: route.abort())
        tab.reload()
        watched(world.kit, tab, "asking", "+442079460112")


def test_erasing_wants_to_be_confirmed(world: World, browser: Any) -> None:
    call = ingested(world.kit, make_call(seconds=4, seed=41), caller="+442079460199")
    world.kit.wait(call.id, 20)
    with opened(browser, f"{world.url}#{call.id}", expected=["410"]) as tab:
        tab.locator("#erase").click()
        expect(tab.locator("#erase-what")).to_contain_text("+442079460199")
        expect(tab.locator("#erase-no")).to_be_focused()
        tab.keyboard.press("Enter")
        assert world.kit.get(call.id).status is Status.READY
        tab.locator("#erase").click()
        tab.locator("#erase-yes").click()
        expect(tab.locator("#empty")).to_be_visible()
        assert world.kit.get(call.id).status is Status.ERASED
        tab.goto(f"{world.url}#{call.id}")
        expect(tab.locator("#empty-text")).to_contain_text("was erased")


def test_tags_are_changed(world: World, browser: Any) -> None:
    tags: Callable[[], tuple[str, ...]] = lambda: world.kit.get(world.calls.unwritten.id).tags  # noqa: E731 - it is asked anew
    with opened(browser, at(world, "unwritten")) as tab:
        tab.locator("#tag").fill("Complaint <b>")
        tab.keyboard.press("Enter")
        expect(tab.locator("#tags bdi")).to_have_text(["<b>", "complaint"])
        assert tags() == ("<b>", "complaint")
        tab.get_by_label("Take away the tag <b>").click()
        expect(tab.locator("#tags bdi")).to_have_text(["complaint"])
        assert tags() == ("complaint",)


def test_an_empty_house_says_what_to_do(browser: Any, tmp_path: Path) -> None:
    with CallKit.open(tmp_path, runner="threads:1") as kit, served(kit) as url, opened(browser, url) as tab:
        expect(tab.locator("#none")).to_contain_text("Drop recordings anywhere on this page")
        expect(tab.locator("#count")).to_have_text("0 calls")
        ingested(kit, make_call(seconds=4, seed=51), caller="+442079460155")
        expect(tab.locator("#calls > li")).to_have_count(1)
        expect(tab.locator("#none")).to_be_hidden()
        tab.locator("#calls a").click()
        expect(tab.locator("#player")).to_be_visible()
