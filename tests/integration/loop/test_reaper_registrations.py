"""GitHub's registrations and ours, compared both ways: strangers, hung listeners, runners that GitHub forgot."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from local.simulator.containers import VirtualContainer
from local.twin.github.model import RunnerGroup, Scope, WorkflowJob
from local.twin.github.registry import Registration as WantedRunner
from slipway.domain.configuration import Configuration, Registration
from slipway.domain.errors import UnavailableError
from slipway.domain.findings import What
from slipway.domain.notices import NoticeCode
from slipway.domain.runners import RunnerState, runner_name
from slipway.services.claim import Answer
from tests.builders import a_task_id
from tests.integration.loop.scenes import OrphanedContainer, bodies, container_of, deliver, recorded, when
from tests.support.loop import LABELS, Acme, a_configuration, acme

OURS = runner_name("slipway", "small", a_task_id(7))
TO_THE_KILL = 400.0  # two runs of the reaper, then ECS's grace for a container that does not end


@dataclass(slots=True)
class MuteContainer(VirtualContainer):
    """Its listener never connects, and its watchdog is dead with it."""

    def _listen(self, answer: Answer) -> None:
        """Hang with the JIT config in hand."""


def patient(*, job_timeout_seconds: int = 21_600, with_app: bool = True) -> Configuration:
    """A configuration whose idle runners may idle for two hours."""
    configuration = a_configuration()
    small = replace(
        configuration.profiles["small"], idle_timeout_seconds=7_200, job_timeout_seconds=job_timeout_seconds
    )
    github = configuration.github if with_app else replace(configuration.github, app_secret=None)
    return replace(configuration, github=github, profiles={**configuration.profiles, "small": small})


def group_of_alpha(deployment: Acme) -> RunnerGroup:
    """Our runner group for alpha, at whichever level runners are registered."""
    github = deployment.github
    if deployment.loop.configuration.github.registration is Registration.ENTERPRISE:
        return github.add_enterprise_group("slipway-alpha", [github.world.organizations["alpha"]])
    scope = Scope("organization", "alpha")
    group = RunnerGroup(github.world.new_id(), scope, "slipway")
    github.world.groups_of(scope)[group.id] = group
    deployment.loop.ledger.housekeeping.note_place("alpha", deployment.clock.now())
    return group


def intrude(deployment: Acme, name: str, group: RunnerGroup, *, is_busy: bool = False) -> None:
    """Register a runner that is none of ours, as somebody with a stolen token would."""
    runner = deployment.github.registry.register(group.scope, group, WantedRunner(name, LABELS))
    if is_busy:
        runner.job_id = 4711
        runner.busy_changes.append((deployment.clock.now(), True))


def alarms(deployment: Acme) -> list[str]:
    """What was told of unknown runners, each time that it was."""
    found = [notice for reaped in deployment.loop.reaped for notice in reaped.notices]
    return [notice.why for notice in found if notice.code is NoticeCode.UNKNOWN_RUNNER]


def registered(deployment: Acme) -> set[str]:
    return {runner.name for runner in deployment.github.registry.by_id.values()}


def listings(deployment: Acme) -> int:
    return deployment.github.calls["GET /enterprises/{enterprise}/actions/runners"]


def reaped(deployment: Acme, what: What) -> list[str]:
    return [reap.why for run in deployment.loop.reaped for reap in run.done if reap.what is what]


@pytest.mark.parametrize("level", [Registration.ENTERPRISE, Registration.ORGANIZATION])
@pytest.mark.parametrize(
    ("name", "is_busy", "is_left"),
    [("build-server-1", False, True), (OURS, True, True), (OURS, False, False)],
    ids=["a foreign name", "our name, busy", "our name, idle"],
)
def test_unknown_runner_alarms(level: Registration, name: str, is_busy: bool, is_left: bool) -> None:
    """One in our groups that the ledger does not know is told of, once; an idle one of our name is removed too."""
    deployment = acme(a_configuration(level))
    intrude(deployment, name, group_of_alpha(deployment), is_busy=is_busy)
    deployment.clock.advance(1_800.0)
    (why,) = alarms(deployment)
    assert name in why
    assert registered(deployment) == ({name} if is_left else set())


def test_a_runner_that_comes_back_alarms_anew() -> None:
    deployment = acme()
    group = group_of_alpha(deployment)
    intrude(deployment, "build-server-1", group)
    deployment.clock.advance(1_800.0)
    (runner,) = deployment.github.registry.by_id.values()
    deployment.github.registry.remove(runner)
    deployment.clock.advance(1_800.0)
    assert len(alarms(deployment)) == 1
    deployment.github.registry.by_id[runner.id] = runner  # the very same one
    deployment.clock.advance(1_800.0)
    assert len(alarms(deployment)) == 2


def test_runners_in_other_people_s_groups_are_their_own_affair() -> None:
    deployment = acme()
    group_of_alpha(deployment)
    world = deployment.github.world
    theirs = deployment.github.add_enterprise_group("team-x", world.organizations.values())
    for number, group in enumerate((theirs, world.groups_of(world.enterprise_scope)[1])):
        intrude(deployment, f"build-server-{number}", group)
    deployment.clock.advance(1_800.0)
    assert alarms(deployment) == []
    assert registered(deployment) == {"build-server-0", "build-server-1"}


def test_a_runner_whose_task_was_known_once_is_removed_without_an_alarm() -> None:
    deployment = acme()
    intrude(deployment, OURS, group_of_alpha(deployment))
    deployment.loop.ledger.runners.remove(
        "general", a_task_id(7), at=deployment.clock.now(), why="it stopped"
    )
    deployment.clock.advance(300.0)
    assert registered(deployment) == set()
    assert alarms(deployment) == []


def test_our_own_runners_alarm_nobody_from_their_claim_to_their_end() -> None:
    deployment = acme()
    for _ in range(20):
        deployment.queue(seconds=90.0)
        deployment.clock.advance(60.0)
    assert deployment.until_clean()
    assert alarms(deployment) == []
    assert deployment.loop.reaped == []


def first_mute(deployment: Acme) -> WorkflowJob:
    """Queue a job whose first runner never connects; later ones do."""
    deployment.loop.containers.make = MuteContainer
    job = deployment.queue(seconds=5.0)
    when(deployment, lambda: any(runner.is_idle for runner in recorded(deployment).values()))
    deployment.loop.containers.make = VirtualContainer
    return job


def test_a_listener_that_never_connects_is_removed_and_its_job_gets_another_at_once() -> None:
    deployment = acme(patient())
    job = first_mute(deployment)
    began = deployment.clock.now()
    assert deployment.until_completed(job, limit_seconds=1_200.0)
    assert deployment.clock.now() - began < 900.0
    assert reaped(deployment, What.STUCK_RUNNER) == ["its listener is away"]
    assert deployment.until_clean()


def test_a_listener_that_hung_is_no_mark_against_its_job() -> None:
    deployment = acme(patient())
    job = first_mute(deployment)
    deployment.github.router.withdraw(job)  # so that the next runner does not take it either
    when(deployment, lambda: bool(reaped(deployment, What.STUCK_RUNNER)), limit_seconds=1_200.0)
    (waiting,) = deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).jobs
    assert (waiting.untaken, waiting.retry_at) == (0, None)


def test_a_listener_that_waits_in_vain_is_left_to_its_idle_timeout() -> None:
    deployment = acme(patient())
    job = deployment.queue(seconds=5.0)
    deployment.clock.advance(1.0)
    deployment.github.router.withdraw(job)
    deployment.clock.advance(3_600.0)
    assert deployment.github.registry.registered_total == 1
    (runner,) = recorded(deployment).values()
    assert runner.state is RunnerState.REGISTERED
    when(deployment, lambda: runner.task_id not in recorded(deployment), limit_seconds=3_900.0)
    (waiting,) = deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).jobs
    assert waiting.untaken == 1


def hang_in_its_job(deployment: Acme) -> WorkflowJob:
    """Let a listener hang in the midst of its job, and GitHub's word of the end be lost [RUNNER-LISTENER-HANG]."""
    job = deployment.queue(seconds=60.0)
    when(deployment, lambda: any(r.state is RunnerState.BUSY for r in recorded(deployment).values()))
    listener = container_of(deployment, job).listener
    assert listener is not None
    listener.kill()
    deployment.github.deliveries.faults.lost = 1.0
    return job


