"""How adapters and services fit together: one wiring for what runs in AWS and what runs in the simulator.

What a function needs is imported inside its builder, so that no function pays for another's imports.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from slipway.domain.configuration import Registration
from slipway.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from slipway.adapters.github.app_tokens import AppTokens
    from slipway.adapters.github.credentials import Credentials
    from slipway.adapters.github.enterprise_tokens import EnterpriseTokens
    from slipway.adapters.github.http import GitHubApi
    from slipway.adapters.github.runner_census import GitHubRunnerCensus
    from slipway.adapters.github.runner_groups import RunnerGroups
    from slipway.config import Settings
    from slipway.domain.configuration import Configuration
    from slipway.domain.environments.settings import Environments
    from slipway.ports.clock import Clock
    from slipway.ports.cluster import Cluster
    from slipway.ports.fleet import Fleet
    from slipway.ports.github import RunnerService, WorkflowJobs
    from slipway.ports.host_images import HostImages
    from slipway.ports.ledger import Ledger
    from slipway.ports.queue import JobQueue
    from slipway.ports.secrets import KeptSecrets
    from slipway.services.claim import Claim, Release
    from slipway.services.diagnose import Diagnose
    from slipway.services.environments.receive import Receive
    from slipway.services.reap import ReapStale
    from slipway.services.removals import Remove
    from slipway.services.repair import Repair
    from slipway.services.scale import Scale
    from slipway.services.survey import Survey, Watch
    from slipway.services.sweep import Sweep

NO_APP = "github.secrets.app is not set: this needs a GitHub App"

T = TypeVar("T")


class Surroundings(Protocol):
    """What the services of a function stand on: time, AWS, GitHub. The simulator brings its own."""

    @property
    def clock(self) -> Clock:
        """By which decisions are made."""

    @property
    def secrets(self) -> KeptSecrets:
        """Secrets by ARN, kept while they are valid."""

    def ledger(self) -> Ledger:
        """Return the deployment's memory."""

    def client(self, service: str, region: str) -> Any:
        """Return the botocore client of a service."""

    def github(self) -> GitHubApi:
        """Return a new client of GitHub's API."""

    def jobs_queue(self) -> JobQueue:
        """Return the queue of job events."""

    def together(self, steps: Sequence[Callable[[], T]], /) -> Sequence[T]:
        """Do steps at once that do not depend on each other."""

    def pause(self, seconds: float, /) -> None:
        """Wait; the seconds are those of ``clock``."""

    def new_token(self) -> str:
        """Return a name that nothing else has."""


