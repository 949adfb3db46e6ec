"""What a function of the simulator stands on: the twins, behind calls that take time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from local.simulator.calls import Calls, TimedClient, TwinClient
from local.twin.aws.account import AwsTwin
from local.twin.clock import VirtualClock
from local.twin.github.twin import GitHubTwin
from local.twin_deployment import ACCOUNT, LEASE_SECONDS, REGION, TABLE
from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.ledger import dynamo_ledger
from slipway.config import Settings
from slipway.domain.jobs import JobEvent, encode_job_event
from slipway.ports.clock import Clock
from slipway.ports.ledger import Ledger

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


def queue_url(name: str) -> str:
    """Return the URL of one of the deployment's queues."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


SETTINGS = Settings(
    configuration_path=Path("slipway.json"),
    region=REGION,
    account_id=ACCOUNT,
    table=TABLE,
    jobs_queue_url=queue_url("jobs"),
    events_queue_url=queue_url("events"),
    dead_letters_queue_url=queue_url("dead-letters"),
    lease_seconds=LEASE_SECONDS,
)


@dataclass(frozen=True, slots=True)
class HeldSecrets:
    """Secrets by ARN, in memory; implements ``ports.secrets.KeptSecrets``."""

    values: dict[str, str] = field(repr=False)

    def get(self, arn: str) -> str:
        """Return a secret."""
        return self.values[arn]

    def forget(self, arn: str) -> None:
        """Every reading is a new one."""


@dataclass(frozen=True, slots=True)
class SkewedClock:
    """The clock of one host, some seconds ahead of the true one, or behind it; implements ``ports.clock.Clock``."""

    clock: VirtualClock
    ahead_seconds: float

    def now(self) -> float:
        """Return epoch seconds as this host has them."""
        return self.clock.now() + self.ahead_seconds


@dataclass(frozen=True, slots=True)
class TwinJobQueue:
    """The ``jobs`` queue of the twin, as the webhook sees it."""

    sqs: Any

    def send(self, event: JobEvent) -> None:
        """Put one job event on the queue."""
        with aws_errors("queueing a job event"):
            self.sqs.send_message(
                QueueUrl=queue_url("jobs"),
                MessageBody=encode_job_event(event),
                MessageGroupId=event.organization.lower(),
            )


@dataclass(slots=True)
class Surrounded:
    """Implements ``slipway.wiring.Surroundings`` on the twins."""

    aws: AwsTwin
    github_twin: GitHubTwin
    clock: Clock
    secrets: HeldSecrets
    calls: Calls
    new_ledger: Callable[[], Ledger] | None = None
    before_github: Callable[[], None] = lambda: None
    """Runs when a request arrives at GitHub; may raise what httpx raises."""
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def ledger(self) -> Ledger:
        """Return the deployment's memory."""
        if self.new_ledger is not None:
            return self.new_ledger()
        return dynamo_ledger(self.client("dynamodb", REGION), TABLE, self.calls.patience)

    def client(self, service: str, _region: str) -> Any:
        """Return what stands in for a boto3 client: the twin is one region."""
        return TimedClient(self.aws.client(service), self.calls)

    def github(self) -> GitHubApi:
        """Return a new client of GitHub's API."""
        client = TwinClient(self.github_twin, self.calls, self._arrive)
        return GitHubApi(cast("httpx.Client", client), self.clock)

    def _arrive(self) -> None:
        self.before_github()

    def jobs_queue(self) -> TwinJobQueue:
        """Return the queue of job events."""
        return TwinJobQueue(self.client("sqs", REGION))

    def together(self, steps: Sequence[Callable[[], T]], /) -> list[T]:
        """Do steps at once that do not depend on each other."""
        return self.calls.fibers.together(steps)

    def pause(self, seconds: float, /) -> None:
        """Wait, on the virtual clock."""
        self.calls.rest(seconds)

    def new_token(self) -> str:
        """Return a name that nothing else in this simulation has."""
        return f"{next(self._ids):032x}"
