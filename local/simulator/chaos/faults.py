"""Every fault that is tried: its name, how often it comes as a rule, and where it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault. ``rate`` is a probability for each occasion, or how many come an hour.

    ``share`` is in how many of the runs it is part of the mix: less than half where it makes a run long.
    ``needs_app`` is true of what an enterprise without an App cannot learn of, ``needs_sweep`` of what only a sweep
    finds: there it is a stated limit.
    """

    name: str
    rate: float
    needs_app: bool = False
    needs_sweep: bool = False
    share: float = 0.5


#: Of calls, by the probability for each; made in ``of_calls``.
OF_CALLS: Final = (
    Fault("function-killed", 0.002),
    Fault("dynamodb-throttled", 0.01),
    Fault("dynamodb-failed", 0.005),
    Fault("dynamodb-reply-lost", 0.004),
    Fault("sqs-failed", 0.02),
    Fault("sqs-reply-lost", 0.02),
    Fault("runtask-throttled", 0.1),
    Fault("runtask-failed", 0.05),
    Fault("runtask-reply-lost", 0.08),
    Fault("createfleet-throttled", 0.1),
    Fault("createfleet-failed", 0.05),
    Fault("createfleet-reply-lost", 0.1),
    Fault("createfleet-partial", 0.1),
    Fault("ecs-throttled", 0.03),
    Fault("ecs-failed", 0.02),
    Fault("ecs-reply-lost", 0.01),
    Fault("ec2-throttled", 0.03),
    Fault("ec2-failed", 0.02),
    Fault("ec2-reply-lost", 0.02),
    Fault("github-failed", 0.03),
    Fault("github-gone", 0.02),
    Fault("github-reply-lost", 0.03),
    Fault("github-failed-after-success", 0.03),
    Fault("github-limited", 0.01),
)
#: Of webhooks, by the probability for each delivery; made in ``of_webhooks``.
OF_WEBHOOKS: Final = (
    Fault("webhook-lost", 0.05, needs_sweep=True),
    Fault("webhook-failed", 0.05, needs_app=True),
    Fault("webhook-doubled", 0.1),
    Fault("webhook-reordered", 0.1),
    Fault("webhook-late", 0.03, share=0.2),
)
#: Of queues and events, by the probability for each message or event; made in ``of_events``.
OF_EVENTS: Final = (
    Fault("message-doubled", 0.03),
    Fault("event-doubled", 0.05),
    Fault("event-late", 0.03),
    Fault("event-lost", 0.02),
)
#: Of capacity, by the probability for each occasion; made in ``of_capacity``.
OF_CAPACITY: Final = (
    Fault("runtask-partial", 0.08),
    Fault("never-registers", 0.08),
    Fault("misses-the-tier", 0.3),
    Fault("connects-late", 0.08),
    Fault("pull-fails", 0.04),
)
#: Of capacity too, by how many come an hour.
OF_HOSTS: Final = (
    Fault("no-capacity", 6.0),
    Fault("agent-flaps", 20.0),
    Fault("spot-lost-booting", 8.0),
    Fault("spot-lost-idle", 6.0),
    Fault("spot-lost-busy", 6.0),
    Fault("host-lost", 4.0),
)
#: Of containers, by the probability for each; made in ``of_containers``.
OF_CONTAINERS: Final = (
    Fault("container-dies-before-claim", 0.05),
    Fault("container-dies-in-claim", 0.05),
    Fault("container-dies-after-claim", 0.05),
    Fault("container-dies-busy", 0.03),
    Fault("container-hangs", 0.03),
    Fault("claim-reply-lost", 0.05),
    Fault("watchdog-dead", 0.05),
    Fault("orphan-claims-again", 0.08),
    Fault("credentials-outlive-task", 0.08),
)
#: Of jobs, by the probability for each assignment to a runner; made in ``of_jobs``.
OF_ASSIGNMENTS: Final = (Fault("job-cancelled-assigned", 0.05),)
#: Of GitHub and its people, by how many come an hour; made in ``of_github``.
OF_GITHUB: Final = (
    Fault("busy-flag-stale", 6.0),
    Fault("job-status-stale", 6.0),
    Fault("group-changed", 4.0),
    Fault("group-deleted", 6.0),
    Fault("credential-revoked", 1.5),
)
#: Of our own functions; made in ``of_functions``.
OF_FUNCTIONS: Final = (Fault("holder-dead", 10.0), Fault("clock-skewed", 1.0))
#: Of writes to the ledger, by the probability for each; made in ``of_calls``.
OF_WRITES: Final = (Fault("dynamodb-conflict", 0.03),)
#: What needs no order: it comes with the jobs.
OF_JOBS: Final = (
    "job-cancelled-queued",
    "job-cancelled-running",
    "job-cancelled-unannounced",
    "runner-stolen",
)

FAULTS: Final = (
    *OF_CALLS,
    *OF_WEBHOOKS,
    *OF_EVENTS,
    *OF_CAPACITY,
    *OF_HOSTS,
    *OF_CONTAINERS,
    *OF_ASSIGNMENTS,
    *OF_GITHUB,
    *OF_FUNCTIONS,
    *OF_WRITES,
)
NAMES: Final = (*(fault.name for fault in FAULTS), *OF_JOBS)
