"""GitHub, AWS and the two functions that make environments, on one clock: webhook in, environments out."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from local.configuration.check import check_file
from local.configuration.compilation import compiled_body
from local.simulator.calls import Calls
from local.simulator.configuration import read_configuration
from local.simulator.event_sources import QueueMapping
from local.simulator.fibers import Fibers
from local.simulator.functions import Failed, Function, HasTime, Schedule
from local.simulator.retries import endurance
from local.simulator.surroundings import SETTINGS, HeldSecrets, Surrounded, queue_url
from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.clock import VirtualClock
from local.twin.github.deliveries import Delivery
from local.twin.github.keys import app_keys
from local.twin.github.pulls import PullRequest
from local.twin.github.twin import GitHubTwin
from local.twin.latency import LatencyModel, Phase
from local.twin_deployment import FUNCTIONS, TABLE
from slipway.adapters.aws_clients import Endurance
from slipway.adapters.aws_errors import aws_errors
from slipway.adapters.environments.clients import ONCE, SERVICES
from slipway.config import environments_of
from slipway.domain.configuration import Configuration
from slipway.domain.environments.images import EcrImage, ecr_image
from slipway.domain.environments.names import EnvironmentKey, resource_name
from slipway.domain.environments.pulls import SWEEP_MESSAGE, PullRequestEvent, encode_pull_request_event
from slipway.domain.environments.settings import Environments
from slipway.domain.environments.templates import rendered
from slipway.services.environments.intake import PullRequestIntake
from slipway.services.environments.receive import Receive, Received
from slipway.services.environments.reconcile import Reconciled
from slipway.services.ingest import Ingest, Request
from slipway.wiring import Wiring

CONFIGURATION = Path(__file__).with_name("slipway.yaml")
WEBHOOK_SECRET = "a webhook secret of the simulator"  # noqa: S105 - it signs what never leaves the process
APP_PERMISSIONS = {"metadata": "read", "pull_requests": "write", "deployments": "write"}
QUEUE, DEAD_LETTERS = "environments", "dead-letters"
HERE = FUNCTIONS["environments"]
AT_ONCE = 2  # the mapping's maximum concurrency


@dataclass(frozen=True, slots=True)
class TwinPullRequestQueue:
    """The ``environments`` queue of the twin, as the webhook sees it."""

    sqs: Any

    def send(self, event: PullRequestEvent) -> None:
        """Put one event on the queue."""
        with aws_errors("queueing a pull request event"):
            self.sqs.send_message(QueueUrl=queue_url(QUEUE), MessageBody=encode_pull_request_event(event))


def endurance_here(name: str) -> Endurance:
    """Return how long a call ("ecs.CreateService") is waited for: this function has clients of its own."""
    return ONCE if name.partition(".")[0] in SERVICES else endurance(name)


@cache
def configured() -> tuple[Configuration, Environments]:
    """Return the configuration of this world, and its section of environments."""
    file = check_file(CONFIGURATION).file
    environments = environments_of(compiled_body(file)) if file else None
    if environments is None:
        raise ValueError("the configuration has no environments")
    return read_configuration(CONFIGURATION), environments


class EnvironmentWorld:
    """One deployment; drive it with ``clock.advance``."""

    def __init__(
        self,
        starts_at: float,
        *,
        seed: int = 0,
        settings: Environments | None = None,
        behaviour: Behaviour | None = None,
    ) -> None:
        self.clock = VirtualClock(starts_at)
        self.latency = LatencyModel.modelled()
        self.rng = random.Random(f"{seed}/environments")
        self.github = GitHubTwin(self.clock, seed=seed)
        self.aws = AwsTwin(self.clock, latency=self.latency, seed=seed, behaviour=behaviour)
        self.calls = Calls(
            Fibers(self.clock), self.latency, random.Random(f"{seed}/calls"), endurance=endurance_here
        )
        self.configuration, found = configured()
        self.settings = replace(settings or found, listener=self.aws.elbv2.add_listener())
        self.errors: list[Exception] = []
        self.runs: list[Reconciled] = []
        self.around = Surrounded(self.aws, self.github, self.clock, self._deploy(), self.calls)
        self._connect()

    def push(self, pull: PullRequest, *, is_broken: bool = False) -> None:
        """Let a workflow push the image of a pull request's head; a broken one cannot be pulled."""
        image = self.image_of(pull)
        self.aws.ecr.push(image.repository, image.tag)
        if is_broken:
            self.aws.ecr.broken.add(
                f"{image.registry}.dkr.ecr.{image.region}.amazonaws.com/{image.repository}:{image.tag}"
            )

    def has_image(self, pull: PullRequest, *, that_can_be_pulled: bool = False) -> bool:
        """Say whether there is an image of a pull request's head."""
        image = self.image_of(pull)
        name = f"{image.registry}.dkr.ecr.{image.region}.amazonaws.com/{image.repository}:{image.tag}"
        is_there = image.tag in self.aws.ecr.tags.get(image.repository, set())
        return self.aws.ecr.can_pull(name) if that_can_be_pulled else is_there

    def image_of(self, pull: PullRequest) -> EcrImage:
        """Return where the image of a pull request's head belongs."""
        template = self.settings.repositories[pull.repository.full_name.lower()]
        values = {
            "PR_NUMBER": str(pull.number),
            "COMMIT_REF": pull.head_sha,
            "COMMIT_REF_SHORT": pull.head_sha[:7],
        }
        image = ecr_image(rendered(template.image, values))
        if image is None:
            raise ValueError(template.image)
        return image

    def name_of(self, pull: PullRequest) -> str:
        """Return what a pull request's environment is called."""
        return resource_name(self.settings.deployment, key_of(pull))

    def pulls(self) -> list[PullRequest]:
        """Return every pull request of the configured repositories that GitHub still has."""
        repositories = self.github.world.repositories
        configured = [repositories[name] for name in self.settings.repositories if name in repositories]
        return [pull for one in configured for pull in self.github.pulls.by_repository.get(one.id, [])]

    def receive(self) -> Receive:
        """Build what one sandbox of the function keeps."""
        settings = replace(
            SETTINGS, environments_queue_url=queue_url(QUEUE), lease_seconds=int(HERE.timeout_seconds)
        )
        return Wiring(settings, self.configuration, self.around).environments(self.settings)

    def _deploy(self) -> HeldSecrets:
        aws, github = self.aws, self.github
        visible = {"VisibilityTimeout": str(int(6 * HERE.timeout_seconds))}
        aws.sqs.create_queue(QueueName=DEAD_LETTERS)
        aws.sqs.create_queue(QueueName=QUEUE, Attributes=visible)
        aws.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        aws.ecs.create_cluster(clusterName=self.settings.cluster)
        private, public = app_keys()
        app = github.add_app(public)
        for name in self.settings.repositories:
            login = name.partition("/")[0]
            if login not in github.world.organizations:
                github.install(app, github.add_organization(login), APP_PERMISSIONS)
            github.add_repository(name)
        github.add_hook("integration", app.id, "https://slipway.example/webhook", WEBHOOK_SECRET)
        target = self.configuration.github
        secrets = {secret.secret_id: WEBHOOK_SECRET for secret in target.webhook_secrets}
        secrets[target.app_secret or ""] = json.dumps({"app_id": str(app.id), "private_key": private})
        github.deliveries.faults.delay = lambda rng: self.latency.draw(Phase.WEBHOOK_DELAY, rng)
        return HeldSecrets(secrets)

    def _connect(self) -> None:
        fibers = self.calls.fibers
        self.webhook = self._function(
            self._ingest, FUNCTIONS["webhook"].timeout_seconds, Phase.WEBHOOK_COLD_START
        )
        self.function = self._function(self.receive, HERE.timeout_seconds, Phase.FUNCTION_COLD_START)
        self.github.deliveries.deliver = self._deliver
        self.mapping = QueueMapping(
            self.clock,
            self.aws.client("sqs"),
            queue_url(QUEUE),
            self._handle,
            concurrency=AT_ONCE,
            latency=self.latency,
            rng=self.rng,
        )
        Schedule(fibers, HERE.every_seconds, self._sweep)

    def _function(self, build: Callable[[], Any], timeout_seconds: float, cold_start: Phase) -> Function[Any]:
        return Function(
            self.calls.fibers,
            build,
            timeout_seconds=timeout_seconds,
            latency=self.latency,
            rng=self.rng,
            cold_start=cold_start,
        )

    def _ingest(self) -> Ingest:
        around = self.around
        queue = TwinPullRequestQueue(around.client("sqs", ""))
        intake = PullRequestIntake(self.settings, queue, self.clock)
        return Ingest(self.configuration, around.secrets, around.jobs_queue(), self.clock, intake)

    def _sweep(self, over: Callable[[], None]) -> None:
        self.aws.sqs.deliver(QUEUE, SWEEP_MESSAGE)
        over()

    def _deliver(self, delivery: Delivery) -> None:
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        request = Request(headers, delivery.body.decode())

        def answered(answer: Any) -> None:
            if isinstance(answer, Failed):
                self.errors.append(answer.fault)
            self.github.deliveries.answered(delivery.id, 502 if isinstance(answer, Failed) else answer.status)

        self.webhook.invoke(lambda ingest, _time: ingest(request), answered)

    def _handle(self, messages: list[dict[str, Any]], done: Callable[[set[int] | None], None]) -> None:
        bodies = {str(number): message["Body"] for number, message in enumerate(messages)}
        token = self.around.new_token()

        def run(receive: Receive, has_time: HasTime) -> Received:
            return receive(bodies, token, lambda: has_time(HERE.last_step_seconds))

        def answered(received: Received | Failed) -> None:
            if isinstance(received, Failed):
                self.errors.append(received.fault)
                done(None)
                return
            self.errors += received.reconciled.errors
            self.runs.append(received.reconciled)
            done({int(message_id) for message_id in received.failed})

        self.function.invoke(run, answered)


def key_of(pull: PullRequest) -> EnvironmentKey:
    """Return a pull request's key."""
    return EnvironmentKey(pull.repository.full_name.lower(), pull.number)
