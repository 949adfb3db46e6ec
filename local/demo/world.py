"""The demo's world: twins, servers, functions and containers, put together and taken down again."""

from __future__ import annotations

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from local.containers.podman import STORE, Podman
from local.demo.api_gateway import HttpApi, IamAuthorizer
from local.demo.containers import Containers
from local.demo.deployment import (
    DemoSecrets,
    access_key_of,
    checkout_environment,
    deployed_environment,
    store_secrets,
    write_configuration,
)
from local.demo.event_sources import QueueMapping, Schedules
from local.demo.lambda_host import THIS_PYTHON, FunctionSpec, LambdaFunction
from local.demo.own_time import OwnTime
from local.demo.podman_containers import PodmanContainers
from local.demo.scaled_time import Pump, ScaledTime
from local.demo.scenario import FORBIDDEN, ORGANIZATIONS, REPOSITORIES
from local.packages.unpacked import Unpacked
from local.permissions.account import Account
from local.permissions.record import Record
from local.reports.source import usage_of
from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.aws.events import Event
from local.twin.aws.service import Call
from local.twin.clock import VirtualClock
from local.twin.github.deliveries import Delivery
from local.twin.github.twin import GitHubTwin
from local.twin.http.aws import AwsServer
from local.twin.http.github import GitHubServer
from local.twin.latency import LatencyModel
from local.twin_deployment import FUNCTIONS, REGION, TABLE, definitions, deploy, deployed_rules
from slipway.adapters.ledger import dynamo_ledger
from slipway.adapters.ledger.table import from_wire
from slipway.domain.usage import Usage

PERMISSIONS = "permissions.jsonl"  # what each function needed, beside the logs
WEBHOOK_PATH = "/webhook/5b0c9c1e"
APP_PERMISSIONS = {
    "actions": "read",
    "metadata": "read",
    "administration": "write",
    "organization_self_hosted_runners": "write",
}
SANDBOXES = {"webhook": 1, "scaler": 2, "registrar": 2, "reaper": 1, "redelivery": 1}

_FUNCTIONS = {access_key_of(name): name for name in SANDBOXES}


