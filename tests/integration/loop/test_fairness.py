"""One greedy organization does not starve another, whatever GitHub does with equal labels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.domain.configuration import Registration
from slipway.domain.reasons import Why
from tests.integration.loop.scenes import no_runner_served_two_tasks, when
from tests.support.loop import Acme, a_configuration, acme

BIG = ["slipway/medium/cpu=8/memory=28GiB"]  # two an instance


def small_pool(registration: Registration, instances: int = 4) -> Acme:
    configuration = a_configuration(registration)
    pool = replace(configuration.pools["general"], max_instances=instances)
    return acme(replace(configuration, pools={**configuration.pools, "general": pool}))


@pytest.mark.parametrize("registration", list(Registration))
def test_greedy_5000_jobs_same_labels_oldest_first_twin(registration: Registration) -> None:
    """Scaled down to 200 jobs on 8 places: the greedy's whole queue stands before the single job."""
    deployment = small_pool(registration)
    greedy = [deployment.queue("alpha/web", BIG, seconds=60.0) for _ in range(200)]
    when(deployment, lambda: sum(job.status == "in_progress" for job in greedy) == 8)
    single, queued_at = deployment.queue("beta/web", BIG, seconds=5.0), deployment.clock.now()
    when(deployment, lambda: single.status == "in_progress")
    assert deployment.clock.now() - queued_at <= 60.0 + 15.0  # the first place that falls free is its own
    assert sum(job.status == "completed" for job in greedy) <= 16


def test_within_an_organization_repositories_share_where_their_runners_are_their_own() -> None:
    deployment = small_pool(Registration.REPOSITORY)
    greedy = [deployment.queue("alpha/web", BIG, seconds=60.0) for _ in range(60)]
    when(deployment, lambda: sum(job.status == "in_progress" for job in greedy) == 8)
    single, queued_at = deployment.queue("alpha/api", BIG, seconds=5.0), deployment.clock.now()
    when(deployment, lambda: single.status == "in_progress")
    assert deployment.clock.now() - queued_at <= 75.0


def run_unique(run_id: int) -> list[str]:
    return [f"slipway/medium/cpu=8/memory=28GiB/run={run_id}-1"]


def test_within_an_organization_repositories_share_where_each_run_has_labels_of_its_own() -> None:
    deployment = small_pool(Registration.ENTERPRISE)
    greedy = [
        deployment.queue("alpha/web", run_unique(run), seconds=60.0, run_id=run) for run in range(100, 160)
    ]
    when(deployment, lambda: sum(job.status == "in_progress" for job in greedy) == 8)
    single = deployment.queue("alpha/api", run_unique(999), seconds=5.0, run_id=999)
    queued_at = deployment.clock.now()
    when(deployment, lambda: single.status == "in_progress")
    assert deployment.clock.now() - queued_at <= 75.0


def test_within_an_organization_with_equal_labels_github_gives_the_fair_place_to_an_older_job() -> None:
    """[GH-WJ-13] The shortfall that docs/capacity.md states: the single job waits for all that are older."""
    deployment = small_pool(Registration.ENTERPRISE)
    greedy = [deployment.queue("alpha/web", BIG, seconds=60.0) for _ in range(24)]
    when(deployment, lambda: sum(job.status == "in_progress" for job in greedy) == 8)
    single = deployment.queue("alpha/api", BIG, seconds=5.0)
    when(deployment, lambda: single.status == "in_progress")
    assert all(job.status != "queued" for job in greedy)
    assert no_runner_served_two_tasks(deployment)


def test_a_pool_at_its_limit_says_so_and_serves_all_in_the_end() -> None:
    deployment = small_pool(Registration.ENTERPRISE, instances=1)
    jobs = [deployment.queue(f"{login}/web", BIG, seconds=30.0) for login in ("alpha", "beta", "gamma") * 3]
    deployment.clock.advance(70.0)
    done = deployment.loop.scale.converge("general", "test", has_time=lambda: True)
    waiting = {reason.code for reason in done.plans[-1].reasons.values()}
    assert waiting <= {Why.POOL_LIMIT, Why.FAIR_SHARE, Why.TASK_STARTING, Why.RUNNER_IDLE}
    assert {Why.POOL_LIMIT, Why.FAIR_SHARE} & waiting
    assert deployment.until_completed(*jobs, limit_seconds=1_200.0)
    assert len(deployment.loop.aws.ec2.lifecycle.instances) == 1
    assert no_runner_served_two_tasks(deployment)
    assert deployment.until_clean()