def test_a_task_whose_runner_github_forgot_is_stopped_when_its_job_is_over() -> None:
    deployment = acme(patient())
    job = hang_in_its_job(deployment)
    deployment.clock.advance(700.0)
    assert job.now.conclusion == "failure"
    assert container_of(deployment, job).is_alive
    when(deployment, lambda: not container_of(deployment, job).is_alive, limit_seconds=1_500.0)
    assert reaped(deployment, What.UNREGISTERED_RUNNER) == ["GitHub no longer has it"]
    assert deployment.until_clean()


def test_so_is_one_that_was_found_busy_and_whose_job_was_never_told() -> None:
    """Seed 46 of the chaos: an orphan process held its container until the job timeout, hours later."""
    deployment = acme(patient())
    deployment.loop.containers.make = OrphanedContainer
    deployment.github.deliveries.faults.lost_actions = frozenset({"in_progress", "completed"})
    job = deployment.queue(seconds=900.0)
    when(deployment, lambda: job.status == "in_progress")
    (runner,) = recorded(deployment).values()
    assert deployment.loop.ledger.runners.found_busy("general", runner.task_id, deployment.clock.now())
    deployment.clock.advance(850.0)
    assert container_of(deployment, job).is_alive
    when(deployment, lambda: not container_of(deployment, job).is_alive, limit_seconds=1_500.0)
    assert job.conclusion == "success"
    assert reaped(deployment, What.UNREGISTERED_RUNNER) == ["GitHub no longer has it"]


