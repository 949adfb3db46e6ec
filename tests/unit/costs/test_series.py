"""The series of the everyday metrics are few, and the page says how many there are and what they cost."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from local.costs.prices import prices_of, regions
from local.costs.series import everyday_series
from local.simulator.configuration import read_configuration
from slipway import telemetry

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "infra" / "terraform" / "examples" / "complete" / "slipway.yaml"
AT_MOST = 60


@pytest.mark.parametrize("organizations", [6, 60])
def test_the_example_s_everyday_series_are_few_and_the_page_says_what_they_cost(organizations: int) -> None:
    series = everyday_series(read_configuration(EXAMPLE), organizations)
    assert series <= AT_MOST
    (usd,) = {prices_of(region)["metric_month"].usd for region in regions()}
    page = (ROOT / "docs" / "telemetry.md").read_text("utf-8")
    row = re.search(rf"^\| {organizations} organizations \| (\d+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert row is not None
    assert (int(row[1]), row[2]) == (series, f"{series * usd:.2f}")


def test_hundreds_of_organizations_are_as_many_series_as_eleven() -> None:
    configuration = read_configuration(EXAMPLE)
    assert everyday_series(configuration, 500) == everyday_series(configuration, 11)


def test_a_tier_adds_its_series_where_it_is_kept() -> None:
    configuration = read_configuration(EXAMPLE)
    bare = {name: replace(pool, stopped_instances=0) for name, pool in configuration.pools.items()}
    without = replace(configuration, pools=bare)
    assert everyday_series(configuration, 6) - everyday_series(without, 6) == 2
    assert {telemetry.STOPPED_INSTANCES, telemetry.INSTANCES_STARTED} <= set(telemetry.EVERYDAY)
