"""Jobs that died with their Spot instance are run again as often as configured, and no other job ever is."""

from __future__ import annotations

import pytest

from local.twin.github.model import WorkflowJob
from slipway.domain.errors import RefusedError
from slipway.domain.jobs import LONGEST_WAIT_SECONDS
from tests.integration.loop.mortality import Mortality, make_mortal
from tests.integration.loop.scenes import (
    calls,
    container_of,
    cut_off,
    live,
    no_runner_served_two_tasks,
    when,
)
from tests.support.loop import PERMISSIONS, Acme, a_configuration, acme

RERUN_JOB = "POST /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun"
RERUN_FAILED = "POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs"
LOST_AND_BACK = (
    1_800.0  # two minutes' notice, ten until GitHub misses the runner, then minutes until the next look
)


def deployment_with(limit: int, **permissions: str) -> Acme:
    """A deployment whose App may run jobs again, unless ``permissions`` say otherwise."""
    deployment = acme(a_configuration(rerun_interrupted=limit))
    for installation in deployment.github.credentials.installations.values():
        installation.permissions.update({**PERMISSIONS, "actions": "write", **permissions})
    return deployment


def take_host_of(deployment: Acme, job: WorkflowJob) -> None:
    """EC2 takes the instance away on which a job runs."""
    when(deployment, lambda: job.status == "in_progress")
    host = container_of(deployment, job).task.ec2_instance_id
    deployment.loop.aws.ec2.interrupt_spot(host)


def attempts(deployment: Acme, job: WorkflowJob) -> list[tuple[int, str | None]]:
    """Attempt and conclusion of every job that ran in a job's run, copies left out."""
    seen: dict[str, tuple[int, str | None]] = {}
    for other in deployment.github.jobs.by_id.values():
        if other.run_id == job.run_id:
            name = other.now.runner.name if other.now.runner else f"nobody-{other.id}"
            seen.setdefault(name, (other.run_attempt, other.conclusion))
    return sorted(seen.values())


def run_is_over(deployment: Acme, job: WorkflowJob, attempt: int) -> bool:
    current = deployment.github.jobs.current_attempt(job.run_id)
    return all(other.run_attempt == attempt and other.status == "completed" for other in current)


def whys(deployment: Acme) -> list[tuple[bool, str]]:
    return [(item.was_run_again, item.why) for item in deployment.loop.reran]


def test_a_job_that_died_with_its_spot_instance_completes_at_the_second_attempt() -> None:
    deployment = deployment_with(1)
    job = deployment.queue(seconds=600.0)
    take_host_of(deployment, job)
    when(deployment, lambda: run_is_over(deployment, job, 2), LOST_AND_BACK + 600.0)
    assert attempts(deployment, job) == [(1, "failure"), (2, "success")]
    assert whys(deployment) == [(True, "its instance was taken away")]
    assert no_runner_served_two_tasks(deployment)
    assert deployment.until_clean()
    assert deployment.loop.ledger.interruptions.pending() == []
    assert deployment.loop.errors == []


def test_nothing_is_run_again_by_default() -> None:
    deployment = deployment_with(0)
    job = deployment.queue(seconds=600.0)
    take_host_of(deployment, job)
    assert deployment.until_completed(job, limit_seconds=LOST_AND_BACK)
    deployment.clock.advance(3_600.0)
    assert attempts(deployment, job) == [(1, "failure")]
    assert deployment.loop.ledger.interruptions.pending() == []
    assert deployment.github.calls[RERUN_JOB] == 0


def test_a_job_that_fails_by_itself_is_not_run_again() -> None:
    deployment = deployment_with(3)
    job = deployment.queue(seconds=30.0, conclusion="failure")
    assert deployment.until_completed(job)
    deployment.clock.advance(3_600.0)
    assert attempts(deployment, job) == [(1, "failure")]


def test_a_job_that_failed_before_its_instance_was_gone_is_not_run_again() -> None:
    deployment = deployment_with(3)
    job = deployment.queue(seconds=100.0, conclusion="failure")
    take_host_of(deployment, job)  # its two minutes are enough for the job
    assert deployment.until_completed(job)
    deployment.clock.advance(3_600.0)
    assert attempts(deployment, job) == [(1, "failure")]


@pytest.mark.parametrize("seconds", [60.0, 1_000.0])
def test_a_job_that_failed_on_a_host_that_is_cut_off_is_not_run_again_when_we_terminate_it(
    seconds: float,
) -> None:
    """ECS never hears of its container's end, and says that the host was lost."""
    deployment = deployment_with(3)
    job = deployment.queue(seconds=seconds, conclusion="failure")
    host = cut_off(deployment, job)
    assert deployment.until_completed(job, limit_seconds=1_200.0)
    when(deployment, lambda: host not in live(deployment), limit_seconds=1_200.0)
    deployment.clock.advance(3_600.0)
    assert attempts(deployment, job) == [(1, "failure")]
    assert (deployment.loop.ledger.interruptions.pending(), whys(deployment)) == ([], [])
    assert deployment.until_clean()


