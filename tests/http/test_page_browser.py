"""What people do on the page, done in headless Chromium. See `tests.http.in_browser` for when these tests run."""

import re
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any

import pytest

from callkit.testing.factory import make_call
from tests.http.in_browser import World, a_browser, a_world, expect, heard, needs_browser, opened, wait_until_heard

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with a_browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("page")) as world:
        yield world


def at(world: World, name: str, second: float | None = None) -> str:
    place = "" if second is None else f"@{second}"
    return f"{world.url}#{getattr(world.calls, name).id}{place}"


# ---- the list


def test_the_list_goes_on_as_one_scrolls(world: World, browser: Any) -> None:
    with opened(browser, world.url) as tab:
        rows, total = tab.locator("#calls > li"), world.kit.count()
        expect(tab.locator("#count")).to_have_text(f"{total} calls")
        assert rows.count() < total
        expect(rows.first).to_contain_text("+442079460018 → +442079460100")
        expect(rows.first).to_contain_text("0:53")
        expect(rows.first.locator(".tag")).to_have_text(["billing", "vip"])
        tab.locator("#found").evaluate("list => { list.scrollTop = list.scrollHeight; }")
        expect(rows).to_have_count(total)
        ids = rows.evaluate_all("items => items.map(item => item.dataset.id)")
        assert ids == [str(call.id) for call in world.kit.calls()]


def test_search_as_one_types_and_jump_to_what_was_said(world: World, browser: Any) -> None:
    with opened(browser, at(world, "mono")) as tab:
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url) if "/calls?" in request.url else None)
        tab.keyboard.press("/")
        tab.keyboard.type("refund")
        hits = tab.locator("#calls .hit")
        expect(hits).to_have_count(2)
        assert len(asked) <= 2  # it waits until one stops typing
        expect(tab.locator("#count")).to_have_text("1 call found")
        expect(hits.nth(0).locator("mark")).to_have_text("refund")
        expect(hits.nth(1)).to_contain_text("agent: Yes, the refund has been issued.")
        hits.nth(1).click()
        wait_until_heard(tab, 35.3, 35.5)
        expect(tab.locator("#lines mark")).to_have_text(["refund", "refund"])
        expect(tab.locator("#lines [aria-current]")).to_contain_text("Yes, the refund")
        tab.locator("#wave").press("Home")
        hits.nth(1).click()  # the address is the same
        wait_until_heard(tab, 35.3, 35.5)
        tab.locator("#query").fill("")
        expect(hits).to_have_count(0)
        expect(tab.locator("#lines mark")).to_have_count(0)


def test_an_older_answer_does_not_replace_a_newer_one(world: World, browser: Any) -> None:
    with opened(browser, world.url) as tab:
        held: list[Any] = []
        tab.route(re.compile(r"query=status%3Afailed"), lambda route: held.append(route))  # noqa: PLW0108 - it is marked
        with tab.expect_request(re.compile(r"query=status%3Afailed")):
            tab.locator("#query").fill("status:failed")
        tab.locator("#query").fill("tag:vip")
        expect(tab.locator("#calls > li")).to_have_count(1)
        held[0].continue_()  # now it is answered
        tab.wait_for_timeout(500)
        expect(tab.locator("#calls b").first).to_have_text("+442079460018 → +442079460100")


def test_a_query_that_cannot_be_read_is_explained(world: World, browser: Any) -> None:
    with opened(browser, world.url, expected=["422"]) as tab:
        rows = tab.locator("#calls > li").count()
        tab.locator("#query").fill("duration>soon")
        expect(tab.locator("#wrong")).to_contain_text("'duration>soon'")
        expect(tab.locator("#query")).to_have_attribute("aria-invalid", "true")
        assert tab.locator("#calls > li").count() == rows
        tab.locator("#query").fill("")
        expect(tab.locator("#wrong")).to_be_empty()
        tab.locator("#help").click()
        tab.locator("#terms").get_by_text("tag:vip").click()
        expect(tab.locator("#calls > li")).to_have_count(1)


# ---- the player


