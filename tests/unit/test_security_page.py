"""docs/security.md names tests that exist: an attack whose test was renamed or removed is found here."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.checkout import names_of_tests

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(
    r"^\|(?P<attack>[^|]+)\|(?P<stops>[^|]+)\|(?P<tests>[^|]+)\|(?P<proven>[^|]+)\|$", re.MULTILINE
)
HEADS = ("Attack", "---")


def rows() -> list[re.Match[str]]:
    found = ROW.finditer(PAGE.read_text("utf-8"))
    return [row for row in found if not row["attack"].strip().startswith(HEADS)]


def test_every_attack_has_what_stops_it_a_test_that_exists_and_where_that_is_proven() -> None:
    known = names_of_tests()
    assert len(rows()) > 20
    for row in rows():
        named = re.findall(r"`(test_\w+)(?:\[[^\]`]*\])?`", row["tests"])  # of one case too
        assert named, row["attack"]
        assert set(named) <= known, row["attack"]
        assert row["stops"].strip()
        assert re.search(r"\b(here|by configuration|real host|real account)\b", row["proven"]), row["attack"]
