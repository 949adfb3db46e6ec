"""The reaper finds a runner busy that the ledger has as idle: its ``in_progress`` was lost."""

from __future__ import annotations

import json
from dataclasses import replace

from local.twin.github.deliveries import Delivery
from local.twin.github.model import Organization
from slipway.domain.runners import RunnerState
from tests.integration.loop.scenes import recorded, when
from tests.support.loop import Acme, a_configuration, acme


def never_in_progress(deployment: Acme) -> None:
    """Lose every ``in_progress`` from now on; GitHub believes that each arrived."""
    deliver = deployment.github.deliveries.deliver
    assert deliver is not None

    def filtered(delivery: Delivery) -> int | None:
        return 202 if json.loads(delivery.body)["action"] == "in_progress" else deliver(delivery)

    deployment.github.deliveries.deliver = filtered


def test_a_job_whose_start_was_never_told_ends_at_its_timeout_too() -> None:
    """[GH-DELETE-422]"""
    configuration = a_configuration()
    small = replace(configuration.profiles["small"], job_timeout_seconds=900, idle_timeout_seconds=60)
    deployment = acme(replace(configuration, profiles={**configuration.profiles, "small": small}))
    never_in_progress(deployment)
    job = deployment.queue(seconds=5_000.0)
    when(deployment, lambda: job.status == "in_progress")
    assert job.now.runner is not None
    task_id = job.now.runner.name[-32:]
    assert recorded(deployment)[task_id].state is RunnerState.REGISTERED
    when(deployment, lambda: recorded(deployment)[task_id].state is RunnerState.BUSY, limit_seconds=300.0)
    assert job.status == "in_progress"
    assert deployment.until_completed(job, limit_seconds=1_100.0)
    assert job.now.conclusion == "failure"


def test_the_job_that_a_runner_found_busy_seemed_to_cover_gets_another() -> None:
    """It may have been given another one's job; nobody can tell, so the queued one is served."""
    deployment = acme()
    never_in_progress(deployment)
    job = deployment.queue(seconds=3_000.0)
    when(deployment, lambda: job.status == "in_progress")
    assert job.now.runner is not None
    busy = job.now.runner.name[-32:]
    when(deployment, lambda: recorded(deployment)[busy].state is RunnerState.BUSY)
    when(deployment, lambda: len(recorded(deployment)) == 2, limit_seconds=5.0)


def test_where_github_no_longer_shows_the_enterprise_a_404_ends_no_busy_runner() -> None:
    """[GH-404-HIDDEN]"""
    deployment = acme()
    deployment.github.deliveries.faults.lost_actions = frozenset({"in_progress"})
    job = deployment.queue(seconds=1_500.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.github.world.enterprise = Organization(1, "acme-corp")
    assert deployment.until_completed(job, limit_seconds=1_800.0)
    assert job.now.conclusion == "success"
