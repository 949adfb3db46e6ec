"""The whole loop in process: webhooks in, runners registered, jobs done, everything cleaned up.

The functions' services run with their real adapters; the twins stand where boto3 and the network would.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from local.deployment import ACCOUNT, REGION, TABLE, deploy
from local.simulator.containers import VirtualContainers
from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.aws.events import needed_events
from local.twin.clock import VirtualClock
from local.twin.github.deliveries import Delivery
from local.twin.github.transport import TwinTransport
from local.twin.github.twin import GitHubTwin
from local.twin.latency import LatencyModel
from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.ec2 import Ec2Fleet
from slipway.adapters.ecs import EcsCluster
from slipway.adapters.github.app_tokens import AppTokens
from slipway.adapters.github.deliveries import watched_hooks
from slipway.adapters.github.enterprise_tokens import EnterpriseTokens
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.queued_jobs import GitHubQueuedJobs
from slipway.adapters.github.runner_census import GitHubRunnerCensus
from slipway.adapters.github.runner_groups import RunnerGroups
from slipway.adapters.github.runners import GitHubRunners
from slipway.adapters.github.workflow_jobs import GitHubWorkflowJobs
from slipway.adapters.ledger import dynamo_ledger
from slipway.adapters.parameter_store import ParameterStore
from slipway.adapters.sqs import SqsDeadLetters, SqsWakeups
from slipway.domain.configuration import Configuration, Registration
from slipway.domain.errors import SlipwayError
from slipway.domain.jobs import JobEvent, encode_job_event
from slipway.services.act import Act
from slipway.services.apply import Apply
from slipway.services.claim import Claim, Release
from slipway.services.converge import Converge
from slipway.services.deregister import Deregister
from slipway.services.end import End
from slipway.services.ingest import Ingest, Request
from slipway.services.inquire import Inquire
from slipway.services.list_registrations import ListRegistrations
from slipway.services.observe import Observe
from slipway.services.reap import Reaped, ReapStale
from slipway.services.redeliver import Redeliver
from slipway.services.removals import Remove
from slipway.services.repair import Repair
from slipway.services.rerun import Rerun, Settled
from slipway.services.runner_versions import CheckVersions
from slipway.services.scale import Scale
from slipway.services.survey import Survey
from slipway.services.sweep import Sweep
from slipway.services.tell import Tell
from slipway.services.watch_tokens import WatchTokens

CLAIM_URL = "https://claims.example"
LEASE_SECONDS = 120
TICK_SECONDS, REAPER_SECONDS, REDELIVERY_SECONDS = 60.0, 60.0, 60.0
_DISPATCH_SECONDS = 0.05  # SQS to a running function, batching window 0: an estimate


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
class TwinJobQueue:
    """The ``jobs`` queue of the twin, as the webhook sees it."""

    sqs: Any

    def send(self, event: JobEvent) -> None:
        """Put one job event on the queue."""
        with aws_errors("queueing a job event"):
            self.sqs.send_message(
                QueueUrl=_queue_url("jobs"),
                MessageBody=encode_job_event(event),
                MessageGroupId=event.organization.lower(),
            )


class Loop:
    """One deployment on one clock. Drive it with ``clock.advance`` or ``run_until``."""

    def __init__(  # noqa: PLR0913 - the composition root of a run
        self,
        configuration: Configuration,
        github: GitHubTwin,
        clock: VirtualClock,
        secrets: dict[str, str],
        *,
        seed: int = 0,
        latency: LatencyModel | None = None,
        behaviour: Behaviour | None = None,
    ) -> None:
        self.configuration = configuration
        self.github = github
        self.clock = clock
        self._ids = itertools.count(1)
        self.aws = AwsTwin(
            clock, latency=latency or LatencyModel.modelled(), seed=seed, behaviour=behaviour, log_calls=True
        )
        deploy(self.aws, configuration, CLAIM_URL)
        self.held = held = HeldSecrets(secrets)
        sqs = self.aws.client("sqs")
        self.ledger = dynamo_ledger(self.aws.client("dynamodb"), TABLE)
        self._wakeups = SqsWakeups(sqs, _queue_url("events"))
        self.clusters = {
            pool.name: EcsCluster(self.aws.client("ecs"), pool, configuration, clock)
            for pool in configuration.pools.values()
        }
        self.fleets = {
            pool.name: Ec2Fleet(self.aws.client("ec2"), pool, configuration.deployment, clock)
            for pool in configuration.pools.values()
        }
        self.transport = TwinTransport(github)
        self._api = GitHubApi(self._client(), clock)
        self.jobs_queue = TwinJobQueue(sqs)
        self.ingest = Ingest(configuration, held, self.jobs_queue, clock)
        self.scale = self._scale()
        self._serve(held)
        self.deliveries: list[Delivery] = []
        self.reran: list[Settled] = []
        self.found: list[JobEvent] = []
        self.errors: list[Exception] = []
        self.reaped: list[Reaped] = []
        self._connect()

    def run_until(self, is_done: Callable[[], bool], limit_seconds: float) -> bool:
        """Advance event by event until a condition holds; say whether it came to hold within the limit."""
        deadline = self.clock.now() + limit_seconds
        while not is_done():
            due = self.clock.next_due()
            if due is None or due > deadline:
                return False
            self.clock.advance_to(due)
        return True

    def converge(self, pool: str) -> None:
        """Fold a wake-up of one pool, as the scaler would."""
        self._fold([{"Body": json.dumps({"slipway": "wake", "pool": pool})}], "events")

    def new_token(self) -> str:
        """Return the next intent token."""
        return f"{next(self._ids):032x}"

    def _scale(self) -> Scale:
        act = Act(self.configuration, self.ledger, self.clusters, self.fleets, self.clock, self.new_token)
        end = End(self.ledger, self.clusters, self.fleets, self.clock)
        apply = Apply(self.configuration, self.ledger, act, end, self.clock)
        converge = Converge(
            self.configuration, self.ledger, apply, self._wakeups, self.clock, lease_seconds=LEASE_SECONDS
        )
        observe = Observe(self.configuration, self.ledger, dict(self.clusters))
        dead_letters = SqsDeadLetters(self.aws.client("sqs"), _queue_url("dead-letters"))
        return Scale(observe, converge, dead_letters, "jobs")

    def _serve(self, held: HeldSecrets) -> None:
        target = self.configuration.github
        is_enterprise = target.registration is Registration.ENTERPRISE
        apps = self._app_tokens(self._api)
        arns = target.runner_token_secrets if is_enterprise else ()
        tokens = EnterpriseTokens(held, arns, self._api, self.clock, self.ledger.tokens)
        credentials = tokens if is_enterprise else apps
        groups = RunnerGroups(self._api, target, self.clock, self.ledger.groups)
        self.runners = GitHubRunners(
            self._api, target, credentials, groups, self.ledger.turns, clock=self.clock
        )
        self.census = GitHubRunnerCensus(self._api, target, credentials, groups)
        self.claim = Claim(
            self.configuration,
            self.ledger,
            self.runners,
            self.clusters,
            self.clock,
            wakeups=self._wakeups,
            account_id=ACCOUNT,
        )
        self.release = Release(self.configuration, self.ledger, self.runners, self.clock, account_id=ACCOUNT)
        jobs = GitHubWorkflowJobs(self._api, apps) if target.app_secret else None
        deregister = Deregister(
            self.ledger,
            self.runners,
            jobs,
            self.clusters,
            self.clock,
            deployment=self.configuration.deployment,
        )
        self.reap = self._reaper(tokens, deregister, jobs)
        self.start_repair()

    def _reaper(
        self, tokens: EnterpriseTokens, deregister: Deregister, jobs: GitHubWorkflowJobs | None
    ) -> ReapStale:
        target, clusters, fleets = self.configuration.github, self.clusters, self.fleets
        survey = Survey(
            self.configuration,
            self.ledger,
            clusters,
            fleets,
            list_registrations=ListRegistrations(
                target.registration, self.ledger.housekeeping, self.census, self.clock
            ),
            inquire=Inquire(target, self.ledger.jobs, jobs, self.clock),
            watches=(
                CheckVersions(self.census, self.ledger.housekeeping, self.clock),
                WatchTokens(tokens, self.clock),
            ),
            clock=self.clock,
        )
        return ReapStale(
            self.configuration,
            self.ledger,
            self._wakeups,
            survey=survey,
            remove=Remove(target.registration, self.ledger, deregister, clusters, fleets, clock=self.clock),
            tell=Tell(self.ledger.housekeeping, self.ledger.runners),
        )

    def start_repair(self) -> None:
        """Build what repairs, as a cold start of its function does."""
        target, counted = self.configuration.github, GitHubApi(self._client(), self.clock)
        apps = self._app_tokens(self._api)
        jobs = GitHubWorkflowJobs(self._api, apps)
        rerun = Rerun(jobs, self.ledger.interruptions, self.clock, target.rerun_interrupted)
        hooks = watched_hooks(self._api, apps, target.organization_hooks)
        redeliver = Redeliver(hooks, self.ledger.housekeeping, self.clock)
        sweep = Sweep(
            self.configuration,
            GitHubQueuedJobs(counted, self._app_tokens(counted)),
            self.ledger.jobs,
            self.ledger.housekeeping,
            self.jobs_queue,
            self.clock,
        )
        self.repair = Repair(rerun, redeliver, sweep)

    def _app_tokens(self, api: GitHubApi) -> AppTokens:
        store = ParameterStore(self.aws.client("ssm"), "/slipway/installation-tokens")
        arn = self.configuration.github.app_secret or ""
        return AppTokens(self.held, arn, api, self.clock, self.new_token, store=store)

    def _client(self) -> httpx.Client:
        return httpx.Client(transport=self.transport, base_url="https://twin")

    def _connect(self) -> None:
        self.containers = VirtualContainers(self)
        self.aws.ecs.runtime = self.containers
        self.aws.route_events("events", needed_events)
        for queue in ("jobs", "events"):
            self.aws.sqs.watch(queue, partial(self._soon, queue))
        self.github.deliveries.deliver = self._deliver
        self._every(TICK_SECONDS, lambda: self.aws.sqs.deliver("events", '{"slipway":"tick"}'))
        self._every(REAPER_SECONDS, lambda: self._run(self._reap))
        self._every(REDELIVERY_SECONDS, self._repair)

    def _every(self, seconds: float, work: Callable[[], object]) -> None:
        def due() -> None:
            work()
            self.clock.schedule(seconds, due)

        self.clock.schedule(seconds, due)

    def _reap(self) -> tuple[Exception, ...]:
        reaped = self.reap()
        if reaped != Reaped():
            self.reaped.append(reaped)
        return reaped.errors

    def _repair(self) -> None:
        """Do what the redelivery function does."""
        if self.configuration.github.app_secret:
            repaired = self.repair()
            self.reran += repaired.settled
            self.found += repaired.found
            self.errors += repaired.errors

    def _run(self, function: Callable[[], tuple[Exception, ...]]) -> None:
        """Run a scheduled function; when it fails, its schedule calls it again."""
        try:
            self.errors += function()
        except SlipwayError as fault:
            self.errors.append(fault)

    def _deliver(self, delivery: Delivery) -> int:
        self.deliveries.append(delivery)
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        body = base64.b64encode(delivery.body).decode()
        return self.ingest(Request(headers, body, is_base64=True)).status

    def _soon(self, queue: str) -> None:
        self.clock.schedule(_DISPATCH_SECONDS, lambda: self._receive(queue))

    def _receive(self, queue: str) -> None:
        reply = self.aws.sqs.receive_message(QueueUrl=_queue_url(queue), MaxNumberOfMessages=10)
        messages = reply.get("Messages", [])
        if messages:
            failed = self._fold(messages, queue)
            for number, message in enumerate(messages):
                if number not in failed:
                    receipt = message["ReceiptHandle"]
                    self.aws.sqs.delete_message(QueueUrl=_queue_url(queue), ReceiptHandle=receipt)
            self._soon(queue)

    def _fold(self, messages: list[dict[str, Any]], queue: str) -> set[int]:
        """Do what one invocation does; return the messages that failed, which come again when they are visible."""
        batch = self.scale.batch()
        failed: set[int] = set()
        for number, message in enumerate(messages):
            try:
                batch.fold(str(number), queue, message["Body"])
            except SlipwayError as fault:
                self.errors.append(fault)
                failed.add(number)
        for done in batch.converge(self.new_token(), lambda: True):
            self.errors += done.errors
        return failed


def _queue_url(name: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
