"""The composition root of what runs in AWS: builds the services of each function from its settings.

What a function needs is imported inside its builder, so that no function pays for another's imports; and before its
first event, by ``import_early``.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from slipway.adapters.clock import ScaledClock, SystemClock
from slipway.config import AwsAccess, Settings, load_configuration, load_with_environments
from slipway.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from slipway.adapters.github.http import GitHubApi
    from slipway.adapters.json_log import JsonLog
    from slipway.domain.configuration import Configuration
    from slipway.domain.environments.settings import Environments
    from slipway.domain.probe_targets import Target
    from slipway.ports.clock import Clock
    from slipway.ports.ledger import Ledger
    from slipway.ports.queue import JobQueue
    from slipway.ports.secrets import KeptSecrets
    from slipway.services.claim import Claim, Release
    from slipway.services.diagnose import Diagnose
    from slipway.services.environments.intake import PullRequestIntake
    from slipway.services.environments.receive import Receive
    from slipway.services.ingest import Ingest
    from slipway.services.reap import ReapStale
    from slipway.services.repair import Repair
    from slipway.services.scale import Scale
    from slipway.wiring import Wiring

T = TypeVar("T")

_AWS = (
    "slipway.wiring",
    "slipway.adapters.aws_clients",
    "slipway.adapters.ledger",
    "slipway.adapters.sqs",
    "slipway.adapters.threads",
)
_GITHUB = (
    "slipway.adapters.secrets",
    "slipway.adapters.parameter_store",
    "slipway.adapters.github.http",
    "slipway.adapters.github.app_tokens",
    "httpcore",  # by httpx, when its first client is made
)
_RUNNERS = (
    "slipway.adapters.ecs",
    "slipway.adapters.github.enterprise_tokens",
    "slipway.adapters.github.runners",
)
_NEEDED = {
    "webhook": (
        "slipway.adapters.secrets_http",
        "slipway.adapters.sqs_http",
        "slipway.services.ingest",
    ),
    "scaler": (*_AWS, "slipway.adapters.ecs", "slipway.adapters.ec2", "slipway.services.scale"),
    "registrar": (*_AWS, *_GITHUB, *_RUNNERS),
    "reaper": (
        *_AWS,
        *_GITHUB,
        *_RUNNERS,
        "slipway.adapters.ec2",
        "slipway.adapters.host_images",
        "slipway.adapters.github.runner_census",
        "slipway.adapters.github.workflow_jobs",
        "slipway.services.name_series",
        "slipway.services.renew_hosts",
        "slipway.services.runner_versions",
        "slipway.services.watch_tokens",
    ),
    "redelivery": (
        *_AWS,
        *_GITHUB,
        "slipway.adapters.sqs_http",
        "slipway.adapters.github.deliveries",
        "slipway.adapters.github.queued_jobs",
        "slipway.adapters.github.workflow_jobs",
        "slipway.services.repair",
    ),
    "reach": ("slipway.adapters.tcp_probe",),
    "environments": (
        *_AWS,
        *_GITHUB,
        "slipway.adapters.environments.clients",
        "slipway.adapters.environments.host",
        "slipway.adapters.environments.images",
        "slipway.adapters.environments.sqs",
        "slipway.adapters.github.pull_requests",
        "slipway.adapters.ledger.environments",
        "slipway.services.environments.receive",
    ),
}


def import_early(function: str) -> None:
    """Import what a function's first event will need. Nothing is built and no setting is read.

    While Lambda initializes a function it has a whole processor, and in its events less than a third of one at
    512 MB [LAMBDA-INIT-CPU].
    """
    for name in _NEEDED[function]:
        importlib.import_module(name)


def model_clock(settings: Settings) -> Clock:
    """Return the clock by which decisions are made: the machine's, or the demo's faster one."""
    if settings.clock_origin is None:
        return SystemClock()
    return ScaledClock(settings.clock_origin, settings.clock_scale)


def ingest_webhook() -> Ingest:
    """Build the webhook's service.

    Raises:
        ConfigurationError: the compiled configuration or a setting is missing.
    """
    from slipway.adapters.secrets_http import SecretsManager
    from slipway.adapters.sqs_http import SqsJobQueue
    from slipway.services.ingest import Ingest

    settings = Settings.from_environment().require("jobs_queue_url")
    access = AwsAccess.from_environment()
    wall_clock = SystemClock()  # signatures are checked against real time
    configuration, environments = load_with_environments(settings.configuration_path)
    return Ingest(
        configuration,
        SecretsManager(access, wall_clock),
        SqsJobQueue(settings.jobs_queue_url, access, wall_clock),
        model_clock(settings),
        _pull_request_intake(environments, settings),
    )


def _pull_request_intake(environments: Environments | None, settings: Settings) -> PullRequestIntake | None:
    """Build what takes pull requests; nothing where nobody configured their environments."""
    if environments is None:
        return None
    from slipway.adapters.environments.sqs_http import SqsPullRequestQueue
    from slipway.services.environments.intake import PullRequestIntake

    url = settings.require("environments_queue_url").environments_queue_url
    queue = SqsPullRequestQueue(url, AwsAccess.from_environment(), SystemClock())
    return PullRequestIntake(environments, queue, model_clock(settings))


def webhook_log() -> JsonLog:
    """Build the webhook's log; no setting that is missing or faulty keeps it from telling so."""
    from slipway.adapters.json_log import JsonLog

    try:
        clock = model_clock(
            Settings.from_environment()
        )  # the ledger's own: `explain` tells one story of both
    except ConfigurationError:
        clock = SystemClock()
    return JsonLog("webhook", clock)


