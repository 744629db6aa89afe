"""The page for everybody: on a phone, in the dark, by keyboard, by ear.

See `tests.http.in_browser` for when these tests run. With CALLKIT_PICTURES they put the pictures of the docs into the
folder that it names.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.in_browser import (
    SIZES,
    World,
    a_browser,
    a_world,
    expect,
    heard,
    keep,
    needs_browser,
    opened,
    wait_until_heard,
)

pytestmark = needs_browser

SCHEMES = ("light", "dark")
CHECKS = Path(__file__).with_name("checks.js").read_text("utf-8")


def checked(tab: Any, name: str) -> Any:
    """What one of the checks finds."""
    return tab.evaluate(f"() => {{ const checks = {CHECKS.partition(chr(10))[2].strip()}; return checks.{name}(); }}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("page")) as world:
        yield world


def at(world: World, name: str = "refund", second: float = 30.5) -> str:
    return f"{world.url}#{getattr(world.calls, name).id}@{second}"


def settled(tab: Any) -> None:
    """Nothing moves any more, and what can be drawn is drawn."""
    tab.wait_for_function("() => document.getElementById('audio').readyState > 0")
    expect(tab.locator("#live")).to_have_text("Live")
    tab.wait_for_timeout(300)


# ---- pictures


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_has_its_colours(world: World, browser: Any, size: str, scheme: str) -> None:
    with opened(browser, at(world), size, color_scheme=scheme, has_touch=size == "phone") as tab:
        settled(tab)
        if size == "wide":
            tab.locator("#wave").hover(position={"x": 560, "y": 60})
            tab.wait_for_timeout(100)
        assert tab.evaluate("() => document.documentElement.scrollWidth") == SIZES[size][0]
        dark = tab.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(14, 16, 20)"
        assert dark == (scheme == "dark")
        keep(f"page-{size}-{scheme}.png", tab.screenshot())


def test_pictures_of_the_search(world: World, browser: Any) -> None:
    with opened(browser, world.url) as tab:
        tab.locator("#query").fill("refund")
        tab.locator("#calls .hit").nth(1).click()
        settled(tab)
        keep("page-search.png", tab.screenshot())


@pytest.mark.parametrize("width", [320, 760, 1000])
def test_nothing_is_wider_than_the_window(world: World, browser: Any, width: int) -> None:
    with opened(browser, at(world), viewport={"width": width, "height": 640}) as tab:
        for _ in range(2):
            assert tab.evaluate("() => document.documentElement.scrollWidth") == width
            assert checked(tab, "cut") == []
            tab.goto(world.url + "#")


def test_the_canvas_follows_window_and_theme(world: World, browser: Any) -> None:
    with opened(browser, at(world), device_scale_factor=2) as tab:
        sharp = "() => (c => c.width === c.clientWidth * devicePixelRatio)(document.querySelector('canvas'))"
        tab.set_viewport_size({"width": 1000, "height": 700})
        tab.wait_for_function(sharp)
        settled(tab)
        pictures = [tab.locator("canvas").screenshot()]
        for ground in ("rgb(14, 16, 20)", "rgb(244, 245, 248)"):
            tab.locator("#theme").click()
            expect(tab.locator("body")).to_have_css("background-color", ground)
            tab.wait_for_timeout(100)
            pictures.append(tab.locator("canvas").screenshot())
        assert pictures[0] == pictures[2] != pictures[1]


def test_a_chosen_theme_is_kept(world: World, browser: Any) -> None:
    with opened(browser, world.url) as tab:
        button = tab.locator("#theme")
        button.click()
        tab.reload()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert tab.locator("html").get_attribute("data-theme") == "dark"
        button.click()
        tab.emulate_media(color_scheme="dark")  # it is as the system was: so it follows the system
        expect(button).to_have_attribute("aria-pressed", "true")


def test_on_a_phone_list_and_call_are_two_views(world: World, browser: Any) -> None:
    with opened(browser, world.url, "phone", has_touch=True) as tab:
        expect(tab.locator("#main")).to_be_hidden()
        tab.locator("#calls a.call").first.tap()
        expect(tab.locator("#side")).to_be_hidden()
        expect(tab.locator("#title")).to_be_focused()
        expect(tab.locator("#insights")).to_be_hidden()
        tab.get_by_role("button", name="Insights").tap()
        expect(tab.locator("#insights")).to_be_visible()
        expect(tab.locator("#transcript")).to_be_hidden()
        tab.locator("#play").tap()
        wait_until_heard(tab, 0.2)
        tab.go_back()
        expect(tab.locator("#calls a.call").first).to_be_focused()
        expect(tab.locator("#main")).to_be_hidden()
        assert tab.locator("#audio").evaluate("audio => audio.paused")


# ---- by keyboard


def test_keys(world: World, browser: Any) -> None:
    with opened(browser, at(world)) as tab:
        tab.locator("#calls a.call").first.focus()
        tab.keyboard.press("ArrowDown")
        expect(tab.locator("#calls a.call").nth(1)).to_be_focused()
        tab.keyboard.press("Home")
        expect(tab.locator("#calls a.call").first).to_be_focused()
        tab.keyboard.press("ArrowLeft")
        assert heard(tab) == 25.5
        tab.keyboard.press("Space")
        wait_until_heard(tab, 25.8)
        tab.keyboard.press("Space")
        assert tab.locator("#audio").evaluate("audio => audio.paused")
        tab.keyboard.press("/")
        tab.keyboard.type("44/20 ")
        expect(tab.locator("#query")).to_have_value("44/20 ")
        tab.locator("#lines button").first.focus()
        tab.keyboard.press("ArrowDown")
        expect(tab.locator("#lines button").nth(1)).to_be_focused()
        tab.keyboard.press("Enter")
        wait_until_heard(tab, 6.7, 8)


def test_the_focus_goes_through_everything_in_order(world: World, browser: Any) -> None:
    with opened(browser, at(world)) as tab:
        tab.locator("#query").fill("refund")
        expect(tab.locator("#calls > li")).to_have_count(1)
        tab.locator("#pass").focus()
        seen = [checked(tab, "focused")]
        for _ in range(checked(tab, "tabbable") - 1):
            tab.keyboard.press("Tab")
            seen.append(checked(tab, "focused"))
        assert [name for after, _, name in seen if not after] == []
        assert [name for _, shown, name in seen if not shown] == []
        assert seen[0][2] == "pass"
        assert {"query", "wave", "play", "rate", "erase", "tag"} <= {name for *_, name in seen}
        tab.locator("#pass").focus()
        tab.keyboard.press("Enter")
        expect(tab.locator("#main")).to_be_focused()


# ---- what a machine can check of accessibility


def weak(tab: Any) -> list[Any]:
    found = checked(tab, "contrast")
    assert len(found) > 3
    return [one for one in found if one[0] < 4.5]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["refund", "placeholder", "mono", "failed", "awaited"])
def test_text_can_be_read(world: World, browser: Any, name: str, scheme: str) -> None:
    with opened(browser, at(world, name), color_scheme=scheme) as tab:
        assert weak(tab) == []
        tab.locator("#help").click()
        tab.locator("#query").fill("refund")
        expect(tab.locator("#calls .hit")).to_have_count(2)
        tab.locator("#calls .hit").first.hover()
        assert weak(tab) == []
        tab.locator("#erase").click()
        assert weak(tab) == []


def test_the_check_of_contrast_can_fail(world: World, browser: Any) -> None:
    with opened(browser, at(world)) as tab:
        tab.locator("#title").evaluate("title => { title.style.color = '#999'; }")
        assert weak(tab)


OPERABLE = {"button", "link", "textbox", "searchbox", "slider", "switch", "checkbox", "combobox", "spinbutton", "img"}
OPERABLE |= {"navigation", "main", "region", "dialog", "search", "group", "table", "progressbar", "image"}
FINE = {"twice": [], "skipped": [], "first": 1, "pointless": [], "nested": 0, "outside": 0, "positive": 0, "lang": "en"}


def nameless(tab: Any) -> list[str]:
    """What the browser itself tells screen readers, without a name."""
    nodes = tab.context.new_cdp_session(tab).send("Accessibility.getFullAXTree")["nodes"]
    told = [(node["role"]["value"], node.get("name", {}).get("value")) for node in nodes if not node["ignored"]]
    assert len([role for role, _ in told if role in OPERABLE]) > 5
    return [role for role, name in told if role in OPERABLE - {"group", "table"} and not name]


@pytest.mark.parametrize("name", ["refund", "unwritten", "mono", "failed", "attack"])
def test_everything_has_a_name_and_a_place(world: World, browser: Any, name: str) -> None:
    with opened(browser, at(world, name)) as tab:
        expect(tab.locator("#call")).to_be_visible()
        assert nameless(tab) == []
        assert checked(tab, "problems") == FINE
        file = {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF"}
        tab.locator("#many-files").set_input_files([file, file])
        expect(tab.locator("#ask-dialog")).to_be_visible()
        assert nameless(tab) == []
        assert checked(tab, "problems") == FINE


# The label of "skip" is larger, and "pass" is not there until it has the focus
def test_targets_are_large_enough_for_a_finger(world: World, browser: Any) -> None:
    with opened(browser, at(world), "phone") as tab:
        tab.get_by_role("button", name="Insights").click()
        assert [name for name in checked(tab, "small") if name not in {"skip", "pass"}] == []


def test_who_wants_no_motion_gets_none(world: World, browser: Any) -> None:
    moving = "() => document.getAnimations().length"
    for motion in ("reduce", "no-preference"):
        call = world.kit.create(caller="+442079460133")
        with opened(browser, f"{world.url}#{call.id}", reduced_motion=motion) as tab:
            tab.evaluate("() => { document.getElementById('call').dataset.status = 'processing'; }")
            tab.wait_for_timeout(100)
            assert bool(tab.evaluate(moving)) == (motion == "no-preference")
