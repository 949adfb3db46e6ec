"""The page's sources: they know every reason and column, write text alone, and fetch nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from local.live.frames import KINDS
from local.live.recording import _ROWS
from local.live.server import page_files
from slipway.domain.reasons import Why

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "local" / "live" / "page"
SCRIPTS = {file.name: file.read_text("utf-8") for file in sorted(PAGE.glob("*.js"))}


def test_every_reason_of_the_plan_has_a_heading_on_the_page() -> None:
    [table] = re.findall(r"const REASONS = \{(.*?)\n\};", SCRIPTS["queue.js"], re.DOTALL)
    assert set(re.findall(r"(\w+): \"", table)) == {why.value for why in Why}


def test_what_counts_as_on_its_way_are_reasons_of_the_plan() -> None:
    [words] = re.findall(r"ON_THE_WAY = new Set\(\[(.*?)\]\)", SCRIPTS["frame.js"])
    assert set(re.findall(r'"(\w+)"', words)) < {why.value for why in Why}


def test_page_and_frames_have_the_same_kinds_and_columns() -> None:
    [kinds] = re.findall(r"const KINDS = \[(.*?)\]", SCRIPTS["frame.js"])
    assert tuple(re.findall(r'"(\w)"', kinds)) == KINDS
    said = (ROOT / "docs" / "live.md").read_text("utf-8")
    for kind, columns in _ROWS.items():
        [row] = re.findall(rf"^\| `{kind}` \| [^|]+ \| ([^|]+) \|$", said, re.MULTILINE)
        assert len(row.split(", ")) == len(columns), kind


def test_nothing_is_written_as_markup_and_nothing_is_evaluated() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|setTimeout\(\s*[\"'`]"
    assert {name for name, text in SCRIPTS.items() if re.search(forbidden, text)} == set()
    markup = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"\son\w+=|style=|<style|javascript:", markup)
    assert re.findall(r"<script[^>]*>", markup) == ['<script type="module" src="app.js">']


def test_nothing_comes_from_elsewhere() -> None:
    for path, (_, body) in page_files().items():
        text = body.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|//[a-z]+\.[a-z]", text), path
        for name in re.findall(r"from \"\./([^\"]+)\"", text):
            assert f"/{name}" in page_files(), f"{path} imports {name}"