def scale() -> Scale:
    """Build the scaler's services. Raises ``ConfigurationError`` as all builders do."""
    return _wiring("jobs_queue_url", "events_queue_url", "dead_letters_queue_url").scale()


def runner_api() -> tuple[Claim, Release]:
    """Build the registrar's answers to a claim and to a release."""
    wiring = _wiring("account_id", "events_queue_url")
    return wiring.claim(), wiring.release()


def reap() -> ReapStale:
    """Build the reaper's service."""
    return _wiring("events_queue_url").reap()


def diagnose() -> Diagnose:
    """Build what tells an operator of what only the reaper may see."""
    return _wiring("events_queue_url").diagnose()


def repair() -> Repair:
    """Build the redelivery's service."""
    return _wiring("jobs_queue_url").repair()


def probe() -> Callable[[Sequence[Target], float], list[dict[str, Any]]]:
    """Return what tries targets within some seconds; needs no setting."""
    from slipway.adapters.tcp_probe import probe

    return probe


def reconcile_environments() -> Receive:
    """Build the service of the environments function."""
    settings = Settings.from_environment().require(
        "region", "table", "environments_queue_url", "dead_letters_queue_url"
    )
    from slipway.wiring import Wiring

    configuration, environments = load_with_environments(settings.configuration_path)
    wiring = Wiring(settings, configuration, DeployedEnvironments(settings, configuration))
    return wiring.environments(environments)


def _wiring(*places: str) -> Wiring:
    """Read the settings of a function that needs these places, besides those that all need."""
    from slipway.wiring import Wiring

    settings = Settings.from_environment().require("region", "table", *places)
    configuration = load_configuration(settings.configuration_path)
    return Wiring(settings, configuration, Deployed(settings, configuration))


class Deployed:
    """The surroundings of a function in AWS."""

    def __init__(self, settings: Settings, configuration: Configuration) -> None:
        self._settings = settings
        self._github = configuration.github
        self.clock = model_clock(settings)

    @cached_property
    def secrets(self) -> KeptSecrets:
        """Secrets Manager, for functions that read a secret."""
        from slipway.adapters.secrets import SecretsManagerSecrets

        return SecretsManagerSecrets(self.client("secretsmanager", self._settings.region), self.clock)

    def ledger(self) -> Ledger:
        """Return the deployment's table."""
        from slipway.adapters.ledger import dynamo_ledger

        return dynamo_ledger(self.client("dynamodb", self._settings.region), self._settings.table)

    def client(self, service: str, region: str) -> Any:
        """Return the botocore client of a service."""
        from slipway.adapters import aws_clients

        return getattr(aws_clients, service)(region)

    def github(self) -> GitHubApi:
        """Return a new client of GitHub's API."""
        from slipway.adapters.github.http import GitHubApi, github_client

        named = self._github.ca_bundle
        ca_bundle = str(self._settings.configuration_path.parent / named) if named else None
        return GitHubApi(github_client(self._github.api_url, ca_bundle), self.clock)

    def jobs_queue(self) -> JobQueue:
        """Return the queue of job events."""
        from slipway.adapters.sqs_http import SqsJobQueue

        return SqsJobQueue(self._settings.jobs_queue_url, AwsAccess.from_environment(), SystemClock())

    def together(self, steps: Sequence[Callable[[], T]], /) -> list[T]:
        """Do steps at once that do not depend on each other."""

        from slipway.adapters.threads import together

        return together(steps)

    def pause(self, seconds: float, /) -> None:
        """Wait; the seconds are those of ``clock``."""
        time.sleep(seconds / self._settings.clock_scale)

    def new_token(self) -> str:
        """Return a name that nothing else has."""
        import uuid

        return uuid.uuid4().hex


class DeployedEnvironments(Deployed):
    """The surroundings of the environments function, which brings botocore's models of its own services along."""

    def client(self, service: str, region: str) -> Any:
        """Return the botocore client of a service."""
        from slipway.adapters.environments import clients

        if service in clients.SERVICES:
            return clients.client(service, region)
        return super().client(service, region)
