"""Where ``slipway catalogue refresh`` is typed: a folder with a configuration, an AWS with a few types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.catalogue.file import read_catalogue
from local.slipway_cli.main import main
from local.twin.aws.account import AwsTwin
from tests.support.repository import ROOT

TOKYO, OREGON = "ap-northeast-1", "us-west-2"
EXAMPLE = ROOT / "docs/examples/organizations.yaml"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def configure(*, catalogue: str | None = None, **pools: str) -> None:
    document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    usual = {**document["pools"]["arm"], "instance_types": ["m8g.4xlarge"]}
    document["pools"] = {name: {**usual, "region": region} for name, region in pools.items()}
    if catalogue is not None:
        document["catalogue"] = catalogue
    Path("slipway.yaml").write_text(yaml.safe_dump(document), "utf-8")


def refresh(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["catalogue", "refresh", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    status, out, _ = refresh(capsys, *arguments, "--json")
    assert status == 0
    told: dict[str, Any] = json.loads(out)
    return told


def reprice(aws: AwsTwin, name: str, usd: str) -> None:
    """AWS has another price of a type, in all regions."""
    for product in aws.pricing.products:
        if product["product"]["attributes"]["instanceType"] == name:
            (term,) = product["terms"]["OnDemand"].values()
            for dimension in term["priceDimensions"].values():
                dimension["pricePerUnit"] = {"USD": usd}


def prices(file: str = "catalogue.csv", region: str = TOKYO) -> dict[str, float]:
    entries = read_catalogue(Path(file)).lists[region].entries
    return {name: entry.on_demand_usd_per_hour for name, entry in entries.items()}