class Wiring:
    """Adapters and services of the functions that use botocore, each built once when first asked for."""

    def __init__(self, settings: Settings, configuration: Configuration, surroundings: Surroundings) -> None:
        from slipway.adapters.sqs import SqsWakeups

        self._settings = settings
        self._around = surroundings
        self._clock = surroundings.clock
        self._configuration = configuration
        self.ledger = surroundings.ledger()
        self._wakeups = SqsWakeups(self._client("sqs"), settings.events_queue_url)

    def scale(self) -> Scale:
        """Build what folds events into the ledger and makes each pool what its jobs need."""
        from slipway.adapters.sqs import SqsDeadLetters
        from slipway.services.act import Act
        from slipway.services.apply import Apply
        from slipway.services.converge import Converge
        from slipway.services.end import End
        from slipway.services.observe import Observe
        from slipway.services.scale import Scale
        from slipway.services.series import Series

        clusters, fleets = self.clusters, self.fleets
        act = Act(self._configuration, self.ledger, clusters, fleets, self._clock, self._around.new_token)
        end = End(self.ledger, clusters, fleets, self._clock)
        apply = Apply(self._configuration, self.ledger, act, end, self._clock, together=self._around.together)
        converge = Converge(
            self._configuration,
            self.ledger,
            apply,
            self._wakeups,
            self._clock,
            lease_seconds=self._settings.lease_seconds,
            pause=self._around.pause,
        )
        return Scale(
            observe=Observe(self._configuration, self.ledger, clusters),
            converge=converge,
            dead_letters=SqsDeadLetters(self._client("sqs"), self._settings.dead_letters_queue_url),
            jobs_queue=self._settings.jobs_queue_url.rpartition("/")[2],
            series=Series(self.ledger.organizations, self._clock),
            clusters=clusters,
            tags_tasks=self._configuration.tags_tasks,
            together=self._around.together,
        )

    def claim(self) -> Claim:
        """Build the answer to a container that asks for a job."""
        from slipway.services.claim import Claim

        return Claim(
            self._configuration,
            self.ledger,
            self.runners,
            self.clusters,
            self._clock,
            wakeups=self._wakeups,
            account_id=self._settings.account_id,
        )

    def release(self) -> Release:
        """Build the answer to a container whose runner was given no job."""
        from slipway.services.claim import Release

        return Release(
            self._configuration,
            self.ledger,
            self.runners,
            self._clock,
            account_id=self._settings.account_id,
        )

    def reap(self) -> ReapStale:
        """Build what compares GitHub, ECS, EC2 and the ledger, and removes what outlived its use."""
        from slipway.services.reap import ReapStale
        from slipway.services.tell import Tell

        return ReapStale(
            self._configuration,
            self.ledger,
            self._wakeups,
            survey=self._survey(),
            remove=self._remove(),
            tell=Tell(self.ledger.housekeeping, self.ledger.runners),
        )

    def _survey(self) -> Survey:
        from slipway.services.inquire import Inquire
        from slipway.services.list_registrations import ListRegistrations
        from slipway.services.survey import Survey

        github, housekeeping = self._configuration.github, self.ledger.housekeeping
        return Survey(
            self._configuration,
            self.ledger,
            self.clusters,
            self.fleets,
            list_registrations=ListRegistrations(github.registration, housekeeping, self.census, self._clock),
            inquire=Inquire(
                github, self.ledger.jobs, self._workflow_jobs, self._clock, together=self._around.together
            ),
            watches=self._watches(),
            clock=self._clock,
        )

    def _watches(self) -> tuple[Watch, ...]:
        from slipway.services.name_series import NameSeries
        from slipway.services.renew_hosts import RenewHosts
        from slipway.services.runner_versions import CheckVersions
        from slipway.services.watch_tokens import WatchTokens

        return (
            CheckVersions(self.census, self.ledger.housekeeping, self._clock),
            WatchTokens(self._enterprise_tokens, self._clock),
            RenewHosts(self.host_images, self.ledger.housekeeping, self._clock),
            NameSeries(self.ledger.organizations, self.ledger.usage, self._clock),
        )

    def _remove(self) -> Remove:
        from slipway.services.deregister import Deregister
        from slipway.services.removals import Remove

        configuration, ledger, clusters = self._configuration, self.ledger, self.clusters
        jobs, deployment = self._workflow_jobs, configuration.deployment
        deregister = Deregister(ledger, self.runners, jobs, clusters, self._clock, deployment=deployment)
        return Remove(
            configuration.github.registration,
            ledger,
            deregister,
            clusters,
            self.fleets,
            clock=self._clock,
            together=self._around.together,
        )

    def diagnose(self) -> Diagnose:
        """Build what tells an operator of what only the reaper may see."""
        from slipway.services.diagnose import Diagnose

        return Diagnose(self._configuration.github, self.ledger.housekeeping, self.census, self._clock)

    def repair(self) -> Repair:
        """Build what makes good what was lost. Raises ``ConfigurationError`` where there is no GitHub App."""
        from slipway.adapters.github.deliveries import watched_hooks
        from slipway.services.redeliver import Redeliver
        from slipway.services.repair import Repair
        from slipway.services.rerun import Rerun

        github, jobs = self._configuration.github, self._workflow_jobs
        if jobs is None:
            raise ConfigurationError(NO_APP)
        hooks = watched_hooks(self._github_api, self._app_tokens, github.organization_hooks)
        return Repair(
            Rerun(jobs, self.ledger.interruptions, self._clock, github.rerun_interrupted),
            Redeliver(hooks, self.ledger.housekeeping, self._clock),
            self._sweep(),
        )

    def environments(self, settings: Environments | None) -> Receive:
        """Build what makes and ends environments. Raises ``ConfigurationError`` where none are configured."""
        from slipway.adapters.environments.host import AwsEnvironments
        from slipway.adapters.environments.images import EcrImages
        from slipway.adapters.environments.sqs import SqsEnvironmentQueue
        from slipway.adapters.github.pull_requests import GitHubPullRequests
        from slipway.adapters.ledger.environments import environment_memory
        from slipway.adapters.sqs import SqsDeadLetters
        from slipway.services.environments.receive import Receive
        from slipway.services.environments.reconcile import Parts, Reconcile

        if settings is None:
            raise ConfigurationError("environments is not set: this function has nothing to do")
        ecs, elbv2, logs = (
            self._around.client(service, settings.region) for service in ("ecs", "elbv2", "logs")
        )
        notes, rows = environment_memory(self._client("dynamodb"), self._settings.table)
        parts = Parts(
            host=AwsEnvironments(ecs, elbv2, logs, settings, self._around.together),
            images=EcrImages(lambda region: self._around.client("ecr", region)),
            pulls=GitHubPullRequests(self._github_api, self._app_tokens),
            notes=notes,
            rows=rows,
            queue=SqsEnvironmentQueue(self._client("sqs"), self._settings.environments_queue_url),
        )
        reconcile = Reconcile(settings, parts, self._clock, lease_seconds=self._settings.lease_seconds)
        dead_letters = SqsDeadLetters(self._client("sqs"), self._settings.dead_letters_queue_url)
        return Receive(settings, reconcile, dead_letters)

    def _sweep(self) -> Sweep:
        from slipway.adapters.github.queued_jobs import GitHubQueuedJobs
        from slipway.services.sweep import Sweep

        api = self._around.github()  # its own: all that it sends is counted
        return Sweep(
            self._configuration,
            GitHubQueuedJobs(api, self._app_tokens_by(api)),
            self.ledger.jobs,
            self.ledger.housekeeping,
            self._around.jobs_queue(),
            self._clock,
        )

    def _client(self, service: str) -> Any:
        return self._around.client(service, self._settings.region)

    @cached_property
    def clusters(self) -> dict[str, Cluster]:
        """The ECS clusters by pool."""
        from slipway.adapters.ecs import EcsCluster

        return {
            pool.name: EcsCluster(
                self._around.client("ecs", pool.region), pool, self._configuration, self._clock
            )
            for pool in self._configuration.pools.values()
        }

    @cached_property
    def fleets(self) -> dict[str, Fleet]:
        """EC2's fleets by pool."""
        from slipway.adapters.ec2 import Ec2Fleet

        return {
            pool.name: Ec2Fleet(
                self._around.client("ec2", pool.region), pool, self._configuration.deployment, self._clock
            )
            for pool in self._configuration.pools.values()
        }

    @cached_property
    def host_images(self) -> dict[str, HostImages]:
        """What hosts are launched from, by pool."""
        from slipway.adapters.host_images import Ec2HostImages

        profiles = self._configuration.profiles.values()
        return {
            pool.name: Ec2HostImages(
                self._around.client("ec2", pool.region),
                self._around.client("ssm", pool.region),
                pool,
                has_gpus=any(profile.size.gpus for profile in profiles if profile.pool == pool.name),
            )
            for pool in self._configuration.pools.values()
        }

    @cached_property
    def _github_api(self) -> GitHubApi:
        return self._around.github()

    @cached_property
    def _app_tokens(self) -> AppTokens:
        return self._app_tokens_by(self._github_api)

    def _app_tokens_by(self, api: GitHubApi) -> AppTokens:
        from slipway.adapters.github.app_tokens import AppTokens
        from slipway.adapters.parameter_store import ParameterStore

        secret = self._configuration.github.app_secret
        if secret is None:
            raise ConfigurationError(NO_APP)
        store = ParameterStore(self._client("ssm"), f"/{self._configuration.deployment}/installation-tokens")
        return AppTokens(self._around.secrets, secret, api, self._clock, self._around.new_token, store=store)

    @cached_property
    def _enterprise_tokens(self) -> EnterpriseTokens:
        from slipway.adapters.github.enterprise_tokens import EnterpriseTokens

        github = self._configuration.github
        return EnterpriseTokens(
            self._around.secrets, github, self._github_api, self._clock, self.ledger.tokens
        )

    @cached_property
    def _workflow_jobs(self) -> WorkflowJobs | None:
        """Jobs are read by the App alone, at whichever level runners are registered."""
        from slipway.adapters.github.workflow_jobs import GitHubWorkflowJobs

        if self._configuration.github.app_secret is None:
            return None
        return GitHubWorkflowJobs(self._github_api, self._app_tokens)

    @cached_property
    def runners(self) -> RunnerService:
        """GitHub's runners, by the credentials that may register them."""
        from slipway.adapters.github.runners import GitHubRunners

        return GitHubRunners(
            self._github_api,
            self._configuration.github,
            self._credentials,
            self._groups,
            self.ledger.turns,
            clock=self._clock,
        )

    @cached_property
    def census(self) -> GitHubRunnerCensus:
        """GitHub's lists of runners."""
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

        return RunnerGroups(self._github_api, self._configuration.github, self._clock, self.ledger.groups)
