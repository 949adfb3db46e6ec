"""docs/preflight.md lists every check with what it says and the permissions that it needs, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from local.doctor.registry import CHECKS, CONFIGURATION

PAGE = Path(__file__).parents[3] / "docs" / "preflight.md"
ROW = re.compile(r"^\| `(?P<name>[a-z-]+)` \| (?P<about>.+?) \|(?P<needs>[^|]*)\|$", re.MULTILINE)


def rows() -> dict[str, re.Match[str]]:
    _, _, table = PAGE.read_text("utf-8").partition("## What it looks at")
    table = table.partition("## What it tells")[0]
    return {row["name"]: row for row in ROW.finditer(table)}


def plain(about: str) -> str:
    """A sentence without its facts, code marks and flags."""
    return re.sub(r" \[[A-Z0-9-]+\]| \(`--[^)]+\)|`", "", about)


def test_every_check_is_on_the_page_in_its_order() -> None:
    assert list(rows()) == [CONFIGURATION, *(check.name for check in CHECKS)]


def test_what_a_check_is_about_and_what_it_needs_is_what_the_page_says() -> None:
    for check in CHECKS:
        row = rows()[check.name]
        assert plain(row["about"]) == plain(check.about), check.name
        assert set(re.findall(r"`([a-z0-9]+:\w+)`", row["needs"])) == set(check.permissions), check.name


def test_every_permission_reads() -> None:
    reading = re.compile(r"\w+:(Describe|List|Simulate|(Batch)?Get)\w+|dynamodb:Query|lambda:InvokeFunction")
    wanted = {permission for check in CHECKS for permission in check.permissions}
    assert {permission for permission in wanted if not reading.fullmatch(permission)} == set()
    assert "secretsmanager:GetSecretValue" not in wanted


DOCTOR = Path(__file__).parents[3] / "local" / "doctor"
TELLING = {"failed", "warning", "unknown", "status"}


def ids_in_the_code() -> Iterator[str]:
    """Return the first argument of whatever makes a verdict that is not ok: always a literal."""
    yield "configuration-fault"  # by the command itself, before any check
    for file in sorted(DOCTOR.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TELLING:
                name = node.args[0]
                assert isinstance(name, ast.Constant), f"{file.name}:{node.lineno}"
                yield str(name.value)


def test_every_id_that_is_told_has_one_row_with_what_it_means_and_its_cure() -> None:
    _, _, page = PAGE.read_text("utf-8").partition("## What it tells")
    table = page.partition("\n## ")[0]
    found = re.findall(
        r"^\| (?P<ids>`[^|]+`) \| (?P<means>[^|]+) \| (?P<cure>[^|]+) \|$", table, re.MULTILINE
    )
    told = [name for ids, _, _ in found for name in re.findall(r"`([a-z-]+)`", ids)]
    assert sorted(told) == sorted(set(told))
    assert set(told) == set(ids_in_the_code())
    assert all(means.strip() and cure.strip() for _, means, cure in found)
