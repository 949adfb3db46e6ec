"""What the browser's tests drive: a page with its errors and requests noted, and the recordings it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.live.frames import Frame
from local.live.history import History
from local.live.recording import open_recording
from local.simulator.configuration import configuration_for
from local.simulator.policies.policy import Task
from local.simulator.recording import recorded_run
from local.simulator.workload.scenarios import make_workload
from local.simulator.workload.windows import Size, Window
from local.twin.latency import LatencyModel

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as BrowserPage


@dataclass
class Page:
    """One page of the live view."""

    tab: BrowserPage
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def open(self, url: str, frame: int = 1) -> None:
        """Go to a server's page and wait until it has drawn a frame: a recording's first, or that of a live history."""
        self.tab.goto(url)
        self.wait_for_frame(frame)

    def wait_for_frame(self, number: int) -> None:
        """Wait until a frame is drawn, with everything in it."""
        self.tab.wait_for_selector(f"html[data-frame='{number}']", state="attached")

    def find(self, selector: str) -> Locator:
        """Return what a CSS selector finds."""
        return self.tab.locator(selector)

    def text(self, selector: str) -> str:
        """Return the text of the first that a selector finds."""
        return self.tab.locator(selector).first.inner_text()

    def wait_for_text(self, selector: str, pattern: str) -> None:
        """Wait until an element's text matches."""
        from playwright.sync_api import expect

        expect(self.tab.locator(selector)).to_have_text(re.compile(pattern), timeout=15_000)

    def wait_for_count(self, selector: str, count: int) -> None:
        """Wait until a selector finds so many."""
        from playwright.sync_api import expect

        expect(self.tab.locator(selector)).to_have_count(count, timeout=15_000)

    def scrub_to(self, moment: float) -> None:
        """Move the slider as a pointer does, and wait for the frame of that moment."""
        asked, number = self.tab.evaluate(
            """async moment => {
              const slider = document.getElementById("moment");
              slider.step = "1";
              slider.value = String(Math.round(moment));
              slider.dispatchEvent(new Event("input"));
              const asked = slider.value;
              return [asked, (await (await fetch(`/frames?at=${asked}&count=0`)).json()).whole.n];
            }""",
            moment,
        )
        self.wait_for_frame(number)
        self.wait_for_text("#clock", f"^{datetime.fromtimestamp(int(asked), UTC):%H:%M:%S} UTC$")

    def note(self, base: str, url: str) -> None:
        """Note a request that goes elsewhere."""
        if not url.startswith((base, "data:")):
            self.elsewhere.append(url)


@contextmanager
def open_page(browser: Browser, **settings: Any) -> Iterator[Page]:
    """Give a page of its own context, which remembers nothing of another test's."""
    context = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **settings}
    )
    page = Page(context.new_page())
    page.tab.on("pageerror", lambda fault: page.errors.append(str(fault)))
    page.tab.on(
        "console", lambda said: page.errors.append(said.text) if said.type in ("error", "warning") else None
    )
    page.tab.on("request", lambda request: page.note("http://127.0.0.1:", request.url))
    try:
        yield page
    finally:
        context.close()


def a_small_recording(file: Path) -> Path:
    """Record a quarter of a busy hour of the simulator's own enterprise."""
    workload = make_workload("working-day", 1, Size(6_000, Window(5, 0.25)))
    recorded_run(
        Task(workload, configuration_for(6_000), LatencyModel.modelled(), seed=1), file, "a busy quarter"
    )
    return file


def frames_of(file: Path) -> list[Frame]:
    """Return every frame of a recording."""
    return [frame for frame, _ in open_recording(file).frames()]


def history_up_to(file: Path, count: int) -> History:
    """Return a history of the first frames of a recording, as if the rest were still to come."""
    recording = open_recording(file)
    history = History({**recording.about, "kind": "demo", "clock_scale": 8})
    for frame, _ in recording.frames():
        if history.last == count:
            break
        history.keep(frame)
    return history