def test_without_an_app_such_a_task_ends_at_its_job_timeout() -> None:
    deployment = acme(patient(job_timeout_seconds=3_600, with_app=False))
    job = hang_in_its_job(deployment)
    deployment.clock.advance(3_500.0)
    assert container_of(deployment, job).is_alive
    when(deployment, lambda: not container_of(deployment, job).is_alive, limit_seconds=TO_THE_KILL)
    assert deployment.until_clean()


def ended_and_busy(configuration: Configuration) -> tuple[Acme, WorkflowJob]:
    """A job that is over, whose container stays, and whose runner GitHub calls busy [RUNNER-BUSY-AFTER-JOB]."""
    deployment = acme(configuration)
    deployment.loop.containers.make = OrphanedContainer
    job = deployment.queue(seconds=60.0)
    deployment.github.faults.next("DELETE", r"/actions/runners/\d+$", 422, times=100_000)
    assert deployment.until_completed(job)
    return deployment, job


def test_a_runner_that_is_busy_though_its_job_is_over_is_stopped_by_github_s_word_for_the_job() -> None:
    deployment, job = ended_and_busy(patient())
    when(deployment, lambda: not container_of(deployment, job).is_alive, limit_seconds=TO_THE_KILL)


def test_without_an_app_a_runner_that_is_busy_though_its_job_is_over_ends_at_the_job_timeout() -> None:
    deployment, job = ended_and_busy(patient(job_timeout_seconds=3_600, with_app=False))
    deployment.clock.advance(3_500.0)
    assert container_of(deployment, job).is_alive
    when(deployment, lambda: not container_of(deployment, job).is_alive, limit_seconds=TO_THE_KILL)


def forged_end(deployment: Acme, job: WorkflowJob) -> None:
    """Somebody who signs for the organization tells of an end that is none."""
    payload = bodies(deployment, "in_progress", job)[0]
    payload["action"] = "completed"
    payload["workflow_job"] |= {
        "status": "completed",
        "conclusion": "success",
        "completed_at": payload["workflow_job"]["started_at"],
    }
    assert deliver(deployment, payload).status == 202


@pytest.mark.parametrize("with_app", [True, False], ids=["with an App", "without an App"])
def test_an_end_that_was_forged_takes_no_runner_from_its_job(with_app: bool) -> None:
    deployment = acme(patient(with_app=with_app))
    job = deployment.queue(seconds=3_000.0)

    def busy() -> bool:
        return any(runner.state is RunnerState.BUSY for runner in recorded(deployment).values())

    when(deployment, busy)
    forged_end(deployment, job)
    when(deployment, lambda: not busy(), limit_seconds=30.0)
    assert deployment.until_completed(job, limit_seconds=3_100.0)
    assert job.now.conclusion == "success"
    assert deployment.until_clean()


@pytest.mark.parametrize("other", ["staging", "slipway2"])
def test_two_deployments_in_one_enterprise_leave_each_other_s_runners_alone(other: str) -> None:
    deployment = acme()
    github = deployment.github
    group = github.add_enterprise_group(f"{other}-alpha", [github.world.organizations["alpha"]])
    theirs = runner_name(other, "small", a_task_id(7))
    intrude(deployment, theirs, group)
    assert deployment.until_completed(deployment.queue(seconds=5.0))
    deployment.clock.advance(1_800.0)
    assert registered(deployment) == {theirs}
    assert alarms(deployment) == []


def test_a_stranger_is_told_once_though_other_places_are_listed_in_between() -> None:
    deployment = acme(a_configuration(Registration.ORGANIZATION))
    intrude(deployment, "build-server-1", group_of_alpha(deployment))
    when(deployment, lambda: bool(alarms(deployment)))
    deployment.loop.ledger.housekeeping.note_place("beta", deployment.clock.now())
    deployment.clock.advance(1_300.0)
    assert len(alarms(deployment)) == 1


def test_a_runner_is_no_ghost_because_its_pool_cannot_be_read() -> None:
    """Its task is on the cluster that does not answer, and GitHub calls it idle."""
    deployment = acme(patient())
    deployment.loop.containers.make = MuteContainer
    deployment.queue()
    when(deployment, lambda: bool(registered(deployment)))
    names = registered(deployment)

    def silent() -> frozenset[str]:
        raise UnavailableError("nobody answers")

    deployment.loop.clusters["general"].tasks = silent  # type: ignore[assignment,method-assign]
    before = listings(deployment)
    deployment.clock.advance(1_300.0)
    assert listings(deployment) - before >= 2
    assert registered(deployment) == names
