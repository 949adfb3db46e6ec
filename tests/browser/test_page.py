"""The page in a real browser: what is seen, by pointer and by keyboard, and what happens when the server goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.live.frames import Frame
from local.live.history import History
from local.live.recording import open_recording
from local.live.replay import history_of
from local.live.server import LiveServer
from tests.browser.pages import Page, frames_of, history_up_to, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def server(recording: Path) -> Iterator[LiveServer]:
    with LiveServer(history_of(open_recording(recording))) as server:
        yield server


def busiest(recording: Path, of: int) -> float:
    """The moment at which most jobs wait (0) or run (1)."""
    found: float = max(frames_of(recording), key=lambda frame: frame["s"][of])["t"]
    return found


def time_of(frame: Frame) -> str:
    """A frame's time of day, as the page writes it."""
    return f"{datetime.fromtimestamp(frame['t'], UTC):%H:%M:%S}"


def test_jobs_instances_and_reasons_of_a_moment_are_drawn_as_the_recording_has_them(
    page: Page, server: LiveServer, recording: Path
) -> None:
    moment = busiest(recording, 0)
    frame = next(frame for frame in reversed(frames_of(recording)) if frame["t"] <= moment)
    page.open(server.url)
    page.scrub_to(moment)
    page.wait_for_text("#n-waiting", f"^{len(frame['j'])}$")
    page.wait_for_count(".box", len(frame["i"]))
    placed = [row for row in frame["r"].values() if row[1]]
    page.wait_for_count(".box .block", len(placed))
    page.wait_for_count("#lanes .job", len(frame["j"]))
    page.wait_for_count("#reasons li", len({row[6] for row in frame["j"].values()}))
    said = page.text("#reasons")
    assert all(sentence in said for [sentence] in frame["y"].values())
    organizations = {row[4].split("/")[0] for row in frame["j"].values()}
    page.wait_for_count("#lanes .lane", len(organizations))
    assert all(name in page.text("#lanes") for name in organizations)


def test_boxes_fill_as_the_recording_plays_and_no_two_blocks_share_a_place(
    page: Page, server: LiveServer, recording: Path
) -> None:
    page.open(server.url)
    page.wait_for_text("#n-running", "^0$")
    page.scrub_to(busiest(recording, 1))
    page.wait_for_text("#n-running", "^[1-9]")
    boxes = page.tab.evaluate(
        "[...document.querySelectorAll('.box')].map(box => [...box.querySelectorAll('.block')].map(block => {"
        " const r = block.getBoundingClientRect(), g = box.querySelector('.grid').getBoundingClientRect();"
        " return [r.left - g.left, r.top - g.top, r.right - g.left, r.bottom - g.top, g.width, g.height] }))"
    )
    assert any(len(blocks) > 2 for blocks in boxes)
    for blocks in boxes:
        for n, (left, top, right, bottom, width, height) in enumerate(blocks):
            assert left >= 0
            assert top >= 0
            assert right <= width
            assert bottom <= height
            for other in blocks[:n]:
                apart = left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom
                assert apart


def test_the_keyboard_scrubs_back_and_returns_to_the_end(page: Page, server: LiveServer) -> None:
    page.open(server.url)
    page.wait_for_text("#live", "^End$")
    page.find("#live").click()
    page.wait_for_text("#live[aria-pressed=true]", "^End$")  # drawn in one go with the clock
    end = page.text("#clock")
    page.find("#moment").focus()
    page.tab.keyboard.press("PageDown")
    page.tab.wait_for_function("end => document.getElementById('clock').textContent !== end", arg=end)
    assert page.find("#live").get_attribute("aria-pressed") == "false"
    said = page.find("#moment").get_attribute("aria-valuetext") or ""
    assert "waiting" in said
    assert page.text("#clock").split()[0] in said
    page.tab.keyboard.press("Tab")  # from the slider to the button behind it
    page.tab.keyboard.press("Enter")
    page.wait_for_text("#clock", end)
    assert page.find("#live").get_attribute("aria-pressed") == "true"


