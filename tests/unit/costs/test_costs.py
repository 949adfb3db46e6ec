"""The price list is whole and says where it is from; a sheet adds up."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from local.costs import prices
from local.costs.prices import BASES, prices_of, regions
from local.costs.sheet import by_service, less, lines, standing, told_at_most, total, without_logs

ROOT = Path(__file__).parents[3]
ROWS = list(csv.DictReader((ROOT / "local" / "costs" / "prices.csv").read_text("ascii").splitlines()))
PAGE = (ROOT / "docs" / "costs.md").read_text("utf-8")


def test_every_region_has_the_same_prices() -> None:
    assert regions() == ("us-east-1", "ap-northeast-1")
    first, *others = (set(prices_of(region)) for region in regions())
    assert all(other == first for other in others)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['region']} {row['key']}")
def test_a_price_says_how_sure_it_is_of_when_and_where_it_was_read(row: dict[str, str]) -> None:
    assert row["basis"] in BASES
    assert re.fullmatch(r"20\d\d-\d\d", row["as_of"])
    assert row["source"]
    assert float(row["usd"]) > 0
    assert float(row["per"]) >= 1


def test_a_region_without_prices_is_refused() -> None:
    with pytest.raises(KeyError):
        prices_of("eu-west-9")


def test_what_is_used_costs_its_quantity_times_its_price() -> None:
    made = lines({"write_unit": 2_000_000, "log_gb": 3, "secret_month": 0}, prices_of("us-east-1"))
    assert [(line.service, round(line.usd, 6)) for line in made] == [
        ("CloudWatch Logs", 1.5),
        ("DynamoDB", 1.25),
    ]
    assert total(made) == pytest.approx(2.75)
    assert total(without_logs(made)) == pytest.approx(1.25)
    assert by_service([*made, *made]) == {"CloudWatch Logs": 3.0, "DynamoDB": 2.5}


def test_what_would_have_been_used_anyway_is_taken_off_and_never_below_nothing() -> None:
    assert less({"a": 5.0, "b": 1.0}, {"a": 2.0, "b": 3.0, "c": 1.0}) == {"a": 3.0, "b": 0.0}


def test_what_stands_is_counted_from_the_description() -> None:
    alarms = {
        "one": {"namespace": "Slipway", "metric": "UnknownRunners", "dimensions": {"service": "reaper"}},
        "two": {"namespace": "Slipway", "metric": "UnknownRunners", "dimensions": {"service": "reaper"}},
        "three": {"namespace": "AWS/SQS", "metric": "AgeOfOldestMessage", "dimensions": {"QueueName": "q"}},
    }
    description = {"secrets": {"a/b": {}, "c/d": {}}, "alarms": alarms, "dashboard": {"widgets": []}}
    assert standing(description) == {"secret_month": 2, "alarm_month": 3, "dashboard_month": 1}
    assert told_at_most(description) == {"metric_month": 1}


def test_the_page_names_the_dates_and_the_command() -> None:
    for row in ROWS:
        assert row["as_of"] in PAGE
    assert "python -m tests.bench.cost" in PAGE
    assert Path(prices.__file__).with_name("prices.csv").relative_to(ROOT).as_posix() in PAGE
