"""The quirks of GitHub's workflow_job events, where the ledger and a convergence finish the work."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from slipway.domain.configuration import Registration
from slipway.domain.jobs import JobKey, JobState
from slipway.domain.usage import JobUsage, utc_day
from tests.integration.loop.scenes import all_answers, bodies, container_of, deliver, recorded, when
from tests.support.loop import LABELS, Acme, a_configuration, acme


def waiting(deployment: Acme) -> list[int]:
    """The ids of the jobs that wait in the ledger."""
    return [job.key.job_id for job in deployment.loop.ledger.snapshots.read("general", 0.0).jobs]


def life_of_a_job() -> list[dict[str, Any]]:
    """The payloads of one job's life, taken from another deployment, naming no runner of this one."""
    source = acme()
    job = source.queue(seconds=5.0)
    assert source.until_completed(job)
    source.clock.advance(5.0)
    payloads = [bodies(source, action, job)[0] for action in ("queued", "in_progress", "completed")]
    for payload in payloads:
        payload["workflow_job"]["runner_id"] = payload["workflow_job"]["runner_name"] = None
    return payloads


LIFE = life_of_a_job()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_quirk_04_whatever_the_order_a_finished_job_waits_no_more(order: tuple[int, ...]) -> None:
    deployment = acme()
    for number in (*order, *order):  # and everything twice
        deliver(deployment, LIFE[number])
        deployment.clock.advance(3.0)
    body = LIFE[0]["workflow_job"]
    record = deployment.loop.ledger.jobs.find(JobKey("alpha", body["id"], body["run_attempt"]))
    assert record is not None
    assert record.state is JobState.COMPLETED
    assert waiting(deployment) == []
    assert deployment.until_clean()


