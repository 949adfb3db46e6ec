"""A whole world on the virtual clock: an enterprise with its repositories, and Slipway deployed for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from local.catalogue import nominal_memory_mib, registered_memory_mib
from local.memory_ledger import MemoryStore, memory_ledger
from local.simulator.calls import Calls
from local.simulator.loop import Loop
from local.twin.aws.behaviour import Behaviour
from local.twin.aws.ec2.shapes import InstanceShape, instance_shape
from local.twin.aws.ec2.types import InstanceTypes
from local.twin.aws.errors import AwsFault
from local.twin.clock import VirtualClock
from local.twin.github.keys import app_keys
from local.twin.github.twin import GitHubTwin
from local.twin.latency import LatencyModel, Phase
from slipway.domain.configuration import Configuration, InstanceType, Pool, Registration
from slipway.domain.resources import CPU_UNITS_PER_VCPU, Resources
from slipway.domain.runners import parse_runner_name
from slipway.ports.ledger import Ledger

WEBHOOK_SECRET = "a webhook secret of the simulator"  # noqa: S105 - it signs what never leaves the process
_ARCHITECTURES = {"x64": "x86_64", "arm64": "arm64"}
HOOK_URL = "https://slipway.example/webhook"
APP_PERMISSIONS = {
    "actions": "write",
    "metadata": "read",
    "administration": "write",
    "organization_self_hosted_runners": "write",
    "organization_hooks": "write",
}


@dataclass(slots=True)
class World:
    """An enterprise and what serves it, with everything that a run is asked about afterwards."""

    clock: VirtualClock
    github: GitHubTwin
    loop: Loop
    store: MemoryStore = field(repr=False)

    def left(self) -> dict[str, int]:
        """Count what is still there of ours."""
        deployment = self.loop.configuration.deployment
        registered = self.github.registry.by_id.values()
        keys = [(item["pk"], item["sk"]) for item in self.store.items()]
        return {
            "runners": sum(parse_runner_name(deployment, runner.name) is not None for runner in registered),
            "tasks": len(self.loop.aws.ecs.live_tasks()),
            "instances": len(self.loop.aws.ec2.live_instances()),
            "offers": sum(pk.startswith("OFFERS#") for pk, _ in keys),
            "intents": sum(sk.startswith("INTENT#") for _, sk in keys),
        }


def build_world(  # noqa: PLR0913 - everything that makes a run what it is
    configuration: Configuration,
    repositories: Iterable[str],
    *,
    starts_at: float,
    seed: int,
    latency: LatencyModel,
    behaviour: Behaviour | None = None,
    patience_seconds: float = 0.0,
) -> World:
    """Build an enterprise with these repositories (``organization/name``), and deploy Slipway for it.

    ``patience_seconds`` is that of ``Fibers``.
    """
    clock = VirtualClock(starts_at)
    github = GitHubTwin(clock, seed=seed, enterprise=configuration.github.enterprise or "acme")
    for name in sorted(set(repositories)):
        if name.partition("/")[0].lower() not in github.world.organizations:
            github.add_organization(name.partition("/")[0])
        github.add_repository(name)
    secrets = _credentials(configuration, github)
    github.deliveries.faults.delay = lambda rng: latency.draw(Phase.WEBHOOK_DELAY, rng)
    store = MemoryStore()

    def ledger(calls: Calls) -> Ledger:
        return memory_ledger(store, partial(calls.make, "dynamodb"), calls.patience)

    loop = Loop(
        configuration,
        github,
        clock,
        secrets,
        seed=seed,
        latency=latency,
        calls=latency,
        behaviour=behaviour,
        new_ledger=ledger,
        keeps_log=False,
        patience_seconds=patience_seconds,
    )
    _have_types(loop.aws.ec2.types, configuration)
    loop.aws.sqs.has_digests = False  # nobody checks them in process
    return World(clock, github, loop, store)


def _have_types(types: InstanceTypes, configuration: Configuration) -> None:
    """Let EC2 have the pools' types as the catalogue has them, also where their names say another size or none."""
    for pool in configuration.pools.values():
        for kind in pool.instance_types:
            if not _is_said_by_its_name(kind, pool):
                size = kind.registered
                vcpu, memory_mib = size.cpu_units // CPU_UNITS_PER_VCPU, nominal_memory_mib(size.memory_mib)
                types.add(
                    InstanceShape(kind.name, vcpu, memory_mib, _ARCHITECTURES[pool.architecture], size.gpus)
                )


def _is_said_by_its_name(kind: InstanceType, pool: Pool) -> bool:
    try:
        shape = instance_shape(kind.name)
    except AwsFault:
        return False
    size = Resources(shape.vcpu * CPU_UNITS_PER_VCPU, registered_memory_mib(shape.memory_mib), shape.gpus)
    return size == kind.registered and shape.architecture == _ARCHITECTURES[pool.architecture]


def _credentials(configuration: Configuration, github: GitHubTwin) -> dict[str, str]:
    """Give Slipway the credentials that its configuration names; return the secrets by ARN."""
    target = configuration.github
    secrets = {secret.secret_id: WEBHOOK_SECRET for secret in target.webhook_secrets}
    if target.registration is Registration.ENTERPRISE:
        for number, arn in enumerate(target.runner_token_secrets):
            secrets[arn] = github.add_personal_token(f"runner-bot-{number}")
    if target.app_secret is None:
        github.add_hook("business", github.world.enterprise.id, HOOK_URL, WEBHOOK_SECRET)
        return secrets
    private, public = app_keys()
    app = github.add_app(public)
    for organization in github.world.organizations.values():
        github.install(app, organization, APP_PERMISSIONS)
    github.add_hook("integration", app.id, HOOK_URL, WEBHOOK_SECRET)
    secrets[target.app_secret] = json.dumps({"app_id": str(app.id), "private_key": private})
    return secrets
