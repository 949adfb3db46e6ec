"""The comparison: our numbers are those of the benchmarks, theirs have a source that anybody can open."""

from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT

PAGE = (ROOT / "docs" / "comparison.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
BENCHMARKS = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
COSTS = (ROOT / "docs" / "costs.md").read_text("utf-8")
PEERS = ["ARC", "the module", "cdk-github-runners", "RunsOn", "CodeBuild"]
SOURCE = re.compile(r"\]\(https://[^)\s]+\)|\[PEER-[A-Z-]+\]")
FIGURE = re.compile(r"(?<![\w.#-])\d+(?:\.\d+)?(?![\w.]*\d)")


def part(heading: str) -> str:
    return PAGE.partition(f"{heading}\n")[2].partition("\n#")[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def figures(text: str) -> set[str]:
    """The numbers of a text, as written and rounded."""
    found = set(FIGURE.findall(text.replace(",", "")))
    return found | {str(round(float(number))) for number in found}


WAITS = rows(part("### From queued to running"))


def test_it_begins_with_what_slipway_has_not_done_yet() -> None:
    first = PAGE.split("\n\n")[1]
    assert first.startswith("**Slipway has not run on a real AWS account or against a real GitHub yet.**")
    assert re.search(r"the date is \d{4}-\d\d-\d\d", PAGE)


def test_modelled_waits_are_those_of_the_benchmarks() -> None:
    modelled = [row for row in WAITS if row[-1].startswith("model") and "reported" not in row[-1]]
    assert len(modelled) >= 5
    for row in modelled:
        named = figures(re.sub(r"\]\([^)]*\)", "", " ".join(row[1:]))) - {"90"}
        assert named <= figures(BENCHMARKS), row


def test_what_others_publish_or_report_has_a_source() -> None:
    theirs = [row for row in WAITS if re.match(r"\[?(published|reported)", row[-1])]
    assert len(theirs) >= 4
    assert [row for row in theirs if not SOURCE.search(" ".join(row))] == []


def test_modelled_bills_are_those_of_the_benchmarks_and_costs() -> None:
    bills = part("### What it costs").rpartition("the model says:")[2]
    assert {"455", "410", "429", "414", "334", "236"} <= figures(bills) & figures(BENCHMARKS)
    (ours,) = [row for row in rows(part("### What it costs")) if row[0] == "Slipway"]
    assert FIGURE.findall(ours[1])[0] in figures(COSTS)


@pytest.mark.parametrize("peer", PEERS)
def test_of_every_peer_it_is_said_where_it_is_better_and_where_it_was_read(peer: str) -> None:
    better = {row[0].strip("*"): row for row in rows(part("## When another is the better choice"))}
    read_in = {row[0]: row for row in rows(part("## Feature by feature")) if len(row) == 2}
    assert better[peer][1]
    assert SOURCE.search(read_in[peer][1])


def test_the_short_table_of_the_readme_says_of_its_numbers_what_kind_they_are() -> None:
    table = rows(README.partition("## Beside others\n")[2].partition("\n## ")[0])
    assert {len(row) for row in table} == {6}
    assert len(table) <= 7
    (starts,) = [row for row in table if row[0] == "Cold start"]
    for cell in starts[1:]:
        assert "published" in cell or "reported" in cell or "modelled" in cell


def test_the_row_for_the_list_of_runners_has_its_fifteen_columns() -> None:
    (row,) = rows(PAGE.partition("```markdown\n")[2].partition("\n```")[0])
    assert len(row) == 15
