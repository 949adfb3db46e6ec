"""Calls to AWS: replies lost, calls refused or throttled, capacity that is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.simulator.containers import VirtualContainer
from local.twin.aws.behaviour import Behaviour
from local.twin.aws.ec2.lifecycle import BootPlan
from local.twin.aws.service import Call
from slipway.domain.configuration import Headroom
from slipway.domain.intents import RunTasks
from slipway.domain.matching import Shape
from slipway.domain.plan import Plan
from slipway.services.act import Act
from slipway.services.applied import Applied
from slipway.services.apply import Apply
from slipway.services.end import End
from tests.integration.loop.scenes import SilentContainer, calls, launched, when
from tests.support.loop import DOCKER_LABELS, LABELS, START, Acme, a_configuration, acme


def converge_at_once(deployment: Acme) -> None:
    """Converge again before any event can tell what the lost reply would have told."""
    for _ in range(4):
        deployment.loop.converge("general")


def tokens(deployment: Acme, operation: str, name: str) -> list[str]:
    return [call[name] for call in calls(deployment, operation)]


@pytest.mark.parametrize("code", ["LostReply", "ServerException"])
def test_run_task_whose_reply_was_lost_after_success_starts_nothing_twice(code: str) -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error("ecs", "RunTask", code, after_success=True, times=2)
    jobs = [deployment.queue(seconds=20.0) for _ in range(4)]
    assert deployment.until_completed(*jobs)
    assert len(deployment.loop.containers.by_task) == 4
    assert deployment.left()["intents"] == 0
    assert deployment.until_clean()


@pytest.mark.parametrize("code", ["LostReply", "InternalError"])
def test_create_fleet_whose_reply_was_lost_after_success_launches_nothing_twice(code: str) -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error("ec2", "CreateFleet", code, after_success=True, times=2)
    job = deployment.queue(seconds=20.0)
    assert deployment.until_completed(job)
    assert launched(deployment) == 1
    assert len(set(tokens(deployment, "CreateFleet", "ClientToken"))) == 1
    assert deployment.until_clean()


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "AccessDeniedException"])
@pytest.mark.parametrize("operation", ["RunTask", "CreateFleet"])
def test_what_was_started_is_not_forgotten_when_the_ledger_throttles_its_record(
    operation: str, code: str
) -> None:
    """A throttle of the ledger is no throttle of the call: taken for one, everything was started twice."""
    deployment = acme()
    context = deployment.loop.aws.context

    def throttle_the_next_write(call: Call) -> None:
        if call.operation == operation:
            context.watch = None
            context.faults.next_error("dynamodb", "TransactWriteItems", code)

    context.watch = throttle_the_next_write
    job = deployment.queue(seconds=20.0)
    when(deployment, lambda: context.watch is None)
    failed_at = deployment.clock.now()
    when(deployment, lambda: deployment.left()["intents"] == 0, 30.0)
    assert deployment.clock.now() - failed_at < 5.0  # it is tried again by itself, long before the next tick
    assert deployment.until_completed(job)
    assert launched(deployment) == 1
    assert len(deployment.loop.containers.by_task) == 1
    assert deployment.until_clean()


@pytest.mark.parametrize(
    "second", ["ThrottlingException", "AccessDeniedException", "InvalidParameterException", "NewCodeOfAws"]
)
def test_a_repeated_run_task_that_is_throttled_or_refused_starts_nothing_twice(second: str) -> None:
    deployment = acme()
    faults = deployment.loop.aws.faults
    faults.next_error("ecs", "RunTask", "LostReply", after_success=True)
    faults.next_error("ecs", "RunTask", second, times=2)
    job = deployment.queue(seconds=20.0)
    when(deployment, lambda: bool(calls(deployment, "RunTask")))
    converge_at_once(deployment)
    assert deployment.until_completed(job)
    assert len(deployment.loop.containers.by_task) == 1
    assert deployment.until_clean()


@pytest.mark.parametrize(
    "second", ["RequestLimitExceeded", "UnauthorizedOperation", "IdempotentParameterMismatch", "NewCodeOfAws"]
)
def test_a_repeated_create_fleet_that_is_throttled_or_refused_launches_nothing_twice(second: str) -> None:
    deployment = acme()
    faults = deployment.loop.aws.faults
    faults.next_error("ec2", "CreateFleet", "LostReply", after_success=True)
    faults.next_error("ec2", "CreateFleet", second, times=2)
    job = deployment.queue(seconds=20.0)
    when(deployment, lambda: bool(calls(deployment, "CreateFleet")))
    converge_at_once(deployment)
    assert deployment.until_completed(job)
    assert launched(deployment) == 1
    assert deployment.until_clean()


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ecs", "RunTask", "ClientException"),
        ("ecs", "RunTask", "AccessDeniedException"),
        ("ec2", "CreateFleet", "UnauthorizedOperation"),
        ("ec2", "CreateFleet", "InvalidParameterValue"),
    ],
)
def test_a_definite_refusal_is_undone_and_planned_anew(service: str, operation: str, code: str) -> None:
    deployment = acme()
    deployment.loop.aws.faults.next_error(service, operation, code)
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.errors))
    assert deployment.left()["intents"] == 0
    assert deployment.until_completed(job)
    assert deployment.until_clean()


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [("ecs", "RunTask", "ThrottlingException"), ("ec2", "CreateFleet", "RequestLimitExceeded")],
)
def test_a_throttle_is_retried_within_seconds(service: str, operation: str, code: str) -> None:
    calm = acme()
    job = calm.queue(seconds=5.0)
    assert calm.until_completed(job)
    deployment = acme()
    deployment.loop.aws.faults.next_error(service, operation, code, times=2)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert deployment.clock.now() - calm.clock.now() <= 10.0
    assert deployment.until_clean()


@pytest.mark.parametrize("operation", ["TransactWriteItems", "UpdateItem", "PutItem", "Query", "GetItem"])
def test_a_throttled_ledger_delays_and_loses_nothing(operation: str) -> None:
    deployment = acme()
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(0.5)
    deployment.loop.aws.faults.next_error(
        "dynamodb", operation, "ProvisionedThroughputExceededException", times=3
    )
    assert deployment.until_completed(job)
    assert deployment.until_clean()


def test_a_refusal_that_no_table_of_ours_knows_holds_up_nothing_else_in_its_pool() -> None:
    deployment = acme()
    warm = [deployment.queue(seconds=5.0) for _ in range(2)]
    assert deployment.until_completed(*warm)
    deployment.loop.aws.faults.next_error("ec2", "CreateFleet", "InvalidSubnetID.NotFound", times=1_000)
    large = ["slipway/medium/cpu=8/memory=28GiB"]
    jobs = [deployment.queue(labels=large, seconds=600.0) for _ in range(3)]  # more than one host holds
    small = deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(small, limit_seconds=120.0)
    assert sum(job.status == "in_progress" for job in jobs) >= 1


def test_spot_without_capacity_falls_back_to_on_demand_in_the_same_convergence() -> None:
    deployment = acme()
    deployment.loop.aws.ec2.capacity.limit(0, market="spot")
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: len(calls(deployment, "CreateFleet")) == 2, limit_seconds=10.0)
    assert [
        c["TargetCapacitySpecification"]["DefaultTargetCapacityType"]
        for c in calls(deployment, "CreateFleet")
    ] == [
        "spot",
        "on-demand",
    ]
    assert len(set(tokens(deployment, "CreateFleet", "ClientToken"))) == 2
    assert deployment.clock.now() - START <= 3.0  # the second call follows the first at once
    assert deployment.until_completed(job)
    assert [i.market for i in deployment.loop.aws.ec2.lifecycle.instances.values()] == ["on-demand"]
    assert deployment.until_clean()


def test_without_any_capacity_a_job_waits_and_goes_on_when_there_is_some() -> None:
    deployment = acme()
    capacity = deployment.loop.aws.ec2.capacity
    capacity.limit(0)
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(600.0)
    asked = len(calls(deployment, "CreateFleet"))
    assert job.status == "queued"
    assert 2 <= asked <= 10  # EC2's answer is believed for three minutes
    capacity.lift()
    assert deployment.until_completed(job, limit_seconds=360.0)
    assert deployment.until_clean()


def test_a_partial_fleet_is_completed_from_what_else_there_is() -> None:
    deployment = acme()
    deployment.loop.aws.ec2.capacity.limit(1, market="spot")
    large = ["slipway/medium/cpu=8/memory=28GiB"]
    jobs = [deployment.queue(labels=large, seconds=30.0) for _ in range(6)]
    assert deployment.until_completed(*jobs)
    markets = sorted(i.market for i in deployment.loop.aws.ec2.lifecycle.instances.values())
    assert markets == ["on-demand", "on-demand", "spot"]
    assert deployment.until_clean()


def test_an_instance_that_never_registers_is_replaced() -> None:
    deployment = acme()
    deployment.loop.aws.ec2.plan_boots(BootPlan.NEVER_REGISTER)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job, limit_seconds=600.0)
    assert launched(deployment) == 2
    assert deployment.until_clean()


@pytest.mark.parametrize("labels", [LABELS, DOCKER_LABELS], ids=["shared", "exclusive"])
def test_a_container_that_never_claims_is_replaced(labels: tuple[str, ...]) -> None:
    deployment = acme()
    deployment.loop.containers.make = SilentContainer
    job = deployment.queue(labels=labels, seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    deployment.loop.containers.make = VirtualContainer
    assert deployment.until_completed(job, limit_seconds=900.0)
    assert deployment.until_clean()


def test_a_plan_of_many_calls_is_carried_out_within_aws_s_documented_limits_and_said_to_be_cut_short() -> (
    None
):
    """[ECS-THROTTLE] Half of a burst of 100 and of 40 a second are ours."""
    configuration = a_configuration()
    pool = replace(configuration.pools["general"], headroom=Headroom(60), max_instances=60)
    deployment = acme(
        replace(configuration, pools={**configuration.pools, "general": pool}),
        behaviour=Behaviour(throttling=True),
    )
    deployment.clock.advance(240.0)
    loop = deployment.loop
    act = Act(loop.configuration, loop.ledger, loop.clusters, loop.fleets, loop.clock, loop.new_token)
    end = End(loop.ledger, loop.clusters, loop.fleets, loop.clock)
    apply = Apply(loop.configuration, loop.ledger, act, end, loop.clock)
    shape = Shape("small", loop.configuration.profiles["small"].size)

    def run(count: int) -> tuple[int, Applied]:
        before = len(calls(deployment, "RunTask"))
        snapshot = loop.ledger.snapshots.read("general", loop.clock.now())
        on_offer = loop.ledger.offers.read("general")
        applied = apply(Plan(run=(RunTasks(shape, 1),) * count), snapshot, on_offer)
        return len(calls(deployment, "RunTask")) - before, applied

    made, applied = run(70)
    assert (made, applied.is_cut_short, applied.should_retry, applied.errors) == (50, True, False, ())
    deployment.clock.advance(1.0)
    made, applied = run(20)
    assert (made, applied.is_cut_short, applied.errors) == (20, False, ())
    assert deployment.left()["intents"] == 0
