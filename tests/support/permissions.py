"""Deployments whose functions' calls to AWS are recorded, and lives in which every function has all of its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.infrastructure.function_policies import function_policies
from local.infrastructure.places import Places
from local.permissions.account import Account
from local.permissions.record import Policies, Record
from local.simulator.containers import VirtualContainer
from local.twin.aws.service import Call
from local.twin_deployment import ACCOUNT, REGION
from slipway.adapters.secrets import SecretsManagerSecrets
from slipway.domain.configuration import Configuration, Registration, WebhookSecret
from slipway.domain.environments.settings import Environments
from slipway.services.renew_hosts import CURSOR
from tests.integration.loop.scenes import SilentContainer
from tests.support.loop import (
    APP_ARN,
    DOCKER_LABELS,
    ORGANIZATIONS,
    TOKEN_ARN,
    Acme,
    a_configuration,
    acme,
)

DISK_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/5d6e7f80-0a1b-4c2d-8e3f-0a1b2c3d4e5f"
WEBHOOK, APP, TOKEN = "slipway/webhook", "slipway/app", "slipway/runner-token"
_HELD = {WEBHOOK: "arn:webhook", APP: APP_ARN, TOKEN: TOKEN_ARN}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A deployment and what its functions ask of AWS; calls from outside of a function are nobody's."""

    deployment: Acme
    record: Record

    @property
    def policies(self) -> Policies:
        """The policies that this deployment's functions would have."""
        return policies_of(self.deployment.loop.configuration)


def policies_of(configuration: Configuration, environments: Environments | None = None) -> Policies:
    """Return a configuration's policies in the twin's account."""
    places = Places(ACCOUNT, "https://claims.example", REGION, "claims")
    return function_policies(configuration, places, environments)


def recorded(registration: Registration, **changed: Any) -> Recorded:
    """Deploy with everything on: a stopped tier, a key for disks, hooks of organizations, the sweep, jobs that are run again, tags."""
    configuration = a_configuration(registration, sweep_calls_per_hour=3_600, rerun_interrupted=1)
    github = replace(
        configuration.github,
        webhook_secrets=(WebhookSecret(WEBHOOK),),
        app_secret=APP,
        runner_token_secrets=(TOKEN,),
        **changed,
    )
    profiles = {
        name: replace(profile, job_timeout_seconds=600) for name, profile in configuration.profiles.items()
    }
    pools = {
        **configuration.pools,
        "general": replace(configuration.pools["general"], stopped_instances=1, disk_key=DISK_KEY),
    }
    configuration = replace(configuration, github=github, profiles=profiles, pools=pools, tags_tasks=True)
    deployment = acme(configuration, hook="organization")
    for installation in deployment.github.credentials.installations.values():
        installation.permissions["actions"] = "write"  # jobs may be run again
    loop, record = deployment.loop, Record()
    object.__setattr__(loop.held, "values", _secrets(deployment))
    account = Account(loop.aws, configuration.deployment)

    def note(call: Call) -> None:
        if call.caller:
            record.add(call.caller, call, account)

    loop.aws.context.watch = note
    for mapping in loop.mappings.values():
        # Lambda polls with the role of the function, whose calls they are [LAMBDA-SQS-ROLE].
        mapping._sqs = loop.aws.client_of("scaler", "sqs")
    for name, function in loop.functions.items():
        function._build = loop.sandbox  # each its own memory, as in Lambda
        function.invoke = _as(deployment, name, function.invoke)  # type: ignore[method-assign]
    return Recorded(deployment, record)


def _as(deployment: Acme, name: str, invoke: Callable[..., None]) -> Callable[..., None]:
    def call(*arguments: Any) -> None:
        with deployment.loop.aws.called_by(name):
            invoke(*arguments)

    return call


