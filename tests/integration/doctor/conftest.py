"""An account on loopback that has everything, of which each test takes something away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from boto3.session import Session

from tests.contract.moto import moto_url
from tests.integration.doctor.fixed_aws import FixedAws, fixed_aws
from tests.integration.doctor.stage import Stage


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_url() as url:
        yield url


class KeptSession(Session):
    """A session that makes each client once: making one costs more than all that a look asks."""

    def __init__(self, region_name: str | None = None) -> None:
        super().__init__(region_name=region_name)
        self._kept: dict[tuple[str, str], Any] = {}

    def client(self, service_name: str, region_name: str, config: Any) -> Any:  # type: ignore[override]
        if (service_name, region_name) not in self._kept:
            made = super().client(service_name, region_name=region_name, config=config)  # type: ignore[call-overload]
            self._kept[service_name, region_name] = made
        return self._kept[service_name, region_name]


@pytest.fixture(scope="module")
def sessions() -> dict[tuple[tuple[str, str], ...], KeptSession]:
    """Return the sessions of a module by the settings that they were made with."""
    return {}


@pytest.fixture(scope="module")
def serving_fixed() -> Iterator[FixedAws]:
    with fixed_aws() as aws:
        yield aws


@pytest.fixture
def fixed(moto: str, serving_fixed: FixedAws) -> FixedAws:
    serving_fixed.moto = moto
    serving_fixed.forget()
    return serving_fixed


@pytest.fixture
def stage(
    moto: str,
    fixed: FixedAws,
    sessions: dict[tuple[tuple[str, str], ...], KeptSession],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Stage]:
    environment = {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ENDPOINT_URL_SERVICE_QUOTAS": fixed.url,
        "AWS_ENDPOINT_URL_LAMBDA": fixed.url,
        "AWS_ENDPOINT_URL_IAM": fixed.url,
        "AWS_ENDPOINT_URL_EC2": fixed.url,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "made-up",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def session(region_name: str | None = None) -> KeptSession:
        named = [("region_name", region_name)] if region_name else []
        settings = tuple(
            sorted([*(item for item in os.environ.items() if item[0].startswith("AWS_")), *named])
        )
        if settings not in sessions:
            sessions[settings] = KeptSession(region_name=region_name)
        return sessions[settings]

    monkeypatch.setattr(boto3, "Session", session)
    with Stage(moto, fixed, tmp_path_factory.mktemp("doctor"), capsys) as made:
        yield made
