"""The composition root: builds the services of each function from its settings.

What a function needs is imported inside its builder, so that no function pays for another's imports.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from slipway.adapters.clock import ScaledClock, SystemClock
from slipway.config import AwsAccess, Settings, load_configuration
from slipway.domain.configuration import Registration
from slipway.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from slipway.adapters.github.app_tokens import AppTokens
    from slipway.adapters.github.credentials import Credentials
    from slipway.adapters.github.enterprise_tokens import EnterpriseTokens
    from slipway.adapters.github.http import GitHubApi
    from slipway.adapters.github.runner_groups import RunnerGroups
    from slipway.adapters.json_log import JsonLog
    from slipway.ports.clock import Clock
    from slipway.ports.cluster import Cluster
    from slipway.ports.fleet import Fleet
    from slipway.ports.github import RunnerCensus, RunnerService, WorkflowJobs
    from slipway.services.claim import Claim, Release
    from slipway.services.ingest import Ingest
    from slipway.services.reap import ReapStale
    from slipway.services.repair import Repair
    from slipway.services.scale import Scale
    from slipway.services.sweep import Sweep

NO_APP = "github.secrets.app is not set: this needs a GitHub App"


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
    return Ingest(
        load_configuration(settings.configuration_path),
        SecretsManager(access, wall_clock),
        SqsJobQueue(settings.jobs_queue_url, access, wall_clock),
        model_clock(settings),
    )


def webhook_log() -> JsonLog:
    """Build the webhook's log; needs no setting, so that a missing one can be logged."""
    from slipway.adapters.json_log import JsonLog

    return JsonLog("webhook", SystemClock())


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


def repair() -> Repair:
    """Build the redelivery's service."""
    return _wiring("jobs_queue_url").repair()


def _wiring(*places: str) -> _Wiring:
    """Read the settings of a function that needs these places, besides those that all need."""
    return _Wiring(Settings.from_environment().require("region", "table", *places))


