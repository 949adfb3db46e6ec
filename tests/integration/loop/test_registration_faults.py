"""Registrations that GitHub refuses or half makes: a full group, bursts of 503, names that are taken."""

from __future__ import annotations

import pytest

from slipway.domain.reasons import Why
from tests.integration.loop.scenes import (
    GENERATE,
    no_runner_served_two_tasks,
    served_per_task,
    when,
)
from tests.support.loop import Acme, acme


def reasons(deployment: Acme) -> list[tuple[str, str]]:
    done = deployment.loop.scale.converge("general", "test", has_time=lambda: True)
    return [(reason.code, str(reason.parameters.get("why"))) for reason in done.plans[-1].reasons.values()]


def test_a_full_group_makes_its_jobs_wait_with_the_cure_and_they_go_on_when_there_is_room() -> None:
    """[GH-GROUP-10000]"""
    deployment = acme()
    registry = deployment.github.registry
    limit, registry.group_limit = registry.group_limit, 0
    jobs = [deployment.queue(seconds=5.0) for _ in range(3)]
    deployment.clock.advance(240.0)
    told = reasons(deployment)
    assert {code for code, _ in told} == {Why.GITHUB_REFUSED}
    assert all("remove offline runners of the group" in why for _, why in told)
    assert len(deployment.loop.containers.by_task) == len(jobs)  # they wait, and are not worn out
    registry.group_limit = limit
    assert deployment.until_completed(*jobs, limit_seconds=300.0)
    assert deployment.until_clean()


@pytest.mark.parametrize(
    "after_success", [False, True], ids=["nothing registered", "registered all the same"]
)
def test_a_burst_of_503_serves_every_job_once_and_leaves_no_registration(after_success: bool) -> None:
    """[GH-JIT-503] [GH-JIT-409]"""
    deployment = acme()
    deployment.github.faults.next("POST", GENERATE, 503, after_success=after_success, times=6)
    jobs = [
        deployment.queue(f"{login}/web", seconds=5.0) for login in ("alpha", "beta", "gamma") for _ in "ab"
    ]
    assert deployment.until_completed(*jobs)
    assert served_per_task(deployment).total() == len(jobs)
    assert no_runner_served_two_tasks(deployment)
    assert deployment.until_clean()
    assert deployment.github.registry.registered_total == len(jobs) + (6 if after_success else 0)


@pytest.mark.parametrize("state", ["online", "busy"])
def test_a_name_that_somebody_else_runs_costs_one_container_and_is_left_alone(state: str) -> None:
    """[GH-JIT-409]"""
    deployment = acme()
    github = deployment.github
    first = deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    task_id = next(iter(deployment.loop.containers.by_task))
    squatter = squat(deployment, f"slipway-small-{task_id}", state)
    assert deployment.until_completed(first)
    assert squatter in github.registry.by_id.values()
    answers = {task: [a.status for a in c.answers] for task, c in deployment.loop.containers.by_task.items()}
    assert answers.pop(task_id) == [410]
    assert [statuses[-1] for statuses in answers.values()] == [200]


def squat(deployment: Acme, name: str, state: str) -> object:
    """Register a runner by hand under the name of a task of ours, and run it."""
    from local.twin.github.registry import Registration

    github = deployment.github
    organizations = [github.world.organizations["gamma"]]
    group = github.add_enterprise_group("by-hand", organizations)
    runner = github.registry.register(
        github.world.enterprise_scope, group, Registration(name, ("elsewhere",))
    )
    runner.online = True
    if state == "busy":
        runner.job_id = 77
        runner.busy_changes.append((deployment.clock.now(), True))
    return runner
