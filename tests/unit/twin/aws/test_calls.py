"""The log of calls that a twin keeps when it is told to."""

from __future__ import annotations

from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel


def test_the_log_says_when_each_call_came() -> None:
    twin = AwsTwin(VirtualClock(1_000.0), latency=LatencyModel.none(), seed=1, log_calls=True)
    twin.ecs.create_cluster(clusterName="a")
    twin.clock.advance(2.5)
    twin.sqs.create_queue(QueueName="jobs")
    assert [(c.service, c.operation, c.at) for c in twin.calls_log] == [
        ("ecs", "CreateCluster", 1_000.0),
        ("sqs", "CreateQueue", 1_002.5),
    ]
