"""The capacity autoscaler in the loop: tiers, age, loss, refusals, launches that fail, room that is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.twin.aws.ec2.lifecycle import BootPlan
from slipway.domain.configuration import Headroom, InstanceType, Market, Schedule
from slipway.domain.instances import InstanceState
from slipway.domain.reasons import Why
from slipway.domain.resources import Resources
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import GitHubPause
from tests.integration.loop.capacity_scenes import (
    BIG,
    instances,
    reasons,
    states,
    stopped,
    the_host,
    with_pool,
)
from tests.integration.loop.scenes import calls, container_of, launched, recorded, when
from tests.support.loop import START, a_configuration, a_profile, acme


def test_headroom_is_there_before_any_job_and_a_job_finds_its_place_at_once() -> None:
    deployment = acme(with_pool(headroom=Headroom(3)))
    when(deployment, lambda: any(instance.is_usable for instance in instances(deployment)))
    assert len(instances(deployment)) == 1
    deployment.clock.advance(600.0)  # far longer than an idle instance stays without it
    assert states(deployment) == ["ready"]
    queued_at = deployment.clock.now()
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: job.status == "in_progress")
    assert deployment.clock.now() - queued_at <= 15.0
    assert launched(deployment) == 1


def test_headroom_comes_and_goes_with_its_hours() -> None:
    # The run starts on a Monday at 14:13:20 UTC.
    hours = Schedule((0,), 14 * 60 + 17, 15 * 60, "UTC")
    deployment = acme(with_pool(headroom=Headroom(2, hours)))
    deployment.clock.advance(180.0)
    assert instances(deployment) == []
    deployment.clock.advance(180.0)
    assert states(deployment) == ["ready"]
    deployment.clock.advance(3_600.0)
    assert instances(deployment) == []
    assert deployment.until_clean()


def test_headroom_that_a_job_takes_is_made_good_while_the_job_runs() -> None:
    deployment = acme(with_pool(headroom=Headroom(2)))
    when(deployment, lambda: any(instance.is_usable for instance in instances(deployment)))
    jobs = [deployment.queue(labels=BIG, seconds=900.0) for _ in range(2)]  # they fill the instance
    when(deployment, lambda: all(job.status == "in_progress" for job in jobs))
    when(deployment, lambda: states(deployment) == ["ready", "ready"], limit_seconds=120.0)


def test_the_stopped_tier_is_filled_on_demand_and_never_joins_the_cluster() -> None:
    """[EC2-SPOT-NO-STOP]"""
    deployment = acme(with_pool(stopped_instances=2))
    when(deployment, lambda: len(stopped(deployment)) == 2, limit_seconds=900.0)
    markets = {i.market for i in deployment.loop.aws.ec2.lifecycle.instances.values()}
    assert (markets, {instance.market for instance in stopped(deployment)}) == (
        {"on-demand"},
        {Market.ON_DEMAND},
    )
    assert deployment.loop.clusters["general"].instances() == []
    deployment.clock.advance(3_600.0)
    assert len(stopped(deployment)) == 2
    assert launched(deployment) == 2
    assert deployment.loop.errors == []


def test_stopped_instances_are_started_before_anything_is_launched_and_refilled_when_it_is_quiet() -> None:
    deployment = acme(with_pool(stopped_instances=2))
    when(deployment, lambda: len(stopped(deployment)) == 2, limit_seconds=900.0)
    before, queued_at = len(calls(deployment, "CreateFleet")), deployment.clock.now()
    jobs = [deployment.queue(labels=BIG, seconds=60.0) for _ in range(6)]  # three instances
    when(deployment, lambda: jobs[0].status == "in_progress")
    assert deployment.clock.now() - queued_at <= 45.0
    used = {name for call in calls(deployment, "StartInstances") for name in call["InstanceIds"]}
    assert len(used) == 2
    fleets = calls(deployment, "CreateFleet")[before:]
    assert [fleet["TargetCapacitySpecification"]["TotalTargetCapacity"] for fleet in fleets] == [1]
    assert deployment.until_completed(*jobs)
    when(deployment, lambda: len(stopped(deployment)) == 2, limit_seconds=1_800.0)
    assert not used & {instance.instance_id for instance in stopped(deployment)}  # a used one never goes back
    assert deployment.loop.errors == []


def test_a_start_without_capacity_falls_through_to_a_launch_in_the_same_convergence() -> None:
    deployment = acme(with_pool(stopped_instances=1))
    when(deployment, lambda: len(stopped(deployment)) == 1, limit_seconds=900.0)
    deployment.loop.aws.ec2.capacity.limit(0, market="on-demand")
    before, queued_at = len(calls(deployment, "CreateFleet")), deployment.clock.now()
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: len(calls(deployment, "CreateFleet")) == before + 1, limit_seconds=10.0)
    assert deployment.clock.now() - queued_at <= 3.0
    assert len(calls(deployment, "StartInstances")) == 1
    assert deployment.until_completed(job)
    assert len(stopped(deployment)) == 1
    assert deployment.left()["intents"] == 0


@pytest.mark.parametrize("code", ["LostReply", "InternalError"])
def test_a_start_whose_reply_was_lost_after_success_is_settled_and_launches_nothing(code: str) -> None:
    deployment = acme(with_pool(stopped_instances=1))
    when(deployment, lambda: len(stopped(deployment)) == 1, limit_seconds=900.0)
    deployment.loop.aws.faults.next_error("ec2", "StartInstances", code, after_success=True)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    markets = {i.market for i in deployment.loop.aws.ec2.lifecycle.instances.values()}
    assert markets == {"on-demand"}  # the pool's own market is Spot: nothing was launched for the job
    assert deployment.left()["intents"] == 0


def test_a_stop_whose_event_was_lost_is_found_by_the_reaper() -> None:
    deployment = acme(with_pool(stopped_instances=1))
    when(deployment, lambda: any(i.state == "pending" for i in deployment.loop.aws.ec2.live_instances()))
    deployment.loop.aws.context.behaviour = replace(
        deployment.loop.aws.context.behaviour, lost_event_rate=1.0
    )
    when(deployment, lambda: len(stopped(deployment)) == 1, limit_seconds=900.0)


def test_the_stopped_tier_is_renewed_one_by_one_at_its_age() -> None:
    deployment = acme(with_pool(stopped_instances=2, max_age_seconds=7_200))
    when(deployment, lambda: len(stopped(deployment)) == 2, limit_seconds=900.0)
    first = {instance.instance_id for instance in stopped(deployment)}
    least = 2
    deadline = deployment.clock.now() + 9_000.0
    while deployment.clock.now() < deadline:
        deployment.clock.advance(30.0)
        least = min(least, len(stopped(deployment)))
    assert least == 1
    assert not first & {instance.instance_id for instance in stopped(deployment)}
    assert len(stopped(deployment)) == 2


def test_instances_past_their_age_are_replaced_and_take_nothing_from_a_job() -> None:
    deployment = acme(with_pool(headroom=Headroom(1), max_age_seconds=1_800))
    when(deployment, lambda: states(deployment) == ["ready"])
    (old,) = instances(deployment)
    job = deployment.queue(seconds=2_400.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.clock.advance(1_900.0)
    known = {instance.instance_id: instance for instance in instances(deployment)}
    assert known[old.instance_id].state is InstanceState.DRAINING
    assert any(instance.is_usable for instance in known.values())
    assert deployment.until_completed(job, limit_seconds=1_200.0)
    assert job.now.conclusion == "success"


def test_a_newer_launch_template_replaces_the_instances_that_were_made_from_the_old_one() -> None:
    deployment = acme(with_pool(headroom=Headroom(1)))
    when(deployment, lambda: states(deployment) == ["ready"])
    (old,) = instances(deployment)
    assert old.template_version == 1
    template = deployment.loop.configuration.pools["general"].launch_template
    deployment.loop.aws.ec2.create_launch_template_version(
        LaunchTemplateName=template, SourceVersion="1", LaunchTemplateData={"ImageId": "ami-0b"}
    )
    when(
        deployment,
        lambda: [i.template_version for i in instances(deployment) if i.is_usable] == [2],
        limit_seconds=600.0,
    )
    when(deployment, lambda: old.instance_id not in {i.instance_id for i in instances(deployment)})


@pytest.mark.parametrize("notice", ["interrupt_spot", "recommend_rebalance"])
def test_an_instance_that_ec2_takes_away_is_drained_and_made_good_at_once(notice: str) -> None:
    """[EC2-SPOT-NOTICE] [EC2-REBALANCE]"""
    deployment = acme()
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: job.status == "in_progress")
    (doomed,) = deployment.loop.aws.ec2.live_instances()
    getattr(deployment.loop.aws.ec2, notice)(doomed.instance_id)
    told_at = deployment.clock.now()
    when(deployment, lambda: launched(deployment) == 2, limit_seconds=30.0)
    assert deployment.clock.now() - told_at <= 10.0
    known = {instance.instance_id: instance for instance in instances(deployment)}
    assert known[doomed.instance_id].state is InstanceState.DRAINING
    if notice == "recommend_rebalance":
        assert deployment.until_completed(job)
        assert job.now.conclusion == "success"


def test_a_container_that_starts_on_a_lost_host_gets_no_job_and_another_one_does() -> None:
    deployment = acme()
    first = deployment.queue(seconds=600.0)
    when(deployment, lambda: first.status == "in_progress")
    (doomed,) = deployment.loop.aws.ec2.live_instances()
    second = deployment.queue("beta/web", seconds=30.0)
    starting = RunnerState.STARTING
    when(deployment, lambda: any(r.state is starting for r in recorded(deployment).values()), 30.0)
    deployment.loop.aws.ec2.interrupt_spot(doomed.instance_id)
    assert deployment.until_completed(second, limit_seconds=300.0)
    runner = second.now.runner
    assert runner is not None
    task = deployment.loop.containers.by_task[runner.name[-32:]].task
    assert task.ec2_instance_id != doomed.instance_id


def test_capacity_is_remembered_by_type_and_zone() -> None:
    deployment = acme()
    capacity = deployment.loop.aws.ec2.capacity
    capacity.limit(0, instance_type="m7i.4xlarge", place="subnet-1", market="spot")
    capacity.limit(0, instance_type="m7i.4xlarge", place="subnet-2", market="spot")
    capacity.limit(0, instance_type="m7a.4xlarge", place="subnet-1", market="spot")
    capacity.limit(1, instance_type="m7a.4xlarge", place="subnet-2", market="spot")
    jobs = [deployment.queue(labels=BIG, seconds=30.0) for _ in range(4)]
    when(deployment, lambda: len(calls(deployment, "CreateFleet")) >= 3, limit_seconds=10.0)
    last = calls(deployment, "CreateFleet")[-1]
    assert last["TargetCapacitySpecification"]["DefaultTargetCapacityType"] == "on-demand"
    overrides = last["LaunchTemplateConfigs"][0]["Overrides"]
    assert {(o["InstanceType"], o["SubnetId"]) for o in overrides} == {
        (kind, subnet) for kind in ("m7i.4xlarge", "m7a.4xlarge") for subnet in ("subnet-1", "subnet-2")
    }
    assert deployment.until_completed(*jobs)


def test_launches_that_never_come_up_open_the_circuit_and_one_that_does_closes_it() -> None:
    deployment = acme()
    deployment.loop.aws.ec2.lifecycle.boot_plan = lambda _: BootPlan.NEVER_REGISTER
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(1_200.0)
    assert reasons(deployment) <= {Why.LAUNCHES_FAIL, Why.INSTANCE_STARTING}
    before = launched(deployment)
    deployment.clock.advance(3_600.0)
    assert launched(deployment) - before <= 5  # back-off: 3, 6, 12, 24 minutes and four to find out
    assert len(deployment.loop.aws.ec2.live_instances()) <= 1
    deployment.loop.aws.ec2.lifecycle.boot_plan = lambda _: BootPlan.REGISTER
    assert deployment.until_completed(job, limit_seconds=4_500.0)
    failures = deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).launch_failures
    assert failures is None
    assert deployment.until_clean()


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "InvalidLaunchTemplateName.NotFoundException"])
def test_a_launch_that_is_always_refused_says_so_and_is_asked_less_and_less(code: str) -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error("ec2", "CreateFleet", code, times=1_000)
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(3_600.0)
    assert len(calls(deployment, "CreateFleet")) <= 16
    failures = deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).launch_failures
    assert failures is not None
    assert failures.why == code
    assert reasons(deployment) == {Why.LAUNCHES_FAIL}
    deployment.loop.aws.faults.clear()
    assert deployment.until_completed(job, limit_seconds=3_900.0)
    assert deployment.until_clean()


def test_room_that_something_else_takes_is_not_asked_for_again_and_again() -> None:
    deployment = acme()
    first = deployment.queue(seconds=900.0)
    when(deployment, lambda: first.status == "in_progress")
    host = the_host(deployment)
    host.memory -= 55_000  # a daemon that we know nothing of
    job = deployment.queue(labels=BIG, seconds=30.0)
    assert deployment.until_completed(job, limit_seconds=300.0)
    assert launched(deployment) == 2
    assert len(calls(deployment, "RunTask")) <= 4


def test_a_disconnected_agent_holds_a_job_up_for_a_minute_and_a_half_and_no_longer() -> None:
    """[ECS-AGENT-RECONNECTS]"""
    deployment = acme()
    first = deployment.queue(seconds=3_000.0)
    when(deployment, lambda: first.status == "in_progress")
    deployment.loop.aws.ecs.registry.set_connected(the_host(deployment), False)
    deployment.clock.advance(5.0)
    job = deployment.queue("beta/web", seconds=30.0)
    deployment.clock.advance(60.0)
    assert launched(deployment) == 1
    when(deployment, lambda: launched(deployment) == 2, limit_seconds=120.0)
    assert deployment.until_completed(job)


def test_a_matrix_starts_in_a_ramp_and_all_of_it_gets_its_instances_at_once() -> None:
    configuration = a_configuration()
    fairness = replace(configuration.fairness, max_starting_per_repository=10)
    deployment = acme(replace(configuration, fairness=fairness))
    jobs = [deployment.queue(seconds=120.0) for _ in range(48)]
    when(deployment, lambda: launched(deployment) >= 3, limit_seconds=10.0)
    most = 0
    while not all(job.status == "completed" for job in jobs):
        idle = sum(
            r.state in (RunnerState.STARTING, RunnerState.REGISTERED) for r in recorded(deployment).values()
        )
        most = max(most, idle)
        due = deployment.clock.next_due()
        assert due is not None
        deployment.clock.advance_to(due)
    assert most <= 10
    assert deployment.clock.now() - START <= 600.0
    assert deployment.until_clean()


def test_at_the_pools_limit_a_large_job_is_not_passed_over_for_ever_by_small_ones() -> None:
    deployment = acme(with_pool(max_instances=1))
    small = [deployment.queue("alpha/web", seconds=40.0 + n % 7) for n in range(120)]
    when(deployment, lambda: sum(job.status == "in_progress" for job in small) >= 12)
    large = deployment.queue("beta/web", BIG, seconds=30.0)
    when(deployment, lambda: large.status == "in_progress", limit_seconds=120.0)
    assert sum(job.status == "queued" for job in small) > 40  # they were still many when it began
    assert deployment.until_completed(*small, large, limit_seconds=3_000.0)


def test_while_github_asks_to_wait_no_container_is_started_that_could_only_wait() -> None:
    deployment = acme(with_pool(headroom=Headroom(1)))
    when(deployment, lambda: states(deployment) == ["ready"])
    until = deployment.clock.now() + 300.0
    deployment.loop.ledger.notes.pause_github("general", GitHubPause("alpha", until, deployment.clock.now()))
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(120.0)
    assert calls(deployment, "RunTask") == []
    assert reasons(deployment) == {Why.GITHUB_BUSY}
    assert deployment.until_completed(job, limit_seconds=600.0)
    assert deployment.clock.now() >= until - 30.0


def test_a_job_with_a_gpu_goes_where_there_is_one_and_shares_it_with_nobody() -> None:
    """[ECS-GPU]"""
    configuration = with_pool(
        instance_types=(
            InstanceType("m7i.4xlarge", Resources(16_384, 62_000), 0.8064),
            InstanceType("g5.4xlarge", Resources(16_384, 62_000, 1), 1.624),
        )
    )
    gpu = a_profile("gpu", 4, 14, size=Resources(4_096, 14 * 1_024, 1))
    deployment = acme(replace(configuration, profiles={**configuration.profiles, "gpu": gpu}))
    with_gpu = [
        deployment.queue(labels=["self-hosted", "linux", "x64", "gpu"], seconds=60.0) for _ in range(2)
    ]
    without = [deployment.queue(labels=BIG, seconds=60.0) for _ in range(2)]
    assert deployment.until_completed(*with_gpu, *without)
    hosts = [container_of(deployment, job).task.ec2_instance_id for job in with_gpu]
    assert len(set(hosts)) == 2
    types = sorted(i.shape.instance_type for i in deployment.loop.aws.ec2.lifecycle.instances.values())
    assert types == ["g5.4xlarge", "g5.4xlarge", "m7i.4xlarge"]
    assert deployment.until_clean()