def test_a_click_on_the_time_line_goes_there(page: Page, server: LiveServer, recording: Path) -> None:
    page.open(server.url)
    box = page.find("#moment").bounding_box()
    assert box
    page.tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.tab.wait_for_selector("html:not([data-frame='1'])", state="attached")
    assert page.find("#live").get_attribute("aria-pressed") == "false"
    frames = frames_of(recording)
    middle = (frames[0]["t"] + frames[-1]["t"]) / 2
    shown = float(page.find("#moment").input_value())
    assert abs(shown - middle) < 0.05 * (frames[-1]["t"] - frames[0]["t"])


def test_play_goes_on_from_where_one_is(page: Page, server: LiveServer, recording: Path) -> None:
    page.open(server.url)
    page.scrub_to(frames_of(recording)[0]["t"] + 120)
    page.find("#speed").select_option("1200")
    page.find("#play").click()
    page.wait_for_text("#live[aria-pressed=true]", "End")  # it plays to the end, and stays there
    page.wait_for_text("#play", "^Play$")


def test_what_comes_in_is_drawn_at_once_and_a_look_at_the_past_is_left_alone(
    page: Page, recording: Path
) -> None:
    frames = frames_of(recording)
    half = next(n for n, frame in enumerate(frames) if frame["s"][1] >= 3)
    history = history_up_to(recording, half)
    with LiveServer(history) as server:
        page.open(server.url, half)
        page.wait_for_text("#connection", "^live$")
        history.keep(frames[half])
        page.wait_for_frame(half + 1)
        page.wait_for_text("#n-running", f"^{frames[half]['s'][1]}$")
        page.scrub_to(frames[2]["t"])
        for frame in frames[half + 1 : half + 30]:
            history.keep(frame)
        page.wait_for_text("#last-moment", f"^{time_of(frames[half + 29])}$")
        page.wait_for_text("#clock", f"^{time_of(frames[2])} UTC$")
        assert page.find("#live").get_attribute("aria-pressed") == "false"
        page.find("#live").click()
        page.wait_for_frame(history.last)
        assert page.find("#live").get_attribute("aria-pressed") == "true"


def test_while_nothing_changes_the_time_goes_on_until_the_source_is_over(page: Page, recording: Path) -> None:
    waiting = next(n for n, frame in enumerate(frames_of(recording), 1) if frame["j"])
    history = history_up_to(recording, waiting)
    with LiveServer(history) as server:
        page.open(server.url, waiting)
        page.wait_for_text("#n-oldest", "the oldest for")
        before = page.text("#n-oldest")
        page.tab.wait_for_function(
            "old => document.getElementById('n-oldest').textContent !== old", arg=before
        )
        history.say(over=True)
        page.wait_for_text("#connection", "^over$")
        page.wait_for_text("#clock", f"^{time_of(frames_of(recording)[waiting - 1])} UTC$")


def test_a_page_whose_server_goes_says_since_when_and_comes_back_by_itself(
    chromium: Browser, recording: Path
) -> None:
    frames = frames_of(recording)
    with open_page(chromium) as page:
        with LiveServer(history_up_to(recording, 50)) as server:
            page.open(server.url, 50)
            page.wait_for_text("#connection", "^live$")
        page.wait_for_text("#connection", r"^disconnected since \d\d:\d\d:\d\d")
        page.wait_for_text("#trouble", "What is shown is of then")
        page.wait_for_text("#announce", "Disconnected since")
        history = history_up_to(recording, 80)
        with LiveServer(history, server.port):
            page.wait_for_text("#connection", "^live$")
            page.wait_for_frame(80)
            assert page.find("#trouble").is_hidden()
            history.keep(frames[80])
            page.wait_for_frame(81)
        assert page.elsewhere == []
        assert all("ERR_" in error for error in page.errors), "only the connection's own errors"


