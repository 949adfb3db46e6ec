"""Tasks are tagged with whose job they really run, where that is asked for; a refusal costs nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.loop.scenes import calls, container_of, when
from tests.support.loop import Acme, a_configuration, acme


def tags_of(deployment: Acme, task_id: str) -> dict[str, str]:
    (task,) = [task for task in deployment.loop.aws.ecs.live_tasks() if task.task_id == task_id]
    return {tag["key"]: tag["value"] for tag in task.tags}


def test_the_tags_are_those_of_the_job_that_github_gave_the_runner() -> None:
    configuration = replace(a_configuration(allowed_repositories=("alpha/web",)), tags_tasks=True)
    deployment = acme(configuration)
    thief = deployment.queue("alpha/api", seconds=200.0)
    deployment.clock.advance(1.0)
    victim = deployment.queue("alpha/web")
    when(deployment, lambda: thief.status == "in_progress")
    deployment.clock.advance(5.0)
    tags = tags_of(deployment, container_of(deployment, thief).task.task_id)
    assert (tags["slipway:organization"], tags["slipway:repository"]) == ("alpha", "alpha/api")
    assert deployment.until_completed(victim)


def test_a_refused_tag_is_no_job_s_trouble() -> None:
    deployment = acme(replace(a_configuration(), tags_tasks=True))
    deployment.loop.aws.faults.next_error("ecs", "TagResource", "AccessDeniedException", times=5)
    job = deployment.queue()
    assert deployment.until_completed(job)
    assert len(calls(deployment, "TagResource")) == 1
    assert deployment.until_clean()


@pytest.mark.parametrize("is_asked_for", [False, True])
def test_without_the_setting_there_is_no_call_more(is_asked_for: bool) -> None:
    deployment = acme(replace(a_configuration(), tags_tasks=is_asked_for))
    jobs = [deployment.queue() for _ in range(3)]
    assert deployment.until_completed(*jobs)
    assert len(calls(deployment, "TagResource")) == 3 * is_asked_for
