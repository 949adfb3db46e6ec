"""One JIT config per task, for ever, and for nobody but a task of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slipway.domain.identity import TaskIdentity
from slipway.domain.runners import RunnerState
from tests.integration.loop.scenes import (
    GENERATE,
    OrphanedContainer,
    SilentContainer,
    all_answers,
    calls,
    container_of,
    no_runner_served_two_tasks,
    recorded,
    served_per_task,
    when,
)
from tests.support.loop import DOCKER_LABELS, Acme, acme

FOREIGN = TaskIdentity("123456789012", "slipway-general-task", "f" * 32)


def running(deployment: Acme, seconds: float = 30.0, repository: str = "alpha/web") -> TaskIdentity:
    """Queue a job, wait until it runs, and return the identity of the task that runs it."""
    job = deployment.queue(repository, seconds=seconds)
    when(deployment, lambda: job.status == "in_progress")
    return container_of(deployment, job).caller


@pytest.mark.parametrize("status", [404, 204])
def test_claim_after_completed_is_410_even_if_delete_404_or_204(status: int) -> None:
    deployment = acme()
    deployment.loop.containers.make = OrphanedContainer
    job = deployment.queue("alpha/web", seconds=5.0)
    waiting = deployment.queue("beta/web", seconds=5.0)
    assert deployment.until_completed(job, waiting)
    caller = container_of(deployment, job).caller
    when(deployment, lambda: recorded(deployment)[caller.task_id].state is RunnerState.GONE)
    deployment.queue("beta/web")  # something to steal
    deployment.clock.advance(2.0)
    if status == 204:  # whatever GitHub answers to a removal, the claim does not depend on it
        deployment.github.faults.next("DELETE", "/actions/runners/", 204, times=10)
    answers = [deployment.loop.claim(caller), deployment.loop.release(caller), deployment.loop.claim(caller)]
    assert [answer.status for answer in answers] == [410, 410, 410]
    deployment.clock.advance(600.0)
    assert deployment.loop.claim(caller).status == 410
    assert served_per_task(deployment)[caller.task_id] == 1


def test_orphan_with_stopped_listener_is_stopped_in_60s() -> None:
    """The bound that holds: 60 s after GitHub's word of completion, plus the reaper's period of 60 s.

    The first half is grace for the container's own exit; until it ends every claim is 410 anyway.
    """
    deployment = acme()
    deployment.loop.containers.make = OrphanedContainer
    job = deployment.queue(seconds=10.0)
    assert deployment.until_completed(job)
    caller, completed_at = container_of(deployment, job).caller, deployment.clock.now()
    deployment.queue("beta/api", seconds=5.0)
    when(deployment, lambda: bool(calls(deployment, "StopTask")))
    assert calls(deployment, "StopTask")[0]["task"] == caller.task_id
    assert deployment.clock.now() - completed_at <= 60.0 + 60.0 + 5.0
    assert no_runner_served_two_tasks(deployment)


def test_exfiltrated_task_credentials_get_no_second_jit() -> None:
    deployment = acme()
    caller = running(deployment, seconds=300.0)
    deployment.queue("beta/web", seconds=5.0)  # what the thief would like to have
    assert [deployment.loop.claim(caller).status for _ in range(3)] == [409, 409, 409]
    assert deployment.loop.release(caller).status == 409
    when(deployment, lambda: caller.task_id not in recorded(deployment))
    assert [deployment.loop.claim(caller).status for _ in range(3)] == [410, 410, 410]
    assert deployment.loop.release(caller).status == 410
    assert deployment.until_clean()
    deployment.queue("beta/web", seconds=5.0)
    deployment.clock.advance(3_600.0)
    assert deployment.loop.claim(caller).status == 410
    assert served_per_task(deployment)[caller.task_id] == 1


def test_credentials_used_before_the_task_itself_claims_spend_the_tasks_only_config() -> None:
    """Who holds a task's credentials is that task: the container then hears 409 and ends."""
    deployment = acme()
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    first = next(iter(deployment.loop.containers.by_task.values()))
    stolen = deployment.loop.claim(first.caller)
    assert stolen.status == 200
    when(deployment, lambda: bool(first.answers))
    assert first.answers[0].status == 409
    assert not first.is_alive
    assert deployment.until_completed(job)
    assert deployment.until_clean()


