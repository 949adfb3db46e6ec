"""The promises, looked at while the demo runs and when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.demo.scenario import Scenario
from local.demo.world import World
from local.twin.aws.ecs import TaskView
from local.twin.github.model import Runner
from slipway.domain.runners import parse_runner_name, runner_name

_OFFERS, _INTENTS = "OFFERS#", "INTENT#"


@dataclass(slots=True)
class WatchedContainers:
    """Stands between the ECS twin and the containers, and sees every stop; the caller holds the lock."""

    world: World
    violations: list[str] = field(default_factory=list)
    lost_instances: set[str] = field(default_factory=set)
    _started: dict[str, TaskView] = field(default_factory=dict)

    def start(self, task: TaskView) -> None:
        """Start a container."""
        self._started[task.task_id] = task
        self.world.containers.start(task)

    def stop(self, task_id: str, grace_seconds: float) -> None:
        """Stop a container; promise 2: never a busy one, but what EC2 itself takes away."""
        task = self._started.get(task_id)
        if task is not None and task.ec2_instance_id not in self.lost_instances:
            name = runner_name("slipway", task.family.removeprefix("slipway-"), task_id)
            runner = next((r for r in our_runners(self.world) if r.name == name), None)
            if runner is not None and runner.busy:
                self.violations.append(f"promise 2: {name} was stopped while it ran job {runner.job_id}")
        self.world.containers.stop(task_id, grace_seconds)


def leaks(world: World) -> dict[str, int]:
    """Count what is left; the caller holds the lock."""
    items = list(items_of(world))
    return {
        **_leaks_outside(world),
        "offers": sum(item["pk"]["S"].startswith(_OFFERS) for item in items),
        "intents": sum(item["sk"]["S"].startswith(_INTENTS) for item in items),
    }


def is_clean(world: World) -> bool:
    """Say whether nothing is left; reads the whole ledger only when all the rest is gone. Lock held."""
    return not any(_leaks_outside(world).values()) and not any(leaks(world).values())


def _leaks_outside(world: World) -> dict[str, int]:
    return {
        "runners": len(our_runners(world)),
        "tasks": len(world.aws.ecs.live_tasks()),
        "instances": len(world.aws.ec2.live_instances()),
    }


def our_runners(world: World) -> list[Runner]:
    """Return the registrations at GitHub that are Slipway's."""
    registered = world.github.registry.by_id.values()
    return [runner for runner in registered if parse_runner_name("slipway", runner.name)]


def items_of(world: World) -> Iterable[dict[str, Any]]:
    """Return every item of the ledger as it truly is."""
    items: list[dict[str, Any]] = world.aws.dynamodb.scan(TableName="slipway")["Items"]
    return items


def broken_promises(world: World, scenario: Scenario) -> list[str]:
    """Return what can be seen when all is over; the caller holds the lock."""
    broken = []
    for job in scenario.served:
        if job.status != "completed":
            broken.append(f"promise 1: job {job.id} of {job.repository.full_name} is still {job.status}")
        elif job.conclusion not in ("success", "cancelled"):
            broken.append(f"promise 1: job {job.id} ended with {job.conclusion}")
        runner = job.now.runner
        if world.registration == "enterprise" and runner is not None:
            group = f"slipway-{job.repository.organization.login.lower()}"
            if runner.group_name != group:
                broken.append(f"promise 5: job {job.id} ran in runner group {runner.group_name}")
    return broken + secrets_found(world)


def secrets_found(world: World) -> list[str]:
    """Promise 4: no secret of this run in ledger, queues or logs."""
    places = {"ledger": repr(list(items_of(world)))}
    for queue in ("jobs", "events", "dead-letters"):
        places[f"queue {queue}"] = " ".join(world.aws.sqs.bodies(queue))
    for name, function in world.functions.items():
        places[f"log of {name}"] = function.log.read_text("utf-8", "replace")
        places[f"environment of {name}"] = repr(dict(function.spec.environment))
    for log in world.folder.glob("*.log"):
        places.setdefault(f"log {log.name}", log.read_text("utf-8", "replace"))
    return [
        f"promise 4: the {name} stands in {place}"
        for name, secret in world.canaries().items()
        for place, text in places.items()
        if secret in text
    ]
