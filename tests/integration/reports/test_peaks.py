"""What containers told of their jobs is read from CloudWatch Logs, page by page, from each pool's group."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local.infrastructure.places import log_group
from local.reports import peaks
from local.reports.peaks import NoLogsError, Peak, peaks_of_deployment
from tests.builders import a_configuration, a_pool, a_profile, a_task_id
from tests.contract.moto import moto_url

NOW = time.time()  # CloudWatch Logs takes nothing that is old or to come
REGIONS = {"general": "eu-west-1", "far": "us-east-1"}
POOLS = [a_pool(name=name, region=region, cluster=f"slipway-{name}") for name, region in REGIONS.items()]
CONFIGURATION = a_configuration([a_profile(name="medium", pool="general")], POOLS)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with moto_url() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOROPERATOR")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of an operator")
        yield


def ended(units: int) -> str:
    return f'{{"time":"t","phase":"job_ended","cpu_ms":1,"cpu_peak_units":{units},"memory_peak_mib":300,"memory_most_mib":null}}'


def log(pool: Any, number: int, *lines: str, at: float = NOW) -> None:
    """Write a container's log as ECS's driver does: a stream of the profile, the container and the task."""
    client = boto3.client("logs", region_name=pool.region)
    stream = f"medium/runner/{a_task_id(number)}"
    client.create_log_stream(logGroupName=log_group(pool), logStreamName=stream)
    events = [{"timestamp": int(at * 1_000) + number, "message": line} for line in lines]
    client.put_log_events(logGroupName=log_group(pool), logStreamName=stream, logEvents=events)


def make_groups() -> None:
    for pool in POOLS:
        boto3.client("logs", region_name=pool.region).create_log_group(logGroupName=log_group(pool))


def test_every_page_of_every_pool_is_read(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "PAGE", 2)
    make_groups()
    for number in range(1, 6):
        log(POOLS[0], number, '{"phase":"job_started"}', "a job's own line", ended(100 * number))
    log(POOLS[1], 6, ended(600))
    log(POOLS[1], 7, ended(700), at=NOW - 7_200)
    found = peaks_of_deployment(CONFIGURATION, NOW - 3_600, NOW + 3_600)
    assert found == {a_task_id(number): Peak(100 * number, 300) for number in range(1, 7)}


def test_a_group_that_is_not_there_is_told_with_what_reading_it_needs(aws: None) -> None:
    absent = a_configuration(pools=[a_pool(cluster="slipway-absent", region="eu-west-1")])
    with pytest.raises(
        NoLogsError, match=r"/ecs/slipway-absent in eu-west-1 cannot be read.*logs:FilterLogEvents"
    ):
        peaks_of_deployment(absent, NOW, NOW + 60)
