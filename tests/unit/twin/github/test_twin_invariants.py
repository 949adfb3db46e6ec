"""Whatever happens in whatever order: each job runs at most once, each runner runs at most one job."""

import json
import random
from collections import Counter

import pytest

from local.twin.github.listener import VirtualListener
from tests.support.github_enterprise import LABELS, Acme

REPOSITORIES = ("alpha/web", "alpha/site", "beta/api")


class Chaos:
    """Random operations, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.acme = Acme()
        self.acme.twin.world.random_routing = self.rng.random() < 0.5
        self.listeners: list[VirtualListener] = []
        self.exits: Counter[int] = Counter()
        self.acme.twin.add_hook("business", 1, "https://enterprise.test", "s")

    def starts(self) -> list[tuple[int, int]]:
        """(job id, runner id) of every job that started, as the webhooks tell it."""
        bodies = [json.loads(delivery.body) for _, delivery in self.acme.delivered]
        jobs = [body["workflow_job"] for body in bodies if body["action"] == "in_progress"]
        return [(job["id"], job["runner_id"]) for job in jobs]

    def step(self) -> None:
        getattr(
            self,
            self.rng.choices(("queue", "launch", "cancel", "end", "delete", "wait"), (6, 6, 1, 1, 1, 5))[0],
        )()

    def queue(self) -> None:
        labels = self.rng.choice((LABELS, LABELS[:2], ("self-hosted", "GPU")))
        self.acme.job(self.rng.choice(REPOSITORIES), labels, duration_seconds=self.rng.uniform(1, 400))

    def launch(self) -> None:
        group = self.rng.choice((self.acme.alpha_group, self.acme.beta_group)).id
        encoded = self.acme.mint(f"r{self.rng.getrandbits(40)}", group=group)
        self.listeners.append(
            VirtualListener(self.acme.twin, encoded, lambda code: self.exits.update([code]))
        )

    def cancel(self) -> None:
        if jobs := list(self.acme.twin.jobs.by_id):
            self.acme.twin.jobs.cancel(self.rng.choice(jobs))

    def end(self) -> None:
        if self.listeners:
            listener = self.rng.choice(self.listeners)
            self.rng.choice((listener.kill, listener.shut_down))()

    def delete(self) -> None:
        idle = [runner for runner in self.acme.twin.registry.by_id.values() if runner.job_id is None]
        if idle:
            self.acme.twin.registry.delete(self.rng.choice(idle))

    def wait(self) -> None:
        self.acme.clock.advance(self.rng.expovariate(1 / 60))


@pytest.mark.parametrize("seed", range(12))
def test_chaos_never_runs_a_job_twice_or_a_runner_twice_and_leaves_nothing_behind(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(250):
        chaos.step()
    twin = chaos.acme.twin
    for listener in chaos.listeners:
        listener.shut_down()
    chaos.acme.clock.advance(2 * 86_400)
    jobs, runners = zip(*chaos.starts(), strict=True)
    assert len(set(jobs)) == len(jobs)
    assert len(set(runners)) == len(runners)
    assert {job.status for job in twin.jobs.by_id.values()} == {"completed"}
    assert twin.registry.by_id == {}
    groups = {chaos.acme.alpha_group.name: "alpha", chaos.acme.beta_group.name: "beta"}
    for job in twin.jobs.by_id.values():
        if job.now.runner is not None:
            assert groups[job.now.runner.group_name] == job.repository.organization.login
            assert job.repository.private
            assert "GPU" not in job.request.labels
