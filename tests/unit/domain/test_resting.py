"""When a pool rests, and which news of a task is calm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.instances import InstanceState
from slipway.domain.intents import RunTasks
from slipway.domain.plan import Plan
from slipway.domain.planner import plan
from slipway.domain.reasons import Reason, Why
from slipway.domain.resting import JOB_COMPLETED, had_its_job, rests
from slipway.domain.runners import RunnerState
from tests.builders import (
    NOW,
    SHAPE,
    a_booting_instance,
    a_job,
    a_launch_intent,
    a_policy,
    a_profile,
    a_runner,
    a_snapshot,
    a_start_intent,
    a_stopped_instance,
    an_instance,
)

SERVED = {Why.RUNNER_IDLE, Why.TASK_STARTING}
LAUNCH, START = a_launch_intent().request, a_start_intent("i-1").request
MOVES: dict[str, Any] = {
    "launch": (LAUNCH,),
    "start": (START,),
    "dismiss": ("task",),
    "drain": ("i-1",),
    "end": ("i-1",),
    "replace": ("i-1",),
    "retire": ("i-1",),
}


def does_rest(decided: Plan | None = None, **snapshot: Any) -> bool:
    return rests(decided or Plan(), a_snapshot(**snapshot), a_policy())


def test_a_pool_without_work_rests() -> None:
    assert does_rest()


def test_a_pool_rests_while_every_job_runs_or_has_a_runner_on_its_way() -> None:
    reasons = {a_job(number).key: Reason(code) for number, code in enumerate(SERVED)}
    busy = (a_runner(1, RunnerState.BUSY), a_runner(2, RunnerState.REGISTERED), a_runner(3))
    decided = Plan(reasons=reasons, run=(RunTasks(SHAPE, 1),), idle_since={"i-1": None})
    assert does_rest(decided, runners=busy, instances=(an_instance(),))


def test_a_pool_does_not_rest_while_a_tier_found_no_room() -> None:
    """What frees room is calm, and the tier would be refilled by the next tick only."""
    assert not does_rest(Plan(is_short_of_tiers=True))


def test_a_standby_task_without_room_leaves_its_pool_short_of_tiers() -> None:
    full = a_policy(a_profile(standby=2), max_instances=0)
    roomy = a_policy(a_profile(standby=2))
    host = an_instance()
    assert plan(a_snapshot(), full).is_short_of_tiers
    assert not plan(a_snapshot(instances=(host,)), roomy).is_short_of_tiers


@pytest.mark.parametrize("code", sorted(set(Why) - SERVED))
def test_a_pool_does_not_rest_while_a_job_is_held_up(code: Why) -> None:
    reasons = {a_job(1).key: Reason(Why.TASK_STARTING), a_job(2).key: Reason(code)}
    assert not does_rest(Plan(reasons=reasons))


@pytest.mark.parametrize("move", MOVES)
def test_a_pool_does_not_rest_while_instances_come_or_go(move: str) -> None:
    assert not does_rest(replace(Plan(), **{move: MOVES[move]}))


def test_every_outward_move_of_a_plan_but_starting_tasks_is_among_these() -> None:
    for name in Plan.__dataclass_fields__:
        something: dict[str, Any] = {name: ("something",)}
        moved = replace(Plan(), **something)
        assert (not moved.is_quiet) == (name in MOVES or name == "run")


def test_a_pool_does_not_rest_while_a_host_drains() -> None:
    draining = an_instance("i-2", state=InstanceState.DRAINING, draining_at=NOW - 5)
    assert not does_rest(instances=(an_instance(), draining))


def test_a_pool_rests_whatever_else_its_hosts_do() -> None:
    """That one boots or stops is no calm news when it is told, so nothing waits for calm news."""
    assert does_rest(instances=(an_instance(), a_booting_instance("i-2"), a_stopped_instance("i-3")))


def test_an_exclusive_pool_never_rests() -> None:
    assert not rests(Plan(), a_snapshot(), a_policy(exclusive=True))


def test_a_task_whose_job_completed_had_its_job() -> None:
    assert had_its_job(a_runner(1, RunnerState.GONE, ended_why=JOB_COMPLETED))


def test_a_task_that_ran_its_job_had_it_before_its_end_is_told() -> None:
    assert had_its_job(a_runner(1, RunnerState.BUSY))


@pytest.mark.parametrize(
    "runner",
    [
        None,
        a_runner(1),
        a_runner(1, RunnerState.REGISTERED),
        a_runner(1, RunnerState.GONE, ended_why="released"),
        a_runner(1, RunnerState.REGISTERED, ended_why=JOB_COMPLETED),
    ],
    ids=["unknown", "starting", "registered", "released", "not gone"],
)
def test_any_other_task_may_leave_a_job_waiting(runner: Any) -> None:
    assert not had_its_job(runner)