def test_a_job_that_a_person_cancelled_is_not_run_again_though_its_instance_goes() -> None:
    deployment = deployment_with(3)
    job = deployment.queue(seconds=900.0)
    take_host_of(deployment, job)
    deployment.clock.advance(125.0)  # the host is off, GitHub has not missed the runner yet
    deployment.github.jobs.cancel(job.id)
    assert deployment.until_completed(job)
    assert job.now.conclusion == "cancelled"
    deployment.clock.advance(3_600.0)
    assert attempts(deployment, job) == [(1, "cancelled")]
    assert (False, "it ended with cancelled") in whys(deployment)


def test_a_job_past_its_timeout_is_not_run_again() -> None:
    """Slipway itself stopped its task; its instance is well."""
    from dataclasses import replace

    configuration = a_configuration(rerun_interrupted=3)
    small = replace(configuration.profiles["small"], job_timeout_seconds=300)
    deployment = acme(replace(configuration, profiles={**configuration.profiles, "small": small}))
    job = deployment.queue(seconds=5_000.0)
    assert deployment.until_completed(job, limit_seconds=2_000.0)
    assert calls(deployment, "StopTask")
    deployment.clock.advance(3_600.0)
    assert attempts(deployment, job) == [(1, "failure")]


@pytest.mark.parametrize("limit", [1, 2])
def test_the_nth_re_run_is_the_last(limit: int) -> None:
    deployment = deployment_with(limit)
    job = deployment.queue(seconds=600.0)
    for attempt in range(1, limit + 2):
        (current,) = deployment.github.jobs.current_attempt(job.run_id)
        assert current.run_attempt == attempt
        take_host_of(deployment, current)
        if attempt <= limit:
            when(
                deployment,
                lambda tried=attempt: (  # type: ignore[misc]
                    deployment.github.jobs.current_attempt(job.run_id)[0].run_attempt > tried
                ),
                LOST_AND_BACK,
            )
    deployment.clock.advance(7_200.0)
    assert attempts(deployment, job) == [(number, "failure") for number in range(1, limit + 2)]
    assert whys(deployment)[-1] == (
        False,
        f"it was attempt {limit + 1}, and github.rerun_interrupted is {limit}",
    )


def test_a_persons_own_re_run_counts_and_is_not_doubled() -> None:
    deployment = deployment_with(1)
    job = deployment.queue(seconds=600.0)
    take_host_of(deployment, job)
    assert deployment.until_completed(job, limit_seconds=LOST_AND_BACK)
    deployment.github.jobs.rerun(job.id)  # in the same minute
    when(deployment, lambda: run_is_over(deployment, job, 2), LOST_AND_BACK)
    deployment.clock.advance(3_600.0)
    assert attempts(deployment, job) == [(1, "failure"), (2, "success")]
    assert whys(deployment) == [(False, "the latest attempt of its run has it no more")]


def test_all_jobs_of_a_run_that_died_together_come_back_in_one_attempt() -> None:
    deployment = deployment_with(1)
    first = deployment.queue(seconds=600.0)
    others = [deployment.queue(seconds=600.0, run_id=first.run_id) for _ in range(3)]
    when(deployment, lambda: all(job.status == "in_progress" for job in (first, *others)))
    take_host_of(deployment, first)
    when(deployment, lambda: run_is_over(deployment, first, 2), LOST_AND_BACK + 600.0)
    assert attempts(deployment, first) == [(1, "failure")] * 4 + [(2, "success")] * 4
    assert deployment.github.calls[RERUN_FAILED] == 1


def test_a_job_that_failed_by_itself_is_left_alone_among_those_that_died() -> None:
    """GitHub makes one attempt at a time then, so they come back one after another."""
    deployment = deployment_with(1)
    first = deployment.queue(seconds=500.0)
    deployment.queue(seconds=500.0, run_id=first.run_id)
    broken = deployment.queue(seconds=20.0, run_id=first.run_id, conclusion="failure")
    fine = deployment.queue(seconds=20.0, run_id=first.run_id)
    assert deployment.until_completed(broken, fine)
    take_host_of(deployment, first)
    when(deployment, lambda: run_is_over(deployment, first, 3), 4 * LOST_AND_BACK)
    deployment.clock.advance(7_200.0)
    assert attempts(deployment, first) == [(1, "failure")] * 3 + [
        (1, "success"),
        (2, "success"),
        (3, "success"),
    ]
    assert deployment.github.calls[RERUN_FAILED] == 0