def test_quirk_04_late_queued_after_in_progress_starts_nothing() -> None:
    deployment = acme()
    job = deployment.queue(seconds=60.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.clock.advance(3.0)
    deliver(deployment, bodies(deployment, "queued", job)[0])
    assert deployment.until_completed(job)
    assert deployment.until_clean()
    assert len(deployment.loop.containers.by_task) == 1


def test_quirk_05_skipped_job_that_was_never_queued_changes_nothing() -> None:
    deployment = acme()
    from local.twin.github.model import JobRequest

    skipped = deployment.github.jobs.skip(JobRequest("alpha/web", LABELS))
    deployment.clock.advance(120.0)
    assert skipped.status == "completed"
    assert deployment.loop.aws.calls["ec2.CreateFleet"] == 0
    assert not any(deployment.left().values())


def test_quirk_06_completed_of_a_check_run_does_not_take_a_waiting_jobs_runner_away() -> None:
    deployment = acme()
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(3.0)
    deployment.github.jobs.repeat_completed_like_a_check_run(job.id)
    assert deployment.until_completed(job)
    assert deployment.until_clean()


def test_quirk_06_completed_of_a_check_run_ends_no_runner() -> None:
    deployment = acme()
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.github.jobs.repeat_completed_like_a_check_run(job.id)
    deployment.clock.advance(300.0)
    assert job.status == "in_progress"
    assert container_of(deployment, job).is_alive
    assert deployment.until_completed(job)
    assert job.now.conclusion == "success"


@pytest.mark.parametrize("seconds", [1.0, 20.0, 45.0, 60.0, 63.0])
def test_quirk_07_job_cancelled_while_queued_costs_no_second_runner(seconds: float) -> None:
    deployment = acme()
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(seconds)
    deployment.github.jobs.cancel(job.id)
    assert deployment.until_completed(job)
    assert deployment.until_clean()
    assert deployment.github.registry.registered_total <= 1
    assert deployment.loop.errors == []


def test_quirk_07_cancelled_unannounced_costs_fewer_and_fewer_runners() -> None:
    deployment = acme()
    job = deployment.queue(seconds=60.0)
    deployment.clock.advance(2.0)
    deployment.github.jobs.cancel(job.id, announced=False)
    deployment.clock.advance(3_600.0)
    first_hour = deployment.github.registry.registered_total
    assert 1 <= first_hour <= 7  # 29 without the waits between them
    deployment.clock.advance(3_600.0)
    assert deployment.github.registry.registered_total - first_hour <= 4
    other = deployment.queue("alpha/web", seconds=5.0)
    assert deployment.until_completed(other)


def test_quirk_08_one_queued_and_several_completed_in_one_second_do_not_net_to_zero() -> None:
    deployment = acme()
    done = [deployment.queue(seconds=5.0) for _ in range(3)]
    assert deployment.until_completed(*done)
    assert deployment.until_clean()
    completed = [bodies(deployment, "completed", job)[0] for job in done]
    again = deployment.queue(seconds=5.0)
    for payload in completed:
        deliver(deployment, payload)
    assert deployment.until_completed(again)
    assert deployment.until_clean()


@pytest.mark.parametrize("share_guids", [True, False])
def test_quirk_11_duplicates_from_two_hooks_and_redelivery_start_one_runner(share_guids: bool) -> None:
    deployment = acme()
    deliveries = deployment.github.deliveries
    deliveries.share_guids = share_guids
    deliveries.faults.doubled = 1.0
    from tests.support.loop import WEBHOOK_SECRET

    deployment.github.add_hook("business", 1, "https://slipway.example/webhook", WEBHOOK_SECRET)
    jobs = [deployment.queue(name, seconds=10.0) for name in ("alpha/web", "beta/web")]
    assert deployment.until_completed(*jobs)
    for job in jobs:
        assert len(bodies(deployment, "queued", job)) == 4
    assert deployment.until_clean()
    assert deployment.github.registry.registered_total == 2
    assert len(deployment.loop.containers.by_task) == 2


@pytest.mark.parametrize("registration", list(Registration))
def test_quirk_13_stolen_runner_is_replaced_for_the_job_it_was_made_for(registration: Registration) -> None:
    """An older job of which no webhook ever came takes the runner; its victim gets another."""
    deployment = acme(a_configuration(registration))
    faults = deployment.github.deliveries.faults
    faults.lost = 1.0
    thief = deployment.queue(seconds=600.0)
    deployment.clock.advance(5.0)
    faults.lost = 0.0
    victim = deployment.queue(seconds=5.0)
    assert deployment.until_completed(victim, limit_seconds=300.0)
    assert thief.status == "in_progress"
    assert deployment.until_completed(thief)
    assert deployment.until_clean()


def test_quirk_13_a_start_that_failed_shifts_nobody_for_good() -> None:
    deployment = acme()
    deployment.loop.aws.ecs.fail_next_starts(2)
    jobs = [deployment.queue(seconds=20.0) for _ in range(4)]
    assert deployment.until_completed(*jobs, limit_seconds=600.0)
    assert deployment.until_clean()


def test_quirk_14_rerun_is_a_job_of_its_own_and_its_siblings_whose_end_is_repeated_count_once() -> None:
    deployment = acme()
    first = deployment.queue(seconds=5.0, run_id=77)
    sibling = deployment.queue(seconds=5.0, run_id=77)
    assert deployment.until_completed(first, sibling)
    again = deployment.github.jobs.rerun(first.id)
    assert deployment.until_completed(again)
    assert again.run_attempt == 2
    assert container_of(deployment, again) is not container_of(deployment, first)
    assert deployment.until_clean()
    used = deployment.loop.ledger.usage.of_day(utc_day(deployment.clock.now()), "job")
    assert {line.job.job_id for line in used if isinstance(line, JobUsage)} == {
        first.id,
        sibling.id,
        again.id,
    }


def test_quirk_14_a_rerun_that_kept_its_job_id_is_still_another_try() -> None:
    deployment = acme()
    for payload in LIFE:
        deliver(deployment, payload)
        deployment.clock.advance(2.0)
    again = copy.deepcopy(LIFE[0])
    again["workflow_job"]["run_attempt"] += 1
    deliver(deployment, again)
    deployment.clock.advance(2.0)
    assert waiting(deployment) == [again["workflow_job"]["id"]]


def test_a_zombie_of_a_github_incident_does_not_keep_others_from_their_runners() -> None:
    deployment = acme()
    zombie = deployment.queue(seconds=5.0)
    deployment.clock.advance(1.0)
    deployment.github.router.withdraw(zombie)  # queued for GitHub, but it will never be given to a runner
    jobs = [deployment.queue(name, seconds=5.0) for name in ("alpha/web", "alpha/api", "beta/web")]
    assert deployment.until_completed(*jobs, limit_seconds=300.0)
    assert zombie.status == "queued"
    assert {a.status for a in all_answers(deployment)} <= {200, 410}
    assert len(recorded(deployment)) <= 2
