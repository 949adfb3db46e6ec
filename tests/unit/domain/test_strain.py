"""Strain: what an operator is called for, and what is left to the system."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.configuration import Schedule, WaitTarget
from slipway.domain.launches import FAILURES_TO_OPEN, LaunchFailures
from slipway.domain.plan import Plan
from slipway.domain.policy import Policy, policy_of
from slipway.domain.reasons import Reason, Why
from slipway.domain.runners import RunnerState
from slipway.domain.snapshot import STARTS_TO_OPEN, Snapshot, StartFailures
from slipway.domain.strain import Strain, strain_of
from tests.builders import NOW, a_configuration, a_job, a_profile, a_runner

TARGET = WaitTarget(15)


def a_policy(**profile: Any) -> Policy:
    return policy_of(a_configuration([a_profile(**profile)]), "general", NOW)


def waiting(*seconds: float, busy: int = 0) -> Snapshot:
    jobs = tuple(a_job(number, queued_at=NOW - waited) for number, waited in enumerate(seconds, 1))
    runners = tuple(a_runner(number, RunnerState.BUSY) for number in range(busy))
    return Snapshot("general", NOW, jobs=jobs, runners=runners)


def planned(snapshot: Snapshot, why: Why = Why.INSTANCE_STARTING, **more: Any) -> Plan:
    return Plan(reasons={job.key: Reason(why) for job in snapshot.jobs}, **more)


def late(snapshot: Snapshot, policy: Policy, why: Why = Why.INSTANCE_STARTING) -> int:
    return strain_of(snapshot, planned(snapshot, why), policy).late_jobs


def test_a_healthy_pool_is_under_no_strain() -> None:
    assert strain_of(Snapshot("general", NOW), Plan(), a_policy()) == Strain()
    assert late(waiting(1.0, 15.0), a_policy(wait_target=TARGET)) == 0


def test_a_job_is_late_past_its_profile_s_target_or_ten_minutes_without_one() -> None:
    assert late(waiting(15.1), a_policy(wait_target=TARGET)) == 1
    assert late(waiting(599.0), a_policy()) == 0
    assert late(waiting(601.0), a_policy()) == 1


def test_one_late_job_in_ten_of_those_that_wait_or_run_is_within_the_target() -> None:
    policy = a_policy(wait_target=TARGET)
    assert late(waiting(20.0, busy=9), policy) == 0
    assert late(waiting(20.0, busy=8), policy) == 1
    assert late(waiting(20.0, *[1.0] * 9), policy) == 0
    assert late(waiting(20.0, 20.0, busy=9), policy) == 2


def test_a_target_counts_only_in_its_hours() -> None:
    never = Schedule((), 0, 1, "UTC")
    assert late(waiting(900.0), a_policy(wait_target=replace(TARGET, hours=never))) == 0


@pytest.mark.parametrize("why", Why)
def test_what_was_ordered_or_what_one_tenant_brought_upon_itself_calls_nobody(why: Why) -> None:
    intended = {
        Why.PAUSED, Why.DRAINING, Why.REPOSITORY_LIMIT, Why.ORGANIZATION_LIMIT,
        Why.NO_PROFILE, Why.NOT_TAKEN, Why.TOO_LARGE, Why.ZOMBIE,
    }  # fmt: skip
    assert late(waiting(900.0), a_policy(), why) == (why not in intended)


def test_circuits_count_while_they_are_open_and_the_plan_does_not_close_them() -> None:
    failures = LaunchFailures(FAILURES_TO_OPEN, NOW, "UnauthorizedOperation")
    starts = (StartFailures("small", STARTS_TO_OPEN, NOW, "CannotPullContainerError"),)
    broken = Snapshot("general", NOW, launch_failures=failures, tier_failures=failures, start_failures=starts)
    assert strain_of(broken, Plan(), a_policy()) == Strain(0, 2, 1)
    mended = Plan(closes_circuit=True, closes_tier_circuit=True, recovered=("small",))
    assert strain_of(broken, mended, a_policy()) == Strain()
    few = replace(failures, count=FAILURES_TO_OPEN - 1)
    assert strain_of(replace(broken, launch_failures=few), mended, a_policy()) == Strain()