def test_two_claims_of_one_task_at_the_same_moment_get_one_config() -> None:
    deployment = acme()
    deployment.loop.containers.make = SilentContainer
    for login in ("alpha", "beta"):
        deployment.queue(f"{login}/web", seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    caller = next(iter(deployment.loop.containers.by_task.values())).caller
    table = deployment.loop.aws.dynamodb
    inner: list[Any] = []
    write = table.update_item

    def overtaken(**request: Any) -> Any:
        if not inner:  # the first claim has read the runner; now the second one comes and is done
            inner.append(None)
            inner[0] = deployment.loop.claim(caller)
        return write(**request)

    table.update_item = overtaken  # type: ignore[method-assign]
    outer = deployment.loop.claim(caller)
    assert sorted([outer.status, inner[0].status]) == [200, 409]
    assert deployment.github.registry.registered_total == 1


@pytest.mark.parametrize("status", [0, 500, 502, 503])
def test_lost_claim_reply_never_mints_twice(status: int) -> None:
    """The runner was registered, the reply of GitHub did not arrive: one container is lost, nothing else."""
    deployment = acme()
    deployment.github.faults.next("POST", GENERATE, status, after_success=True)
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    first, *_ = [a for a in all_answers(deployment) if a.status != 200]
    assert first.status == 410
    assert deployment.github.registry.registered_total == 2
    assert no_runner_served_two_tasks(deployment)
    assert deployment.until_clean()


@pytest.mark.parametrize("fault", [0, 429, 404, 500])
def test_a_lost_mint_whose_look_up_fails_too_spends_the_task_all_the_same(fault: int) -> None:
    deployment = acme()
    deployment.github.faults.next("POST", GENERATE, 0, after_success=True)
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    deployment.github.faults.next("GET", r"/actions/runners$", fault)
    assert deployment.until_completed(job)
    assert [a.status for a in all_answers(deployment) if a.status != 200] == [410]
    assert no_runner_served_two_tasks(deployment)
    assert deployment.until_clean()


def test_lost_reply_of_the_registrar_itself_costs_one_container() -> None:
    deployment = acme()
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    lost = next(iter(deployment.loop.containers.by_task.values()))
    assert deployment.loop.claim(lost.caller).status == 200  # and the container never hears of it
    assert deployment.until_completed(job)
    assert lost.answers[0].status == 409
    assert served_per_task(deployment).total() == 1
    assert deployment.until_clean()


@pytest.mark.parametrize(
    "caller",
    [
        None,
        replace(FOREIGN, account_id="210987654321"),
        replace(FOREIGN, role="slipway-general-instance"),
        replace(FOREIGN, role="SLIPWAY-GENERAL-TASK"),
    ],
    ids=["no task", "another account", "another role", "another case"],
)
def test_foreign_role_or_account_is_403(caller: TaskIdentity | None) -> None:
    deployment = acme()
    deployment.queue()
    deployment.clock.advance(5.0)
    assert deployment.loop.claim(caller).status == 403
    assert deployment.loop.release(caller).status == 403


def test_foreign_role_account_or_unrecorded_task_is_403() -> None:
    """An unknown task of the right role is asked to wait for 60 s: RunTask's reply may still be on its way."""
    deployment = acme()
    deployment.queue()
    deployment.clock.advance(5.0)
    first = deployment.loop.claim(FOREIGN)
    assert (first.status, first.retry_after_seconds) == (503, 2)
    deployment.clock.advance(59.0)
    assert deployment.loop.claim(FOREIGN).status == 503
    deployment.clock.advance(2.0)
    assert deployment.loop.claim(FOREIGN).status == 403
    assert FOREIGN.task_id not in recorded(deployment)
    assert deployment.loop.release(FOREIGN).status == 410


def test_a_task_of_one_pool_is_unknown_to_another_pools_role() -> None:
    deployment = acme()
    caller = running(deployment, seconds=300.0)
    deployment.queue(labels=DOCKER_LABELS)
    deployment.clock.advance(1.0)
    assert deployment.loop.claim(replace(caller, role="slipway-alone-task")).status in (403, 503)
    deployment.clock.advance(61.0)
    assert deployment.loop.claim(replace(caller, role="slipway-alone-task")).status == 403
    assert caller.task_id not in recorded(deployment, "alone")


def test_a_task_in_our_cluster_that_somebody_else_started_gets_nothing() -> None:
    deployment = acme()
    running(deployment, seconds=300.0)
    foreign = deployment.loop.aws.ecs.run_task(
        cluster="slipway-general", taskDefinition="slipway-small", count=1, startedBy="a-curious-person"
    )["tasks"][0]
    deployment.queue("beta/web")
    task_id = foreign["taskArn"].rpartition("/")[2]
    deployment.clock.advance(120.0)
    answers = deployment.loop.containers.by_task[task_id].answers
    assert {answer.status for answer in answers} == {503, 403}
    assert answers[-1].status == 403


def test_a_task_recorded_late_because_the_reply_of_run_task_was_lost_is_adopted() -> None:
    deployment = acme()
    warm = deployment.queue(seconds=1.0)
    assert deployment.until_completed(warm)
    deployment.loop.aws.faults.next_error("ecs", "RunTask", "LostReply", after_success=True)
    deployment.loop.aws.events._subscriptions.clear()  # no event tells of the task either
    job = deployment.queue(seconds=5.0)
    assert deployment.until_completed(job)
    assert [len(call) > 0 for call in calls(deployment, "RunTask")].count(True) <= 3
    tasks = [c for c in deployment.loop.containers.by_task.values() if c.answers]
    assert len(tasks) == 2


def test_two_vcpu_task_never_claims_cpu4() -> None:
    deployment = acme()
    large = deployment.queue(labels=["slipway/medium/cpu=4/memory=14GiB"], seconds=20.0)
    small = deployment.queue(labels=["slipway/medium/cpu=2/memory=7GiB"], seconds=20.0)
    assert deployment.until_completed(large, small)
    sizes = {
        job.id: (task.cpu_units, task.memory_mib)
        for job in (large, small)
        for task in [container_of(deployment, job).task]
    }
    assert sizes == {large.id: (4096, 14 * 1024), small.id: (2048, 7 * 1024)}
    # The large job's container dies; a small one must not be given its job, however long that takes.
    again = deployment.queue(labels=["slipway/medium/cpu=4/memory=14GiB"], seconds=20.0)
    deployment.loop.aws.ecs.fail_next_starts(1)
    other = deployment.queue(labels=["slipway/medium/cpu=2/memory=7GiB"], seconds=20.0)
    assert deployment.until_completed(again, other)
    assert container_of(deployment, again).task.cpu_units == 4096


def test_exclusive_claim_refused_unless_draining_and_sole() -> None:
    deployment = acme()
    deployment.loop.containers.make = SilentContainer
    deployment.queue(labels=DOCKER_LABELS, seconds=60.0)
    ecs = deployment.loop.aws.ecs
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    caller = next(iter(deployment.loop.containers.by_task.values())).caller
    host = next(iter(ecs.live_tasks())).instance
    assert host.status == "DRAINING"
    ecs.registry.set_status(host, "ACTIVE")  # somebody un-drained it
    deployment.clock.advance(3.0)
    refused = deployment.loop.claim(caller)
    assert (refused.status, refused.retry_after_seconds) == (503, 2)
    ecs.registry.set_status(host, "DRAINING")
    deployment.clock.advance(3.0)
    before = deployment.loop.aws.calls.copy()
    assert deployment.loop.claim(caller).status == 200
    asked = deployment.loop.aws.calls - before
    # Its own host alone is read, however many the pool has.
    assert {name for name in asked if name.startswith("ecs.")} == {
        "ecs.DescribeContainerInstances",
        "ecs.ListTasks",
    }


def test_exclusive_claim_is_refused_while_another_task_shares_the_host() -> None:
    deployment = acme()
    ecs = deployment.loop.aws.ecs
    job = deployment.queue(labels=DOCKER_LABELS, seconds=60.0)
    when(deployment, lambda: bool(recorded(deployment, "alone")))
    task = next(iter(ecs.live_tasks()))
    host, intent = task.instance, task.started_by
    host.status, host.cpu_used, host.memory_used = "ACTIVE", 0, 0  # the race of a task end and a RunTask
    interface = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    ecs.run_task(
        cluster="slipway-alone",
        taskDefinition="slipway-docker",
        count=1,
        startedBy=intent,
        networkConfiguration=interface,
    )
    ecs.registry.set_status(host, "DRAINING")
    when(deployment, lambda: len(deployment.loop.containers.by_task) == 2)
    deployment.clock.advance(5.0)
    assert {answer.status for answer in all_answers(deployment)} == {503}
    assert job.status == "queued"