def test_a_page_that_was_away_gets_what_it_missed_not_everything_again(
    chromium: Browser, recording: Path
) -> None:
    frames = frames_of(recording)
    history = history_up_to(recording, 50)
    with open_page(chromium) as page, LiveServer(history) as server:
        # Counts what comes, beside the page's own handlers.
        page.tab.add_init_script(
            "window.came = []; const Own = EventSource; window.EventSource = class extends Own { constructor(url) { super(url);"
            " for (const name of ['whole', 'change']) this.addEventListener(name, () => came.push(name)); } };"
        )
        page.open(server.url, 50)
        page.tab.context.set_offline(True)
        page.tab.evaluate("window.dispatchEvent(new Event('online'))")  # a new stream is tried, and fails
        page.wait_for_text("#connection", r"^disconnected since \d\d:\d\d:\d\d")
        for frame in frames[50:60]:
            history.keep(frame)
        page.tab.context.set_offline(False)
        page.wait_for_frame(60)
        page.wait_for_text("#connection", "^live$")
        assert page.tab.evaluate("came") == ["whole"] + ["change"] * 10


def test_trouble_of_the_source_is_shown_until_it_is_over(page: Page, recording: Path) -> None:
    history = history_up_to(recording, 20)
    with LiveServer(history) as server:
        page.open(server.url, 20)
        history.say(trouble="the token has expired", since=1_700_000_000.0)
        page.wait_for_text("#trouble", r"cannot be read since \d\d:\d\d:\d\d: the token has expired")
        history.say()
        page.tab.wait_for_selector("#trouble", state="hidden")


def test_the_pointer_is_told_what_it_rests_on_until_that_is_gone(
    page: Page, server: LiveServer, recording: Path
) -> None:
    moment = busiest(recording, 0)
    page.open(server.url)
    page.scrub_to(moment)
    job = page.find("#lanes .job").first
    job.hover()
    frame = next(frame for frame in reversed(frames_of(recording)) if frame["t"] <= moment)
    repository = frame["j"][job.get_attribute("data-key")][4]
    page.wait_for_text("#tip p:first-child", repository)
    page.scrub_to(frames_of(recording)[0]["t"])
    page.tab.wait_for_selector("#tip", state="hidden")
    page.scrub_to(busiest(recording, 1))
    page.find(".block.busy").first.hover()
    page.wait_for_text("#tip p:first-child", "runs a job of acme-")
    page.find(".box .name").first.hover()
    page.wait_for_text("#tip p:last-child", "^i-")


def test_hostile_names_are_text(page: Page, recording: Path, tmp_path: Path) -> None:
    text = recording.read_text("utf-8")
    name = json.dumps(HOSTILE)[1:-1]
    file = tmp_path / "hostile.jsonl"
    file.write_text(
        text.replace("acme-games/", f"{name}/").replace('"CI"', f'"{name}"').replace('"build"', f'"{name}"'),
        "utf-8",
    )
    recording = file
    with LiveServer(history_of(open_recording(recording))) as server:
        page.open(server.url)
        moment = max(
            (
                frame
                for frame in frames_of(recording)
                if any(HOSTILE in row[4] for row in frame["j"].values())
            ),
            key=lambda frame: len(frame["d"]),
        )["t"]
        page.scrub_to(moment)
        page.wait_for_text("#lanes", re.escape(HOSTILE))
        assert HOSTILE in page.text("#finished")
        page.find("#lanes .job").first.hover()
        page.find("#view").select_option("tables")
        page.wait_for_text("#t-jobs", re.escape(HOSTILE))
        assert page.find("img[src=x]").count() == 0
        assert page.tab.evaluate("document.querySelectorAll('script').length") == 1


def test_the_tables_tell_the_same_as_the_drawing(page: Page, server: LiveServer, recording: Path) -> None:
    moment = busiest(recording, 0)
    frame = next(frame for frame in reversed(frames_of(recording)) if frame["t"] <= moment)
    page.open(server.url)
    page.scrub_to(moment)
    page.find("#view").select_option("tables")
    page.wait_for_count("#t-instances tbody tr", len(frame["i"]))
    page.wait_for_count("#t-jobs tbody tr", len(frame["j"]))
    page.wait_for_count("#t-runners tbody tr", len(frame["r"]))
    assert page.find("#hosts").is_hidden()
    for name in frame["i"]:
        assert name in page.text("#t-instances")