def test_it_plays_and_the_transcript_follows(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund")) as tab:
        tab.locator("#play").click()
        wait_until_heard(tab, 0.8)
        expect(tab.locator("#play")).to_have_attribute("aria-label", "Pause")
        expect(tab.locator("#lines [aria-current]")).to_contain_text("Good morning")
        first = heard(tab)
        wait_until_heard(tab, first + 0.5)
        tab.locator("#rate").select_option("3")
        wait_until_heard(tab, 6.9)
        expect(tab.locator("#lines [aria-current]")).to_contain_text("Hi Helen")
        tab.locator("#wave").press("Space")
        stopped = heard(tab)
        tab.wait_for_timeout(300)
        assert heard(tab) == stopped
        tab.get_by_text("Right. Can you refund it today").click()  # plays from there
        wait_until_heard(tab, 33.2, 36)


def test_seek_by_pointer_and_keys(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund")) as tab:
        answers: list[int] = []
        tab.on("response", lambda response: answers.append(response.status) if "/audio" in response.url else None)
        wave = tab.locator("#wave")
        box = wave.bounding_box()
        wave.click(position={"x": box["width"] / 2, "y": 60})
        assert heard(tab) == pytest.approx(26.5, abs=0.2)
        tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
        tab.mouse.down()
        tab.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 50, steps=5)
        assert heard(tab) == pytest.approx(26.5, abs=0.2)  # a drag is one seek, at its end
        tab.mouse.up()
        assert heard(tab) == pytest.approx(39.75, abs=0.2)
        for key, second in (("Home", 0), ("ArrowRight", 5), ("PageUp", 35), ("ArrowLeft", 30), ("End", 53)):
            wave.press(key)
            assert heard(tab) == pytest.approx(second, abs=0.1)
        wave.press("PageDown")
        assert wave.get_attribute("aria-valuetext") == "23 seconds of 53 seconds, Silence"
        assert wave.get_attribute("aria-valuenow") == "23"
        tab.locator("#title").focus()
        tab.keyboard.press("ArrowRight")  # wherever one is
        expect(tab.locator("#clock")).to_have_text("0:28 / 0:53")
        tab.locator("#back5").click()
        expect(tab.locator("#clock")).to_have_text("0:23 / 0:53")
        assert answers
        assert set(answers) <= {206, 304}  # in a 200 nobody could seek


def test_silence_is_skipped(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund", 16.2)) as tab:
        tab.locator("#skip").check()
        tab.locator("#play").click()
        wait_until_heard(tab, 26.3, within=6)  # 10 s on
        tab.reload()
        expect(tab.locator("#skip")).to_be_checked()


def test_who_reads_on_is_left_alone(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund"), viewport={"width": 1280, "height": 640}) as tab:
        lines, follow = tab.locator("#lines"), tab.locator("#follow")
        lines.hover()
        tab.mouse.wheel(0, 30)
        expect(follow).to_be_visible()
        tab.locator("#wave").press("End")
        tab.wait_for_timeout(300)
        assert lines.evaluate("list => list.scrollTop") < 60
        follow.click()
        expect(follow).to_be_hidden()
        expect(tab.get_by_text("You are welcome")).to_be_in_viewport()


def test_what_there_is_without_a_transcript(world: World, browser: Any) -> None:
    with opened(browser, at(world, "placeholder")) as tab:
        expect(tab.locator("#placeholder")).to_have_text("placeholder")
        expect(tab.locator("#note")).to_contain_text("nothing of it was said")
        tab.goto(at(world, "unwritten"))
        expect(tab.locator("#said-title")).to_have_text("Speech")
        expect(tab.locator("#placeholder")).to_be_hidden()
        expect(tab.locator("#lines li").first).to_contain_text("speaks for")
        tab.goto(at(world, "mono"))
        expect(tab.locator("#parties")).to_contain_text("who spoke can't be told")


def test_the_panel_leads_to_what_happened(world: World, browser: Any) -> None:
    with opened(browser, at(world, "refund")) as tab:
        expect(tab.locator("#shares li")).to_have_text(["Customer31 %", "Agent69 %"])
        expect(tab.locator("#moments li")).to_have_count(4)
        expect(tab.locator("#moments")).to_contain_text("4 keys pressed")  # and not which
        tab.locator("#moments button", has_text="Agent interrupts Customer").click()
        wait_until_heard(tab, 35.3, 37)
        with tab.expect_popup() as report:
            tab.locator("#report").click()
        assert "+442079460018" in report.value.title()
        with tab.expect_download() as download:
            tab.locator("#download").click()
        assert download.value.suggested_filename == "in-02079460018-100-20261123-115800.wav"


def test_what_a_browser_cannot_play_is_offered_as_a_download(world: World, browser: Any) -> None:
    with TemporaryFile() as file:
        file.write(make_call(seconds=5, channels=1, seed=61).encoded("gsm"))
        call = world.kit.wait(world.kit.ingest(file, caller="+442079460166", name="old.wav").id, 20)
    with opened(browser, f"{world.url}#{call.id}") as tab:
        expect(tab.locator("#trouble")).to_have_text("This browser can't play the recording: download it.")
        expect(tab.locator("#download")).to_be_visible()
        tab.goto(at(world, "refund"))
        expect(tab.locator("#trouble")).to_be_hidden()


# ---- whatever it holds


def test_hostile_names_do_nothing(world: World, browser: Any) -> None:
    with opened(browser, at(world, "attack"), expected=["policy: require-trusted-types-for", "TrustedHTML"]) as tab:
        expect(tab.locator("#title")).to_have_text('"><img src=x onerror=alert(4)> → <b>101</b>')
        expect(tab.locator("#lines")).to_contain_text("<script>alert('script')</script>")
        expect(tab.locator("#about")).to_contain_text("<img src=x onerror=alert(6)>.wav")
        tab.locator("#query").fill("alert")
        expect(tab.locator("#calls .hit mark").first).to_have_text("alert")
        assert tab.locator("img").count() == 2  # ours
        assert tab.locator("main b b, main script, nav script").count() == 0
        refused = "() => { try { document.body.innerHTML = '<i>'; } catch (error) { return error.name; } }"
        assert tab.evaluate(refused) == "TypeError"  # by the browser
