"""Orders of an operator, given as the command gives them, and obeyed by the scaler on the twins."""

from __future__ import annotations

from local.operating.orders import give
from local.operating.sight import Sight
from local.operating.views import job_rows, pool_row
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.instances import InstanceState
from slipway.domain.snapshot import Control
from tests.integration.loop.scenes import when
from tests.support.loop import Acme, acme


def sight_of(deployment: Acme) -> Sight:
    ledger = dynamo_ledger(deployment.loop.aws.client("dynamodb"), "slipway")
    return Sight(deployment.loop.configuration, ledger, deployment.clock.now)


def test_a_paused_pool_starts_nothing_and_says_so_until_it_is_resumed() -> None:
    deployment = acme()
    sight = sight_of(deployment)
    assert give(sight, "general", Control.PAUSE) == {"pool": "general", "order": "pause", "before": "run"}
    job = deployment.queue()
    deployment.clock.advance(180.0)
    assert job.status == "queued"
    assert deployment.loop.aws.ec2.live_instances() == []
    [row] = job_rows(sight.pool("general"))
    assert (row["reason"], row["seconds"] > 170) == ("paused", True)
    assert give(sight, "general", Control.RUN)["before"] == "pause"
    assert deployment.until_completed(job)


def test_a_drained_pool_lets_its_job_end_and_its_instances_go() -> None:
    deployment = acme()
    job = deployment.queue(seconds=300.0)
    when(deployment, lambda: job.status == "in_progress")
    sight = sight_of(deployment)
    give(sight, "general", Control.DRAIN)
    deployment.clock.advance(61.0)
    assert pool_row(sight.pool("general"))["instances"] == {InstanceState.DRAINING.value: 1}
    assert job.status == "in_progress"
    late = deployment.queue()
    assert deployment.until_completed(job)
    when(deployment, lambda: not deployment.loop.aws.ec2.live_instances(), 900.0)
    assert job.now.conclusion == "success"
    assert late.status == "queued"
    assert pool_row(sight.pool("general"))["reasons"] == {"draining": 1}
