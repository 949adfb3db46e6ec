"""Each story is the true one: what ``slipway explain`` tells is held against the twins' own word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.explain.evidence import gather
from local.explain.refusals import Refusal
from local.explain.story import Ending, Story, stories
from local.memory_ledger import MemoryStore, memory_ledger
from local.operating.sight import Sight
from local.twin.github.model import WorkflowJob
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.configuration import Configuration
from slipway.domain.runners import task_id_of
from tests.integration.loop.scenes import container_of, when
from tests.support.loop import LABELS, PERMISSIONS, Acme, a_configuration, acme

LONG_AFTER = 1_800.0


def sight_of(deployment: Acme) -> Sight:
    """Look at the deployment's table as an operator's command does, through DynamoDB's API."""
    ledger = dynamo_ledger(deployment.loop.aws.client("dynamodb"), "slipway")
    return Sight(deployment.loop.configuration, ledger, deployment.clock.now)


def story_of(deployment: Acme, job: WorkflowJob) -> Story:
    return stories(gather(sight_of(deployment), job.id, list))[-1]


def moment(story: Story, code: str) -> float:
    [found] = [one.at for one in story.moments if one.code == code]
    return found


def test_a_job_that_waits_is_told_the_plan_s_own_reason_and_then_how_it_ran() -> None:
    deployment = acme()
    job = deployment.queue()
    deployment.clock.advance(5.0)
    story = story_of(deployment, job)
    assert (story.ending, story.moments[-1].code) == (Ending.WAITING, "instance_starting")
    assert "is on its way" in story.answer
    assert deployment.until_completed(job)
    assert deployment.until_clean()
    story = story_of(deployment, job)
    assert story.ending is Ending.COMPLETED
    assert not story.was_robbed
    assert story.wait is not None
    assert (
        sum(story.wait.phases.values()) == story.wait.seconds == int(story.answer.split(" of ")[1].split()[0])
    )
    assert story.answer.endswith("of it for instance_starting (a new instance is launched for it)")
    runner = job.now.runner
    assert runner is not None
    assert job.now.started_at is not None
    # GitHub tells whole seconds.
    assert (moment(story, "queued"), moment(story, "started")) == (job.queued_at, int(job.now.started_at))
    codes = [one.code for one in story.moments]
    assert codes == [
        "queued", "heard", "instance", "instance_starting", "instance_ready", "container", "container_running", "registered", "started",
        "completed",
    ]  # fmt: skip
    assert task_id_of(runner.name)[:8] in next(
        one.words for one in story.moments if one.code == "container_running"
    )


def test_a_job_that_was_cancelled_while_it_waited_says_so() -> None:
    deployment = acme()
    job = deployment.queue()
    deployment.clock.advance(8.0)
    deployment.github.jobs.cancel(job.id)
    deployment.clock.advance(LONG_AFTER)
    story = story_of(deployment, job)
    assert story.ending is Ending.CANCELLED
    assert story.answer == "it was cancelled before it had a runner"
    assert job.now.completed_at is not None
    assert moment(story, "completed") == int(job.now.completed_at)


def test_a_job_whose_runner_was_given_to_another_names_the_other() -> None:
    """The twin gives a runner to the oldest matching job of its reach [GH-WJ-13]."""
    deployment = acme(a_configuration(allowed_repositories=("alpha/web",)))
    thief = deployment.queue("alpha/api", seconds=200.0)
    deployment.clock.advance(1.0)
    victim = deployment.queue("alpha/web")
    assert deployment.until_completed(victim)
    assert deployment.until_clean(LONG_AFTER)
    story = story_of(deployment, victim)
    assert (story.ending, story.was_robbed) == (Ending.COMPLETED, True)
    [robbed] = [one for one in story.moments if one.code == "robbed"]
    assert f"alpha/{thief.id}-1" in robbed.words
    assert story.answer.endswith(f"6 s because GitHub gave its runner to another job (alpha/{thief.id}-1)")
    assert thief.now.runner is not None
    assert task_id_of(thief.now.runner.name)[:8] in robbed.words


