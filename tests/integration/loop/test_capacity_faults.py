"""What goes wrong around capacity, and must not spread: loops, lost hosts, broken tiers, quotas, one GitHub limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from local.twin.aws.ec2.lifecycle import BootPlan
from slipway.domain.configuration import Headroom, InstanceType, Market, Registration
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.intents import Intent, RunTasks
from slipway.domain.matching import Shape
from slipway.domain.reasons import Why
from slipway.domain.resources import Resources
from slipway.domain.snapshot import GitHubPause
from slipway.ports.cluster import starting
from slipway.services.converge import Converged
from tests.integration.loop.capacity_scenes import (
    BIG,
    instances,
    reasons,
    states,
    stopped,
    with_pool,
)
from tests.integration.loop.scenes import calls, launched, when
from tests.support.loop import Acme, a_configuration, acme

HOUR = 3_600.0
SMALL = Shape("small", Resources(1_024, 3 * 1_024))


def rounds_at_one_moment(deployment: Acme, most: int = 50) -> Converged:
    """Converge once more, counting rounds that follow each other without any time passing."""
    left = iter(range(most))
    return deployment.loop.scale.converge("general", "x", has_time=lambda: next(left, None) is not None)


def test_a_host_that_is_lost_before_its_first_event_ends_only_when_ecs_lists_no_task_on_it() -> None:
    """Nothing in the ledger says which tasks it holds: ECS alone knows, and is asked."""
    deployment = acme()
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: len(instances(deployment)) == 1)
    (booting,) = instances(deployment)
    cluster, ledger = deployment.loop.clusters["general"], deployment.loop.ledger
    deployment.loop.aws.context.behaviour = replace(
        deployment.loop.aws.context.behaviour, lost_event_rate=1.0
    )
    when(deployment, lambda: any(host.is_usable for host in cluster.instances()))
    intent = Intent("c" * 32, "general", RunTasks(SMALL, 1), deployment.clock.now())
    ledger.runners.add([starting(task, "general") for task in cluster.run(intent).tasks])
    ledger.instances.lose("general", booting.instance_id, at=deployment.clock.now())
    for _ in range(12):
        deployment.loop.converge("general")
        deployment.clock.advance(1.0)
    assert booting.instance_id in {i.instance_id for i in deployment.loop.aws.ec2.live_instances()}
    (known,) = [i for i in instances(deployment) if i.instance_id == booting.instance_id]
    assert (known.state, known.arn is not None) == (InstanceState.DRAINING, True)
    assert job.now.conclusion is None


@pytest.mark.parametrize("code", ["OperationNotPermitted", "RequestLimitExceeded"])
def test_an_instance_that_cannot_be_terminated_is_tried_once_a_convergence_and_counts_nothing(
    code: str,
) -> None:
    deployment = acme()
    deployment.loop.aws.ec2.lifecycle.boot_plan = lambda _: BootPlan.NEVER_REGISTER
    deployment.queue(seconds=5.0)
    deployment.clock.advance(200.0)
    deployment.loop.aws.faults.next_error("ec2", "TerminateInstances", code, times=10_000)
    deployment.clock.advance(60.0)
    done = rounds_at_one_moment(deployment)
    assert len(done.plans) == 2  # one more when what replaces it is launched
    assert deployment.loop.ledger.snapshots.read("general", 0.0).launch_failures is None
    deployment.loop.aws.faults.clear()
    when(deployment, lambda: launched(deployment) > 1)


def test_an_instance_that_ecs_registers_for_ever_is_replaced() -> None:
    deployment = acme()
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: len(instances(deployment)) == 1)
    (stuck,) = instances(deployment)
    cluster = deployment.loop.clusters["general"]
    real = cluster.instances
    registering = replace(stuck, arn="arn:ci/1", connected=False, version=3)

    def listed(*, arn: str | None = None, instance_id: str | None = None) -> list[Instance]:
        others = [
            item for item in real(arn=arn, instance_id=instance_id) if item.instance_id != stuck.instance_id
        ]
        return [registering, *others] if instance_id in (None, stuck.instance_id) else others

    cluster.instances = listed  # type: ignore[method-assign]
    member = deployment.loop.aws.ecs.registry
    member.register = lambda registration: (  # type: ignore[method-assign]
        None
        if registration.ec2_instance_id == stuck.instance_id
        else type(member).register(member, registration)
    )
    deployment.clock.advance(239.0)
    assert deployment.until_completed(job, limit_seconds=400.0)
    assert stuck.instance_id not in {i.instance_id for i in deployment.loop.aws.ec2.live_instances()}


def test_ten_instances_of_one_launch_that_never_register_do_not_open_the_circuit() -> None:
    deployment = acme(with_pool(max_instances=20))
    deployment.loop.aws.ec2.plan_boots(BootPlan.NEVER_REGISTER, 10)
    jobs = [deployment.queue(labels=BIG, seconds=30.0) for _ in range(20)]
    assert deployment.until_completed(*jobs, limit_seconds=600.0)
    assert deployment.until_clean()


def test_a_start_of_an_instance_that_is_gone_is_settled_and_the_job_launches() -> None:
    deployment = acme(with_pool(stopped_instances=1))
    when(deployment, lambda: len(stopped(deployment)) == 1, 900.0)
    (gone,) = stopped(deployment)
    deployment.loop.aws.ec2.lifecycle.instances.pop(gone.instance_id)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job, limit_seconds=120.0)
    assert deployment.left()["intents"] == 0
    assert len(calls(deployment, "StartInstances")) == 1


def test_stopped_instances_that_may_not_be_started_keep_no_job_from_an_instance() -> None:
    only = (InstanceType("m7i.4xlarge", Resources(16_384, 62_000), 0.8064),)
    deployment = acme(
        with_pool(stopped_instances=1, market=Market.ON_DEMAND, subnets=("subnet-1",), instance_types=only)
    )
    when(deployment, lambda: len(stopped(deployment)) == 1, 900.0)
    deployment.loop.aws.faults.next_error("ec2", "StartInstances", "UnauthorizedOperation", times=10_000)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job, limit_seconds=120.0)
    assert len(stopped(deployment)) == 1


def test_hosts_that_join_the_cluster_instead_of_powering_off_are_launched_less_and_less() -> None:
    deployment = acme(with_pool(stopped_instances=2))
    deployment.loop.aws.ec2.lifecycle.boot_plan = lambda _: BootPlan.REGISTER
    deployment.clock.advance(6 * HOUR)
    assert launched(deployment) <= 24  # two at a time, after 3, 6, 12, … minutes and never more than an hour
    assert len(deployment.loop.aws.ec2.live_instances()) <= 2


def test_a_stopped_tier_that_hangs_closes_nothing_to_jobs() -> None:
    deployment = acme(with_pool(stopped_instances=4))
    deployment.loop.aws.ec2.lifecycle.boot_plan = lambda instance: (
        BootPlan.NEVER_REGISTER if instance.tags.get("slipway:tier") else BootPlan.REGISTER
    )
    deployment.clock.advance(1_500.0)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job, limit_seconds=120.0)
    deployment.clock.advance(6 * HOUR)
    assert launched(deployment) <= 40


def test_a_launch_template_that_does_not_come_up_empties_no_pool_that_is_well() -> None:
    deployment = acme(with_pool(headroom=Headroom(40), max_instances=20))
    when(deployment, lambda: len(states(deployment)) >= 5 and set(states(deployment)) == {"ready"})
    before = len(states(deployment))
    template = deployment.loop.configuration.pools["general"].launch_template
    deployment.loop.aws.ec2.create_launch_template_version(
        LaunchTemplateName=template, SourceVersion="1", LaunchTemplateData={"ImageId": "ami-0b"}
    )
    deployment.loop.aws.ec2.lifecycle.boot_plan = lambda _: BootPlan.NEVER_REGISTER
    for _ in range(30):
        deployment.clock.advance(60.0)
        assert Counter(states(deployment))["ready"] >= before - 2


def test_a_launch_template_whose_image_is_gone_says_so() -> None:
    deployment = acme()
    deployment.loop.aws.ec2.capacity.limit(0, error_code="InvalidAMIID.NotFound")
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(HOUR)
    failures = deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).launch_failures
    assert failures is not None
    assert failures.why == "InvalidAMIID.NotFound"
    assert reasons(deployment) == {Why.LAUNCHES_FAIL}
    assert len(calls(deployment, "CreateFleet")) <= 12
    deployment.loop.aws.ec2.capacity.lift()
    assert deployment.until_completed(job, limit_seconds=1.1 * HOUR)


@pytest.mark.parametrize(
    "code", ["MaxSpotInstanceCountExceeded", "AuthFailure.ServiceLinkedRoleCreationNotPermitted"]
)
def test_a_spot_call_that_is_refused_whole_falls_back_to_on_demand_at_once(code: str) -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error("ec2", "CreateFleet", code)
    job, queued_at = deployment.queue(seconds=5.0), deployment.clock.now()
    when(deployment, lambda: len(calls(deployment, "CreateFleet")) == 2, 10.0)
    assert deployment.clock.now() - queued_at <= 3.0
    assert deployment.until_completed(job)
    assert [i.market for i in deployment.loop.aws.ec2.lifecycle.instances.values()] == ["on-demand"]


def test_what_one_organization_s_limit_at_github_holds_up_is_that_organization_alone() -> None:
    deployment = acme(a_configuration(Registration.ORGANIZATION))
    until = deployment.clock.now() + 3_000.0
    deployment.loop.ledger.notes.pause_github("general", GitHubPause("alpha", until, deployment.clock.now()))
    held_up, other = deployment.queue("alpha/web", seconds=5.0), deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(other, limit_seconds=120.0)
    assert held_up.status == "queued"
    assert reasons(deployment) == {Why.GITHUB_BUSY}


def test_while_github_asks_one_to_wait_headroom_stays() -> None:
    deployment = acme(with_pool(headroom=Headroom(1), idle_timeout_seconds=60))
    when(deployment, lambda: states(deployment) == ["ready"])
    pause = GitHubPause("alpha", deployment.clock.now() + 600.0, deployment.clock.now())
    deployment.loop.ledger.notes.pause_github("general", pause)
    deployment.queue(seconds=5.0)
    deployment.clock.advance(400.0)
    assert (states(deployment), launched(deployment)) == (["ready"], 1)


def test_an_advised_host_with_a_long_job_keeps_no_second_instance_idle_for_hours() -> None:
    """[EC2-REBALANCE]"""
    deployment = acme()
    job = deployment.queue(seconds=3 * HOUR)
    when(deployment, lambda: job.status == "in_progress")
    (advised,) = deployment.loop.aws.ec2.live_instances()
    deployment.loop.aws.ec2.recommend_rebalance(advised.instance_id)
    when(deployment, lambda: launched(deployment) == 2, 30.0)
    deployment.clock.advance(900.0)
    assert [i.instance_id for i in deployment.loop.aws.ec2.live_instances()] == [advised.instance_id]
    assert job.status == "in_progress"


def test_a_launch_template_that_cannot_be_read_hides_no_registration_from_the_reaper() -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error(
        "ec2", "DescribeLaunchTemplates", "UnauthorizedOperation", times=10_000
    )
    deployment.github.deliveries.faults.lost = 0.0
    job = deployment.queue(seconds=900.0)
    when(deployment, lambda: job.status == "in_progress")
    asked_for = deployment.github.calls.total()
    deployment.clock.advance(700.0)
    assert deployment.github.calls.total() > asked_for
    assert {str(fault).split(":")[0] for fault in deployment.loop.errors} == {
        f"reading launch template {pool.launch_template}"
        for pool in deployment.loop.configuration.pools.values()
    }


def test_two_calls_of_one_plan_that_meet_on_the_last_room_close_no_host() -> None:
    deployment = acme(with_pool(max_instances=1))
    first = deployment.queue(seconds=2_000.0)
    when(deployment, lambda: first.status == "in_progress")
    loop, now = deployment.loop, deployment.clock.now()
    big = Shape("medium", Resources(8_192, 28 * 1_024))
    one, other = (Intent(token * 32, "general", RunTasks(big, 1), now) for token in "ab")
    for intent in (one, other):
        loop.ledger.intents.write(intent)
    assert len(loop.clusters["general"].run(one).tasks) == 1  # its reply is on its way
    loop.converge("general")
    assert [instance.full_until for instance in instances(deployment)] == [None]
