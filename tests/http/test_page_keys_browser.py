"""The page where keys are needed. See `tests.http.in_browser` for when these tests run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from callkit.http.keys import Key, Scope, add_key, read_keys, revoke_key
from tests.http.in_browser import World, a_browser, a_world, expect, keep, needs_browser, opened, wait_until_heard
from tests.http.invented_calls import served

pytestmark = needs_browser

REFUSED = ["401"]  # what the browser itself says of an answer


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("page")) as world:
        yield world


@frozen
class Locked:
    """The same calls, for those who have a key."""

    url: str
    file: Path
    keys: dict[str, str]

    def revoke(self, name: str) -> None:
        revoke_key(self.file, next(key.id for key in read_keys(self.file) if key.name == name))


@pytest.fixture
def locked(world: World, tmp_path: Path) -> Iterator[Locked]:
    file, texts = tmp_path / "keys.json", {}
    for scope in Scope:
        key, texts[scope.value] = Key.new(scope, {Scope.READ, scope}, datetime.now(UTC))
        add_key(file, key)
    with served(world.kit, file) as url:
        yield Locked(url, file, texts)


def sign_in(tab: Any, key: str) -> None:
    tab.locator("#key").fill(key)
    tab.keyboard.press("Enter")


def test_a_key_lets_one_in(world: World, locked: Locked, browser: Any) -> None:
    with opened(browser, f"{locked.url}#{world.calls.refund.id}", ready=False, expected=REFUSED) as tab:
        expect(tab.locator("#key")).to_be_focused()
        expect(tab.locator("#side")).not_to_be_visible()
        keep("page-login.png", tab.screenshot(clip={"x": 390, "y": 200, "width": 500, "height": 400}))
        tab.keyboard.press("Escape")
        expect(tab.locator("#login")).to_be_visible()
        sign_in(tab, "ck_wrong")
        expect(tab.locator("#login-wrong")).to_contain_text("not known here")
        assert tab.locator("#calls > li").count() == 0
        sign_in(tab, locked.keys["read"])
        expect(tab.locator("#login")).to_be_hidden()
        assert tab.locator("#key").input_value() == ""
        expect(tab.locator("#live")).to_have_attribute("data-state", "live")  # EventSource has the cookie
        tab.locator("#play").click()
        wait_until_heard(tab, 0.3)  # and so has the player
        tab.reload()
        expect(tab.locator("#title")).to_be_visible()
        tab.locator("#leave").click()
        expect(tab.locator("#key")).to_be_focused()
        tab.reload()
        expect(tab.locator("#key")).to_be_focused()


@pytest.mark.parametrize(
    ("scope", "may"), [("read", set()), ("write", {"add", "tag"}), ("admin", {"add", "tag", "erase"})]
)
def test_nobody_is_offered_what_they_may_not_do(
    world: World, locked: Locked, browser: Any, scope: str, may: set[str]
) -> None:
    with opened(browser, f"{locked.url}#{world.calls.refund.id}", ready=False) as tab:
        sign_in(tab, locked.keys[scope])
        expect(tab.locator("#title")).to_be_visible()
        offered = {name for name in ("erase", "tag") if tab.locator(f"#{name}").is_visible()}
        offered |= {"add"} if tab.locator("#heads .add").is_visible() else set()
        assert offered == may
        tab.goto(f"{locked.url}#{world.calls.failed.id}")
        expect(tab.locator("#state")).to_be_visible()
        assert tab.locator("#retry").is_visible() == (scope != "read")


def test_a_session_that_ends_asks_for_a_key_again(world: World, locked: Locked, browser: Any) -> None:
    with opened(browser, f"{locked.url}#{world.calls.refund.id}", ready=False, expected=REFUSED) as tab:
        sign_in(tab, locked.keys["write"])
        expect(tab.locator("#title")).to_be_visible()
        tab.locator("#play").click()
        wait_until_heard(tab, 0.2)
        locked.revoke("write")
        tab.wait_for_timeout(1100)  # the server looks at the file once a second
        tab.locator("#query").fill("status:failed")
        expect(tab.locator("#login")).to_be_visible()
        expect(tab.locator("#side")).not_to_be_visible()
        assert tab.locator("#audio").evaluate("audio => audio.paused")
        sign_in(tab, locked.keys["read"])
        expect(tab.locator("#calls > li")).to_have_count(1)
        expect(tab.locator("#heads .add")).to_be_hidden()


def test_it_works_within_another_application(world: World, locked: Locked, browser: Any) -> None:
    with (
        served(world.kit, locked.file, mounted_at="/tools/calls") as url,
        opened(browser, f"{url}#{world.calls.refund.id}", ready=False) as tab,
    ):
        sign_in(tab, locked.keys["read"])
        expect(tab.locator("#live")).to_have_attribute("data-state", "live")
        tab.locator("#play").click()
        wait_until_heard(tab, 0.3)
        assert [cookie["path"] for cookie in tab.context.cookies()] == ["/tools/calls"]