def test_the_theme_follows_the_system_and_can_be_chosen_and_is_remembered(
    chromium: Browser, server: LiveServer
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with open_page(chromium, color_scheme="dark") as page:
        page.open(server.url)
        dark = page.tab.evaluate(ground)
        page.find("#theme").select_option("light")
        light = page.tab.evaluate(ground)
        assert light != dark
        page.open(server.url)
        assert page.tab.evaluate(ground) == light
        page.find("#theme").select_option("system")
        assert page.tab.evaluate(ground) == dark


@pytest.mark.parametrize("view", ["drawing", "tables"])
def test_a_narrow_screen_needs_no_scrolling_sideways(
    chromium: Browser, server: LiveServer, recording: Path, view: str
) -> None:
    with open_page(chromium, viewport={"width": 360, "height": 740}) as page:
        page.open(server.url)
        page.find("#view").select_option(view)
        for moment in (busiest(recording, 0), busiest(recording, 1)):
            page.scrub_to(moment)
            assert page.tab.evaluate("document.documentElement.scrollWidth") == 360
        assert page.errors == []


def test_everything_that_can_be_used_has_a_name_a_focus_and_a_place_in_the_page(
    page: Page, server: LiveServer, recording: Path
) -> None:
    page.open(server.url)
    page.scrub_to(busiest(recording, 0))
    for role, name in (
        ("main", None), ("banner", None), ("contentinfo", "Time line"), ("slider", "Moment shown"), ("button", "Play"),
        ("combobox", "Colour"), ("combobox", "Show"), ("combobox", "Theme"), ("combobox", "Speed of playing"),
        ("heading", "Queue"), ("heading", "Why they wait"), ("region", "Now"), ("region", "Pool general"),
    ):  # fmt: skip
        assert page.tab.get_by_role(role, name=name).count() >= 1, (role, name)  # type: ignore[arg-type]
    boxes = page.tab.get_by_role("img")
    assert boxes.count() >= 2
    assert "vCPU in" in (boxes.last.get_attribute("aria-label") or "")
    assert page.find("#announce").get_attribute("aria-live") == "polite"
    order: list[str] = []
    while "live" not in order and len(order) < 20:
        page.tab.keyboard.press("Tab")
        order.append(page.tab.evaluate("document.activeElement.id || document.activeElement.className"))
        assert page.tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", order
    wanted = ["skip", "colour-by", "view", "theme"]
    assert order[:4] == wanted
    assert {"play", "speed", "moment", "live"} <= set(order)


def test_whoever_wants_no_motion_sees_none_and_others_see_jobs_fly_to_their_slots(
    chromium: Browser, recording: Path
) -> None:
    frames = frames_of(recording)
    start = next(
        n for n in range(1, len(frames)) if frames[n]["s"][1] > frames[n - 1]["s"][1] and frames[n - 1]["j"]
    )
    for motion, least in (("reduce", 0), ("no-preference", 1)):
        history: History = history_up_to(recording, start)
        with open_page(chromium, reduced_motion=motion) as page, LiveServer(history) as server:
            page.open(server.url, start)
            # The time goes on meanwhile, past that of the frames to come.
            page.tab.wait_for_function(
                "clock => document.getElementById('clock').textContent > clock",
                arg=f"{time_of(frames[start + 2])} UTC",
            )
            page.tab.evaluate(
                "window.flown = 0; new MutationObserver(seen => { for (const one of seen) flown += one.addedNodes.length })"
                ".observe(document.getElementById('air'), {childList: true})"
            )
            for frame in frames[start : start + 3]:
                history.keep(frame)
            page.wait_for_frame(history.last)
            assert (page.tab.evaluate("flown") > 0) is bool(least)
            assert page.errors == []
