"""An AWS over the wire, and a folder to stand in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.twin.aws.account import AwsTwin
from local.twin.http.aws import AwsServer
from tests.contract.aws_faces import new_twin
from tests.integration.catalogue.stage import KEYS, OREGON, TOKYO, configure


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsTwin]:
    """Serve the twin, with a few types and their prices in two regions, to somebody with credentials."""
    with AwsServer(new_twin()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        for key in KEYS:
            monkeypatch.setenv(key, "OFANOPERATOR")
        for name in ("m8g.4xlarge", "m8g.2xlarge", "m7i.large", "g5.xlarge"):
            server.twin.ec2.types.offer(name)
        for region, prices in (
            (TOKYO, ("0.9277000000", "0.4638500000", "0.1302000000", "1.4590000000")),
            (OREGON, ("0.7180800000", "0.3590400000", "0.1008000000", "1.0060000000")),
        ):
            for name, price in zip(server.twin.ec2.types.offered, prices, strict=True):
                server.twin.pricing.sell(region, name, price)
        yield server.twin


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a slipway.yaml whose pool is in Tokyo."""
    monkeypatch.chdir(tmp_path)
    configure(catalogue="catalogue.csv", arm=TOKYO)
    return tmp_path
