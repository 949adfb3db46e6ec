"""Makes the pictures of docs/live.md: ``python -m tests.browser.pictures``. They are of a simulated hour, seed 1."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

from local.live.recording import open_recording
from local.live.replay import history_of
from local.live.server import LiveServer
from local.simulator.configuration import configuration_for
from local.simulator.policies.policy import Task
from local.simulator.recording import recorded_run
from local.simulator.workload.scenarios import make_workload
from local.simulator.workload.windows import Size, Window
from local.twin.latency import LatencyModel
from slipway.domain.configuration import WaitTarget
from tests.browser.pages import frames_of, open_page

IMAGES = Path(__file__).parents[2] / "docs" / "images"
JOBS_PER_DAY = 10_000
TARGET = WaitTarget(20)


def record_an_hour(file: Path) -> None:
    """Record the hour before Berlin arrives, with a target for each profile."""
    configuration = configuration_for(JOBS_PER_DAY)
    profiles = {name: replace(one, wait_target=TARGET) for name, one in configuration.profiles.items()}
    workload = make_workload("working-day", 1, Size(JOBS_PER_DAY, Window(5, 1)))
    task = Task(workload, replace(configuration, profiles=profiles), LatencyModel.modelled(), seed=1)
    recorded_run(task, file, "working-day, seed 1")


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hour.jsonl"
        record_an_hour(file)
        moment = max(frames_of(file), key=lambda frame: frame["s"][0])["t"]
        with LiveServer(history_of(open_recording(file))) as server, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, scheme, width, height in (
                ("live-light", "light", 1280, 860),
                ("live-dark", "dark", 1280, 860),
                ("live-narrow", "light", 360, 800),
            ):
                size = {"width": width, "height": height}
                with open_page(browser, color_scheme=scheme, viewport=size) as page:
                    page.open(server.url)
                    page.scrub_to(moment)
                    page.tab.wait_for_timeout(500)  # colours change softly
                    page.tab.screenshot(path=IMAGES / f"{name}.png")
            browser.close()


if __name__ == "__main__":
    main()
