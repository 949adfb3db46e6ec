"""Jobs that wait long: GitHub is asked about them, seldom; what it twice calls over waits no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.twin.github.model import WorkflowJob
from slipway.domain.jobs import JobKey
from slipway.domain.notices import NoticeCode
from slipway.domain.planner import plan
from slipway.domain.policy import policy_of
from slipway.domain.reasons import Why
from tests.integration.loop.scenes import all_answers, when
from tests.support.loop import WEBHOOK_SECRET, Acme, a_configuration, acme

READ = "GET /repos/{owner}/{repo}/actions/jobs/{job_id}"


def waiting(deployment: Acme) -> list[int]:
    read = deployment.loop.ledger.snapshots.read("general", deployment.clock.now())
    return [job.key.job_id for job in read.jobs]


def a_cancelled_job(deployment: Acme) -> WorkflowJob:
    """Queue a job that GitHub cancels without a word, before a runner is there [GH-WJ-7]."""
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(2.0)
    deployment.github.jobs.cancel(job.id, announced=False)
    return job


def paused(deployment: Acme) -> Acme:
    """Let GitHub refuse every runner for now: jobs wait and cost nothing."""
    fault = deployment.github.faults.next("POST", "generate-jitconfig", 429, times=10_000)
    fault.headers["retry-after"] = "3600"
    return deployment


def dropped(deployment: Acme) -> list[str]:
    return [
        reap.why
        for reaped in deployment.loop.reaped
        for reap in reaped.done
        if reap.what.value == "job record"
    ]


def notices(deployment: Acme, code: NoticeCode) -> list[str]:
    return [n.id for reaped in deployment.loop.reaped for n in reaped.notices if n.code is code]


def test_a_job_that_github_cancelled_without_a_word_costs_one_runner_and_two_questions() -> None:
    deployment = acme()
    job = a_cancelled_job(deployment)
    when(deployment, lambda: waiting(deployment) == [], limit_seconds=600.0)
    assert deployment.github.registry.registered_total == 1
    assert 2 <= deployment.github.calls[READ] <= 3
    assert dropped(deployment) == ["GitHub says that it has completed (cancelled)"]
    deployment.clock.advance(7_200.0)
    assert deployment.github.registry.registered_total == 1
    assert deployment.loop.ledger.jobs.find(JobKey("alpha", job.id, 1)) is not None
    assert deployment.until_clean()


def test_a_job_cancelled_while_it_waits_for_a_limit_costs_none() -> None:
    deployment = paused(acme())
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(300.0)
    deployment.github.jobs.cancel(job.id, announced=False)
    when(deployment, lambda: waiting(deployment) == [], limit_seconds=1_800.0)
    assert deployment.github.registry.registered_total == 0


def test_one_stale_answer_drops_no_job() -> None:
    """GitHub errs once, and is right a minute later."""
    deployment = paused(acme())
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(1_795.0)
    fault = deployment.github.faults.next("GET", f"/actions/jobs/{job.id}$", 404)
    deployment.clock.advance(4_500.0)
    assert fault.times == 0
    assert deployment.github.calls[READ] >= 2
    assert waiting(deployment) == [job.id]


def test_a_job_that_rest_shows_late_is_not_dropped_for_it() -> None:
    """[GH-WJ-12]"""
    deployment = paused(acme())
    deployment.github.world.lags.job_status = 3_600.0
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(2_400.0)
    assert deployment.github.calls[READ] >= 1
    assert waiting(deployment) == [job.id]


def test_without_an_app_jobs_are_not_checked_and_that_is_said_once() -> None:
    configuration = a_configuration()
    deployment = acme(replace(configuration, github=replace(configuration.github, app_secret=None)))
    job = a_cancelled_job(deployment)
    deployment.clock.advance(3_600.0)
    assert deployment.github.calls[READ] == 0
    assert waiting(deployment) == [job.id]
    assert deployment.github.registry.registered_total <= 6  # backed off all the same
    assert notices(deployment, NoticeCode.JOBS_UNCHECKED) == ["jobs"]


def test_where_the_app_is_not_installed_nothing_is_dropped_and_the_question_is_seldom_repeated() -> None:
    deployment = paused(acme())
    deployment.github.credentials.installations.clear()
    deployment.github.add_hook("business", 1, "https://slipway.example/webhook", WEBHOOK_SECRET)
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(7_200.0)
    assert waiting(deployment) == [job.id]
    assert 1 <= deployment.github.calls["GET /orgs/{org}/installation"] <= 4
    assert all("not installed on alpha" in str(fault) for fault in deployment.loop.errors)


def test_in_normal_operation_github_is_not_asked_about_jobs_at_all() -> None:
    deployment = acme()
    names = ("alpha/web", "beta/web", "gamma/api")
    jobs = [deployment.queue(name, seconds=120.0) for name in names * 10]
    assert deployment.until_completed(*jobs)
    assert deployment.until_clean()
    assert deployment.github.calls[READ] == 0


def test_a_long_queue_costs_github_next_to_nothing() -> None:
    deployment = paused(acme())
    for _ in range(200):
        deployment.queue(seconds=5.0)
    deployment.clock.advance(3_600.0)
    assert len(waiting(deployment)) == 200
    assert 0 < deployment.github.calls[READ] <= 2 * 60


def a_zombie(deployment: Acme) -> WorkflowJob:
    """Queue a job that GitHub calls queued and gives to no runner [GH-WJ-17]."""
    zombie = deployment.queue(seconds=5.0)
    deployment.clock.advance(1.0)
    deployment.github.router.withdraw(zombie)
    return zombie


def test_a_zombie_is_set_aside_after_five_runners_and_tried_once_an_hour() -> None:
    deployment = acme()
    zombie = a_zombie(deployment)
    key = JobKey("alpha", zombie.id, 1)
    when(deployment, lambda: bool(notices(deployment, NoticeCode.ZOMBIE_JOB)), limit_seconds=3_600.0)
    assert notices(deployment, NoticeCode.ZOMBIE_JOB) == [str(key)]
    assert deployment.github.registry.registered_total == 5
    snapshot = deployment.loop.ledger.snapshots.read("general", deployment.clock.now())
    reason = plan(snapshot, policy_of(deployment.loop.configuration, "general", snapshot.now)).reasons[key]
    assert (reason.code, reason.parameters["runners"]) == (Why.ZOMBIE, 5)
    deployment.clock.advance(5 * 3_600.0)
    assert deployment.github.registry.registered_total in (9, 10)
    assert notices(deployment, NoticeCode.ZOMBIE_JOB) == [str(key)]
    assert waiting(deployment) == [zombie.id]
    assert deployment.github.calls[READ] <= 12


def test_a_zombie_that_comes_back_to_life_gets_its_runner_within_the_hour() -> None:
    deployment = acme()
    zombie = a_zombie(deployment)
    when(deployment, lambda: bool(notices(deployment, NoticeCode.ZOMBIE_JOB)), limit_seconds=3_600.0)
    deployment.github.router.place(zombie)
    assert deployment.until_completed(zombie, limit_seconds=3_900.0)
    assert zombie.now.conclusion == "success"


def test_a_zombie_whose_run_is_cancelled_without_a_word_costs_nothing_more() -> None:
    deployment = acme()
    zombie = a_zombie(deployment)
    when(deployment, lambda: bool(notices(deployment, NoticeCode.ZOMBIE_JOB)), limit_seconds=3_600.0)
    deployment.github.jobs.cancel(zombie.id, announced=False)
    when(deployment, lambda: waiting(deployment) == [], limit_seconds=4 * 3_600.0)
    assert deployment.until_clean()


def test_zombies_do_not_keep_others_of_their_labels_from_their_runners() -> None:
    deployment = acme()
    for _ in range(5):
        a_zombie(deployment)
    deployment.clock.advance(1_800.0)
    jobs = [deployment.queue(name, seconds=5.0) for name in ("alpha/web", "alpha/api", "beta/web")]
    assert deployment.until_completed(*jobs, limit_seconds=300.0)
    assert {answer.status for answer in all_answers(deployment)} <= {200, 410}


@pytest.mark.parametrize("status", [500, 0])
def test_github_s_silence_about_a_job_is_no_answer(status: int) -> None:
    deployment = paused(acme())
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(1_790.0)
    deployment.github.jobs.cancel(job.id, announced=False)
    deployment.github.faults.next("GET", "/actions/jobs/", status, times=1_000)
    deployment.clock.advance(3_600.0)
    assert waiting(deployment) == [job.id]
    assert deployment.loop.errors


@pytest.mark.parametrize(("other", "asked"), [("alpha/api", 1), ("beta/web", 2)], ids=["same", "another"])
def test_a_limit_ends_the_questions_by_that_organization_s_installation_in_this_run(
    other: str, asked: int
) -> None:
    """[GH-LIMIT-PRIMARY]"""
    deployment = paused(acme())
    deployment.queue("alpha/web", seconds=60.0)
    deployment.clock.advance(1.0)
    deployment.queue(other, seconds=60.0)
    deployment.clock.advance(1_790.0)
    deployment.github.faults.next("GET", "/repos/alpha/.*/actions/jobs/", 429, times=100)
    when(deployment, lambda: deployment.github.calls[READ] > 0, limit_seconds=70.0)
    assert deployment.github.calls[READ] == asked
