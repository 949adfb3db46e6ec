"""A real browser on real recordings: the system's own Chromium, driven by Playwright. Without it all tests skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.pages import Page, a_small_recording, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRED = "SLIPWAY_REQUIRE_BROWSER"  # set where a skip would hide something: continuous integration
_IS_REQUIRED = bool(os.environ.get(REQUIRED))  # read before a test's own fixtures take it away


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    program = shutil.which("chromium")
    if program is None and _IS_REQUIRED:
        pytest.fail(f"{REQUIRED} is set, but there is no chromium")
    if program is None:
        pytest.skip("no chromium: local/setup.sh browser installs it (Debian, root)")
    from playwright.sync_api import sync_playwright

    # Root has no sandbox of its own in a container; the only pages are ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of an hour of a real simulation."""
    return a_small_recording(tmp_path_factory.mktemp("recording") / "small.jsonl")


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that fails its test when anything in it went wrong, or asked for something elsewhere."""
    with open_page(chromium) as page:
        yield page
        assert page.errors == []
        assert page.elsewhere == []
