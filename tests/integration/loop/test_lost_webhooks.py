"""A part of all webhooks is lost, at every level and from every kind of hook: what repairs it, and what cannot."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from slipway.domain.configuration import Registration
from slipway.domain.jobs import JobState
from tests.integration.loop.scenes import no_runner_served_two_tasks, when
from tests.support.loop import START, a_configuration, acme
from tests.support.lost_webhooks import Drill, Outcome, play

ENTERPRISE, ORGANIZATION, REPOSITORY = Registration
WITH_DELIVERIES = [
    (ENTERPRISE, "app"),
    (ORGANIZATION, "app"),
    (REPOSITORY, "app"),
    (ORGANIZATION, "organization"),
]
ONE_OF_EACH = [(ENTERPRISE, "enterprise"), (ORGANIZATION, "organization"), (REPOSITORY, "app")]
JOBS = 24


def all_is_well(outcome: Outcome) -> None:
    assert {job.now.conclusion for job in outcome.jobs} == {"success"}
    assert (outcome.waiting, outcome.taken) == ([], [])
    assert outcome.deployment.loop.errors == []
    assert outcome.deployment.until_clean(limit_seconds=3_600.0), outcome.deployment.left()
    assert no_runner_served_two_tasks(outcome.deployment)


@pytest.mark.parametrize(("registration", "hook"), WITH_DELIVERIES)
def test_a_fifth_of_the_deliveries_failed_and_redelivery_repairs_all_of_it(
    registration: Registration, hook: str
) -> None:
    outcome = play(Drill(registration, hook, failed=0.2, jobs=JOBS))
    all_is_well(outcome)
    assert len(outcome.resent) >= 3
    assert len(outcome.told) + len(outcome.resent) == JOBS
    assert max(outcome.resent.values()) <= 300.0
    assert outcome.recorded(JobState.COMPLETED) == JOBS


@pytest.mark.parametrize(("registration", "hook"), ONE_OF_EACH)
def test_a_fifth_of_the_events_was_never_sent_and_the_sweep_finds_every_job(
    registration: Registration, hook: str
) -> None:
    outcome = play(Drill(registration, hook, never_sent=0.2, sweep_calls_per_hour=1_000, jobs=JOBS))
    all_is_well(outcome)
    assert len(outcome.found) >= 4
    assert outcome.resent == {}
    assert min(outcome.found.values()) >= 120.0
    assert max(outcome.found.values()) <= 300.0


def test_failed_deliveries_of_an_enterprise_hook_cannot_be_asked_for_and_the_sweep_finds_the_jobs() -> None:
    """[GH-HOOK-NO-DELIVERIES]"""
    outcome = play(Drill(ENTERPRISE, "enterprise", failed=0.2, sweep_calls_per_hour=1_000, jobs=JOBS))
    all_is_well(outcome)
    assert len(outcome.found) >= 4
    assert outcome.deployment.github.deliveries.counts["redelivered"] == 0


def test_what_nobody_looks_for_waits_until_github_gives_it_up() -> None:
    """The stated limit: without deliveries to ask for and without the sweep a lost job is never learned of."""
    outcome = play(Drill(ENTERPRISE, "enterprise", failed=0.2, jobs=JOBS))
    assert len(outcome.waiting) >= 4
    assert len(outcome.told) + len(outcome.waiting) == JOBS
    assert (outcome.resent, outcome.found) == ({}, {})


def test_jobs_of_schedules_in_quiet_repositories_are_found_too() -> None:
    drill = Drill(ORGANIZATION, "app", never_sent=1.0, sweep_calls_per_hour=300, jobs=6, by_schedule=True)
    outcome = play(drill)
    all_is_well(outcome)
    assert len(outcome.found) == 6
    assert max(outcome.found.values()) <= 900.0


def test_with_equal_labels_a_lost_job_takes_the_runner_of_another_which_gets_a_new_one() -> None:
    """[GH-WJ-13]"""
    outcome = play(
        Drill(ORGANIZATION, "app", never_sent=0.2, sweep_calls_per_hour=300, jobs=JOBS, equal_labels=True)
    )
    assert {job.now.conclusion for job in outcome.jobs} == {"success"}
    assert outcome.taken
    assert outcome.waiting == []
    assert outcome.deployment.until_clean(limit_seconds=3_600.0)


def test_organization_hooks_dead_for_an_hour_come_back_with_as_many_calls_as_deliveries_failed() -> None:
    deployment = acme(a_configuration(ORGANIZATION), hook="organization")
    faults, counts = deployment.github.deliveries.faults, deployment.github.deliveries.counts
    faults.failed = 1.0
    jobs = [deployment.queue(f"{login}/web", seconds=5.0) for login in ("alpha", "beta", "gamma") * 3]
    deployment.clock.advance(3_600.0)
    assert {job.status for job in jobs} == {"queued"}
    asked = counts["redelivered"]
    assert asked < 20 * len(jobs), "what goes on failing is asked for less and less often"
    faults.failed = 0.0
    assert deployment.until_completed(*jobs, limit_seconds=1_200.0)
    assert counts["redelivered"] - asked == len(jobs)
    listed = deployment.github.calls["GET /orgs/{org}/hooks/{hook_id}/deliveries"]
    assert listed <= 3 * (deployment.clock.now() - START) / 60
    assert deployment.until_clean()


def test_one_organization_that_refuses_the_app_stops_no_other() -> None:
    deployment = acme(a_configuration(sweep_calls_per_hour=1_000), hook="enterprise")
    beta = deployment.github.world.organizations["beta"]
    installations = deployment.github.credentials.installations.values()
    next(found for found in installations if found.account == beta).permissions.pop("actions")
    deployment.github.deliveries.faults.lost = 1.0
    mine, refused = deployment.queue("alpha/web", seconds=5.0), deployment.queue("beta/web", seconds=5.0)
    last = deployment.queue("gamma/web", seconds=5.0)
    assert deployment.until_completed(mine, last, limit_seconds=900.0)
    deployment.clock.advance(900.0)
    assert refused.status == "queued"
    assert [error for error in deployment.loop.errors if "Actions: read" not in str(error)] == []
    assert len(deployment.loop.errors) == 1


def test_a_limit_in_one_organization_stops_no_other_and_ends_by_itself() -> None:
    deployment = acme(a_configuration(sweep_calls_per_hour=1_000), hook="enterprise")
    deployment.github.deliveries.faults.lost = 1.0
    limited = {"retry-after": "600"}
    fault = deployment.github.faults.next("GET", "/repos/beta/", 403)
    fault.headers.update(limited)
    jobs = {name: deployment.queue(f"{name}/web", seconds=5.0) for name in ("alpha", "beta", "gamma")}
    began = deployment.clock.now()
    assert deployment.until_completed(jobs["alpha"], jobs["gamma"], limit_seconds=400.0)
    assert jobs["beta"].status == "queued"
    assert deployment.until_completed(jobs["beta"], limit_seconds=900.0)
    assert deployment.clock.now() - began > 600.0


def test_a_webhook_that_comes_after_the_sweep_found_its_job_starts_no_second_runner() -> None:
    """[GH-HOOK-LATE]"""
    deployment = acme(a_configuration(sweep_calls_per_hour=1_000))
    faults = deployment.github.deliveries.faults
    faults.late, faults.late_seconds = 1.0, (280.0, 300.0)
    jobs = [deployment.queue(f"{login}/web", seconds=400.0) for login in ("alpha", "beta", "gamma")]
    faults.late = 0.0
    when(deployment, lambda: {job.status for job in jobs} == {"in_progress"}, limit_seconds=275.0)
    assert {event.job_id for event in deployment.loop.found} == {job.id for job in jobs}
    assert deployment.until_completed(*jobs)
    assert len(deployment.loop.containers.by_task) == 3
    assert deployment.until_clean()


def test_a_job_that_is_found_twice_gets_one_runner() -> None:
    """As by two sweeps at once, or by one that died before it noted its place."""
    deployment = acme(a_configuration(sweep_calls_per_hour=1_000), hook="enterprise")
    deployment.github.deliveries.faults.lost = 1.0
    job, loop = deployment.queue(seconds=5.0), deployment.loop
    deployment.github.deliveries.faults.lost = 0.0
    when(deployment, lambda: bool(loop.found))
    loop.jobs_queue.send(loop.found[0])
    assert deployment.until_completed(job)
    assert deployment.until_clean()
    assert len(loop.containers.by_task) == 1


@pytest.mark.parametrize("mixed", ["queued", "in_progress"])
def test_a_lost_job_of_a_matrix_that_runs_is_found(mixed: Any) -> None:
    """[GH-RUN-STATUS]"""
    deployment = acme(a_configuration(sweep_calls_per_hour=1_000))
    deployment.github.world.mixed_run_status = mixed
    told = deployment.queue(seconds=600.0, run_id=77)
    when(deployment, lambda: told.status == "in_progress")
    deployment.github.deliveries.faults.lost = 1.0
    lost = deployment.queue(seconds=5.0, run_id=77)
    assert deployment.until_completed(lost, limit_seconds=400.0)
    assert told.status == "in_progress"


def test_when_every_run_is_a_cold_start_nothing_is_lost_and_nothing_sent_again_in_vain() -> None:
    deployment = acme(a_configuration(ORGANIZATION, sweep_calls_per_hour=1_000))
    loop, faults = deployment.loop, deployment.github.deliveries.faults
    faults.failed, faults.lost = 0.3, 0.2
    jobs = [
        deployment.queue(f"{login}/{name}", seconds=20.0)
        for login in ("alpha", "beta")
        for name in "web api".split()
    ]
    for _ in range(15):
        deployment.clock.advance(60.0)
        loop.repair = loop.sandbox().repair  # as a cold start of its function builds it
    assert {job.status for job in jobs} == {"completed"}
    arrived = Counter(delivery.guid for delivery in loop.deliveries)
    assert max(arrived.values()) == 1
    assert any(delivery.redelivery for delivery in loop.deliveries)
