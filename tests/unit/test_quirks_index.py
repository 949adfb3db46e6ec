"""docs/github-quirks.md against the tests: every row names one, and every one that is named is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "github-quirks.md").read_text("utf-8")
NAMED = re.compile(r'\]\(\.\./tests/([a-z_/]+/test_\w+\.py) "(test_\w+)"\)')
ROWS = [
    line
    for line in PAGE.splitlines()
    if line.startswith("| ") and not re.match(r"\| (#|GitHub|Attempt) \|", line)
]
QUIRKS = 17


@cache
def defined(path: str) -> frozenset[str]:
    """The test functions of a file."""
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:40])
def test_every_row_names_tests_that_are_there(row: str) -> None:
    named = NAMED.findall(row)
    assert named
    assert [name for path, name in named if name not in defined(path)] == []
    assert row.count("](../tests/") == len(named)  # nothing that looks like a test and is none


def test_every_quirk_of_the_events_has_its_row_in_turn_and_its_fact() -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, QUIRKS + 1))
    for number in numbers:
        assert f"[GH-WJ-{number}]" in next(row for row in ROWS if row.startswith(f"| {number} |"))


def test_every_quirk_is_tried_alone_and_through_the_whole_loop() -> None:
    for row in ROWS:
        if re.match(r"\| \d+ \|", row):
            folders = {path.split("/")[0] for path, _ in NAMED.findall(row)}
            assert {"unit", "integration"} <= folders, row[:60]


def test_every_test_that_bears_a_quirk_s_number_is_in_the_page() -> None:
    found = {
        f'{path.relative_to(TESTS)} "{name}"'
        for path in TESTS.rglob("test_*quirks*.py")
        for name in defined(str(path.relative_to(TESTS)))
        if re.match(r"test_quirk_\d+_", name)
    }
    assert len(found) > 2 * QUIRKS
    assert sorted(name for name in found if name not in PAGE) == []
