"""The quirks of GitHub's workflow_job events that a job meets before it runs, through the whole loop."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from tests.integration.loop.scenes import all_answers, bodies, deliver, launched, recorded, when
from tests.support.loop import LABELS, Acme, a_configuration, acme


def started(deployment: Acme) -> int:
    """How many containers there ever were."""
    return len(deployment.loop.containers.by_task)


def test_quirk_01_a_job_of_github_s_own_runners_starts_nothing_and_is_not_kept() -> None:
    """[GH-WJ-1]"""
    deployment = acme()
    hosted = deployment.queue(labels=("ubuntu-latest",), seconds=30.0)
    deployment.clock.advance(300.0)
    assert hosted.conclusion == "success"
    assert [len(bodies(deployment, action, hosted)) for action in ("queued", "in_progress", "completed")] == [
        1
    ] * 3
    assert (launched(deployment), started(deployment)) == (0, 0)
    assert [item for item in deployment.items() if item["pk"]["S"] == f"JOB#{hosted.id}"] == []


def test_quirk_02_a_gated_job_gets_its_runner_only_when_it_is_approved() -> None:
    """[GH-WJ-2]"""
    deployment = acme()
    gated = deployment.queue(seconds=5.0, environment="production")
    deployment.github.jobs.announce_queued_while_waiting(gated.id)
    deployment.clock.advance(300.0)
    assert bodies(deployment, "queued", gated)
    assert (launched(deployment), started(deployment)) == (0, 0)
    deployment.github.jobs.approve(gated.id)
    assert deployment.until_completed(gated)
    assert deployment.until_clean()
    assert started(deployment) == 1


def test_quirk_03_a_waiting_job_takes_no_runner_of_another() -> None:
    """[GH-WJ-3]"""
    deployment = acme()
    gated = deployment.queue(seconds=5.0, environment="production")
    job = deployment.queue(seconds=20.0)
    when(deployment, lambda: job.status == "in_progress")
    deliver(deployment, bodies(deployment, "waiting", gated)[0])  # late, while the other's runner is busy
    assert deployment.until_completed(job)
    assert deployment.until_clean()
    assert (started(deployment), gated.status) == (1, "waiting")


def test_quirk_09_a_job_without_labels_starts_nothing_unless_a_rule_says_who_serves_it() -> None:
    """[GH-WJ-9]"""
    deployment = acme()
    bare = deployment.queue(labels=(), seconds=5.0, group="slipway-alpha")
    deployment.clock.advance(300.0)
    assert bodies(deployment, "queued", bare)[0]["workflow_job"]["labels"] == []
    assert (bare.status, launched(deployment), started(deployment)) == ("queued", 0, 0)
    configuration = a_configuration()
    small = replace(configuration.profiles["small"], unlabelled_jobs_of=frozenset({"alpha"}))
    ruled = acme(replace(configuration, profiles={**configuration.profiles, "small": small}))
    job = ruled.queue(labels=(), seconds=5.0, group="slipway-alpha")
    assert ruled.until_completed(job)
    assert ruled.until_clean()


@pytest.mark.parametrize("runner_id", [5, 0, None])
def test_quirk_10_whatever_runner_a_queued_event_names_the_job_gets_one_of_ours(
    runner_id: int | None,
) -> None:
    """[GH-WJ-10]"""
    deployment = acme()
    faults = deployment.github.deliveries.faults
    faults.lost = 1.0
    job = deployment.queue(seconds=5.0)
    faults.lost = 0.0
    other = deployment.queue("beta/web", seconds=5.0)
    deployment.clock.advance(3.0)
    odd = copy.deepcopy(bodies(deployment, "queued", other)[0])
    own = {"id": job.id, "run_id": job.run_id, "runner_id": runner_id, "runner_name": "GitHub Actions 5"}
    odd["workflow_job"] |= own
    alpha = deployment.github.world.organizations["alpha"]
    repository = deployment.github.world.repositories["alpha/web"]
    odd["repository"] |= {"id": repository.id, "name": "web", "full_name": "alpha/web"}
    odd["repository"]["owner"] |= {"login": "alpha", "id": alpha.id}
    odd.pop("organization", None)
    assert deliver(deployment, odd).status == 202
    assert deployment.until_completed(job, other)
    assert deployment.until_clean()


def test_quirk_10_a_completion_that_names_no_runner_leaves_nothing_behind() -> None:
    """[GH-WJ-10]"""
    deployment = acme()
    job = deployment.queue(seconds=5.0, conclusion="failure")
    when(deployment, lambda: job.status == "in_progress")
    deployment.github.deliveries.faults.lost = 1.0
    assert deployment.until_completed(job)
    nameless = copy.deepcopy(bodies(deployment, "in_progress", job)[0])
    nameless["action"] = nameless["workflow_job"]["status"] = "completed"
    nameless["workflow_job"] |= {"conclusion": "failure", "runner_id": None, "runner_name": None}
    assert deliver(deployment, nameless).status == 202
    assert deployment.until_clean()


def test_quirk_12_a_status_that_lags_behind_the_webhook_starves_no_fresh_job() -> None:
    """[GH-WJ-12]"""
    deployment = acme()
    deployment.github.world.lags.job_status = 600.0
    jobs = [deployment.queue(f"{login}/web", seconds=30.0) for login in ("alpha", "beta", "gamma")]
    assert deployment.until_completed(*jobs, limit_seconds=200.0)
    assert deployment.until_clean()
    assert started(deployment) == 3


@pytest.mark.parametrize(
    "labels",
    [("SELF-HOSTED", "Linux", "X64", "sMaLl"), ("Small",), ("small", "SMALL"), ("x64", "SMALL", "linux")],
)
def test_quirk_15_labels_in_any_case_and_order_get_their_runner(labels: tuple[str, ...]) -> None:
    """[GH-WJ-15] [GH-LABELS-CASE]"""
    deployment = acme()
    job = deployment.queue(labels=labels, seconds=5.0)
    assert deployment.until_completed(job)
    assert deployment.until_clean()
    assert started(deployment) == 1


def test_quirk_15_a_label_that_no_profile_has_is_not_served_by_the_others() -> None:
    """[GH-WJ-15]"""
    deployment = acme()
    job = deployment.queue(labels=(*LABELS, "gpu"), seconds=5.0)
    deployment.clock.advance(300.0)
    assert (job.status, launched(deployment)) == ("queued", 0)


def test_quirk_16_a_job_held_back_by_concurrency_waits_without_a_runner_until_it_is_queued() -> None:
    """[GH-WJ-16]"""
    deployment = acme()
    faults = deployment.github.deliveries.faults
    faults.lost = 1.0
    held = deployment.queue(seconds=5.0)
    deployment.github.router.withdraw(held)
    faults.lost = 0.0
    first = deployment.queue(seconds=60.0)
    when(deployment, lambda: first.status == "in_progress")
    pending = copy.deepcopy(bodies(deployment, "queued", first)[0])
    pending["workflow_job"] |= {"id": held.id, "run_id": held.run_id, "status": "pending"}
    assert deliver(deployment, {**pending, "action": "pending"}).status == 200
    assert deployment.until_completed(first)
    deployment.clock.advance(200.0)
    assert started(deployment) == 1
    released = copy.deepcopy(pending)
    released["workflow_job"]["status"] = "queued"
    deployment.github.router.place(held)
    assert deliver(deployment, released).status == 202
    assert deployment.until_completed(held)
    assert started(deployment) == 2


def test_quirk_17_a_zombie_costs_fewer_and_fewer_runners_and_after_a_day_none() -> None:
    """[GH-WJ-17] [GH-JOB-24H]"""
    deployment = acme()
    zombie = deployment.queue(seconds=5.0)
    deployment.clock.advance(1.0)
    deployment.github.router.withdraw(zombie)  # queued for GitHub, but it will never be given to a runner
    seen = []
    for _ in range(4):
        deployment.clock.advance(3_600.0)
        seen.append(started(deployment))
    assert seen[1] - seen[0] <= seen[0]
    assert seen[3] - seen[2] <= seen[1] - seen[0] <= 4
    deployment.clock.advance(21 * 3_600.0)
    assert zombie.status == "completed"  # GitHub fails it after a day
    over = started(deployment)
    deployment.clock.advance(3 * 3_600.0)
    assert started(deployment) == over
    assert recorded(deployment) == {}
    assert {answer.status for answer in all_answers(deployment)} <= {200, 410}