class _Wiring:
    """Adapters and services of the functions that use boto3, each built once when first asked for."""

    def __init__(self, settings: Settings) -> None:
        from slipway.adapters import aws_clients
        from slipway.adapters.ledger import dynamo_ledger
        from slipway.adapters.secrets import SecretsManagerSecrets
        from slipway.adapters.sqs import SqsWakeups

        self._settings = settings
        self._clock = model_clock(settings)
        self._configuration = load_configuration(settings.configuration_path)
        self._clients = aws_clients
        self._ledger = dynamo_ledger(self._clients.dynamodb(settings.region), settings.table)
        self._secrets = SecretsManagerSecrets(self._clients.secretsmanager(settings.region), self._clock)
        self._wakeups = SqsWakeups(self._clients.sqs(settings.region), settings.events_queue_url)

    def scale(self) -> Scale:
        from slipway.adapters.sqs import SqsDeadLetters
        from slipway.adapters.threads import together
        from slipway.services.act import Act
        from slipway.services.apply import Apply
        from slipway.services.converge import Converge
        from slipway.services.end import End
        from slipway.services.observe import Observe
        from slipway.services.scale import Scale

        clusters, fleets = self._clusters(), self._fleets()
        act = Act(self._configuration, self._ledger, clusters, fleets, self._clock, _new_token)
        end = End(self._ledger, clusters, fleets, self._clock)
        apply = Apply(self._configuration, self._ledger, act, end, self._clock, together=together)
        converge = Converge(
            self._configuration,
            self._ledger,
            apply,
            self._wakeups,
            self._clock,
            lease_seconds=self._settings.lease_seconds,
        )
        return Scale(
            observe=Observe(self._configuration, self._ledger, clusters),
            converge=converge,
            dead_letters=SqsDeadLetters(
                self._clients.sqs(self._settings.region), self._settings.dead_letters_queue_url
            ),
            jobs_queue=self._settings.jobs_queue_url.rpartition("/")[2],
        )

    def claim(self) -> Claim:
        from slipway.services.claim import Claim

        return Claim(
            self._configuration,
            self._ledger,
            self._runners,
            self._clusters(),
            self._clock,
            wakeups=self._wakeups,
            account_id=self._settings.account_id,
        )

    def release(self) -> Release:
        from slipway.services.claim import Release

        return Release(
            self._configuration,
            self._ledger,
            self._runners,
            self._clock,
            account_id=self._settings.account_id,
        )

    def reap(self) -> ReapStale:
        from slipway.adapters.threads import together
        from slipway.services.deregister import Deregister
        from slipway.services.inquire import Inquire
        from slipway.services.list_registrations import ListRegistrations
        from slipway.services.reap import ReapStale
        from slipway.services.removals import Remove
        from slipway.services.runner_versions import CheckVersions
        from slipway.services.survey import Survey
        from slipway.services.tell import Tell
        from slipway.services.watch_tokens import WatchTokens

        clusters, fleets, github = self._clusters(), self._fleets(), self._configuration.github
        jobs = self._workflow_jobs
        deregister = Deregister(
            self._ledger,
            self._runners,
            jobs,
            clusters,
            self._clock,
            deployment=self._configuration.deployment,
        )
        remove = Remove(
            github.registration,
            self._ledger,
            deregister,
            clusters,
            fleets,
            clock=self._clock,
            together=together,
        )
        survey = Survey(
            self._configuration,
            self._ledger,
            clusters,
            fleets,
            list_registrations=ListRegistrations(
                github.registration, self._ledger.housekeeping, self._census, self._clock
            ),
            inquire=Inquire(github, self._ledger.jobs, jobs, self._clock, together=together),
            watches=(
                CheckVersions(self._census, self._ledger.housekeeping, self._clock),
                WatchTokens(self._enterprise_tokens, self._clock),
            ),
            clock=self._clock,
        )
        tell = Tell(self._ledger.housekeeping, self._ledger.runners)
        return ReapStale(
            self._configuration, self._ledger, self._wakeups, survey=survey, remove=remove, tell=tell
        )

    def repair(self) -> Repair:
        from slipway.adapters.github.deliveries import watched_hooks
        from slipway.services.redeliver import Redeliver
        from slipway.services.repair import Repair
        from slipway.services.rerun import Rerun

        github, jobs = self._configuration.github, self._workflow_jobs
        if jobs is None:
            raise ConfigurationError(NO_APP)
        hooks = watched_hooks(self._github_api, self._app_tokens, github.organization_hooks)
        return Repair(
            Rerun(jobs, self._ledger.interruptions, self._clock, github.rerun_interrupted),
            Redeliver(hooks, self._ledger.housekeeping, self._clock),
            self._sweep(),
        )

    def _sweep(self) -> Sweep:
        from slipway.adapters.github.http import GitHubApi, github_client
        from slipway.adapters.github.queued_jobs import GitHubQueuedJobs
        from slipway.adapters.sqs_http import SqsJobQueue
        from slipway.services.sweep import Sweep

        github = self._configuration.github
        # Its own: all that it sends is counted.
        api = GitHubApi(github_client(github.api_url, github.ca_bundle), self._clock)
        queue = SqsJobQueue(self._settings.jobs_queue_url, AwsAccess.from_environment(), SystemClock())
        return Sweep(
            self._configuration,
            GitHubQueuedJobs(api, self._app_tokens_by(api)),
            self._ledger.jobs,
            self._ledger.housekeeping,
            queue,
            self._clock,
        )

    def _clusters(self) -> dict[str, Cluster]:
        from slipway.adapters.ecs import EcsCluster

        return {
            pool.name: EcsCluster(self._clients.ecs(pool.region), pool, self._configuration, self._clock)
            for pool in self._configuration.pools.values()
        }

    def _fleets(self) -> dict[str, Fleet]:
        from slipway.adapters.ec2 import Ec2Fleet

        return {
            pool.name: Ec2Fleet(
                self._clients.ec2(pool.region), pool, self._configuration.deployment, self._clock
            )
            for pool in self._configuration.pools.values()
        }

    @cached_property
    def _github_api(self) -> GitHubApi:
        from slipway.adapters.github.http import GitHubApi, github_client

        github = self._configuration.github
        return GitHubApi(github_client(github.api_url, github.ca_bundle), self._clock)

    @cached_property
    def _app_tokens(self) -> AppTokens:
        return self._app_tokens_by(self._github_api)

    def _app_tokens_by(self, api: GitHubApi) -> AppTokens:
        from slipway.adapters.github.app_tokens import AppTokens
        from slipway.adapters.parameter_store import ParameterStore

        secret = self._configuration.github.app_secret
        if secret is None:
            raise ConfigurationError(NO_APP)
        store = ParameterStore(
            self._clients.ssm(self._settings.region), f"/{self._configuration.deployment}/installation-tokens"
        )
        return AppTokens(self._secrets, secret, api, self._clock, _new_token, store=store)

    @cached_property
    def _enterprise_tokens(self) -> EnterpriseTokens:
        from slipway.adapters.github.enterprise_tokens import EnterpriseTokens

        github = self._configuration.github
        is_enterprise = github.registration is Registration.ENTERPRISE
        arns = github.runner_token_secrets if is_enterprise else ()
        return EnterpriseTokens(self._secrets, arns, self._github_api, self._clock, self._ledger.tokens)

    @cached_property
    def _workflow_jobs(self) -> WorkflowJobs | None:
        """Jobs are read by the App alone, at whichever level runners are registered."""
        from slipway.adapters.github.workflow_jobs import GitHubWorkflowJobs

        if self._configuration.github.app_secret is None:
            return None
        return GitHubWorkflowJobs(self._github_api, self._app_tokens)

    @cached_property
    def _runners(self) -> RunnerService:
        from slipway.adapters.github.runners import GitHubRunners

        return GitHubRunners(
            self._github_api,
            self._configuration.github,
            self._credentials,
            self._groups,
            self._ledger.turns,
            clock=self._clock,
        )

    @cached_property
    def _census(self) -> RunnerCensus:
        from slipway.adapters.github.runner_census import GitHubRunnerCensus

        github = self._configuration.github
        return GitHubRunnerCensus(self._github_api, github, self._credentials, self._groups)

    @cached_property
    def _credentials(self) -> Credentials:
        is_enterprise = self._configuration.github.registration is Registration.ENTERPRISE
        return self._enterprise_tokens if is_enterprise else self._app_tokens

    @cached_property
    def _groups(self) -> RunnerGroups:
        from slipway.adapters.github.runner_groups import RunnerGroups

        return RunnerGroups(self._github_api, self._configuration.github, self._clock, self._ledger.groups)


def _new_token() -> str:
    import uuid

    return uuid.uuid4().hex