def test_a_run_that_goes_on_is_waited_for() -> None:
    """GitHub refuses a new attempt while any job of the last one runs [GH-RERUN]."""
    deployment = deployment_with(1)
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: job.status == "in_progress")
    hosted = deployment.queue(labels=("ubuntu-latest",), seconds=7_000.0, run_id=job.run_id)
    take_host_of(deployment, job)
    assert deployment.until_completed(hosted, limit_seconds=8_000.0)
    assert deployment.github.calls[RERUN_JOB] == 0
    when(deployment, lambda: run_is_over(deployment, job, 2), 2 * LOST_AND_BACK)
    assert attempts(deployment, job)[-1] == (2, "success")


def test_a_run_that_goes_on_for_a_day_is_given_up_with_a_reason() -> None:
    deployment = deployment_with(1)
    job = deployment.queue(seconds=600.0)
    when(deployment, lambda: job.status == "in_progress")
    deployment.queue(labels=("ubuntu-latest",), seconds=3.0 * LONGEST_WAIT_SECONDS, run_id=job.run_id)
    take_host_of(deployment, job)
    deployment.clock.advance(LONGEST_WAIT_SECONDS + 3_600.0)
    assert whys(deployment) == [(False, "it could not be run again for a day")]
    assert deployment.loop.ledger.interruptions.pending() == []


def test_a_missing_permission_is_told_with_its_cure_and_loses_nothing() -> None:
    deployment = deployment_with(1, actions="read")
    job = deployment.queue(seconds=600.0)
    take_host_of(deployment, job)
    when(deployment, lambda: bool(deployment.loop.errors), LOST_AND_BACK)
    (fault,) = deployment.loop.errors
    assert isinstance(fault, RefusedError)
    assert "give the App the repository permission Actions: write" in str(fault)
    deployment.clock.advance(600.0)
    for installation in deployment.github.credentials.installations.values():
        installation.permissions["actions"] = "write"
    deployment.clock.advance(3_600.0)  # the token with the old permissions expires
    when(deployment, lambda: run_is_over(deployment, job, 2), LOST_AND_BACK)
    assert attempts(deployment, job) == [(1, "failure"), (2, "success")]


@pytest.mark.parametrize("status", [0, 403, 429, 500])
@pytest.mark.parametrize("after_success", [False, True])
def test_a_re_run_whose_answer_was_lost_or_refused_gives_one_re_run(status: int, after_success: bool) -> None:
    deployment = deployment_with(3)
    deployment.github.faults.next("POST", "/rerun$", status, after_success=after_success)
    job = deployment.queue(seconds=600.0)
    take_host_of(deployment, job)
    when(deployment, lambda: run_is_over(deployment, job, 2), 2 * LOST_AND_BACK)
    deployment.clock.advance(7_200.0)
    assert attempts(deployment, job) == [(1, "failure"), (2, "success")]
    assert deployment.loop.ledger.interruptions.pending() == []


@pytest.mark.parametrize("lag", [30.0, 90.0, 300.0])
def test_a_status_that_lags_behind_gives_one_re_run(lag: float) -> None:
    """[GH-WJ-12]"""
    deployment = deployment_with(3)
    deployment.github.world.lags.job_status = lag
    job = deployment.queue(seconds=600.0)
    take_host_of(deployment, job)
    when(deployment, lambda: run_is_over(deployment, job, 2), 2 * LOST_AND_BACK)
    deployment.clock.advance(7_200.0)
    assert attempts(deployment, job) == [(1, "failure"), (2, "success")]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", ["/rerun", "DeleteItem"])
def test_a_function_that_dies_at_the_re_run_gives_one_re_run(
    write: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = deployment_with(1)
    whole = Mortality(at=0)
    interrupted_and_back(counted, whole, monkeypatch)
    ask = next(number for number, name in enumerate(whole.writes, 1) if name.endswith("/rerun"))
    at = next(number for number, name in enumerate(whole.writes, 1) if number >= ask and name.endswith(write))
    monkeypatch.undo()
    deployment = deployment_with(1)
    job = interrupted_and_back(deployment, Mortality(at, after), monkeypatch)
    deployment.clock.advance(7_200.0)
    assert attempts(deployment, job) == [(1, "failure"), (2, "success")]
    assert deployment.loop.ledger.interruptions.pending() == []


def interrupted_and_back(
    deployment: Acme, mortality: Mortality, monkeypatch: pytest.MonkeyPatch
) -> WorkflowJob:
    make_mortal(deployment, mortality, monkeypatch.setattr)
    job = deployment.queue(seconds=300.0)
    take_host_of(deployment, job)
    when(deployment, lambda: run_is_over(deployment, job, 2), 2 * LOST_AND_BACK)
    return job
