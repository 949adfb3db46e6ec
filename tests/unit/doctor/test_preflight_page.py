"""docs/preflight.md lists every check with what it says and the permissions that it needs, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from local.doctor.registry import CHECKS, CONFIGURATION

PAGE = Path(__file__).parents[3] / "docs" / "preflight.md"
ROW = re.compile(r"^\| `(?P<name>[a-z-]+)` \| (?P<about>.+?) \|(?P<needs>[^|]*)\|$", re.MULTILINE)


def rows() -> dict[str, re.Match[str]]:
    _, _, table = PAGE.read_text("utf-8").partition("## What it looks at")
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
    reading = re.compile(r"(ec2|secretsmanager):Describe\w+|\w+:(Batch)?Get\w+|lambda:InvokeFunction")
    wanted = {permission for check in CHECKS for permission in check.permissions}
    assert {permission for permission in wanted if not reading.fullmatch(permission)} == set()
    assert "secretsmanager:GetSecretValue" not in wanted
