"""The guide can be followed: the examples that it copies make the secrets that it fills, and money is told once."""

from __future__ import annotations

import re

import pytest

from local.configuration.check import check_file
from local.configuration.compilation import compiled_body
from local.infrastructure.description import secrets_to_create
from slipway.config import decode_configuration
from tests.support.repository import ROOT

GUIDE = (ROOT / "docs" / "getting-started.md").read_text("utf-8")
COSTS = (ROOT / "docs" / "costs.md").read_text("utf-8")
COPIED = re.findall(r"docs/examples/[\w-]+\.yaml", GUIDE.partition("## 4. ")[2].partition("## 5. ")[0])
(FILLED,) = re.findall(r"for name in ([\w -]+); do", GUIDE)
A_MONTH = re.compile(r"([0-9][0-9.]*) USD a month|\$([0-9][0-9.]*)/month")


def test_the_guide_copies_an_example_for_each_case() -> None:
    assert len(set(COPIED)) == 2


@pytest.mark.parametrize("example", COPIED)
def test_the_secrets_of_an_example_are_made_by_the_deployment_and_filled_by_the_guide(example: str) -> None:
    file = check_file(ROOT / example).file
    assert file is not None
    configuration = decode_configuration(compiled_body(file))
    made = set(secrets_to_create(configuration))
    assert {"slipway/webhook", "slipway/app"} <= made <= {f"slipway/{name}" for name in FILLED.split()}


def test_no_command_of_the_guide_depends_on_the_folder_that_it_is_given_in() -> None:
    after_it_was_written = GUIDE.partition("## 5. ")[2]
    assert re.findall(r"slipway [a-z-]+ slipway\.yaml|CONFIG=slipway\.yaml", after_it_was_written) == []


@pytest.mark.parametrize("page", ["getting-started.md", "faq.md", "comparison.md"])
def test_what_a_month_costs_is_said_as_it_was_counted(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    ours = [
        line
        for line in text.splitlines()
        if "Slipway" in line or "slipway" in line or "without a job" in line
    ]
    told = [number for line in ours for found in A_MONTH.findall(line) for number in found if number]
    assert {
        number for number in told if not re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", COSTS)
    } == set()
