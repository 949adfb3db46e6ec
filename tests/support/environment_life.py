"""The life of a deployment's environments, with what the function and the webhook ask of AWS on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from local.permissions.account import Account
from local.permissions.record import Policies, Record
from local.simulator.calls import TimedClient
from local.simulator.environments.world import (
    HERE,
    QUEUE,
    EnvironmentWorld,
    TwinPullRequestQueue,
)
from local.simulator.surroundings import SETTINGS, HeldSecrets, Surrounded, queue_url
from local.twin.aws.service import Call
from local.twin.github.pulls import PullRequest
from slipway.adapters.secrets import SecretsManagerSecrets
from slipway.services.environments.intake import PullRequestIntake
from slipway.services.environments.receive import Receive
from slipway.services.ingest import Ingest
from slipway.wiring import Wiring
from tests.support.permissions import policies_of

STARTS_AT = 1_800_000_000.0
HOUR = 3_600.0


class _ClientOf(TimedClient):
    """A client whose calls are known as a function's."""

    def __init__(self, around: Surrounded, function: str, service: str) -> None:
        super().__init__(around.aws.client(service), around.calls)
        self._named = around.aws.client_of(function, service)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        operation = "".join(part.capitalize() for part in method.split("_"))

        def call(**request: Any) -> Any:
            return self._calls.make(self.name, operation, lambda: getattr(self._named, method)(**request))

        return call


@dataclass(slots=True)
class _Surrounded(Surrounded):
    """The surroundings of one function, which reads its secrets by the real adapter."""

    function: str = ""

    def client(self, service: str, _region: str) -> Any:
        return _ClientOf(self, self.function, service)


class RecordedWorld(EnvironmentWorld):
    """A world of environments; ``record`` has what its two functions needed, calls from outside are nobody's."""

    def __init__(self) -> None:
        super().__init__(STARTS_AT)
        self.record = Record()
        account = Account(self.aws, self.settings.deployment)
        for name, value in self.around.secrets.values.items():
            self.aws.client("secretsmanager").create_secret(Name=name, SecretString=value)
        # Lambda polls with the role of the function, whose calls they are [LAMBDA-SQS-ROLE].
        self.mapping._sqs = self.aws.client_of("environments", "sqs")

        def note(call: Call) -> None:
            if call.caller:
                self.record.add(call.caller, call, account)

        self.aws.context.watch = note

    @property
    def policies(self) -> Policies:
        """The policies of those functions."""
        made = policies_of(self.configuration, self.settings)
        return {name: made[name] for name in ("environments", "webhook")}

    def receive(self) -> Receive:
        """Build what one sandbox of the function keeps."""
        settings = replace(
            SETTINGS, environments_queue_url=queue_url(QUEUE), lease_seconds=int(HERE.timeout_seconds)
        )
        return Wiring(settings, self.configuration, self._around("environments")).environments(self.settings)

    def _ingest(self) -> Ingest:
        around = self._around("webhook")
        queue = TwinPullRequestQueue(around.client("sqs", ""))
        intake = PullRequestIntake(self.settings, queue, self.clock)
        return Ingest(self.configuration, around.secrets, around.jobs_queue(), self.clock, intake)

    def _around(self, function: str) -> Surrounded:
        made = _Surrounded(self.aws, self.github, self.clock, HeldSecrets({}), self.calls, function=function)
        made.secrets = SecretsManagerSecrets(made.client("secretsmanager", ""), self.clock)  # type: ignore[assignment]
        return made


def eventful_life(world: RecordedWorld) -> None:
    """Let everything happen that makes the function ask AWS for something."""
    pulls = world.github.pulls
    web, api = _opened(world, "acme/web"), _opened(world, "acme/api")
    world.clock.advance(HOUR / 2)
    pulls.push(web)
    world.push(web)  # the service gets another task definition, and the one before is deregistered
    world.clock.advance(HOUR / 2)
    (group,) = [one for one in world.aws.elbv2.target_groups.values() if one.name == world.name_of(web)]
    group.request["HealthCheckPath"] = "/of-another-template"
    pulls.push(web)
    world.push(web)
    world.clock.advance(HOUR / 2)
    broken = _opened(world, "acme/web", is_broken=True)
    world.clock.advance(2 * HOUR)
    for pull in (web, api, broken):
        pulls.close(pull)
    world.aws.sqs.deliver(QUEUE, "not json")  # is put aside
    world.clock.advance(HOUR)


def _opened(world: RecordedWorld, repository: str, *, is_broken: bool = False) -> PullRequest:
    pull = world.github.pulls.open(repository, labels=(world.settings.label,))
    world.push(pull, is_broken=is_broken)
    return pull