class World:
    """Everything that runs; a context manager. Whoever touches a twin holds ``lock``.

    With an ``image`` each task is a container of it, without one a process. ``packages`` builds and unpacks those of a
    ``slipway.yaml``; without it the functions are those of the checkout.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        registration: str,
        scale: int,
        image: str | None = None,
        packages: Callable[[Path, Path], Unpacked] | None = None,
    ) -> None:
        self.folder = folder
        self.image = image
        self.packages = packages
        self.registration = registration
        self.scaled = ScaledTime(scale)
        self.clock = VirtualClock(self.scaled.origin)
        self.lock = threading.RLock()
        self.pump = Pump(self.clock, self.scaled, self.lock)
        self.github = GitHubTwin(self.clock, seed=seed)
        behaviour = Behaviour(throttling=True, doubled_event_rate=0.03, doubled_message_rate=0.01)
        self.aws = AwsTwin(self.clock, latency=LatencyModel.modelled(), seed=seed, behaviour=behaviour)
        self.own_time = OwnTime()
        self.aws.context.watch = self._call
        self.permissions = Record()
        self.functions: dict[str, LambdaFunction] = {}
        self.containers: Containers | PodmanContainers
        self.mappings: list[QueueMapping] = []
        self._stack = ExitStack()

    def __enter__(self) -> World:
        with self._stack:
            self._enterprise()
            self._servers()
            self._functions()
            self._apis()
            with self.lock:
                deploy(self.aws, self.configuration, self.claims.url)
                self._connect()
            self._stack.enter_context(self.pump)
            self._warm_up()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.permissions.write(self.folder / PERMISSIONS)

    @property
    def is_broken(self) -> BaseException | None:
        """Return the error that stopped the clock, if any."""
        return self.pump.failure

    def usage(self) -> Iterator[Usage]:
        """Read the usage records of this run; the caller holds the lock."""
        ledger = dynamo_ledger(self.aws.client("dynamodb"), TABLE)
        return usage_of(ledger, self.configuration, self.scaled.origin, self.clock.now())

    def ledger(self) -> Iterator[dict[str, Any]]:
        """Return every item of the ledger's table; the caller holds the lock."""
        yield from map(from_wire, self.aws.dynamodb.items(TABLE))

    def canaries(self) -> dict[str, str]:
        """Return every secret of this run by name, to look for where none may be."""
        return {
            "webhook secret": self.secrets.webhook,
            "app key": self.secrets.app_key.splitlines()[1],
            "personal token": self.secrets.personal_token,
        }

    def _enterprise(self) -> None:
        held = DemoSecrets()
        organizations = [self.github.add_organization(login) for login in ORGANIZATIONS]
        for name in (*REPOSITORIES, FORBIDDEN):
            self.github.add_repository(name)
        app = self.github.add_app(held.app_public_key)
        for organization in organizations:
            self.github.install(app, organization, APP_PERMISSIONS)
        self.secrets = replace(held, personal_token=self.github.add_personal_token(), app_id=app.id)
        self.github.add_hook("integration", app.id, "https://slipway.example/webhook", held.webhook)
        faults = self.github.deliveries.faults
        faults.doubled, faults.reordered, faults.failed = 0.05, 0.05, 0.02

    def _servers(self) -> None:
        enter = self._stack.enter_context
        self._github_server = enter(GitHubServer(self.github, self.lock, self.pump.advance))
        self._aws_server = enter(AwsServer(self.aws, self.lock))
        with self.lock:
            places = store_secrets(self.aws, self.secrets, self._github_server.url, self.registration)
        self.configuration = write_configuration(self.folder, places, list(REPOSITORIES))

    def _functions(self) -> None:
        environment = deployed_environment(self._aws_server.url, self.scaled)
        code = self.packages(self.folder / "slipway.yaml", self.folder) if self.packages else None
        for name, sandboxes in SANDBOXES.items():
            of_code = code.environment(name) if code else checkout_environment(self.folder)
            spec = FunctionSpec(
                name=name,
                handler=f"functions.{name}.handler.lambda_handler",
                environment={
                    **environment,
                    **of_code,
                    "AWS_ACCESS_KEY_ID": access_key_of(name),
                    "AWS_LAMBDA_FUNCTION_NAME": f"slipway-{name}",
                },
                sandboxes=sandboxes,
                timeout_seconds=FUNCTIONS[name].timeout_seconds,
                program=code.program if code else THIS_PYTHON,
                folder=code.task_root(name) if code else None,
            )
            function = LambdaFunction(spec, self.folder / f"{name}.log")
            self.functions[name] = self._stack.enter_context(function)

    def _apis(self) -> None:
        enter = self._stack.enter_context
        self.webhook = enter(HttpApi(self.functions["webhook"], (WEBHOOK_PATH,)))
        authorizer = IamAuthorizer(self.aws.ecs.identity_of, REGION)

        def authorize(*request: Any) -> str | None:
            with self.lock:
                return authorizer(*request)

        paths = ("/v1/claim", "/v1/release")
        self.claims = enter(HttpApi(self.functions["registrar"], paths, authorize))

    def _connect(self) -> None:
        """Join the parts as event rules, mappings, schedules and hooks do; the caller holds the lock."""
        self.containers = self._processes() if self.image is None else self._podman(self.image)
        self._stack.callback(self.containers.close)
        self.aws.ecs.runtime = self.containers
        self.aws.subscribe(self._event, deployed_rules(self.configuration))
        for queue in ("jobs", "events"):
            url = self.aws.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
            # Lambda polls with the role of the function, whose calls they are [LAMBDA-SQS-ROLE].
            poller = self.aws.client_of(access_key_of("scaler"), "sqs")
            mapping = QueueMapping(poller, self.lock, url, self.functions["scaler"], concurrency=2)
            self.mappings.append(self._stack.enter_context(mapping))
        self.schedules = Schedules(self.clock, self.lock)
        self._stack.callback(self.schedules.close)
        self.schedules.every(FUNCTIONS["scaler"].every_seconds, self._tick)
        for name in ("reaper", "redelivery"):
            self.schedules.every(FUNCTIONS[name].every_seconds, partial(self.functions[name].invoke, {}))
        self._senders = ThreadPoolExecutor(8, thread_name_prefix="hookshot")
        self._stack.callback(self._senders.shutdown)
        self.github.deliveries.deliver = self._deliver

    def _processes(self) -> Containers:
        return Containers(
            folder=self.folder,
            scaled=self.scaled,
            clock=self.clock,
            lock=self.lock,
            environment={"PATH": os.environ["PATH"]},
            credentials_url=f"{self._aws_server.url}/v2/credentials",
            exited=self.aws.ecs.container_exited,
        )

    def _podman(self, image: str) -> PodmanContainers:
        return PodmanContainers(
            podman=Podman(STORE),
            image=image,
            folder=self.folder,
            scaled=self.scaled,
            clock=self.clock,
            lock=self.lock,
            definitions=definitions(self.configuration, self.claims.url),
            credentials_url=f"{self._aws_server.url}/v2/credentials",
            exited=self.aws.ecs.container_exited,
        )

    def _warm_up(self) -> None:
        """Start no function cold while the clock runs fast: a second of imports would count as many."""
        nothing = {"webhook": {"headers": {}, "body": ""}, "scaler": {"Records": []}}
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda f: f.warm_up(nothing.get(f.spec.name, {})), self.functions.values()))

    def _call(self, call: Call) -> None:
        self.own_time.call(call)
        function = _FUNCTIONS.get(call.caller)
        if function:
            self.permissions.add(function, call, Account(self.aws, self.configuration.deployment))

    def _tick(self) -> None:
        with self.lock:
            self.aws.sqs.deliver("events", json.dumps({"slipway": "tick"}))

    def _event(self, event: Event) -> None:
        self.own_time.event(event)
        self.aws.sqs.deliver("events", json.dumps(event))

    def _deliver(self, delivery: Delivery) -> None:
        self.own_time.webhook(delivery)
        self._senders.submit(self._post, delivery)

    def _post(self, delivery: Delivery) -> None:
        url = self.webhook.url + WEBHOOK_PATH
        request = urllib.request.Request(url, delivery.body, delivery.headers)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - loopback
                status = int(reply.status)
        except urllib.error.HTTPError as refusal:
            status = refusal.code
        except OSError:
            status = 502
        with self.lock:
            self.github.deliveries.answered(delivery.id, status)
