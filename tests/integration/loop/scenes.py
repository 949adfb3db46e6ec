"""What the tests of the whole loop share: hostile containers, forged deliveries, what a run left behind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.simulator.containers import VirtualContainer
from local.twin.github.deliveries import signature
from local.twin.github.model import WorkflowJob
from slipway.domain.runners import Runner
from slipway.services.claim import Answer
from slipway.services.ingest import Answer as IngestAnswer
from slipway.services.ingest import Request
from tests.support.loop import WEBHOOK_SECRET, Acme

GENERATE = "generate-jitconfig"


@dataclass(slots=True)
class OrphanedContainer(VirtualContainer):
    """A job left a process behind: the listener ends, the container never does, and it claims again."""

    def end(self, code: int) -> None:
        """Stay alive whatever the runner did."""

    def kill(self) -> None:
        self.is_alive = False
        VirtualContainer.kill(self)


@dataclass(slots=True)
class SilentContainer(VirtualContainer):
    """Its entrypoint hangs before the first claim."""

    def claim(self) -> None:
        """Never ask."""


@dataclass(slots=True)
class DeafContainer(VirtualContainer):
    """Its watchdog is dead: an idle runner is never released by itself."""

    def _watchdog(self) -> None:
        """Never look."""


def container_of(acme: Acme, job: WorkflowJob) -> VirtualContainer:
    """Return the container that ran (or runs) a job."""
    runner = job.now.runner
    assert runner is not None, f"job {job.id} is {job.status} and has no runner"
    return acme.loop.containers.by_task[runner.name[-32:]]


def all_answers(acme: Acme) -> list[Answer]:
    """Every answer that any container got to a claim, in no order."""
    return [answer for one in acme.loop.containers.by_task.values() for answer in one.answers]


def served_per_task(acme: Acme) -> Counter[str]:
    """How many JIT configs each task got."""
    by_task = acme.loop.containers.by_task
    return Counter({t: sum(a.status == 200 for a in c.answers) for t, c in by_task.items()})


def recorded(acme: Acme, pool: str = "general") -> dict[str, Runner]:
    """The runners in the ledger, by task id."""
    read = acme.loop.ledger.snapshots.read(pool, acme.clock.now())
    return {runner.task_id: runner for runner in read.runners}


def when(acme: Acme, condition: Callable[[], bool], limit_seconds: float = 600.0) -> None:
    """Advance until a condition holds, and insist that it comes to hold."""
    assert acme.loop.run_until(condition, limit_seconds), "it never came to that"


def cut_off(acme: Acme, job: WorkflowJob) -> str:
    """Let the agent of the host of a running job go away for good; return the host's id."""
    when(acme, lambda: job.status == "in_progress")
    (host,) = acme.loop.aws.ec2.live_instances()
    agent = acme.loop.aws.ecs.registry.by_ec2_id(host.instance_id)
    assert agent is not None
    acme.loop.aws.ecs.registry.set_connected(agent, False)
    return str(host.instance_id)


def live(acme: Acme) -> set[str]:
    """The instances that EC2 runs, by id."""
    return {str(host.instance_id) for host in acme.loop.aws.ec2.live_instances()}


def deliver(acme: Acme, payload: dict[str, Any], *, secret: str = WEBHOOK_SECRET) -> IngestAnswer:
    """Deliver a payload of our own making, signed with a secret."""
    body = json.dumps(payload)
    headers = {
        "x-github-event": "workflow_job",
        "x-github-delivery": "11111111-1111-4111-8111-111111111111",
        "x-hub-signature-256": signature(secret, body.encode()),
        "content-type": "application/json",
    }
    return acme.loop.ingest(Request(headers, body))


def bodies(acme: Acme, action: str, job: WorkflowJob | None = None) -> list[dict[str, Any]]:
    """The payloads that GitHub delivered, by action, of one job or of all."""
    found = [json.loads(delivery.body) for delivery in acme.loop.deliveries]
    return [
        body
        for body in found
        if body["action"] == action and (job is None or body["workflow_job"]["id"] == job.id)
    ]


def calls(acme: Acme, operation: str) -> list[dict[str, Any]]:
    """The parameters of every AWS call of one operation, oldest first."""
    return [dict(call.parameters) for call in acme.loop.aws.calls_log if call.operation == operation]


def launched(deployment: Acme) -> int:
    """How many EC2 instances there ever were."""
    return len(deployment.loop.aws.ec2.lifecycle.instances)


def messages(acme: Acme, queue: str) -> list[str]:
    """The bodies of the messages on a queue, as they truly are."""
    url = f"https://sqs.ap-northeast-1.amazonaws.com/123456789012/{queue}"
    found: list[str] = []
    while received := acme.loop.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in received]
    return found


def no_runner_served_two_tasks(acme: Acme) -> bool:
    """Say whether no task ever got a second JIT config."""
    return all(count <= 1 for count in served_per_task(acme).values())
