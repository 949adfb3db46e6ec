"""A whole deployment on the virtual clock for tests: enterprise, credentials, configuration, loop."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from local.simulator.loop import Loop
from local.twin.aws.behaviour import Behaviour
from local.twin.clock import VirtualClock
from local.twin.github.deliveries import HookKind
from local.twin.github.keys import app_keys
from local.twin.github.model import JobRequest, WorkflowJob
from local.twin.github.twin import GitHubTwin
from local.twin.latency import LatencyModel
from slipway.domain.configuration import (
    Bounds,
    Configuration,
    Docker,
    Fairness,
    GitHubTarget,
    InstanceType,
    Isolation,
    Market,
    Pool,
    Profile,
    Registration,
    WebhookSecret,
)
from slipway.domain.resources import Resources
from slipway.domain.runners import parse_runner_name

START = 1_790_000_000.0
ORGANIZATIONS = ("alpha", "beta", "gamma")
LABELS = ("self-hosted", "linux", "x64", "small")
DOCKER_LABELS = ("self-hosted", "linux", "x64", "docker")
WEBHOOK_SECRET, APP_ARN, TOKEN_ARN = "canary-webhook-secret", "arn:app", "arn:token"
PERMISSIONS = {
    "actions": "read",
    "metadata": "read",
    "administration": "write",
    "organization_self_hosted_runners": "write",
    "organization_hooks": "write",
}
HOOKS: dict[str, HookKind] = {"app": "integration", "organization": "organization", "enterprise": "business"}
_BASE = frozenset({"self-hosted", "linux", "x64"})
GIB = 1024


def a_profile(name: str, cpu: int, memory_gib: int, pool: str = "general", **changed: Any) -> Profile:
    """A profile whose labels are the usual three and its name."""
    size = changed.pop("size", Resources(cpu * 1024, memory_gib * GIB))
    return Profile(name, _BASE | {name}, size, f"runner@sha256:{'a' * 64}", pool, **changed)


def a_pool(name: str, *types: InstanceType, **changed: Any) -> Pool:
    """A pool of its own cluster, role and launch template."""
    names = {"cluster": f"slipway-{name}", "task_role": f"slipway-{name}-task"}
    return Pool(
        name=name,
        region="ap-northeast-1",
        launch_template=f"slipway-{name}",
        subnets=("subnet-1", "subnet-2"),
        security_groups=("sg-1",),
        architecture="x64",
        instance_types=types,
        **{"idle_timeout_seconds": 60, **names, **changed},
    )


def a_configuration(registration: Registration = Registration.ENTERPRISE, **github: Any) -> Configuration:
    """Profiles small, medium (sizes by label) and docker (one job an instance), pools general and alone."""
    profiles = [
        a_profile("small", 1, 3),
        a_profile("medium", 2, 7, bounds=Bounds(Resources(1024, 2 * GIB), Resources(8192, 28 * GIB))),
        a_profile("docker", 2, 6, "alone", isolation=Isolation.INSTANCE, docker=Docker.PRIVILEGED),
    ]
    pools = [
        a_pool(
            "general",
            InstanceType("m7i.4xlarge", Resources(16_384, 62_000), 0.8064),
            InstanceType("m7a.4xlarge", Resources(16_384, 62_000), 0.9274),
        ),
        a_pool(
            "alone",
            InstanceType("m7i.large", Resources(2_048, 7_400), 0.1008),
            market=Market.ON_DEMAND,
            exclusive=True,
        ),
    ]
    target = GitHubTarget(
        web_url="https://github.com",
        api_url="https://api.github.com",
        enterprise="acme",
        registration=registration,
        webhook_secrets=(WebhookSecret("arn:webhook"),),
        app_secret=APP_ARN,
        runner_token_secrets=(TOKEN_ARN,),
    )
    return Configuration(
        deployment="slipway",
        github=replace(target, **github),
        profiles={profile.name: profile for profile in profiles},
        pools={pool.name: pool for pool in pools},
        fairness=Fairness(),
    )


@dataclass(frozen=True, slots=True)
class Acme:
    """The enterprise and what serves it."""

    loop: Loop
    github: GitHubTwin
    clock: VirtualClock
    canaries: dict[str, str]

    def queue(
        self,
        repository: str = "alpha/web",
        labels: Iterable[str] = LABELS,
        seconds: float = 30.0,
        **asked: Any,
    ) -> WorkflowJob:
        """Queue a job."""
        return self.github.queue_job(JobRequest(repository, tuple(labels), seconds, **asked))

    def until_completed(self, *jobs: WorkflowJob, limit_seconds: float = 900.0) -> bool:
        """Advance until the jobs have completed."""
        return self.loop.run_until(lambda: all(job.status == "completed" for job in jobs), limit_seconds)

    def until_clean(self, limit_seconds: float = 1_800.0) -> bool:
        """Advance until nothing of ours is left anywhere."""
        return self.loop.run_until(lambda: not any(self.left().values()), limit_seconds)

    def left(self) -> dict[str, int]:
        """Count what is still there."""
        items = self.items()
        registered = self.github.registry.by_id.values()
        return {
            "runners": sum(parse_runner_name("slipway", runner.name) is not None for runner in registered),
            "tasks": len(self.loop.aws.ecs.live_tasks()),
            "instances": len(self.loop.aws.ec2.live_instances()),
            "offers": sum(item["pk"]["S"].startswith("OFFERS#") for item in items),
            "intents": sum(item["sk"]["S"].startswith("INTENT#") for item in items),
        }

    def items(self) -> list[dict[str, Any]]:
        """Everything in the ledger, as it truly is."""
        items: list[dict[str, Any]] = self.loop.aws.dynamodb.scan(TableName="slipway")["Items"]
        return items


def acme(
    configuration: Configuration | None = None,
    *,
    latency: LatencyModel | None = None,
    calls: LatencyModel | None = None,
    behaviour: Behaviour | None = None,
    seed: int = 0,
    hook: str = "app",
) -> Acme:
    """Three organizations with repositories ``web`` and ``api``; alpha also has the public ``site``.

    Webhooks come from the App's ``hook``, from one of each organization, or from the enterprise's.
    """
    clock = VirtualClock(START)
    github = GitHubTwin(clock, seed=seed)
    private, public = app_keys()
    app = github.add_app(public)
    for login in ORGANIZATIONS:
        organization = github.add_organization(login)
        github.install(app, organization, PERMISSIONS)
        for name in ("web", "api"):
            github.add_repository(f"{login}/{name}")
    github.add_repository("alpha/site", private=False)
    token = github.add_personal_token()
    owners = {"app": [app.id], "organization": [found.id for found in github.world.organizations.values()]}
    hooks = [
        github.add_hook(HOOKS[hook], owner, "https://slipway.example/webhook", WEBHOOK_SECRET)
        for owner in owners.get(hook, [github.world.enterprise.id])
    ]
    configured = configuration or a_configuration()
    if hook == "organization":
        own = dict(zip(ORGANIZATIONS, (made.id for made in hooks), strict=True))
        configured = replace(configured, github=replace(configured.github, organization_hooks=own))
    secrets = {
        "arn:webhook": WEBHOOK_SECRET,
        APP_ARN: json.dumps({"app_id": str(app.id), "private_key": private}),
        TOKEN_ARN: token,
    }
    loop = Loop(
        configured,
        github,
        clock,
        secrets,
        seed=seed,
        latency=latency,
        calls=calls,
        behaviour=behaviour,
    )
    canaries = {"webhook": WEBHOOK_SECRET, "app": private.splitlines()[1], "token": token}
    return Acme(loop, github, clock, canaries)
