"""A report reads a deployment's table over HTTP, as the operator's own AWS credentials may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from local.operating.faults import NoSightError
from local.reports.deployment import read_deployment
from local.twin.http.aws import AwsServer
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.jobs import JobState
from slipway.domain.usage import InstanceUsage, JobUsage, RunnerUsage
from tests.builders import NOW, POOL, a_booting_instance, a_configuration, a_pool, a_runner, a_task_id
from tests.contract.aws_faces import create_table, new_twin
from tests.contract.ledger_cases import ROUTE, an_event

REGION = "ap-northeast-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    """The twin's AWS, where boto3 looks for it."""
    with AwsServer(new_twin()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOROPERATOR")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of an operator")
        yield server


def test_what_ended_is_read_and_what_still_runs_is_counted_up_to_now(aws: AwsServer) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    create_table(client, "slipway")
    ledger = dynamo_ledger(client, "slipway")
    ledger.jobs.record(an_event(JobState.COMPLETED), ROUTE)
    ledger.runners.add([a_runner(1), a_runner(2)])
    ledger.runners.remove(POOL, a_task_id(1), at=NOW + 60, why="done")
    ledger.instances.add([a_booting_instance("i-1", launched_at=NOW, usd_per_hour=0.4)])
    day = datetime.fromtimestamp(NOW, UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    found = read_deployment(a_configuration(pools=[a_pool(name=POOL)]), REGION, day, None, NOW + 3_600)
    jobs, runners, instances = (
        [usage for usage in found if isinstance(usage, kind)]
        for kind in (JobUsage, RunnerUsage, InstanceUsage)
    )
    assert [job.repository for job in jobs if isinstance(job, JobUsage)] == ["acme/one"]
    ends = {runner.task_id: runner.stopped_at for runner in runners if isinstance(runner, RunnerUsage)}
    assert ends[a_task_id(1)] == NOW + 60
    assert ends[a_task_id(2)] == NOW + 3_600
    assert [one.ended_at for one in instances if isinstance(one, InstanceUsage)] == [NOW + 3_600]


def test_a_deployment_that_is_not_there_lets_the_region_be_doubted(aws: AwsServer) -> None:
    with pytest.raises(NoSightError, match=r"the table slipway cannot be read: .*in this region\? --region"):
        read_deployment(a_configuration(), REGION, NOW, NOW + 60, NOW + 60)


def test_without_credentials_the_operator_is_told_so(
    aws: AwsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoSightError, match="credentials"):
        read_deployment(a_configuration(), REGION, NOW, NOW + 60, NOW + 60)
