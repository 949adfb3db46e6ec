"""Containers that end before they take a job, because of a registry, an image or a host: no loop, a reason, the way back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from local.simulator.containers import VirtualContainer
from slipway.services.claim import Answer
from tests.integration.loop.scenes import recorded, when
from tests.support.loop import Acme, acme

PULL_FAILED = "CannotPullContainerError: pull image manifest has been retried 5 time(s)"


class Registry:
    """Whether the containers of a deployment start, and how many were tried."""

    def __init__(self, deployment: Acme) -> None:
        self.is_down = True
        self.tried = 0
        deployment.loop.aws.ecs.plan_start_failures(self._why)

    def _why(self) -> str | None:
        self.tried += 1
        return PULL_FAILED if self.is_down else None


def test_a_registry_that_is_down_is_asked_less_and_less_often_and_nothing_is_registered() -> None:
    deployment = acme()
    registry = Registry(deployment)
    jobs = [deployment.queue(seconds=20.0) for _ in range(5)]
    deployment.clock.advance(600.0)
    assert {job.status for job in jobs} == {"queued"}
    assert registry.tried <= 3 * len(jobs) + 8
    assert deployment.left()["runners"] == 0


def test_the_jobs_say_that_their_containers_do_not_start_and_why() -> None:
    deployment = acme()
    Registry(deployment)
    deployment.queue()
    deployment.clock.advance(120.0)
    snapshot = deployment.loop.ledger.snapshots.read("general", deployment.clock.now())
    (failures,) = snapshot.start_failures
    assert (failures.profile, failures.is_circuit_open) == ("small", True)
    assert "CannotPullContainerError" in failures.why


def test_after_an_outage_of_ten_minutes_every_job_is_served_within_a_few_and_nothing_is_left() -> None:
    deployment = acme()
    registry = Registry(deployment)
    jobs = [deployment.queue(seconds=20.0) for _ in range(5)]
    deployment.clock.advance(600.0)
    registry.is_down = False
    assert deployment.until_completed(*jobs, limit_seconds=480.0)
    assert deployment.until_clean()
    assert deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).start_failures == ()


def test_one_profile_whose_image_is_gone_holds_up_no_other() -> None:
    deployment = acme()
    registry = Registry(deployment)
    registry.is_down = True
    broken = deployment.queue()
    deployment.clock.advance(120.0)
    registry.is_down = False
    other = deployment.queue(labels=("self-hosted", "linux", "x64", "medium"), seconds=20.0)
    assert deployment.until_completed(other, limit_seconds=120.0)
    assert deployment.until_completed(broken, limit_seconds=480.0)


@pytest.mark.parametrize("failures", [1, 2])
def test_a_start_that_fails_now_and_then_delays_nothing(failures: int) -> None:
    deployment = acme()
    job = deployment.queue(seconds=5.0)
    deployment.loop.aws.ecs.fail_next_starts(failures, PULL_FAILED)
    assert deployment.until_completed(job, limit_seconds=120.0)


@dataclass(slots=True)
class NoDocker(VirtualContainer):
    """Its dockerd does not come up within a minute: it gives its registration back and ends."""

    def _listen(self, answer: Answer) -> None:
        self.loop.clock.schedule(60.0, self._give_back)

    def _give_back(self) -> None:
        self.loop.ask_release(self.caller, lambda _answer: self.end(24))


def test_a_docker_that_never_starts_is_tried_less_and_less_often_and_is_no_mark_against_the_jobs() -> None:
    deployment = acme()
    deployment.loop.containers.make = NoDocker
    jobs = [deployment.queue(seconds=20.0) for _ in range(5)]
    deployment.clock.advance(900.0)
    assert {job.status for job in jobs} == {"queued"}
    assert deployment.github.registry.registered_total <= 3 * len(jobs) + 8
    snapshot = deployment.loop.ledger.snapshots.read("general", deployment.clock.now())
    (failures,) = snapshot.start_failures
    assert (failures.profile, failures.is_circuit_open, failures.after_claim) == ("small", True, True)
    assert failures.why.endswith("exit code 24")
    assert {(job.untaken, job.retry_at) for job in snapshot.jobs} == {(0, None)}
    deployment.loop.containers.make = VirtualContainer
    assert deployment.until_completed(*jobs, limit_seconds=480.0)
    assert deployment.until_clean()
    assert deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).start_failures == ()


def test_a_container_that_is_stopped_before_its_idle_timeout_is_no_failed_start() -> None:
    deployment = acme()
    job = deployment.queue(seconds=20.0)
    when(deployment, lambda: bool(deployment.loop.containers.by_task))
    deployment.github.router.withdraw(job)
    when(deployment, lambda: any(runner.is_idle for runner in recorded(deployment).values()))
    (task_id,) = recorded(deployment)
    deployment.clock.advance(5.0)
    deployment.loop.containers.by_task[task_id].terminate()
    when(deployment, lambda: task_id not in recorded(deployment))
    snapshot = deployment.loop.ledger.snapshots.read("general", deployment.clock.now())
    assert snapshot.start_failures == ()
    assert [waiting.untaken for waiting in snapshot.jobs] == [0]