def test_a_job_that_died_with_its_instance_says_so_and_names_the_try_after_it() -> None:
    deployment = acme(a_configuration(rerun_interrupted=1))
    for installation in deployment.github.credentials.installations.values():
        installation.permissions.update({**PERMISSIONS, "actions": "write"})
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: job.status == "in_progress")
    host = container_of(deployment, job).task.ec2_instance_id
    deployment.loop.aws.ec2.interrupt_spot(host)
    again = deployment.github.jobs

    def is_run_again() -> bool:
        return all(o.run_attempt == 2 and o.status == "completed" for o in again.current_attempt(job.run_id))

    when(deployment, is_run_again, 2_400.0)
    deployment.clock.advance(60.0)
    story = story_of(deployment, job)
    assert story.ending is Ending.INTERRUPTED
    [second] = again.current_attempt(job.run_id)
    assert (
        story.answer == f"its instance was taken away while it ran; it was run again as alpha/{second.id}-2"
    )
    assert host in next(one.words for one in story.moments if one.code == "host_lost")


def test_an_interrupted_job_that_nobody_runs_again_is_interrupted_all_the_same() -> None:
    deployment = acme()
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.loop.aws.ec2.interrupt_spot(container_of(deployment, job).task.ec2_instance_id)
    assert deployment.until_completed(job, limit_seconds=LONG_AFTER)
    deployment.clock.advance(60.0)
    assert story_of(deployment, job).answer == "its instance was taken away while it ran"


def test_a_job_that_was_never_let_in_is_told_which_rule_and_the_nearest_profile() -> None:
    deployment = acme()
    refusal = Refusal(
        deployment.clock.now(), "queued", "no_profile", "no profile has all of these labels", "alpha/web",
        (*LABELS, "gpu"), "small",
    )  # fmt: skip
    sent = [("completed", 70.0), ("queued", 0.0), ("queued", 4.0), ("in_progress", 9.0)]
    refusals = [replace(refusal, action=action, at=refusal.at + later) for action, later in sent]
    [story] = stories(gather(sight_of(deployment), 7, lambda: refusals))
    assert [(one.at - refusal.at, one.words.partition("; ")[0]) for one in story.moments] == [
        (0.0, "queued: no profile has all of these labels"),
        (9.0, "in_progress: the same"),
        (70.0, "completed: the same"),
    ]
    assert (story.ending, story.repository) == (Ending.REFUSED, "alpha/web")
    assert story.answer == (
        "Slipway does not serve it: no profile has all of these labels; its labels are self-hosted, linux, x64, "
        "small, gpu; the nearest profile is small"
    )


def test_of_an_unknown_job_the_nearest_known_ids_and_why_it_may_be_unknown_are_told() -> None:
    deployment = acme()
    job = deployment.queue()
    assert deployment.until_completed(job)
    deployment.clock.advance(5.0)
    slip = int(f"{job.id}0")
    [story] = stories(gather(sight_of(deployment), slip, list))
    assert story.ending is Ending.UNKNOWN
    assert f"Known are {job.id}." in story.answer
    assert "repair.md" in story.answer


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        (a_configuration(sweep_calls_per_hour=600), "the sweep finds one whose webhook is lost"),
        (a_configuration(sweep_calls_per_hour=0), "stays unknown, for there is no sweep"),
        (
            a_configuration(app_secret=None),
            "one whose webhook is lost stays unknown, for there is no GitHub App",
        ),
    ],
    ids=["sweep", "App", "nothing"],
)
def test_whether_a_lost_webhook_is_made_good_is_told_as_it_is_configured(
    configuration: Configuration, says: str
) -> None:
    sight = Sight(configuration, memory_ledger(MemoryStore()), lambda: 0.0)
    [story] = stories(gather(sight, 7, list))
    assert says in story.answer
    assert "found within minutes" not in story.answer


def test_among_ids_that_look_equally_alike_the_nearest_number_comes_first() -> None:
    deployment = acme()
    jobs = [deployment.queue() for _ in range(4)]
    assert deployment.until_completed(*jobs)
    deployment.clock.advance(5.0)
    unknown = max(job.id for job in jobs) + 1
    [story] = stories(gather(sight_of(deployment), unknown, list))
    named = [int(word) for word in story.answer.partition("Known are ")[2].partition(".")[0].split(", ")]
    alike = [job.id for job in jobs if len(str(job.id)) == len(str(unknown))]
    assert named[0] == max(alike)