def _secrets(deployment: Acme) -> Mapping[str, str]:
    """Put the secrets into the twin, and read each by the real adapter whenever it is asked for."""
    aws, held = deployment.loop.aws, deployment.loop.held.values
    for name, known_as in _HELD.items():
        aws.client("secretsmanager").create_secret(Name=name, SecretString=held[known_as])

    class Read(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            return SecretsManagerSecrets(aws.client("secretsmanager"), deployment.clock).get(name)

    return Read()


def eventful_life(made: Recorded) -> None:
    """Let everything happen that makes a function ask AWS for something; each scene says of whom it asks what."""
    deployment = made.deployment
    _ordinary_day(deployment)
    for scene in (
        _replies_are_lost,
        _a_claim_comes_before_its_task_is_known,
        _github_refuses,
        _a_webhook_is_lost,
        _a_host_is_lost,
        _hosts_and_tasks_that_only_the_reaper_can_end,
        _a_new_image_of_the_hosts,
        _the_ledger_has_lost_a_host,
        _a_job_waits_long,
        _what_nobody_can_read,
    ):
        scene(deployment)
        _settle(deployment)


def _settle(deployment: Acme) -> None:
    """Wait until all is given back but the stopped tier."""
    aws = deployment.loop.aws

    def is_quiet() -> bool:
        left = deployment.left()
        return not any(left[what] for what in ("runners", "tasks", "offers", "intents")) and all(
            host.state == "stopped" for host in aws.ec2.live_instances()
        )

    assert deployment.loop.run_until(is_quiet, 7_200.0), deployment.left()


def _finish(deployment: Acme, *jobs: Any, limit_seconds: float = 3_600.0) -> None:
    assert deployment.until_completed(*jobs, limit_seconds=limit_seconds), [job.status for job in jobs]


def _ordinary_day(deployment: Acme) -> None:
    """A burst that wants more offers than one batch, sized and privileged jobs, the stopped tier filled and used."""
    deployment.clock.advance(1_200.0)  # the stopped tier is booted and powers off
    jobs = [deployment.queue(f"{login}/web", seconds=20.0) for login in ORGANIZATIONS for _ in range(10)]
    jobs.append(deployment.queue(labels=("slipway/medium/cpu=4/memory=14GiB",), seconds=20.0))
    jobs += [deployment.queue(labels=DOCKER_LABELS, seconds=20.0) for _ in range(2)]
    _finish(deployment, *jobs)


def _replies_are_lost(deployment: Acme) -> None:
    """A repeat is refused: what was started is looked for, in ECS and EC2, by the scaler."""
    faults = deployment.loop.aws.faults
    for service, operation in (("ecs", "RunTask"), ("ec2", "CreateFleet")):
        faults.next_error(service, operation, "LostReply", after_success=True)
        faults.next_error(service, operation, "AccessDeniedException", times=2)
        _finish(deployment, deployment.queue(seconds=20.0))
        _settle(deployment)


def _a_claim_comes_before_its_task_is_known(deployment: Acme) -> None:
    """Then the registrar asks ECS."""
    deployment.loop.aws.faults.next_error("ecs", "RunTask", "LostReply", after_success=True, times=3)
    _finish(deployment, deployment.queue(seconds=20.0))


def _github_refuses(deployment: Acme) -> None:
    """The registrar wakes the scaler. It is cold, and nobody has made a token for it."""
    deployment.loop.aws.ssm.forget_all()
    deployment.loop.functions["registrar"]._instant = None
    deployment.github.faults.next("POST", "generate-jitconfig$", 503)
    _finish(deployment, deployment.queue(seconds=20.0))


def _a_webhook_is_lost(deployment: Acme) -> None:
    """One that failed is sent again; of one that was never sent the sweep finds the job."""
    faults = deployment.github.deliveries.faults
    faults.failed = 1.0
    failed = deployment.queue("beta/web", seconds=20.0)
    deployment.clock.advance(5.0)
    faults.failed, faults.lost = 0.0, 1.0
    unsent = deployment.queue("gamma/web", seconds=20.0)
    deployment.clock.advance(5.0)
    faults.lost = 0.0
    _finish(deployment, failed, unsent)


def _a_host_is_lost(deployment: Acme) -> None:
    """EC2 takes it back: its job is run again by redelivery, which notes it."""
    job = deployment.queue(seconds=200.0)
    assert deployment.loop.run_until(lambda: job.status == "in_progress", 900.0)
    for instance in deployment.loop.aws.ec2.live_instances():
        deployment.loop.aws.ec2.interrupt_spot(instance.instance_id)
    deployment.clock.advance(1_500.0)  # GitHub takes ten minutes to see that its runner is gone


def _hosts_and_tasks_that_only_the_reaper_can_end(deployment: Acme) -> None:
    """A host that stopped, one whose agent stays away, a job past its timeout, a container that never claims."""
    loop = deployment.loop
    job = deployment.queue(labels=DOCKER_LABELS, seconds=30.0)
    assert loop.run_until(lambda: job.status == "in_progress", 900.0)
    loop.aws.ec2.stop_instances(InstanceIds=[_host_of(deployment, "alone")])
    deployment.clock.advance(420.0)
    job = deployment.queue(seconds=60.0)
    assert loop.run_until(lambda: job.status == "in_progress", 900.0)
    agent = loop.aws.ecs.registry.by_ec2_id(_host_of(deployment, "general"))
    assert agent is not None
    loop.aws.ecs.registry.set_connected(agent, False)
    deployment.clock.advance(1_200.0)
    deployment.queue(seconds=1_500.0)
    loop.containers.make = SilentContainer
    deployment.clock.advance(60.0)
    loop.containers.make = VirtualContainer
    deployment.clock.advance(1_200.0)


def _host_of(deployment: Acme, pool: str) -> str:
    hosts = [
        host.instance_id
        for host in deployment.loop.aws.ec2.live_instances()
        if host.tags["slipway:pool"] == pool and host.state == "running"
    ]
    return hosts[0]


def _a_new_image_of_the_hosts(deployment: Acme) -> None:
    """The reaper makes a version of each launch template."""
    name = "al2023-ami-ecs-hvm-2023.0.20261120-kernel-6.1-x86_64"
    deployment.loop.aws.ec2.images.release("ami-0fedcba9876543210", name, age_seconds=8 * 86_400.0)
    deployment.loop.ledger.housekeeping.move_cursor(CURSOR, deployment.clock.now() - 86_400.0)
    deployment.clock.advance(120.0)


def _the_ledger_has_lost_a_host(deployment: Acme) -> None:
    """The reaper takes it in again."""
    loop = deployment.loop
    job = deployment.queue(seconds=580.0)
    assert loop.run_until(lambda: job.status == "in_progress", 900.0)
    deployment.clock.advance(60.0)  # no event is on its way that would tell of it
    host = _host_of(deployment, "general")
    key = {"pk": {"S": "POOL#general"}, "sk": {"S": f"INSTANCE#{host}"}}
    loop.aws.client("dynamodb").delete_item(TableName="slipway", Key=key)
    deployment.clock.advance(500.0)


def _a_job_waits_long(deployment: Acme) -> None:
    """The reaper asks GitHub about it, with a token of its own making: nobody has made one for it."""
    loop = deployment.loop
    reaper, ssm = loop.functions["reaper"], loop.aws.ssm
    loop.aws.ec2.capacity.limit(0)
    job = deployment.queue("gamma/web", seconds=20.0)
    for _ in range(36):
        ssm.forget_all()
        reaper._instant = None  # a cold start
        deployment.clock.advance(60.0)
    loop.aws.ec2.capacity.lift()
    _finish(deployment, job)


def _what_nobody_can_read(deployment: Acme) -> None:
    """The scaler puts it aside."""
    deployment.loop.aws.sqs.deliver("events", "not json")
    deployment.clock.advance(60.0)
