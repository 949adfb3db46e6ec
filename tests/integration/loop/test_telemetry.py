"""What convergences tell of pools and of EC2, against what EC2 truly did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from slipway.domain.gauges import Gauges
from slipway.domain.intents import Offering
from slipway.domain.launches import Launch
from slipway.services.converge import Converged
from tests.integration.loop.capacity_scenes import BIG, stopped, with_pool
from tests.integration.loop.scenes import calls, launched, when
from tests.support.loop import Acme, acme


@dataclass
class Told:
    """What convergences told so far."""

    launches: list[Launch] = field(default_factory=list)
    gauges: dict[str, Gauges] = field(default_factory=dict)

    def hear(self, done: Converged) -> None:
        self.launches += done.launches
        if done.plans:
            self.gauges[done.pool] = done.gauges

    @property
    def brought(self) -> Counter[tuple[str, str]]:
        """Instances that EC2 launched, by type and market."""
        found: Counter[tuple[str, str]] = Counter()
        for launch in self.launches:
            for offering, count in () if launch.is_start else launch.brought:
                found[offering.instance_type, launch.market.value] += count
        return found


def listening(deployment: Acme) -> Told:
    told = Told()
    deployment.loop.converged = told.hear
    return told


def test_what_ec2_launched_is_told_once_by_type_and_market_and_what_it_refused_with_its_code() -> None:
    deployment = acme()
    told = listening(deployment)
    capacity = deployment.loop.aws.ec2.capacity
    capacity.limit(0, instance_type="m7i.4xlarge", market="spot")
    capacity.limit(1, instance_type="m7a.4xlarge", market="spot")
    jobs = [deployment.queue(labels=BIG, seconds=30.0) for _ in range(4)]
    when(deployment, lambda: launched(deployment) == 2, limit_seconds=30.0)
    truth = Counter((one.shape.instance_type, one.market) for one in deployment.loop.aws.ec2.live_instances())
    assert told.brought == truth
    refusals = [launch for launch in told.launches if launch.is_refused]
    assert refusals
    assert {code for launch in refusals for code in launch.codes} == {"InsufficientInstanceCapacity"}
    assert {of.instance_type for launch in refusals for of in launch.refused} >= {"m7i.4xlarge"}
    assert all(of.subnet for launch in told.launches for of, _ in launch.brought)
    assert deployment.until_completed(*jobs)


@pytest.mark.parametrize("code", ["LostReply", "InternalError"])
def test_a_launch_whose_reply_was_lost_is_told_once(code: str) -> None:
    deployment = acme()
    told = listening(deployment)
    deployment.loop.aws.faults.next_error("ec2", "CreateFleet", code, after_success=True, times=2)
    assert deployment.until_completed(deployment.queue(seconds=20.0))
    assert len(calls(deployment, "CreateFleet")) > 1
    assert sum(told.brought.values()) == launched(deployment) == 1


def test_a_launch_that_is_refused_whole_names_what_was_asked_for() -> None:
    deployment = acme()
    told = listening(deployment)
    deployment.loop.aws.faults.next_error("ec2", "CreateFleet", "UnauthorizedOperation")
    deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(told.launches), limit_seconds=30.0)
    (refused, *_) = told.launches
    assert refused.codes == ("UnauthorizedOperation",)
    assert Offering("m7i.4xlarge", "subnet-1") in refused.refused
    assert refused.count == 0


def test_a_start_of_the_stopped_tier_is_told_and_is_no_launch() -> None:
    deployment = acme(with_pool(stopped_instances=1))
    when(deployment, lambda: len(stopped(deployment)) == 1, limit_seconds=1_200.0)
    told = listening(deployment)
    assert deployment.until_completed(deployment.queue(seconds=20.0))
    starts = [launch for launch in told.launches if launch.is_start]
    assert [launch.count for launch in starts] == [1]


def test_gauges_are_of_the_pool_as_it_is() -> None:
    deployment = acme()
    told = listening(deployment)
    jobs = [deployment.queue(seconds=120.0) for _ in range(3)]
    when(deployment, lambda: all(job.status == "in_progress" for job in jobs))
    deployment.clock.advance(10.0)  # GitHub's word of it is here by then
    deployment.loop.converge("general")
    assert deployment.loop.aws.ec2.live_instances()
    found = told.gauges["general"]
    assert (found.waiting_jobs, found.running_jobs, found.ready_instances) == (0, 3, 1)
    assert found.fill_percent == pytest.approx(100 * (3 / 16 + 3 * 3_072 / 62_000) / 2, abs=0.2)
    assert deployment.until_completed(*jobs)
    assert deployment.until_clean()
    deployment.loop.converge("general")
    assert told.gauges["general"] == Gauges()
