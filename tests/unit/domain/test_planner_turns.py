"""Containers that wait for their turn to register: whom they serve, and what is planned around them."""

from __future__ import annotations

from dataclasses import replace

from slipway.domain.demand import COMES_BACK_SECONDS
from slipway.domain.reasons import Reason, Why
from tests.builders import (
    NOW,
    SHAPE,
    a_configuration,
    a_job,
    a_profile,
    a_runner,
    a_snapshot,
    a_task_id,
    an_arn,
    an_instance,
)
from tests.support.planning import plan, started


def test_a_container_that_waits_for_its_turn_covers_jobs_of_its_own_reach_alone() -> None:
    mine = a_job(1, organization="acme", queued_at=NOW - 100)
    other = a_job(2, organization="globex", repository="globex/one", queued_at=NOW - 50)
    waits = a_runner(instance_arn=an_arn("i-1"), waits_for="acme", waits_until=NOW + 120)
    decided = plan(
        a_snapshot(jobs=(mine, other), runners=(waits,), instances=(an_instance(),)), a_configuration()
    )
    assert started(decided) == {SHAPE: 1}
    assert decided.reasons[mine.key] == Reason(Why.AWAITING_TURN, {"until": NOW + 120})
    assert decided.reasons[other.key].code is not Why.AWAITING_TURN
    # Another container that drew it would need a turn of its own, and leave the other job without one.
    assert decided.offers == {SHAPE: (other,)}
    assert decided.reserved == {(SHAPE, "acme"): (mine,)}
    without = plan(a_snapshot(jobs=(other,), runners=(waits,), instances=(an_instance(),)), a_configuration())
    assert started(without) == {SHAPE: 1}


def test_a_job_is_kept_for_the_container_whose_turn_has_just_come() -> None:
    mine = a_job(1, organization="acme", queued_at=NOW - 100)
    other = a_job(2, organization="globex", repository="globex/one", queued_at=NOW - 150)
    waited = a_runner(instance_arn=an_arn("i-1"), waits_for="acme", waits_until=NOW)
    snapshot = a_snapshot(jobs=(mine, other), runners=(waited,), instances=(an_instance(),))
    decided = plan(snapshot, a_configuration())
    assert (decided.reserved, decided.offers) == ({(SHAPE, "acme"): (mine,)}, {SHAPE: (other,)})
    assert decided.reasons[mine.key].code is Why.TASK_STARTING
    late = plan(replace(snapshot, now=NOW + COMES_BACK_SECONDS), a_configuration())
    assert (late.reserved, late.offers) == ({}, {SHAPE: (mine, other)})


def test_a_container_whose_turn_has_come_serves_anybody_if_no_job_of_its_reach_is_left() -> None:
    job = a_job(2, organization="globex", repository="globex/one")
    waited = a_runner(instance_arn=an_arn("i-1"), waits_for="acme", waits_until=NOW)
    decided = plan(a_snapshot(jobs=(job,), runners=(waited,), instances=(an_instance(),)), a_configuration())
    assert started(decided) == {}


def test_a_standby_task_with_a_turn_is_not_the_one_that_is_too_many() -> None:
    at = an_arn("i-1")
    turn = a_runner(
        3, instance_arn=at, running_at=NOW - 5, started_at=NOW - 6, waits_for="acme", waits_until=NOW + 120
    )
    older = [a_runner(n, instance_arn=at, running_at=NOW - 50, started_at=NOW - 60) for n in (1, 2)]
    snapshot = a_snapshot(jobs=(a_job(1),), runners=(*older, turn), instances=(an_instance(),))
    decided = plan(snapshot, a_configuration([a_profile(standby=1)]))
    assert decided.reserved == {(SHAPE, "acme"): (a_job(1),)}
    assert decided.dismiss == (a_task_id(2),)


def test_nothing_is_kept_for_a_container_whose_host_ec2_takes_away() -> None:
    hosts = (an_instance(lost_at=NOW - 10), an_instance("i-2"))
    waits = a_runner(1, instance_arn=an_arn("i-1"), waits_for="acme", waits_until=NOW + 120)
    free = a_runner(2, instance_arn=an_arn("i-2"))
    jobs = (a_job(1), a_job(2, organization="globex", repository="globex/one"))
    decided = plan(a_snapshot(jobs=jobs, runners=(waits, free), instances=hosts), a_configuration())
    assert decided.reserved == {}
    assert set(decided.offers[SHAPE]) == set(jobs)
    assert started(decided) == {SHAPE: 1}
