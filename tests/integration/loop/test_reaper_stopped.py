"""The reaper terminates hosts that stopped: nobody starts them again, and their disks cost."""

from __future__ import annotations

import pytest

from tests.integration.loop.scenes import container_of, when
from tests.support.loop import DOCKER_LABELS, Acme, acme


def a_stopped_host(deployment: Acme, *, is_recorded: bool) -> str:
    """Stop the host of a job that is done, before it is drained; return its id."""
    job = deployment.queue(labels=DOCKER_LABELS, seconds=5.0)
    when(deployment, lambda: job.status == "in_progress")
    assert container_of(deployment, job).is_alive
    (host,) = deployment.loop.aws.ec2.live_instances()
    deployment.loop.aws.ec2.stop_instances(InstanceIds=[host.instance_id])
    if not is_recorded:
        deployment.loop.ledger.instances.remove("alone", host.instance_id, at=deployment.clock.now())
    return host.instance_id


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "forgotten"])
def test_a_host_that_shut_itself_down_is_terminated_and_leaves_no_disk(is_recorded: bool) -> None:
    """[ECS-STOPPED-HOST-ACTIVE]"""
    deployment = acme()
    host = a_stopped_host(deployment, is_recorded=is_recorded)
    ec2 = deployment.loop.aws.ec2
    when(deployment, lambda: host not in {item.instance_id for item in ec2.live_instances()}, 240.0)
    snapshot = deployment.loop.ledger.snapshots.read("alone", deployment.clock.now())
    assert host not in {item.instance_id for item in snapshot.instances}


def test_a_stopped_host_that_someone_started_again_is_left_alone() -> None:
    deployment = acme()
    host = a_stopped_host(deployment, is_recorded=True)
    fleet = deployment.loop.fleets["alone"]
    ec2 = deployment.loop.aws.ec2
    when(deployment, lambda: ec2.lifecycle.instances[host].state == "stopped")
    listed = fleet.instances()
    ec2.start_instances(InstanceIds=[host])
    deployment.clock.advance(5.0)  # EC2's lists lag [EC2-READS-LAG]
    fresh, reads = fleet.instances, iter([listed])
    fleet.instances = lambda: next(reads, None) or fresh()  # type: ignore[method-assign]
    suspect = {f"stopped instance/{host}": deployment.clock.now() - 60.0}
    deployment.loop.ledger.housekeeping.keep_suspects(suspect)
    assert [reap.id for reap in deployment.loop.reap().busy] == [host]
    assert ec2.lifecycle.instances[host].state in {"pending", "running"}
