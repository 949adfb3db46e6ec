"""A large job gets its place though small ones come all the time, at the pool's limit and where EC2 has nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.domain.configuration import InstanceType
from slipway.domain.resources import Resources
from tests.support.loop import Acme, a_configuration, acme

SMALL, LARGE = ["slipway/medium/cpu=2/memory=7GiB"], ["slipway/medium/cpu=8/memory=28GiB"]
LASTS_SECONDS = 600.0
ROOM_FOR_FOUR = InstanceType("m7i.2xlarge", Resources(8192, 4 * 7168), 0.4032)


def one_host(most: int) -> Acme:
    """A pool of hosts with room for four small jobs or one large one, of which one runs, with four small jobs."""
    configuration = a_configuration()
    pool = replace(configuration.pools["general"], max_instances=most, instance_types=(ROOM_FOR_FOUR,))
    deployment = acme(replace(configuration, pools={**configuration.pools, "general": pool}))
    for _ in range(4):
        deployment.queue("alpha/web", SMALL, seconds=LASTS_SECONDS)
        deployment.clock.advance(LASTS_SECONDS / 4)
    return deployment


@pytest.mark.parametrize("is_refused", [False, True], ids=["at its limit", "refused by EC2"])
def test_a_large_job_waits_for_one_host_to_empty_while_small_ones_come_all_the_time(
    *, is_refused: bool
) -> None:
    """Refusals are over each three minutes, and four small jobs end in ten: a try must not give their places away."""
    deployment = one_host(5 if is_refused else 1)
    if is_refused:
        deployment.loop.aws.ec2.capacity.limit(0)
    large, queued_at = deployment.queue("beta/web", LARGE, seconds=60.0), deployment.clock.now()
    while large.status == "queued" and deployment.clock.now() - queued_at < 4 * LASTS_SECONDS:
        deployment.queue("gamma/web", SMALL, seconds=LASTS_SECONDS)
        deployment.clock.advance(30.0)
    assert large.status != "queued"
    assert len(deployment.loop.aws.ec2.lifecycle.instances) == 1
